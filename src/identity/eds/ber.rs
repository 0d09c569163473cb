//! BER to DER: signing programs write indefinite lengths and strings in pieces (X.690 §8.1.3.6, §8.7.3), and
//! everything behind this reads DER.
//!
//! Only the form of lengths and strings changes; what is DER already comes out byte for byte, and so does every
//! certificate inside, whose signature is over its bytes.

use std::borrow::Cow;

use super::asn1::{Malformed, Result, write};

/// Elements may be this deep; the deepest that signatures have is about twenty.
const MAX_DEPTH: usize = 40;

/// Longer than any signature with what it carries, bytes.
pub const MAX_BYTES: usize = 32 << 20;

const CONSTRUCTED: u8 = 0x20;
const OCTET_STRING: u8 = 0x04;
const END_OF_CONTENTS: &[u8] = &[0, 0];

/// The same element in DER, as far as lengths and strings go. What follows the element is refused.
pub(super) fn to_der(bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
    if bytes.len() > MAX_BYTES {
        return Err(Malformed);
    }
    if !has_other_forms(bytes, 0)? {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut written = Vec::with_capacity(bytes.len());
    let rest = element(bytes, 0, &mut written)?;
    if rest.is_empty() { Ok(Cow::Owned(written)) } else { Err(Malformed) }
}

/// What an element begins with.
struct Head<'a> {
    tag: u8,
    /// `None`: until the end-of-contents.
    length: Option<usize>,
    rest: &'a [u8],
}

fn head(bytes: &[u8]) -> Result<Head<'_>> {
    let (tag, rest) = bytes.split_first().ok_or(Malformed)?;
    // Numbers above 30 take more bytes; nothing that is read here has them.
    if tag & 0x1f == 0x1f {
        return Err(Malformed);
    }
    let (first, rest) = rest.split_first().ok_or(Malformed)?;
    let (length, rest) = match first {
        0..=0x7f => (Some(usize::from(*first)), rest),
        0x80 if tag & CONSTRUCTED != 0 => (None, rest),
        0x81..=0x88 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or(Malformed)?;
            let length = digits.iter().fold(0_u64, |sum, digit| sum << 8 | u64::from(*digit));
            (Some(usize::try_from(length).map_err(|_| Malformed)?), rest)
        }
        _ => return Err(Malformed),
    };
    Ok(Head { tag: *tag, length, rest })
}

/// Whether anything that can be reached has an indefinite length or is a string in pieces.
fn has_other_forms(mut bytes: &[u8], depth: usize) -> Result<bool> {
    if depth > MAX_DEPTH {
        return Err(Malformed);
    }
    while !bytes.is_empty() {
        let Head { tag, length, rest } = head(bytes)?;
        let Some(length) = length else { return Ok(true) };
        let (content, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        if tag == OCTET_STRING | CONSTRUCTED || (tag & CONSTRUCTED != 0 && has_other_forms(content, depth + 1)?) {
            return Ok(true);
        }
        bytes = rest;
    }
    Ok(false)
}

/// Writes the first element of `bytes` and gives what follows it.
fn element<'a>(bytes: &'a [u8], depth: usize, written: &mut Vec<u8>) -> Result<&'a [u8]> {
    if depth > MAX_DEPTH {
        return Err(Malformed);
    }
    let Head { tag, length, rest } = head(bytes)?;
    if tag & CONSTRUCTED == 0 {
        let (content, rest) = rest.split_at_checked(length.ok_or(Malformed)?).ok_or(Malformed)?;
        written.extend_from_slice(&write(tag, content));
        return Ok(rest);
    }
    let (mut inside, after) = match length {
        Some(length) => {
            let (inside, after) = rest.split_at_checked(length).ok_or(Malformed)?;
            (inside, Some(after))
        }
        None => (rest, None),
    };
    let is_string = tag == OCTET_STRING | CONSTRUCTED;
    let mut content = Vec::new();
    loop {
        if after.is_none() && inside.starts_with(END_OF_CONTENTS) {
            inside = inside.get(END_OF_CONTENTS.len()..).unwrap_or_default();
            break;
        }
        if inside.is_empty() {
            if after.is_some() { break } else { return Err(Malformed) }
        }
        inside =
            if is_string { piece(inside, depth + 1, &mut content)? } else { element(inside, depth + 1, &mut content)? };
    }
    written.extend_from_slice(&write(if is_string { OCTET_STRING } else { tag }, &content));
    Ok(after.unwrap_or(inside))
}

