//! Modified UTF-7, in which IMAP4rev1 writes mailbox names (RFC 3501 §5.1.3).

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// BASE64 with `,` for `/` and without padding; trailing bits must be zero.
const MODIFIED_BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Decodes a name. `None` when it is not modified UTF-7; a needlessly encoded character or two sections that
/// could be one are let pass, because clients write them.
#[must_use]
pub(crate) fn decode(raw: &[u8]) -> Option<String> {
    let mut name = String::with_capacity(raw.len());
    let mut rest = std::str::from_utf8(raw).ok().filter(|text| text.is_ascii())?;
    while let Some((plain, shifted)) = rest.split_once('&') {
        let (section, after) = shifted.split_once('-')?;
        name.push_str(plain);
        if section.is_empty() {
            name.push('&');
        } else {
            name.push_str(&decode_section(section)?);
        }
        rest = after;
    }
    name.push_str(rest);
    Some(name)
}

/// Encodes a name.
#[must_use]
pub(crate) fn encode(name: &str) -> String {
    let mut raw = String::with_capacity(name.len());
    let mut shifted: Vec<u8> = Vec::new();
    let mut unit = [0; 2];
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            end_section(&mut shifted, &mut raw);
            raw.push(c);
            if c == '&' {
                raw.push('-');
            }
        } else {
            shifted.extend(c.encode_utf16(&mut unit).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    end_section(&mut shifted, &mut raw);
    raw
}

fn decode_section(section: &str) -> Option<String> {
    let bytes = MODIFIED_BASE64.decode(section).ok()?;
    let (pairs, odd) = bytes.as_chunks::<2>();
    if pairs.is_empty() || !odd.is_empty() {
        return None;
    }
    char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair))).collect::<Result<_, _>>().ok()
}

fn end_section(shifted: &mut Vec<u8>, raw: &mut String) {
    if !shifted.is_empty() {
        raw.push('&');
        MODIFIED_BASE64.encode_string(&*shifted, raw);
        raw.push('-');
        shifted.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("INBOX", "INBOX"; "plain")]
    #[test_case("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"; "example of the RFC")]
    #[test_case("a&b", "a&-b"; "ampersand")]
    #[test_case("Жіберілген", "&BBYEVgQxBDUEQARWBDsEMwQ1BD0-"; "kazakh")]
    #[test_case("😀", "&2D3eAA-"; "surrogate pair")]
    fn rfc3501_5_1_3_name_and_wire(name: &str, raw: &str) {
        assert_eq!(encode(name), raw);
        assert_eq!(decode(raw.as_bytes()).as_deref(), Some(name));
    }

    #[test_case(b"&"; "unended")]
    #[test_case(b"&BBY"; "unended section")]
    #[test_case(b"&!!!-"; "not base64")]
    #[test_case(b"&2D0-"; "half a surrogate pair")]
    #[test_case(b"&BA-"; "half a unit")]
    #[test_case("Ж".as_bytes(); "eight bit")]
    fn rfc3501_5_1_3_not_a_name(raw: &[u8]) {
        assert_eq!(decode(raw), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn every_name_comes_back(name in any::<String>()) {
            let raw = encode(&name);
            prop_assert!(raw.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(decode(raw.as_bytes()), Some(name));
        }

        #[test]
        fn no_bytes_panic(raw in any::<Vec<u8>>()) {
            let _ = decode(&raw);
        }
    }
}
