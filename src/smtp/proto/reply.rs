//! What the server says: codes, enhanced codes and text (RFC 5321 §4.2, RFC 2034, RFC 3463), and the one place
//! where a refusal of a service becomes digits.

use std::fmt::Write as _;

use crate::auth::AuthError;
use crate::intake::Refusal;
use crate::quota::WhenFull;
use crate::store;

/// RFC 5321 §4.5.3.1.5: a reply line has at most 512 octets; this many remain for text.
const MAX_TEXT_BYTES: usize = 480;

/// A reply of one or more lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    enhanced: Option<&'static str>,
    lines: Vec<String>,
}

impl Reply {
    /// A reply with an enhanced code.
    #[must_use]
    pub fn new(code: u16, enhanced: &'static str, text: impl Into<String>) -> Self {
        Reply { code, enhanced: Some(enhanced), lines: vec![text.into()] }
    }

    /// A reply of the kind that carries no enhanced code: the greeting, answers to EHLO and HELO, 3xx
    /// (RFC 2034 §3).
    #[must_use]
    pub fn plain(code: u16, lines: Vec<String>) -> Self {
        Reply { code, enhanced: None, lines }
    }

    /// More lines below the first.
    #[must_use]
    pub fn with_lines<'a>(mut self, more: impl IntoIterator<Item = &'a str>) -> Self {
        self.lines.extend(more.into_iter().map(str::to_owned));
        self
    }

    /// The three digits.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// True for 5xx: the client is not to try the same again.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// The enhanced code, where the reply has one.
    #[must_use]
    pub fn enhanced(&self) -> Option<&'static str> {
        self.enhanced
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let lines: Vec<String> = self.lines.iter().flat_map(|line| wrap(&printable(line))).collect();
        let last = lines.len().saturating_sub(1);
        let mut wire = String::new();
        for (at, line) in lines.iter().enumerate() {
            let separator = if at == last { ' ' } else { '-' };
            let space = if self.enhanced.is_some() { " " } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(wire, "{}{separator}{}{space}{line}\r\n", self.code, self.enhanced.unwrap_or_default());
        }
        wire.into_bytes()
    }
}

/// The text in printable ASCII. RFC 6531 §3.7.4.2: SMTPUTF8 allows other characters in the addresses of 251 and
/// 551 only, which are never sent from here; the form is that of RFC 6533 §3.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.push(' ');
        } else if c.is_ascii() {
            out.push(c);
        } else {
            let _ = write!(out, "\\x{{{:X}}}", u32::from(c));
        }
    }
    out
}

/// Cuts a long text at spaces where it can.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    while rest.len() > MAX_TEXT_BYTES {
        let (head, _) = rest.split_at(rest.floor_char_boundary(MAX_TEXT_BYTES));
        let cut = head.rfind(' ').filter(|at| *at > 0).unwrap_or(head.len());
        let (line, tail) = rest.split_at(cut);
        lines.push(line.to_owned());
        rest = tail.trim_start_matches(' ');
    }
    lines.push(rest.to_owned());
    lines
}

/// The answer to a refusal of intake.
#[must_use]
pub fn refused(refusal: &Refusal) -> Reply {
    let (code, enhanced) = match refusal {
        Refusal::NoSuchMailbox(_) => (550, "5.1.1"),
        // RFC 3463 §3.2, X.1.2: a system that takes no mail from here.
        Refusal::AddressLiteral(_) => (550, "5.1.2"),
        Refusal::RelayDenied(_) | Refusal::SenderNotYours(_) | Refusal::PaperDenied | Refusal::Policy(_) => {
            (550, "5.7.1")
        }
        // RFC 3463 §3.8, X.7.1: not authorised to send to the destination, until its user or the sender confirms.
        Refusal::AddresseeUnconfirmed { .. } | Refusal::SenderUnconfirmed { .. } => (550, "5.7.1"),
        Refusal::OnePaperRecipient | Refusal::TooManyRecipients(_) => (452, "4.5.3"),
        Refusal::BadPaperAddress(_) => (550, "5.1.3"),
        Refusal::BadPaperContent(_) => (550, "5.6.1"),
        // RFC 3463 §3.8, X.7.1: not authorised, here by payment; no code speaks of money.
        Refusal::NotPaid(_) => (550, "5.7.1"),
        Refusal::OverQuota(_) => (452, "4.2.2"),
        // RFC 3463 §3.3, X.2.2: the user can make room, so by itself it is temporary; RFC 5321 §4.2.3 has a digit
        // for either.
        Refusal::MailboxFull { again: WhenFull::Later, .. } => (452, "4.2.2"),
        Refusal::MailboxFull { again: WhenFull::Never, .. } => (552, "5.2.2"),
        Refusal::TooLarge { .. } => (552, "5.3.4"),
        Refusal::Loop => (554, "5.4.6"),
        Refusal::BadContent(_) => (550, "5.6.0"),
        // The cause is logged by the driver and not told (DESIGN 13).
        Refusal::Store(store::Error::Full { .. }) => {
            return Reply::new(452, "4.3.1", "the system is short of storage; try again later");
        }
        Refusal::Store(_) | Refusal::Temporary(_) => {
            return Reply::new(451, "4.3.0", "temporary failure here; try again later");
        }
    };
    Reply::new(code, enhanced, refusal.to_string())
}

