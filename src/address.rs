//! Mail addresses and domains as envelopes carry them (RFC 5321 §4.1.2, RFC 6531).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `local-part@domain`. The local part keeps the case it came with; the domain is stored in lower case,
/// in the form it came in (U-label or A-label). Comparing addresses of our own domain is the business of
/// `identity::login`, which folds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Address {
    local: String,
    domain: Domain,
}

/// A domain name or address literal, in lower case and without a final dot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Domain(String);

/// Where reports about a message go: `<>` or an address.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ReversePath {
    /// `<>`: nobody; used by reports (RFC 5321 §4.5.5).
    Null,
    /// The sender.
    Address(Address),
}

/// Why a text is no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddressError {
    /// No `@`, or nothing before or behind it.
    #[error("an address looks like name@domain")]
    Shape,
    /// Longer than RFC 5321 §4.5.3.1 allows: 64 octets before the `@`, 255 behind it.
    #[error("the address is too long")]
    Length,
    /// A character that does not belong there.
    #[error("the address has a character that is not allowed there")]
    Character,
}

impl Address {
    /// Puts an address together from a local part (unquoted) and a domain.
    ///
    /// # Errors
    /// What RFC 5321 does not allow in either part.
    pub fn new(local: &str, domain: &str) -> Result<Self, AddressError> {
        if local.is_empty() {
            return Err(AddressError::Shape);
        }
        if local.len() > 64 {
            return Err(AddressError::Length);
        }
        if local.chars().any(char::is_control) {
            return Err(AddressError::Character);
        }
        Ok(Address { local: local.to_owned(), domain: Domain::new(domain)? })
    }

    /// The part before the `@`, unquoted.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part behind the `@`.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// True when the address needs SMTPUTF8 to travel (RFC 6531).
    #[must_use]
    pub fn is_internationalized(&self) -> bool {
        !self.local.is_ascii() || !self.domain.0.is_ascii()
    }
}

impl fmt::Display for Address {
    /// RFC 5321 Mailbox: the local part is quoted where it is no dot-string.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.local) {
            return write!(f, "{}@{}", self.local, self.domain);
        }
        f.write_str("\"")?;
        for c in self.local.chars() {
            if c == '"' || c == '\\' {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        write!(f, "\"@{}", self.domain)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = match text.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let (local, domain) = text.split_once('@').ok_or(AddressError::Shape)?;
                if !local.is_empty() && !is_dot_string(local) {
                    return Err(AddressError::Character);
                }
                (local.to_owned(), domain)
            }
        };
        Address::new(&local, domain)
    }
}

/// RFC 5321 Quoted-string behind its first quote; gives the text and the domain behind `"@`.
fn unquote(quoted: &str) -> Result<(String, &str), AddressError> {
    let mut local = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => local.push(chars.next().ok_or(AddressError::Shape)?.1),
            '"' => {
                let rest = quoted.get(at + 1..).unwrap_or_default();
                return Ok((local, rest.strip_prefix('@').ok_or(AddressError::Shape)?));
            }
            _ => local.push(c),
        }
    }
    Err(AddressError::Shape)
}

/// RFC 5321 Dot-string, with the non-ASCII characters of RFC 6531.
fn is_dot_string(local: &str) -> bool {
    let is_atext = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

impl Domain {
    /// Checks and lowers a domain name or an address literal in brackets.
    ///
    /// # Errors
    /// An empty label, a character that no domain has, or more than 255 octets.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(AddressError::Shape);
        }
        if text.len() > 255 {
            return Err(AddressError::Length);
        }
        let lower = text.to_lowercase();
        let literal = lower.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let valid = match literal {
            Some(address) => is_address_literal(address),
            None => lower.split('.').all(is_label),
        };
        if valid { Ok(Domain(lower)) } else { Err(AddressError::Character) }
    }

    /// The name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An address in brackets instead of a name (RFC 5321 §4.1.3).
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.0.starts_with('[')
    }
}

/// RFC 5321 §4.1.3, without its brackets and in lower case; no tag but `IPv6` was ever registered.
fn is_address_literal(text: &str) -> bool {
    match text.strip_prefix("ipv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<Ipv4Addr>().is_ok(),
    }
}

fn is_label(label: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || (!c.is_ascii() && c.is_alphanumeric());
    !label.is_empty()
        && label.len() <= 63
        && label.chars().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Domain {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Domain::new(text)
    }
}

impl ReversePath {
    /// The address, if there is one.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        match self {
            ReversePath::Null => None,
            ReversePath::Address(address) => Some(address),
        }
    }
}

impl fmt::Display for ReversePath {
    /// With its angle brackets: `<>` or `<name@domain>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReversePath::Null => f.write_str("<>"),
            ReversePath::Address(address) => write!(f, "<{address}>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("user@poshta.example", "user@poshta.example"; "plain")]
    #[test_case("User@POSHTA.Example.", "User@poshta.example"; "domain is lowered, local part kept")]
    #[test_case("\"a b\"@x.kz", "\"a b\"@x.kz"; "quoted local part stays quoted")]
    #[test_case("\"a.b\"@x.kz", "a.b@x.kz"; "needless quotes go")]
    #[test_case("айгүл@пошта.қаз", "айгүл@пошта.қаз"; "rfc6531 address")]
    #[test_case("a@[127.0.0.1]", "a@[127.0.0.1]"; "address literal")]
    #[test_case("a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]"; "ipv6 address literal")]
    fn rfc5321_mailbox_reads_and_writes(text: &str, shown: &str) {
        assert_eq!(text.parse::<Address>().map(|a| a.to_string()), Ok(shown.to_owned()));
    }

    #[test_case("a@[127.0.0.1]" => true; "ipv4")]
    #[test_case("a@[IPv6:::1]" => true; "ipv6")]
    #[test_case("a@x.kz" => false; "a name")]
    fn rfc5321_a_literal_is_told_from_a_name(text: &str) -> bool {
        text.parse::<Address>().unwrap().domain().is_literal()
    }

    #[test_case("user" => AddressError::Shape)]
    #[test_case("@x.kz" => AddressError::Shape)]
    #[test_case("a@" => AddressError::Shape)]
    #[test_case("a b@x.kz" => AddressError::Character)]
    #[test_case("a..b@x.kz" => AddressError::Character)]
    #[test_case("a@x..kz" => AddressError::Character)]
    #[test_case("a@-x.kz" => AddressError::Character)]
    #[test_case("\"a@x.kz" => AddressError::Shape)]
    #[test_case("a@[]" => AddressError::Character; "a literal without an address")]
    #[test_case("a@[x.kz]" => AddressError::Character; "a name in brackets")]
    #[test_case("a@[127.0.0.1" => AddressError::Character; "an open bracket")]
    fn rfc5321_mailbox_refuses(text: &str) -> AddressError {
        text.parse::<Address>().unwrap_err()
    }
}
