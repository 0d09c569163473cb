//! Who a `From` stands for. What IMAP shows of a field may be a guess; a name that somebody answers for may not: here
//! another reader finds the same addresses (RFC 5322 §3.4), or the field is refused.

use super::{Lexer, Token, Word, is_phrase, spelled};
use crate::address::{Address, AddressError};

/// Why nobody can say who a field stands for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unclear {
    /// `<a@x> <b@x>`: one reader takes the first, another the last.
    #[error("From has two addresses in brackets behind each other; put a comma between them or take one out")]
    SecondBracket,
    /// `<a@x> b@x`
    #[error("From has text behind an address in brackets; put the name before it")]
    BehindBracket,
    /// `<@relay:a@x>`
    #[error("From has a source route (RFC 5322 section 4.4); write the address alone")]
    Route,
    /// `name: a@x;`
    #[error("From has a colon or a semicolon, which are for groups; put a name that has one in quotes")]
    Group,
    /// A bracket, a quotation or a comment has no end.
    #[error("From has a bracket or a quotation mark that is never closed")]
    Unclosed,
    /// What should be an address is none, or more than one.
    #[error("the address {0} in From cannot be read: {1}")]
    Unreadable(String, AddressError),
}

/// The addresses in an unfolded `From`, the ones in names among them. Words without an `@` are a name, and names are free;
/// so a name with a comma may go without quotes.
///
/// # Errors
/// See [`Unclear`].
pub fn authors(text: &str) -> Result<Vec<Address>, Unclear> {
    let mut authors = Vec::new();
    let mut mailbox = Mailbox::default();
    let mut lexer = Lexer::new(text);
    while let Some(token) = lexer.next() {
        match token {
            Token::Word(_) if mailbox.angle.is_some() => return Err(Unclear::BehindBracket),
            Token::Word(word) => mailbox.words.push(word),
            Token::Angle(_) if mailbox.angle.is_some() => return Err(Unclear::SecondBracket),
            Token::Angle(inner) => mailbox.angle = Some(inner),
            Token::Comment(_) => {}
            Token::Comma => std::mem::take(&mut mailbox).end(&mut authors)?,
            Token::Colon | Token::Semicolon => return Err(Unclear::Group),
        }
    }
    if lexer.is_unclosed {
        return Err(Unclear::Unclosed);
    }
    mailbox.end(&mut authors)?;
    Ok(authors)
}

/// What stands between two commas.
#[derive(Default)]
struct Mailbox {
    words: Vec<Word>,
    angle: Option<String>,
}

impl Mailbox {
    fn end(self, authors: &mut Vec<Address>) -> Result<(), Unclear> {
        let has_at_sign = |word: &Word| word.text.contains('@');
        let is_meant = match &self.angle {
            // RFC 5322 §3.2.5: in a name before a bracket an at sign stands in quotes.
            Some(_) => self.words.iter().any(|word| !word.quoted && has_at_sign(word)),
            None => self.words.iter().any(has_at_sign),
        };
        if is_meant {
            authors.push(without_brackets(&self.words)?);
        }
        if let Some(inner) = &self.angle {
            if inner.trim_start().starts_with('@') && inner.contains(':') {
                return Err(Unclear::Route);
            }
            authors.push(address(inner)?);
        }
        Ok(())
    }
}

/// An address without brackets, perhaps with a name before it.
fn without_brackets(words: &[Word]) -> Result<Address, Unclear> {
    let spaced: String = words.iter().map(|word| [if word.gap { " " } else { "" }, &spelled(word)].concat()).collect();
    let whole = address(&spaced);
    match words.split_last() {
        Some((last, before))
            if whole.is_err()
                && last.gap
                && !last.quoted
                && is_phrase(before)
                && !before.iter().any(|word| word.text.contains('@')) =>
        {
            address(&last.text)
        }
        _ => whole,
    }
}

fn address(spec: &str) -> Result<Address, Unclear> {
    let spec = without_obsolete_space(spec);
    spec.parse().map_err(|error| Unclear::Unreadable(spec.chars().filter(|c| !c.is_control()).collect(), error))
}