/// The answer to a failed login (RFC 4954 §6).
#[must_use]
pub fn login_failed(error: AuthError) -> Reply {
    match error {
        AuthError::Wrong | AuthError::WrongAppPassword => Reply::new(535, "5.7.8", error.to_string()),
        AuthError::Throttled { .. } | AuthError::Busy => Reply::new(454, "4.7.0", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    fn wire(reply: &Reply) -> String {
        String::from_utf8(reply.to_bytes()).unwrap()
    }

    #[test]
    fn rfc5321_multiline_replies_repeat_the_code() {
        let reply = Reply::new(214, "2.0.0", "first").with_lines(["second"]);
        assert_eq!(wire(&reply), "214-2.0.0 first\r\n214 2.0.0 second\r\n");
        let hello = Reply::plain(250, vec!["mx.example".into(), "SIZE 5".into()]);
        assert_eq!(wire(&hello), "250-mx.example\r\n250 SIZE 5\r\n");
    }

    #[test]
    fn rfc5321_no_reply_line_is_longer_than_512_octets() {
        for text in ["word ".repeat(500), "x".repeat(2000), "ғ".repeat(900)] {
            let reply = Reply::new(550, "5.1.1", text);
            assert!(wire(&reply).split_inclusive("\r\n").all(|line| line.len() <= 512));
        }
    }

    #[test]
    fn a_refusal_cannot_write_a_line_of_its_own() {
        let reply = Reply::new(550, "5.1.1", "no\r\n250 2.0.0 yes");
        assert_eq!(wire(&reply), "550 5.1.1 no  250 2.0.0 yes\r\n");
    }

    #[test]
    fn rfc6531_replies_are_ascii_and_escape_the_rest_as_rfc6533_says() {
        assert_eq!(wire(&Reply::new(550, "5.1.1", "а@x.kz")), "550 5.1.1 \\x{430}@x.kz\r\n");
    }

    #[test_case(Refusal::NoSuchMailbox("a@b.kz".parse().unwrap()) => "550 5.1.1 no mailbox a@b.kz here\r\n")]
    #[test_case(Refusal::PaperDenied => "550 5.7.1 letters on paper are accepted from authenticated senders only\r\n")]
    #[test_case(Refusal::NotPaid("350.00 missing".into()) => "550 5.7.1 350.00 missing\r\n")]
    #[test_case(Refusal::OnePaperRecipient => "452 4.5.3 one paper recipient a message\r\n")]
    #[test_case(Refusal::TooLarge { size: 9, limit: 5 } => "552 5.3.4 message of 9 bytes; the limit is 5\r\n")]
    #[test_case(Refusal::MailboxFull { recipient: "a@b.kz".parse().unwrap(), again: WhenFull::Later } => "452 4.2.2 the mailbox of a@b.kz is full\r\n")]
    #[test_case(Refusal::MailboxFull { recipient: "a@b.kz".parse().unwrap(), again: WhenFull::Never } => "552 5.2.2 the mailbox of a@b.kz is full\r\n")]
    #[test_case(Refusal::Temporary("secret path".into()) => "451 4.3.0 temporary failure here; try again later\r\n")]
    #[test_case(Refusal::Store(store::Error::Full { free: 1, watermark: 2 }) => "452 4.3.1 the system is short of storage; try again later\r\n")]
    fn a_refusal_becomes_digits(refusal: Refusal) -> String {
        wire(&refused(&refusal))
    }
}
