//! The other side of the table: replies of a server, as a client of it reads them (RFC 5321 §4.2).
//!
//! Pure and incremental like the session: bytes in, complete replies out, with budgets for what a server may
//! make us keep.

use std::collections::VecDeque;

/// What a server may say in one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseLimits {
    /// Bytes of a line (RFC 5321 §4.5.3.1.5 says 512; real servers pass it).
    pub max_line_bytes: usize,
    /// Lines of a reply.
    pub max_lines: usize,
}

impl Default for ResponseLimits {
    fn default() -> Self {
        ResponseLimits { max_line_bytes: 2048, max_lines: 128 }
    }
}

/// An enhanced status code (RFC 3463).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u8,
    /// What it is about.
    pub subject: u16,
    /// What exactly.
    pub detail: u16,
}

impl std::fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What a reply means for the command (RFC 5321 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// 2xx.
    Done,
    /// 3xx: more is expected.
    Continue,
    /// 4xx: try again later.
    Temporary,
    /// 5xx: never again.
    Permanent,
}

/// A complete reply of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The three digits: 200 to 599.
    pub code: u16,
    /// The enhanced code of the first line, if it fits the digits.
    pub enhanced: Option<EnhancedCode>,
    /// The text of each line, without digits and enhanced code; bytes that are no UTF-8 are replaced.
    pub lines: Vec<String>,
}

impl Response {
    /// What the first digit says.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.code / 100 {
            2 => Severity::Done,
            3 => Severity::Continue,
            4 => Severity::Temporary,
            _ => Severity::Permanent,
        }
    }

    /// The reply in one line, for logs and reports: digits, enhanced code, text.
    #[must_use]
    pub fn summary(&self) -> String {
        let text = self.lines.join(" ");
        match self.enhanced {
            Some(enhanced) => format!("{} {enhanced} {text}", self.code),
            None => format!("{} {text}", self.code),
        }
    }
}

/// Why what came is no reply. The connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadResponse {
    /// A line does not begin with three digits and a space or hyphen.
    #[error("the server sent a line that is no SMTP reply")]
    Malformed,
    /// The lines of one reply have different digits.
    #[error("the server sent a reply whose lines have different codes")]
    MixedCodes,
    /// Longer than the limit.
    #[error("the server sent a line that is too long")]
    LineTooLong,
    /// More than the limit.
    #[error("the server sent a reply of too many lines")]
    TooManyLines,
}

/// Puts replies together from bytes as they arrive.
#[derive(Debug)]
pub struct ResponseParser {
    limits: ResponseLimits,
    line: Vec<u8>,
    unfinished: Option<Response>,
    ready: VecDeque<Response>,
}

impl ResponseParser {
    /// A parser for a new connection; make another one after STARTTLS.
    #[must_use]
    pub fn new(limits: ResponseLimits) -> Self {
        ResponseParser { limits, line: Vec::new(), unfinished: None, ready: VecDeque::new() }
    }

