//! Lines into commands: RFC 5321 §4.1.1 and the parameters of the extensions that we announce.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::address::{Address, AddressError, ReversePath};
use crate::intake::{BodyType, Notify, ReportWishes};

use super::dsn;
use super::reply::Reply;

/// A command of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Helo(String),
    Ehlo(String),
    StartTls,
    Auth {
        mechanism: String,
        initial: Option<InitialResponse>,
    },
    Mail(Mail),
    Rcpt(Rcpt),
    Data,
    Bdat {
        size: u64,
        last: bool,
    },
    Rset,
    Noop,
    Quit,
    Help,
    Vrfy,
    Expn,
    /// Commands of other RFCs that are known and not implemented.
    NotImplemented,
}

/// The initial response of AUTH, in base64: it may hold a password, so it is wiped when dropped and never
/// printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct InitialResponse(Zeroizing<String>);

impl InitialResponse {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for InitialResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InitialResponse(…)")
    }
}

/// MAIL with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) from: ReversePath,
    /// RFC 1870.
    pub(super) size: Option<u64>,
    /// RFC 6152.
    pub(super) body: BodyType,
    /// RFC 6531.
    pub(super) smtputf8: bool,
    /// RFC 3461, if any of its parameters was there.
    pub(super) wishes: Option<ReportWishes>,
    /// Any ESMTP parameter was there.
    pub(super) extended: bool,
}

/// RCPT with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rcpt {
    pub(super) to: ForwardPath,
    /// RFC 3461 §4.1.
    pub(super) notify: Option<Notify>,
    /// RFC 3461 §4.2.
    pub(super) original: Option<String>,
    /// Any ESMTP parameter was there.
    pub(super) extended: bool,
}

/// Where RCPT points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ForwardPath {
    /// `<Postmaster>` without a domain (RFC 5321 §4.5.1).
    Postmaster,
    Address(Address),
}

/// Why a line is no command. Each kind has its own reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Unknown,
    NotText,
    Arguments(&'static str),
    SenderAddress(AddressError),
    RecipientAddress(AddressError),
    ParameterUnknown,
    ParameterValue(&'static str),
    /// BDAT whose size cannot be read: what follows cannot be told from commands.
    ChunkSize,
}

impl Syntax {
    pub(super) fn reply(self) -> Reply {
        match self {
            Syntax::Unknown => Reply::new(500, "5.5.2", "command not recognized; HELP lists the commands"),
            Syntax::NotText => Reply::new(500, "5.5.2", "commands are ASCII, or UTF-8 in addresses"),
            Syntax::Arguments(usage) => Reply::new(501, "5.5.4", format!("syntax: {usage}")),
            Syntax::SenderAddress(error) => Reply::new(501, "5.1.7", error.to_string()),
            Syntax::RecipientAddress(error) => Reply::new(501, "5.1.3", error.to_string()),
            Syntax::ParameterUnknown => Reply::new(555, "5.5.4", "parameter not recognized or not announced"),
            Syntax::ParameterValue(problem) => Reply::new(501, "5.5.4", problem),
            Syntax::ChunkSize => {
                Reply::new(501, "5.5.4", "syntax: BDAT size [LAST]; closing, as the chunk's end is unknown")
            }
        }
    }
}

const MAIL_USAGE: &str = "MAIL FROM:<address> [SIZE=n] [BODY=7BIT|8BITMIME] [SMTPUTF8] [RET=FULL|HDRS] [ENVID=id]";
const RCPT_USAGE: &str = "RCPT TO:<address> [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] [ORCPT=type;address]";

/// Reads a line.
pub(super) fn parse(line: &[u8]) -> Result<Command, Syntax> {
    let verb_end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (verb, rest) = line.split_at(verb_end);
    let verb = String::from_utf8_lossy(verb).to_ascii_uppercase();
    if verb == "EHLO" || verb == "HELO" {
        // The name is only shown, so a client that calls itself by bytes of its own code page may still talk.
        let name = hello_name(&String::from_utf8_lossy(rest)).ok_or(Syntax::Arguments("EHLO domain"))?;
        return Ok(if verb == "EHLO" { Command::Ehlo(name) } else { Command::Helo(name) });
    }
    let rest = std::str::from_utf8(rest).map_err(|_| Syntax::NotText)?.trim_matches(' ');
    match verb.as_str() {
        "MAIL" => mail(strip_keyword(rest, "FROM:").ok_or(Syntax::Arguments(MAIL_USAGE))?).map(Command::Mail),
        "RCPT" => rcpt(strip_keyword(rest, "TO:").ok_or(Syntax::Arguments(RCPT_USAGE))?).map(Command::Rcpt),
        "DATA" => bare(rest, Command::Data, "DATA"),
        "BDAT" => bdat(rest).ok_or(Syntax::ChunkSize),
        "RSET" => bare(rest, Command::Rset, "RSET"),
        "QUIT" => bare(rest, Command::Quit, "QUIT"),
        "STARTTLS" => bare(rest, Command::StartTls, "STARTTLS"),
        "AUTH" => auth(rest),
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" if !rest.is_empty() => Ok(Command::Vrfy),
        "VRFY" => Err(Syntax::Arguments("VRFY user")),
        "EXPN" => Ok(Command::Expn),
        "ETRN" | "ATRN" | "TURN" | "SEND" | "SOML" | "SAML" | "BURL" | "XCLIENT" | "XFORWARD" => {
            Ok(Command::NotImplemented)
        }
        _ => Err(Syntax::Unknown),
    }
}

fn bare(rest: &str, command: Command, usage: &'static str) -> Result<Command, Syntax> {
    if rest.is_empty() { Ok(command) } else { Err(Syntax::Arguments(usage)) }
}

/// The name in EHLO, made safe for a `Received` field. RFC 5321 §4.1.4: a name that is not the client's true
/// one is no reason to refuse mail, so odd characters are only masked.
fn hello_name(rest: &str) -> Option<String> {
    let name = rest.trim_matches(' ');
    if name.is_empty() || name.len() > 255 || name.contains(char::is_whitespace) {
        return None;
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    Some(name.chars().map(|c| if plain(c) { c } else { '?' }).collect())
}

fn strip_keyword<'a>(rest: &'a str, keyword: &str) -> Option<&'a str> {
    let (head, tail) = rest.split_at_checked(keyword.len())?;
    head.eq_ignore_ascii_case(keyword).then(|| tail.trim_start_matches(' '))
}