/// RFC 5322 §4.4: obsolete addresses have white space around "." and "@".
fn without_obsolete_space(spec: &str) -> String {
    let mut out = String::with_capacity(spec.len());
    let (mut quoted, mut escaped, mut space) = (false, false, false);
    for c in spec.trim().chars() {
        if !quoted && c.is_whitespace() {
            space = true;
            continue;
        }
        if std::mem::take(&mut space) && !matches!(c, '.' | '@') && !out.ends_with(['.', '@']) {
            out.push(' ');
        }
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("a@x.kz" => "a@x.kz"; "addr-spec")]
    #[test_case("<a@x.kz>" => "a@x.kz"; "angle-addr")]
    #[test_case("a@x.kz (Aigul)" => "a@x.kz"; "name in a comment")]
    #[test_case("Aigul <a@x.kz> (at (work))" => "a@x.kz"; "comment behind the bracket")]
    #[test_case("(d@x.kz) a@x.kz" => "a@x.kz"; "comment before it")]
    #[test_case("Abai K. <a@x.kz>" => "a@x.kz"; "obsolete phrase with a dot")]
    #[test_case("\"K, \\\"Abai\\\": d@x.kz\" <a@x.kz>, b@y.kz" => "a@x.kz b@y.kz"; "in quotes a name is free")]
    #[test_case("Last, First <a@x.kz>" => "a@x.kz"; "a name with a comma that was not quoted")]
    #[test_case("\"Last\", First <a@x.kz>" => "a@x.kz"; "half a name in quotes")]
    #[test_case("john . smith @ x . kz" => "john.smith@x.kz"; "obsolete white space")]
    #[test_case("J <john . smith @ x . kz >" => "john.smith@x.kz"; "obsolete white space in brackets")]
    #[test_case("\"a b\"@x.kz" => "\"a b\"@x.kz"; "quoted local part")]
    #[test_case("<\"a @ b\" @ x.kz>" => "\"a @ b\"@x.kz"; "at sign in a quoted local part")]
    #[test_case("John Smith john@x.kz" => "john@x.kz"; "forgotten brackets")]
    #[test_case("айгүл@пошта.қаз" => "айгүл@пошта.қаз"; "rfc6532 address")]
    #[test_case("a@[IPv6:2001:db8::1]" => "a@[ipv6:2001:db8::1]"; "address literal")]
    #[test_case("=?utf-8?Q?=D0=90?= =?utf-8?Q?=D0=91?= <a@x.kz>" => "a@x.kz"; "encoded words")]
    #[test_case("a@x.kz <a@x.kz>" => "a@x.kz a@x.kz"; "an address as name")]
    #[test_case("d@x.kz <a@x.kz>" => "d@x.kz a@x.kz"; "the address of another as name")]
    #[test_case("d @ x . kz <a@x.kz>" => "d@x.kz a@x.kz"; "the address of another as name with white space")]
    #[test_case("root" => ""; "no domain")]
    #[test_case(",, ,a@x.kz,," => "a@x.kz"; "empty elements")]
    #[test_case("" => ""; "nothing")]
    fn rfc5322_3_4_a_clear_from_says_who_wrote(text: &str) -> String {
        authors(text).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test_case("<d@x.kz> <a@x.kz>", "behind each other"; "two brackets")]
    #[test_case("D <d@x.kz> (c) <a@x.kz>", "behind each other"; "two brackets with a comment")]
    #[test_case("<d@x.kz><a@x.kz>", "behind each other"; "two brackets without space")]
    #[test_case("<a@x.kz> d@x.kz", "behind an address"; "address behind the bracket")]
    #[test_case("<a@x.kz> Director", "behind an address"; "name behind the bracket")]
    #[test_case("<a@x.kz> \"d@x.kz\"", "behind an address"; "quoted name behind the bracket")]
    #[test_case("<@d.kz,@e.kz:a@x.kz>", "source route"; "source route")]
    #[test_case("< @d.kz : a@x.kz>", "source route"; "source route with white space")]
    #[test_case("<d@x.kz>: a@x.kz;", "groups"; "group with an address as name")]
    #[test_case("d@x.kz: a@x.kz", "groups"; "group that is never closed")]
    #[test_case("Staff: a@x.kz;", "groups"; "group")]
    #[test_case("a@x.kz; d@x.kz", "groups"; "semicolon")]
    #[test_case("<<d@x.kz> a@x.kz>", "behind an address"; "bracket in a bracket")]
    #[test_case("<<a@x.kz>", "cannot be read"; "bracket twice")]
    #[test_case("<d@x.kz a@x.kz>", "cannot be read"; "two addresses in a bracket")]
    #[test_case("<d@x.kz, a@x.kz>", "cannot be read"; "list in a bracket")]
    #[test_case("<a@x.kz(d@x.kz)>", "cannot be read"; "comment in a bracket")]
    #[test_case("<a@x. kz y>", "cannot be read"; "white space in a domain")]
    #[test_case("<>", "cannot be read"; "empty bracket")]
    #[test_case("<a>", "cannot be read"; "bracket without a domain")]
    #[test_case("d@x.kz a@x.kz", "cannot be read"; "two addresses without a comma")]
    #[test_case("d@x.kz a@x.kz <a@x.kz>", "cannot be read"; "two addresses as name")]
    #[test_case("\"d@x.kz\" a@x.kz", "cannot be read"; "quoted address and forgotten brackets")]
    #[test_case("\"d@x.kz\", a@x.kz", "cannot be read"; "quoted address alone")]
    #[test_case("d . a@x.kz d@x.kz", "cannot be read"; "obsolete address before another")]
    #[test_case("x d. a@x.kz", "cannot be read"; "obsolete address behind a name")]
    #[test_case("A <a@x.kz", "never closed"; "bracket never closed")]
    #[test_case("a@x.kz (d@x.kz", "never closed"; "comment never closed")]
    #[test_case("a@x.kz, \"d@x.kz", "never closed"; "quotation never closed")]
    #[test_case("president@-gov.kz, a@x.kz", "president@-gov.kz in From cannot be read"; "no domain at all")]
    fn rfc5322_3_4_a_from_that_two_readers_take_for_two_people_is_unclear(text: &str, why: &str) {
        let unclear = authors(text).unwrap_err().to_string();
        assert!(unclear.contains(why), "{unclear}");
    }
}
