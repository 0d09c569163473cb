//! One-time codes of an authenticator program: RFC 4226 (HOTP) over the clock (RFC 6238), as every such program has
//! them: SHA-1, thirty seconds, six digits. Pure: the instant is an argument.

use ring::hmac;

use crate::clock::Timestamp;

/// RFC 6238 §4: the time step X, from the epoch T0 = 0.
const STEP_S: i64 = 30;

/// RFC 4226 §5.3: Digit.
const DIGITS: u32 = 6;

/// RFC 4226 §4 R6: 160 bits are recommended.
pub(crate) const SECRET_BYTES: usize = 20;

/// RFC 6238 §5.2: one step backwards for the network and slow fingers, one forwards for a clock that is ahead.
const SKEW: i64 = 1;

/// The alphabet of RFC 4648 §6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The step at which a code is the right one, if it is younger than the last one that was used: RFC 6238 §5.2, a
/// second attempt with the same code is refused.
///
/// Every step is compared, so that the work does not depend on which one fits.
pub(crate) fn accepted_step(secret: &[u8], code: &str, at: Timestamp, last_step: i64) -> Option<i64> {
    let now = at.as_second().div_euclid(STEP_S);
    let digits: String = code.chars().filter(|character| !character.is_whitespace()).collect();
    let mut accepted = None;
    for step in now - SKEW..=now + SKEW {
        let right = self::code(secret, step);
        let is_right = bool::from(subtle::ConstantTimeEq::ct_eq(right.as_bytes(), digits.as_bytes()));
        if is_right && step > last_step {
            accepted = Some(step);
        }
    }
    accepted
}

/// RFC 4226 §5.3, with the step as the counter (RFC 6238 §4.2).
pub(super) fn code(secret: &[u8], step: i64) -> String {
    // The name of the constant means signatures; RFC 2104's construction does not need SHA-1 to resist collisions.
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or_default() & 0x0F);
    let four = bytes.get(offset..offset + 4).and_then(|four| four.try_into().ok()).unwrap_or_default();
    let number = u32::from_be_bytes(four) & 0x7FFF_FFFF;
    format!("{:0width$}", number % 10_u32.pow(DIGITS), width = DIGITS as usize)
}

/// What the QR code says to the authenticator program (Key Uri Format, which all of them read).
pub(crate) fn uri(secret: &[u8], issuer: &str, account: &str) -> String {
    let (issuer, account) = (escaped(issuer), escaped(account));
    format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", base32(secret))
}

/// RFC 4648 §6, without padding: what people type who cannot scan.
pub(crate) fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in bytes {
        bits = (bits << 8 | u32::from(*byte)) & 0xFFFF;
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(letter(bits >> held));
        }
    }
    if held > 0 {
        text.push(letter(bits << (5 - held)));
    }
    text
}

fn letter(bits: u32) -> char {
    let at = usize::try_from(bits & 31).unwrap_or_default();
    BASE32.get(at).copied().map_or('A', char::from)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => escaped.push(byte.into()),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// RFC 4226, Appendix D.
    #[test]
    fn rfc4226_codes_of_appendix_d() {
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (count, expected) in (0..).zip(codes) {
            assert_eq!(code(SECRET, count), expected);
        }
    }

    /// RFC 6238, Appendix B: its codes have eight digits, of which ours are the last six.
    #[test_case(59, "287082"; "94287082")]
    #[test_case(1_111_111_109, "081804"; "07081804")]
    #[test_case(1_111_111_111, "050471"; "14050471")]
    #[test_case(1_234_567_890, "005924"; "89005924")]
    #[test_case(2_000_000_000, "279037"; "69279037")]
    #[test_case(20_000_000_000, "353130"; "65353130")]
    fn rfc6238_codes_of_appendix_b(second: i64, expected: &str) {
        assert_eq!(accepted_step(SECRET, expected, at(second), 0), Some(second / 30));
    }

    #[test_case(0 => true; "now")]
    #[test_case(30 => true; "one step ago")]
    #[test_case(-30 => true; "a clock that is a step ahead")]
    #[test_case(60 => false; "two steps ago")]
    #[test_case(-60 => false; "two steps ahead")]
    fn rfc6238_5_2_a_code_counts_one_step_around(later_s: i64) -> bool {
        accepted_step(SECRET, "005924", at(1_234_567_890 + later_s), 0).is_some()
    }

    #[test]
    fn rfc6238_5_2_a_code_counts_once() {
        let (code, now) = ("005924", at(1_234_567_890));
        let step = accepted_step(SECRET, code, now, 0).unwrap();
        assert_eq!(accepted_step(SECRET, code, now, step), None);
        assert_eq!(accepted_step(SECRET, code, now, step - 1), Some(step));
    }

    #[test_case("005 924" => true; "typed as it is shown")]
    #[test_case("5924" => false; "without its zeros")]
    #[test_case("" => false; "nothing")]
    #[test_case("00592400" => false; "too long")]
    fn what_is_typed(code: &str) -> bool {
        accepted_step(SECRET, code, at(1_234_567_890), 0).is_some()
    }

    #[test_case(b"" => ""; "nothing")]
    #[test_case(b"f" => "MY"; "one byte")]
    #[test_case(b"foob" => "MZXW6YQ"; "four bytes")]
    #[test_case(b"foobar" => "MZXW6YTBOI"; "six bytes")]
    fn rfc4648_10_base32(bytes: &[u8]) -> String {
        base32(bytes)
    }

    #[test]
    fn the_uri_names_issuer_and_account() {
        let uri = uri(SECRET, "Poshta (пошта)", "aigul@poshta.example");
        assert!(uri.starts_with("otpauth://totp/Poshta%20%28%D0%BF"), "{uri}");
        assert!(uri.contains(":aigul@poshta.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer="), "{uri}");
    }
}