fn mail(rest: &str) -> Result<Mail, Syntax> {
    let (path, parameters) = path(rest).ok_or(Syntax::Arguments(MAIL_USAGE))?;
    let from = match path {
        "" => ReversePath::Null,
        path => ReversePath::Address(mailbox(path).map_err(Syntax::SenderAddress)?),
    };
    let mut mail = Mail { from, size: None, body: BodyType::SevenBit, smtputf8: false, wishes: None, extended: false };
    for parameter in parameters.split(' ').filter(|parameter| !parameter.is_empty()) {
        mail.extended = true;
        mail_parameter(&mut mail, parameter)?;
    }
    Ok(mail)
}

fn mail_parameter(mail: &mut Mail, parameter: &str) -> Result<(), Syntax> {
    let (keyword, value) = match parameter.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (parameter, None),
    };
    match (keyword.to_ascii_uppercase().as_str(), value) {
        ("SIZE", Some(digits)) if is_number(digits) => {
            // RFC 1870 §5 allows 20 digits; what does not fit is certainly too large.
            mail.size = Some(digits.parse().unwrap_or(u64::MAX));
        }
        ("SIZE", _) => return Err(Syntax::ParameterValue("SIZE is a number of octets")),
        ("BODY", Some(value)) if value.eq_ignore_ascii_case("7BIT") => mail.body = BodyType::SevenBit,
        ("BODY", Some(value)) if value.eq_ignore_ascii_case("8BITMIME") => mail.body = BodyType::EightBitMime,
        ("BODY", _) => return Err(Syntax::ParameterValue("BODY is 7BIT or 8BITMIME")),
        ("SMTPUTF8", None) => mail.smtputf8 = true,
        ("SMTPUTF8", Some(_)) => return Err(Syntax::ParameterValue("SMTPUTF8 has no value")),
        ("RET", Some(value)) if mail.wishes.as_ref().is_none_or(|wishes| wishes.returned.is_none()) => {
            mail.wishes.get_or_insert_default().returned = Some(dsn::returned(value)?);
        }
        ("RET", _) => return Err(Syntax::ParameterValue("RET is FULL or HDRS, once")),
        ("ENVID", Some(value)) if mail.wishes.as_ref().is_none_or(|wishes| wishes.envelope_id.is_none()) => {
            mail.wishes.get_or_insert_default().envelope_id = Some(dsn::envelope_id(value)?);
        }
        ("ENVID", _) => return Err(Syntax::ParameterValue("ENVID is xtext, once")),
        // RFC 4954 §5: whom another server believes the author to be. We trust nobody's word and so treat it
        // as AUTH=<>.
        ("AUTH", Some(value)) if !value.is_empty() => {}
        ("AUTH", _) => return Err(Syntax::ParameterValue("AUTH is a mailbox or <>")),
        _ => return Err(Syntax::ParameterUnknown),
    }
    Ok(())
}