    /// Takes bytes of the server.
    ///
    /// # Errors
    /// [`BadResponse`]; then the parser is not to be used any more.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), BadResponse> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() > self.limits.max_line_bytes {
                return Err(BadResponse::LineTooLong);
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.add(line.trim_ascii_end())?;
            }
        }
        Ok(())
    }

    /// The next complete reply, in order.
    pub fn next_response(&mut self) -> Option<Response> {
        self.ready.pop_front()
    }

    /// True when nothing is left that was not given out. After the reply to STARTTLS anything else would be
    /// somebody's injection (RFC 3207 §4.2).
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.line.is_empty() && self.unfinished.is_none() && self.ready.is_empty()
    }

    fn add(&mut self, line: &[u8]) -> Result<(), BadResponse> {
        let (code, more, text) = split(line).ok_or(BadResponse::Malformed)?;
        let (enhanced, text) = split_enhanced(text, code);
        let mut response = match self.unfinished.take() {
            Some(response) if response.code != code => return Err(BadResponse::MixedCodes),
            Some(response) => response,
            None => Response { code, enhanced, lines: Vec::new() },
        };
        if response.lines.len() >= self.limits.max_lines {
            return Err(BadResponse::TooManyLines);
        }
        response.lines.push(String::from_utf8_lossy(text).into_owned());
        match more {
            More::Yes => self.unfinished = Some(response),
            More::No => self.ready.push_back(response),
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum More {
    Yes,
    No,
}

/// `250-text`, `250 text` or `250`.
fn split(line: &[u8]) -> Option<(u16, More, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code: u16 = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?.parse().ok()?;
    if !(200..600).contains(&code) {
        return None;
    }
    match rest.split_first() {
        None => Some((code, More::No, rest)),
        Some((b' ', text)) => Some((code, More::No, text)),
        Some((b'-', text)) => Some((code, More::Yes, text)),
        Some(_) => None,
    }
}

/// RFC 2034 §4: the enhanced code stands first and has the class of the digits.
fn split_enhanced(text: &[u8], code: u16) -> (Option<EnhancedCode>, &[u8]) {
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    match std::str::from_utf8(word).ok().and_then(enhanced).filter(|found| u16::from(found.class) == code / 100) {
        Some(found) => (Some(found), rest.strip_prefix(b" ").unwrap_or(rest)),
        None => (None, text),
    }
}

fn enhanced(word: &str) -> Option<EnhancedCode> {
    let mut numbers = word.splitn(3, '.');
    let mut number = || {
        let digits = numbers.next().filter(|digits| (1..=3).contains(&digits.len()))?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u16>().ok())?
    };
    let (class, subject, detail) = (number()?, number()?, number()?);
    let class = u8::try_from(class).ok().filter(|class| matches!(class, 2 | 4 | 5))?;
    Some(EnhancedCode { class, subject, detail })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Response>, BadResponse> {
        let mut parser = ResponseParser::new(ResponseLimits { max_line_bytes: 60, max_lines: 4 });
        parser.push(bytes)?;
        let found = std::iter::from_fn(|| parser.next_response()).collect();
        assert!(parser.is_drained());
        Ok(found)
    }

    #[test]
    fn rfc5321_replies_of_one_and_more_lines() {
        let found = all(b"220 mx ESMTP\r\n250-mx\r\n250-SIZE 5\r\n250 HELP\r\n354\r\n").unwrap();
        assert_eq!(found.iter().map(|r| r.code).collect::<Vec<_>>(), [220, 250, 354]);
        assert_eq!(found[1].lines, ["mx", "SIZE 5", "HELP"]);
        assert_eq!(found[2].lines, [""]);
    }

    #[test_case("550 5.1.1 no such user", "550 5.1.1 no such user", Severity::Permanent; "with enhanced code")]
    #[test_case("450-4.2.1 a\r\n450 4.2.1 b", "450 4.2.1 a b", Severity::Temporary; "on each line")]
    #[test_case("250 4.2.1 odd", "250 4.2.1 odd", Severity::Done; "a class that does not fit is text")]
    #[test_case("354 1.2", "354 1.2", Severity::Continue; "no code at all")]
    fn rfc2034_enhanced_codes(wire: &str, summary: &str, severity: Severity) {
        let found = all(format!("{wire}\r\n").as_bytes()).unwrap();
        assert_eq!((found[0].summary().as_str(), found[0].severity()), (summary, severity));
    }

    #[test]
    fn rfc2034_only_a_code_of_the_right_class_is_one() {
        assert_eq!(all(b"250 4.2.1 odd\r\n").unwrap()[0].enhanced, None);
        let code = EnhancedCode { class: 5, subject: 7, detail: 26 };
        assert_eq!(all(b"550 5.7.26 dmarc\r\n").unwrap()[0].enhanced, Some(code));
    }

    #[test_case(b"hello\r\n" => BadResponse::Malformed)]
    #[test_case(b"\r\n" => BadResponse::Malformed)]
    #[test_case(b"+25 x\r\n" => BadResponse::Malformed)]
    #[test_case(b"199 x\r\n" => BadResponse::Malformed)]
    #[test_case(b"2500\r\n" => BadResponse::Malformed)]
    #[test_case(b"250-a\r\n251 b\r\n" => BadResponse::MixedCodes)]
    #[test_case(b"250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n" => BadResponse::TooManyLines)]
    #[test_case(b"250 0123456789012345678901234567890123456789012345678901234567" => BadResponse::LineTooLong)]
    fn rfc5321_bad_replies(wire: &[u8]) -> BadResponse {
        all(wire).unwrap_err()
    }

    #[test]
    fn rfc3207_bytes_behind_the_reply_are_seen() {
        let mut parser = ResponseParser::new(ResponseLimits::default());
        parser.push(b"220 2.0.0 go ahead\r\n250 injected\r\n").unwrap();
        assert_eq!(parser.next_response().map(|response| response.code), Some(220));
        assert!(!parser.is_drained());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_parser_gives_the_same_wherever_the_bytes_are_cut(cut in 0usize..70) {
            let wire = b"250-mx\r\n250 8BITMIME\r\n550 5.1.1 no\r\n235 2.7.0 ok\r\n";
            let (first, second) = wire.split_at(cut.min(wire.len()));
            let mut parser = ResponseParser::new(ResponseLimits::default());
            parser.push(first).unwrap();
            parser.push(second).unwrap();
            let found: Vec<_> = std::iter::from_fn(|| parser.next_response()).collect();
            prop_assert_eq!(found, all(wire).unwrap());
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut parser = ResponseParser::new(ResponseLimits::default());
            let _ = parser.push(&bytes);
        }
    }
}
