//! The parameters of RFC 3461: when a sender wants to hear of a letter, and how much of it comes back.

use crate::intake::{Notify, Returned};

use super::command::Syntax;
use super::xtext;

/// RFC 3461 §4.4: longest ENVID.
const MAX_ENVELOPE_ID: usize = 100;

/// RFC 3461 §4.2: longest ORCPT.
const MAX_ORIGINAL_RECIPIENT: usize = 500;

/// NOTIFY of RCPT (RFC 3461 §4.1): `NEVER` alone, or any of the others.
pub(super) fn notify(value: &str) -> Result<Notify, Syntax> {
    const WRONG: Syntax = Syntax::ParameterValue("NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY");
    if value.eq_ignore_ascii_case("NEVER") {
        return Ok(Notify::NEVER);
    }
    let mut notify = Notify::NEVER;
    for word in value.split(',') {
        match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => notify.success = true,
            "FAILURE" => notify.failure = true,
            "DELAY" => notify.delay = true,
            _ => return Err(WRONG),
        }
    }
    Ok(notify)
}

/// RET of MAIL (RFC 3461 §4.3).
pub(super) fn returned(value: &str) -> Result<Returned, Syntax> {
    match value.to_ascii_uppercase().as_str() {
        "FULL" => Ok(Returned::Full),
        "HDRS" => Ok(Returned::Headers),
        _ => Err(Syntax::ParameterValue("RET is FULL or HDRS")),
    }
}

/// ENVID of MAIL (RFC 3461 §4.4), decoded.
pub(super) fn envelope_id(value: &str) -> Result<String, Syntax> {
    let decoded = Some(value).filter(|value| value.len() <= MAX_ENVELOPE_ID && !value.is_empty());
    let decoded = decoded.and_then(xtext::decode);
    decoded.ok_or(Syntax::ParameterValue("ENVID is xtext of at most 100 characters"))
}

/// ORCPT of RCPT (RFC 3461 §4.2): `type;address`, the address decoded. That of the type `utf-8` stays encoded, as
/// reports show it (RFC 6533 §3).
pub(super) fn original_recipient(value: &str) -> Result<String, Syntax> {
    const WRONG: Syntax = Syntax::ParameterValue("ORCPT is type;address, the address in xtext, at most 500 characters");
    let (kind, address) = value.split_once(';').filter(|_| value.len() <= MAX_ORIGINAL_RECIPIENT).ok_or(WRONG)?;
    if kind.is_empty() || !kind.bytes().all(is_atom_text) {
        return Err(WRONG);
    }
    let address = if kind.eq_ignore_ascii_case("utf-8") { utf8_address(address) } else { xtext::decode(address) };
    // As it is passed on: letters beyond ASCII have become longer.
    let whole = address.map(|address| format!("{kind};{address}"));
    whole.filter(|whole| whole.len() <= MAX_ORIGINAL_RECIPIENT).ok_or(WRONG)
}

/// RFC 5322 §3.2.3.
fn is_atom_text(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// RFC 6533 §3: `utf-8-addr-unitext` or `utf-8-addr-xtext`; gives the latter.
fn utf8_address(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '+' | '=' => return None,
            c if c.is_ascii_graphic() => out.push(c),
            c if c.is_ascii() || c.is_control() => return None,
            c => out.push_str(&format!("\\x{{{:X}}}", u32::from(c))),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    const fn asked(success: bool, failure: bool, delay: bool) -> Notify {
        Notify { success, failure, delay }
    }

    #[test_case("NEVER" => Some(Notify::NEVER))]
    #[test_case("never" => Some(Notify::NEVER); "any case")]
    #[test_case("SUCCESS" => Some(asked(true, false, false)))]
    #[test_case("Success,FAILURE,delay" => Some(asked(true, true, true)))]
    #[test_case("NEVER,SUCCESS" => None; "never stands alone")]
    #[test_case("" => None; "nothing")]
    #[test_case("SUCCESS," => None; "an empty word")]
    #[test_case("SUCCESS, FAILURE" => None; "a space")]
    #[test_case("ALWAYS" => None; "another word")]
    fn rfc3461_notify(value: &str) -> Option<Notify> {
        notify(value).ok()
    }

    #[test_case("full" => Some(Returned::Full))]
    #[test_case("HDRS" => Some(Returned::Headers))]
    #[test_case("HEADERS" => None)]
    fn rfc3461_ret(value: &str) -> Option<Returned> {
        returned(value).ok()
    }

    #[test_case("QQ+2B1" => Some("QQ+1".into()))]
    #[test_case("" => None; "empty")]
    #[test_case("a+0Ab" => None; "a line end")]
    fn rfc3461_envid(value: &str) -> Option<String> {
        envelope_id(value).ok()
    }

    #[test_case("rfc822;Bob+40Example.COM" => Some("rfc822;Bob@Example.COM".into()))]
    #[test_case("x400;/C=KZ/" => None; "equals signs are encoded")]
    #[test_case("x400;/C+3DKZ/" => Some("x400;/C=KZ/".into()))]
    #[test_case("utf-8;айгүл@b.kz" => Some("utf-8;\\x{430}\\x{439}\\x{433}\\x{4AF}\\x{43B}@b.kz".into()); "rfc6533 unitext")]
    #[test_case("UTF-8;\\x{430}@b.kz" => Some("UTF-8;\\x{430}@b.kz".into()); "rfc6533 xtext")]
    #[test_case("rfc822" => None; "no type")]
    #[test_case(";a@b.kz" => None; "an empty type")]
    #[test_case("rfc 822;a@b.kz" => None; "no atom")]
    fn rfc3461_orcpt(value: &str) -> Option<String> {
        original_recipient(value).ok()
    }

    #[test]
    fn rfc3461_lengths() {
        assert!(envelope_id(&"e".repeat(100)).is_ok() && envelope_id(&"e".repeat(101)).is_err());
        assert!(original_recipient(&format!("rfc822;{}", "a".repeat(493))).is_ok());
        assert!(original_recipient(&format!("rfc822;{}", "a".repeat(494))).is_err());
    }
}