/// RFC 1870 §5: 1 to 20 digits.
fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn rcpt(rest: &str) -> Result<Rcpt, Syntax> {
    let (path, parameters) = path(rest).ok_or(Syntax::Arguments(RCPT_USAGE))?;
    if path.is_empty() {
        return Err(Syntax::RecipientAddress(AddressError::Shape));
    }
    let to = if path.eq_ignore_ascii_case("postmaster") {
        ForwardPath::Postmaster
    } else {
        ForwardPath::Address(mailbox(path).map_err(Syntax::RecipientAddress)?)
    };
    let mut rcpt = Rcpt { to, notify: None, original: None, extended: false };
    for parameter in parameters.split(' ').filter(|parameter| !parameter.is_empty()) {
        rcpt.extended = true;
        rcpt_parameter(&mut rcpt, parameter)?;
    }
    Ok(rcpt)
}

fn rcpt_parameter(rcpt: &mut Rcpt, parameter: &str) -> Result<(), Syntax> {
    let (keyword, value) = parameter.split_once('=').ok_or(Syntax::ParameterUnknown)?;
    match keyword.to_ascii_uppercase().as_str() {
        "NOTIFY" if rcpt.notify.is_none() => rcpt.notify = Some(dsn::notify(value)?),
        "ORCPT" if rcpt.original.is_none() => rcpt.original = Some(dsn::original_recipient(value)?),
        "NOTIFY" | "ORCPT" => return Err(Syntax::ParameterValue("NOTIFY and ORCPT stand once")),
        _ => return Err(Syntax::ParameterUnknown),
    }
    Ok(())
}

/// Splits `<path> rest` at the bracket that closes the path; a bracket inside quotes does not. The path comes
/// without its brackets and its source route.
fn path(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => {
                let (path, rest) = inner.split_at(at);
                let rest = rest.get(1..)?;
                let separated = rest.is_empty() || rest.starts_with(' ');
                return separated.then_some((without_route(path), rest));
            }
            _ => {}
        }
    }
    None
}

/// RFC 5321 §4.1.1.3 and appendix C: a source route is to be accepted and ignored.
fn without_route(path: &str) -> &str {
    if !path.starts_with('@') {
        return path;
    }
    path.split_once(':').map_or(path, |(_, mailbox)| mailbox)
}

fn mailbox(text: &str) -> Result<Address, AddressError> {
    let address: Address = text.parse()?;
    match address.domain().as_str().strip_prefix('[') {
        Some(literal) if !is_address_literal(literal.trim_end_matches(']')) => Err(AddressError::Character),
        _ => Ok(address),
    }
}

/// RFC 5321 §4.1.3, in lower case as `Domain` keeps it.
fn is_address_literal(text: &str) -> bool {
    match text.strip_prefix("ipv6:") {
        Some(address) => Ipv6Addr::from_str(address).is_ok(),
        None => Ipv4Addr::from_str(text).is_ok(),
    }
}

fn bdat(rest: &str) -> Option<Command> {
    let mut words = rest.split(' ').filter(|word| !word.is_empty());
    let digits = words.next()?;
    let last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return None,
    };
    if words.next().is_some() || !is_number(digits) {
        return None;
    }
    Some(Command::Bdat { size: digits.parse().ok()?, last })
}

