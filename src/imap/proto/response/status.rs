//! Status responses: OK, NO, BAD, PREAUTH and BYE with their codes (RFC 9051 §7.1).

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use crate::imap::proto::command::{Flag, Tag};
use crate::imap::proto::sequence::InOrder;

use super::fetch::flag_name;

/// A status response without its tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// OK, NO, BAD…
    pub condition: Condition,
    /// What a program reads.
    pub code: Option<Code>,
    /// What a person reads. Written as ASCII without control characters, whatever it holds.
    pub text: Cow<'static, str>,
}

/// The condition of a status response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Done.
    Ok,
    /// Not done; the command was understood.
    No,
    /// Not understood, or not allowed now.
    Bad,
    /// Greeting of a session that is authenticated already.
    PreAuth,
    /// The session ends.
    Bye,
}

/// Response codes of RFC 9051 §7.1 and of the announced extensions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Code {
    /// The text must be shown to the person.
    Alert,
    /// CREATE or RENAME: the name is taken.
    AlreadyExists,
    /// APPENDUID (RFC 4315): where the message went.
    AppendUid {
        /// UIDVALIDITY of the mailbox.
        uid_validity: u32,
        /// UID of the message.
        uid: u32,
    },
    /// Wrong name or password.
    AuthenticationFailed,
    /// The identity may not act for the one it asked for.
    AuthorizationFailed,
    /// SEARCH: the charset is unknown; these are known.
    BadCharset(&'static [&'static str]),
    /// The operation can never succeed.
    Cannot,
    /// The capabilities, as [`super::write_capability`] lists them.
    Capability(String),
    /// The client does something it should not.
    ClientBug,
    /// The mailbox that was selected is closed now (RFC 9051 §7.1).
    Closed,
    /// A person must be asked.
    ContactAdmin,
    /// COPYUID (RFC 4315): where the messages went; both lists pair by position.
    CopyUid {
        /// UIDVALIDITY of the target.
        uid_validity: u32,
        /// UIDs in the source.
        from: Vec<u32>,
        /// UIDs in the target.
        to: Vec<u32>,
    },
    /// The server found damaged data.
    Corruption,
    /// The credentials expired.
    Expired,
    /// Somebody expunged messages that the command names.
    ExpungeIssued,
    /// DELETE: the mailbox has children.
    HasChildren,
    /// Locked by somebody else.
    InUse,
    /// A limit of the server (RFC 5530).
    Limit,
    /// There is no such mailbox.
    NonExistent,
    /// Not permitted.
    NoPerm,
    /// SEARCH RETURN (SAVE) could not save (RFC 5182).
    NotSaved,
    /// The account is full.
    OverQuota,
    /// A message could not be parsed.
    Parse,
    /// Flags that STORE can change; `\*`: new keywords can be made.
    PermanentFlags(Vec<Flag>, NewKeywords),
    /// Not without TLS.
    PrivacyRequired,
    /// The mailbox is open for reading.
    ReadOnly,
    /// The mailbox is open for writing.
    ReadWrite,
    /// The server is wrong.
    ServerBug,
    /// A literal or message is over the limit (RFC 7888 §5).
    TooBig,
    /// CREATE would make COPY or APPEND work.
    TryCreate,
    /// Next UID.
    UidNext(u32),
    /// The mailbox does not keep UIDs.
    UidNotSticky,
    /// UIDVALIDITY.
    UidValidity(u32),
    /// Try later.
    Unavailable,
    /// BINARY: the transfer encoding is unknown.
    UnknownCte,
    /// Number of the first message without `\Seen` (rev1).
    Unseen(u32),
    /// CREATE USE: the use cannot be given (RFC 6154).
    UseAttr,
}

/// Whether `\*` is among the permanent flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewKeywords {
    /// STORE can make new keywords.
    Allowed,
    /// It cannot.
    Refused,
}