/// Adds a piece of a string, which is a string itself, without its own identifier and length.
fn piece<'a>(bytes: &'a [u8], depth: usize, string: &mut Vec<u8>) -> Result<&'a [u8]> {
    let mut written = Vec::new();
    let rest = element(bytes, depth, &mut written)?;
    let Head { tag: OCTET_STRING, length: Some(_), rest: content } = head(&written)? else { return Err(Malformed) };
    string.extend_from_slice(content);
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case(&[0x30, 0x80, 2, 1, 5, 0, 0] => vec![0x30, 3, 2, 1, 5]; "indefinite sequence")]
    #[test_case(&[0x24, 0x80, 4, 2, 1, 2, 4, 1, 3, 0, 0] => vec![4, 3, 1, 2, 3]; "string in pieces")]
    #[test_case(&[0x24, 7, 4, 2, 1, 2, 4, 1, 3] => vec![4, 3, 1, 2, 3]; "string in pieces of known length")]
    #[test_case(&[0x24, 0x80, 0x24, 0x80, 4, 1, 9, 0, 0, 0, 0] => vec![4, 1, 9]; "pieces in pieces")]
    #[test_case(&[0x24, 0x80, 0, 0] => vec![4, 0]; "empty string")]
    #[test_case(&[0xa0, 0x80, 0x30, 0x80, 0, 0, 0, 0] => vec![0xa0, 2, 0x30, 0]; "nested")]
    #[test_case(&[0x30, 0x80, 4, 0x81, 1, 7, 0, 0] => vec![0x30, 3, 4, 1, 7]; "length in more bytes than needed")]
    #[test_case(&[0x30, 5, 0x24, 3, 4, 1, 7] => vec![0x30, 3, 4, 1, 7]; "a string in pieces further in")]
    fn x690_indefinite_lengths_become_definite(ber: &[u8]) -> Vec<u8> {
        to_der(ber).unwrap().into_owned()
    }

    #[test_case(&[0x30, 0x80, 2, 1, 5]; "no end")]
    #[test_case(&[0x30, 0x80, 2, 1, 5, 0]; "half an end")]
    #[test_case(&[0x30, 0x80, 0, 0, 0]; "something behind")]
    #[test_case(&[0x04, 0x80, 0, 0]; "primitive and indefinite")]
    #[test_case(&[0x24, 0x80, 2, 1, 5, 0, 0]; "a piece that is no string")]
    #[test_case(&[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]; "a length of nine bytes")]
    #[test_case(&[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]; "longer than memory")]
    #[test_case(&[0x3f, 0x81, 1, 0]; "a number above thirty")]
    fn x690_what_is_not_ber_is_refused(bytes: &[u8]) {
        assert_eq!(to_der(bytes), Err(Malformed));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |count: usize| [[0x30_u8, 0x80].repeat(count), vec![0; 2 * count]].concat();
        assert!(to_der(&deep(MAX_DEPTH)).is_ok());
        assert_eq!(to_der(&deep(MAX_DEPTH + 2)), Err(Malformed));
        assert_eq!(to_der(&[0x30, 0x80].repeat(1 << 20)), Err(Malformed));
    }

    proptest! {
        #[test]
        fn der_comes_out_as_it_went_in(content: Vec<u8>) {
            let der = write(0x30, &write(0xa0, &write(4, &content)));
            prop_assert!(matches!(to_der(&der), Ok(Cow::Borrowed(same)) if same == der));
        }

        #[test]
        fn any_bytes_are_read_or_refused_and_what_is_read_is_der(bytes: Vec<u8>) {
            if let Ok(der) = to_der(&bytes) {
                prop_assert!(matches!(to_der(&der), Ok(Cow::Borrowed(_))));
            }
        }
    }
}