fn auth(rest: &str) -> Result<Command, Syntax> {
    const USAGE: &str = "AUTH mechanism [initial-response]";
    let mut words = rest.split(' ').filter(|word| !word.is_empty());
    let mechanism = words.next().ok_or(Syntax::Arguments(USAGE))?.to_ascii_uppercase();
    let initial = words.next().map(|text| InitialResponse(Zeroizing::new(text.to_owned())));
    if words.next().is_some() {
        return Err(Syntax::Arguments(USAGE));
    }
    Ok(Command::Auth { mechanism, initial })
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    fn sender(line: &str) -> Result<Mail, Syntax> {
        match parse(line.as_bytes())? {
            Command::Mail(mail) => Ok(mail),
            other => panic!("{other:?}"),
        }
    }

    fn recipient(line: &str) -> Result<Rcpt, Syntax> {
        match parse(line.as_bytes())? {
            Command::Rcpt(rcpt) => Ok(rcpt),
            other => panic!("{other:?}"),
        }
    }

    #[test_case("MAIL FROM:<>", "<>"; "null")]
    #[test_case("mail from:<a@b.kz>", "<a@b.kz>"; "any case")]
    #[test_case("MAIL FROM: <a@b.kz>", "<a@b.kz>"; "a space too much")]
    #[test_case("MAIL FROM:<@relay.one,@relay.two:a@b.kz>", "<a@b.kz>"; "source route")]
    #[test_case("MAIL FROM:<\"a>b\\\" c\"@b.kz> SIZE=1", "<\"a>b\\\" c\"@b.kz>"; "quoted local part")]
    #[test_case("MAIL FROM:<a@[127.0.0.1]>", "<a@[127.0.0.1]>"; "ipv4 literal")]
    #[test_case("MAIL FROM:<a@[IPv6:2001:db8::1]>", "<a@[ipv6:2001:db8::1]>"; "ipv6 literal")]
    #[test_case("MAIL FROM:<айгүл@пошта.қаз> SMTPUTF8", "<айгүл@пошта.қаз>"; "rfc6531")]
    fn rfc5321_reverse_path(line: &str, shown: &str) {
        assert_eq!(sender(line).map(|mail| mail.from.to_string()), Ok(shown.to_owned()));
    }

    #[test_case("MAIL" => Syntax::Arguments(MAIL_USAGE))]
    #[test_case("MAIL FROM" => Syntax::Arguments(MAIL_USAGE))]
    #[test_case("MAIL FROM:a@b.kz" => Syntax::Arguments(MAIL_USAGE); "no brackets")]
    #[test_case("MAIL FROM:<a@b.kz" => Syntax::Arguments(MAIL_USAGE); "bracket not closed")]
    #[test_case("MAIL FROM:<a@b.kz>SIZE=1" => Syntax::Arguments(MAIL_USAGE); "no space")]
    #[test_case("MAIL FROM:<a b@b.kz>" => Syntax::SenderAddress(AddressError::Character))]
    #[test_case("MAIL FROM:<a@[300.0.0.1]>" => Syntax::SenderAddress(AddressError::Character))]
    #[test_case("MAIL FROM:<a@b.kz> FOO=1" => Syntax::ParameterUnknown)]
    #[test_case("MAIL FROM:<a@b.kz> SIZE=" => Syntax::ParameterValue("SIZE is a number of octets"))]
    #[test_case("MAIL FROM:<a@b.kz> SIZE=-1" => Syntax::ParameterValue("SIZE is a number of octets"))]
    #[test_case("MAIL FROM:<a@b.kz> BODY=BINARYMIME" => Syntax::ParameterValue("BODY is 7BIT or 8BITMIME"))]
    #[test_case("MAIL FROM:<a@b.kz> SMTPUTF8=1" => Syntax::ParameterValue("SMTPUTF8 has no value"))]
    fn rfc5321_mail_syntax_errors(line: &str) -> Syntax {
        sender(line).unwrap_err()
    }

    #[test]
    fn rfc1870_rfc6152_rfc6531_parameters_of_mail() {
        let mail = sender("MAIL FROM:<a@b.kz> size=123 Body=8bitmime SmtpUtf8 AUTH=<>").unwrap();
        assert_eq!((mail.size, mail.body, mail.smtputf8), (Some(123), BodyType::EightBitMime, true));
        let huge = sender("MAIL FROM:<a@b.kz> SIZE=99999999999999999999").unwrap();
        assert_eq!(huge.size, Some(u64::MAX));
    }

    #[test]
    fn rfc3461_parameters_of_mail_and_rcpt() {
        let mail = sender("MAIL FROM:<a@b.kz> ret=full EnvId=QQ+2B1").unwrap();
        let wishes = ReportWishes { returned: Some(crate::intake::Returned::Full), envelope_id: Some("QQ+1".into()) };
        assert_eq!(mail.wishes, Some(wishes));
        assert_eq!(sender("MAIL FROM:<a@b.kz>").unwrap().wishes, None);
        for wrong in ["RET=ALL", "RET", "RET=FULL RET=FULL", "ENVID=", "ENVID=a=b", "ENVID=a ENVID=b"] {
            let error = sender(&format!("MAIL FROM:<a@b.kz> {wrong}")).unwrap_err();
            assert_eq!(error.reply().to_bytes().get(..9), Some(&b"501 5.5.4"[..]), "{wrong}");
        }
        let rcpt = recipient("RCPT TO:<a@b.kz> orcpt=rfc822;A+2B1@b.kz Notify=Success").unwrap();
        assert_eq!(rcpt.original.as_deref(), Some("rfc822;A+1@b.kz"));
        assert_eq!(rcpt.notify, Some(Notify { success: true, ..Notify::NEVER }));
    }

    #[test]
    fn rfc5321_postmaster_needs_no_domain() {
        assert_eq!(recipient("RCPT TO:<PostMaster>").map(|rcpt| rcpt.to), Ok(ForwardPath::Postmaster));
    }

    #[test_case("RCPT TO:<>" => Syntax::RecipientAddress(AddressError::Shape))]
    #[test_case("RCPT TO:<nobody>" => Syntax::RecipientAddress(AddressError::Shape))]
    #[test_case("RCPT TO:<a@b.kz> SIZE=1" => Syntax::ParameterUnknown)]
    #[test_case("RCPT TO:<a@b.kz> NOTIFY" => Syntax::ParameterUnknown; "no value")]
    #[test_case("RCPT TO:<a@b.kz> NOTIFY=NEVER NOTIFY=NEVER" => Syntax::ParameterValue("NOTIFY and ORCPT stand once"))]
    #[test_case("RCPT FROM:<a@b.kz>" => Syntax::Arguments(RCPT_USAGE))]
    fn rfc5321_rcpt_syntax_errors(line: &str) -> Syntax {
        recipient(line).unwrap_err()
    }

    #[test_case("BDAT 0 LAST" => Ok(Command::Bdat { size: 0, last: true }))]
    #[test_case("bdat 86 last" => Ok(Command::Bdat { size: 86, last: true }))]
    #[test_case("BDAT 5" => Ok(Command::Bdat { size: 5, last: false }))]
    #[test_case("BDAT" => Err(Syntax::ChunkSize))]
    #[test_case("BDAT x" => Err(Syntax::ChunkSize))]
    #[test_case("BDAT 5 FIRST" => Err(Syntax::ChunkSize))]
    #[test_case("BDAT 99999999999999999999" => Err(Syntax::ChunkSize))]
    #[test_case("DATA x" => Err(Syntax::Arguments("DATA")))]
    #[test_case("DATA " => Ok(Command::Data); "trailing space")]
    #[test_case("VRFY" => Err(Syntax::Arguments("VRFY user")))]
    #[test_case("ETRN x" => Ok(Command::NotImplemented))]
    #[test_case("GET / HTTP/1.1" => Err(Syntax::Unknown))]
    #[test_case("" => Err(Syntax::Unknown))]
    #[test_case("EHLO" => Err(Syntax::Arguments("EHLO domain")))]
    #[test_case("EHLO a b" => Err(Syntax::Arguments("EHLO domain")))]
    #[test_case("EHLO x(y)" => Ok(Command::Ehlo("x?y?".into())); "nothing that means something in Received")]
    #[test_case("AUTH plain AGEAYg==" => Ok(Command::Auth { mechanism: "PLAIN".into(), initial: Some(InitialResponse(Zeroizing::new("AGEAYg==".into()))) }))]
    #[test_case("AUTH" => Err(Syntax::Arguments("AUTH mechanism [initial-response]")))]
    fn rfc5321_commands(line: &str) -> Result<Command, Syntax> {
        parse(line.as_bytes())
    }

    #[test]
    fn addresses_that_are_no_utf8_are_refused() {
        assert_eq!(parse(b"RCPT TO:<\xff@b.kz>"), Err(Syntax::NotText));
    }
}