impl Status {
    /// OK.
    #[must_use]
    pub fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Status { condition: Condition::Ok, code: None, text: text.into() }
    }

    /// NO.
    #[must_use]
    pub fn no(text: impl Into<Cow<'static, str>>) -> Self {
        Status { condition: Condition::No, code: None, text: text.into() }
    }

    /// BAD.
    #[must_use]
    pub fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Status { condition: Condition::Bad, code: None, text: text.into() }
    }

    /// BYE.
    #[must_use]
    pub fn bye(text: impl Into<Cow<'static, str>>) -> Self {
        Status { condition: Condition::Bye, code: None, text: text.into() }
    }

    /// With a code.
    #[must_use]
    pub fn with(self, code: Code) -> Self {
        Status { code: Some(code), ..self }
    }

    /// Appends `tag OK …`.
    pub fn write_tagged(&self, tag: &Tag, out: &mut Vec<u8>) {
        self.write_after(tag.as_str(), out);
    }

    /// Appends `* OK …`.
    pub fn write_untagged(&self, out: &mut Vec<u8>) {
        self.write_after("*", out);
    }

    fn write_after(&self, start: &str, out: &mut Vec<u8>) {
        let mut line = String::with_capacity(80);
        // Writing to a String cannot fail.
        let _ = match &self.code {
            Some(code) => write!(line, "{start} {} [{code}] {}\r\n", self.condition, Printable(&self.text)),
            None => write!(line, "{start} {} {}\r\n", self.condition, Printable(&self.text)),
        };
        out.extend_from_slice(line.as_bytes());
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Condition::Ok => "OK",
            Condition::No => "NO",
            Condition::Bad => "BAD",
            Condition::PreAuth => "PREAUTH",
            Condition::Bye => "BYE",
        })
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Code::AppendUid { uid_validity, uid } => write!(f, "APPENDUID {uid_validity} {uid}"),
            Code::BadCharset(known) => write!(f, "BADCHARSET ({})", known.join(" ")),
            Code::Capability(list) => write!(f, "CAPABILITY {list}"),
            Code::CopyUid { uid_validity, from, to } => {
                write!(f, "COPYUID {uid_validity} {} {}", InOrder(from), InOrder(to))
            }
            Code::PermanentFlags(flags, new) => write_permanent_flags(f, flags, *new),
            Code::UidNext(uid) => write!(f, "UIDNEXT {uid}"),
            Code::UidValidity(epoch) => write!(f, "UIDVALIDITY {epoch}"),
            Code::Unseen(number) => write!(f, "UNSEEN {number}"),
            plain => f.write_str(plain.word()),
        }
    }
}

impl Code {
    /// The code's word; of a code with arguments only that word.
    fn word(&self) -> &'static str {
        match self {
            Code::Alert => "ALERT",
            Code::AlreadyExists => "ALREADYEXISTS",
            Code::AppendUid { .. } => "APPENDUID",
            Code::AuthenticationFailed => "AUTHENTICATIONFAILED",
            Code::AuthorizationFailed => "AUTHORIZATIONFAILED",
            Code::BadCharset(_) => "BADCHARSET",
            Code::Cannot => "CANNOT",
            Code::Capability(_) => "CAPABILITY",
            Code::ClientBug => "CLIENTBUG",
            Code::Closed => "CLOSED",
            Code::ContactAdmin => "CONTACTADMIN",
            Code::CopyUid { .. } => "COPYUID",
            Code::Corruption => "CORRUPTION",
            Code::Expired => "EXPIRED",
            Code::ExpungeIssued => "EXPUNGEISSUED",
            Code::HasChildren => "HASCHILDREN",
            Code::InUse => "INUSE",
            Code::Limit => "LIMIT",
            Code::NonExistent => "NONEXISTENT",
            Code::NoPerm => "NOPERM",
            Code::NotSaved => "NOTSAVED",
            Code::OverQuota => "OVERQUOTA",
            Code::Parse => "PARSE",
            Code::PermanentFlags(..) => "PERMANENTFLAGS",
            Code::PrivacyRequired => "PRIVACYREQUIRED",
            Code::ReadOnly => "READ-ONLY",
            Code::ReadWrite => "READ-WRITE",
            Code::ServerBug => "SERVERBUG",
            Code::TooBig => "TOOBIG",
            Code::TryCreate => "TRYCREATE",
            Code::UidNext(_) => "UIDNEXT",
            Code::UidNotSticky => "UIDNOTSTICKY",
            Code::UidValidity(_) => "UIDVALIDITY",
            Code::Unavailable => "UNAVAILABLE",
            Code::UnknownCte => "UNKNOWN-CTE",
            Code::Unseen(_) => "UNSEEN",
            Code::UseAttr => "USEATTR",
        }
    }
}

fn write_permanent_flags(f: &mut fmt::Formatter<'_>, flags: &[Flag], new: NewKeywords) -> fmt::Result {
    f.write_str("PERMANENTFLAGS (")?;
    let star = (new == NewKeywords::Allowed).then_some("\\*");
    for (index, name) in flags.iter().map(flag_name).chain(star).enumerate() {
        f.write_str(if index == 0 { "" } else { " " })?;
        f.write_str(name)?;
    }
    f.write_str(")")
}

/// Text that cannot end the line or start a response code early (RFC 9051 §9 `resp-text`, `TEXT-CHAR`).
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // RFC 9051 §9: text may not be empty, and a leading "[" would read as a code.
        if self.0.is_empty() || self.0.starts_with('[') {
            f.write_char('.')?;
        }
        self.0.chars().try_for_each(|c| match c {
            ' '..='~' => f.write_char(c),
            c if c.is_control() => f.write_char(' '),
            _ => f.write_char('?'),
        })
    }
}
