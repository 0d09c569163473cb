//! Reading and writing DER, element by element. What stands in an element is only looked at when it is asked for, so
//! nothing here goes deeper than its caller does.

use x509_parser::asn1_rs::{Any, FromDer as _, GeneralizedTime, Oid, UtcTime};

use crate::clock::Timestamp;

/// Identifier octets (X.690 §8.1.2) of the elements that are read here.
pub(super) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    /// Context-specific, constructed: `[0]` explicit, or implicit of something constructed.
    pub(crate) const fn constructed(number: u8) -> u8 {
        0xa0 | number
    }
    /// Context-specific, primitive: `[0]` implicit of something primitive.
    pub(crate) const fn primitive(number: u8) -> u8 {
        0x80 | number
    }
}

/// The bytes are not DER of what is expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Malformed;

pub(super) type Result<T> = std::result::Result<T, Malformed>;

/// One element: identifier, content, and the bytes of all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// Elements one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    /// The only element of these bytes, which must have this identifier.
    pub(super) fn only(bytes: &'a [u8], tag: u8) -> Result<Element<'a>> {
        let mut reader = Reader(bytes);
        let element = reader.take(tag)?;
        reader.end()?;
        Ok(element)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Identifier of the next element.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    pub(super) fn next(&mut self) -> Result<Element<'a>> {
        let tag = *self.0.first().ok_or(Malformed)?;
        let (rest, any) = Any::from_der(self.0).map_err(|_| Malformed)?;
        let whole = self.0.get(..self.0.len() - rest.len()).ok_or(Malformed)?;
        self.0 = rest;
        Ok(Element { tag, content: any.data, whole })
    }

    pub(super) fn take(&mut self, tag: u8) -> Result<Element<'a>> {
        if self.peek() == Some(tag) { self.next() } else { Err(Malformed) }
    }

    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>> {
        if self.peek() == Some(tag) { self.next().map(Some) } else { Ok(None) }
    }

    pub(super) fn end(&self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// Every element that is left; at most `most`.
    pub(super) fn all(mut self, most: usize) -> Result<Vec<Element<'a>>> {
        let mut elements = Vec::new();
        while !self.is_empty() {
            if elements.len() == most {
                return Err(Malformed);
            }
            elements.push(self.next()?);
        }
        Ok(elements)
    }

    /// The object identifier that comes next, as numbers with points between.
    pub(super) fn oid(&mut self) -> Result<String> {
        self.take(tag::OID)?.oid()
    }

    /// The object identifier of an AlgorithmIdentifier that comes next; its parameters are not looked at.
    pub(super) fn algorithm(&mut self) -> Result<String> {
        self.take(tag::SEQUENCE)?.inside().oid()
    }

    /// A whole number from 0 to 2³².
    pub(super) fn small_integer(&mut self) -> Result<u32> {
        self.take(tag::INTEGER)?.small()
    }
}

impl<'a> Element<'a> {
    pub(super) fn inside(&self) -> Reader<'a> {
        Reader(self.content)
    }

    pub(super) fn small(&self) -> Result<u32> {
        let digits = self.content.strip_prefix(&[0]).unwrap_or(self.content);
        match (self.content.first(), digits.len()) {
            (Some(0..=0x7f), 0..=4) => Ok(digits.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))),
            _ => Err(Malformed),
        }
    }

    pub(super) fn oid(&self) -> Result<String> {
        // Longer ones exist in no standard, and are costly to write as decimal numbers.
        if self.tag != tag::OID || self.content.is_empty() || self.content.len() > 64 {
            return Err(Malformed);
        }
        Oid::from_der(self.whole).map(|(_, oid)| oid.to_id_string()).map_err(|_| Malformed)
    }

    /// The bytes of a BIT STRING without unused bits.
    pub(super) fn bits(&self) -> Result<&'a [u8]> {
        match (self.tag, self.content.split_first()) {
            (tag::BIT_STRING, Some((0, bytes))) => Ok(bytes),
            _ => Err(Malformed),
        }
    }

    /// A UTCTime or a GeneralizedTime; fractions of a second are cut off.
    pub(super) fn time(&self) -> Result<Timestamp> {
        let parsed = match self.tag {
            tag::UTC_TIME => UtcTime::from_der(self.whole).ok().and_then(|(_, time)| time.utc_adjusted_datetime().ok()),
            tag::GENERALIZED_TIME => {
                GeneralizedTime::from_der(self.whole).ok().and_then(|(_, time)| time.utc_datetime().ok())
            }
            _ => None,
        };
        let seconds = parsed.ok_or(Malformed)?.unix_timestamp();
        Timestamp::from_second(seconds).map_err(|_| Malformed)
    }
}

