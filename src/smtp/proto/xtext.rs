//! xtext of RFC 3461 §4: how parameters carry what a command line cannot.

/// Decodes `text`; `None` when it is no xtext, or holds what is not printable ASCII (RFC 3461 §4.2, §4.4).
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'+' => 16 * digit(bytes.next()?)? + digit(bytes.next()?)?,
            b'=' => return None,
            plain if plain.is_ascii_graphic() => plain,
            _ => return None,
        };
        if !(byte.is_ascii_graphic() || byte == b' ') {
            return None;
        }
        out.push(char::from(byte));
    }
    Some(out)
}

/// The value of a hexadecimal digit; RFC 3461 §4 allows capital ones only.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// `text` as xtext.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'+' | b'=') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("+{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("QQ314159" => Some("QQ314159".into()))]
    #[test_case("a+2Bb+3Dc+20d" => Some("a+b=c d".into()))]
    #[test_case("" => Some(String::new()); "empty")]
    #[test_case("a+2" => None; "a digit is missing")]
    #[test_case("a+2b" => None; "small letters are no digits")]
    #[test_case("a=b" => None; "equals sign")]
    #[test_case("+0D+0A" => None; "line end")]
    #[test_case("қ" => None; "not ascii")]
    fn rfc3461_xtext(text: &str) -> Option<String> {
        decode(text)
    }

    proptest! {
        #[test]
        fn rfc3461_xtext_comes_back(text in "[ -~]{0,80}") {
            let encoded = encode(&text);
            prop_assert!(!encoded.contains([' ', '=']));
            prop_assert_eq!(decode(&encoded), Some(text));
        }
    }
}