/// One element with this identifier.
pub(super) fn write(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len().to_be_bytes();
    let digits: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    match digits.as_slice() {
        [] => bytes.push(0),
        [short @ 0..=0x7f] => bytes.push(*short),
        long => {
            bytes.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            bytes.extend_from_slice(long);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// A SEQUENCE of elements that are written already.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    write(tag::SEQUENCE, &parts.concat())
}

/// An INTEGER that is not negative.
pub(super) fn integer(big_endian: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = big_endian.iter().copied().skip_while(|byte| *byte == 0).collect();
    let sign: &[u8] = if digits.first().is_none_or(|first| *first > 0x7f) { &[0] } else { &[] };
    write(tag::INTEGER, &[sign, &digits].concat())
}

/// An object identifier; its first two numbers make one byte, as they do in all that is used here.
pub(super) fn oid(text: &str) -> Vec<u8> {
    let numbers: Vec<u64> = text.split('.').filter_map(|number| number.parse().ok()).collect();
    let mut bytes = Vec::new();
    if let [first, second, rest @ ..] = numbers.as_slice() {
        bytes.push(u8::try_from(first * 40 + second).unwrap_or(u8::MAX));
        for number in rest {
            let groups = (0..10).rev().map(|group| number >> (7 * group)).skip_while(|value| *value == 0);
            let groups: Vec<u8> = groups.map(|value| (value & 0x7f) as u8 | 0x80).collect();
            match groups.split_last() {
                Some((last, before)) => {
                    bytes.extend_from_slice(before);
                    bytes.push(last & 0x7f);
                }
                None => bytes.push(0),
            }
        }
    }
    write(tag::OID, &bytes)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("1.2.398.3.10.1.1.2.3.2")]
    #[test_case("2.5.29.37")]
    #[test_case("1.2.840.113549.1.9.16.2.14")]
    #[test_case("1.3.0.128.16384")]
    fn x690_an_object_identifier_is_written_as_it_is_read(text: &str) {
        let written = oid(text);
        assert_eq!(Reader::new(&written).oid(), Ok(text.to_owned()));
    }

    #[test_case(0; "nothing")]
    #[test_case(127; "short form")]
    #[test_case(128; "long form")]
    #[test_case(70_000; "three bytes of length")]
    fn x690_what_is_written_is_read(length: usize) {
        let content = vec![7; length];
        let bytes = [write(tag::OCTET_STRING, &content), vec![5, 0]].concat();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.take(tag::OCTET_STRING).unwrap().content, content);
        assert_eq!(reader.take(tag::NULL).unwrap().content, b"");
        assert!(reader.end().is_ok());
    }

    #[test_case(&[2, 1, 0] => Ok(0); "zero")]
    #[test_case(&[2, 5, 0, 0xff, 0, 0, 1] => Ok(0xff00_0001); "four bytes and a sign")]
    #[test_case(&[2, 1, 0x80] => Err(Malformed); "negative")]
    #[test_case(&[2, 5, 1, 0, 0, 0, 0] => Err(Malformed); "too large")]
    #[test_case(&[2, 0] => Err(Malformed); "no content")]
    fn x690_small_integers(bytes: &[u8]) -> Result<u32> {
        Reader::new(bytes).small_integer()
    }

    #[test_case(&[0x30, 0x80, 0, 0]; "indefinite length")]
    #[test_case(&[0x30, 3, 1, 2]; "cut off")]
    #[test_case(&[0x30]; "no length")]
    #[test_case(&[]; "nothing")]
    #[test_case(&[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]; "a length of nine bytes")]
    fn x690_other_bytes_are_malformed(bytes: &[u8]) {
        assert_eq!(Reader::new(bytes).next(), Err(Malformed));
    }

    #[test]
    fn integers_are_written_in_the_shortest_form() {
        assert_eq!(integer(&[0, 0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0, 0]), [2, 1, 0]);
    }
}
