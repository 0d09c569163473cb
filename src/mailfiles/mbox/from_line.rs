//! The line that begins a message in an mbox: `From sender date` (RFC 4155 appendix A).

use crate::clock::Timestamp;
use crate::message::date;

/// How the line begins.
pub(super) const FROM: &[u8] = b"From ";

/// The sender of messages whose envelope is not known any more.
const SENDER: &str = "MAILER-DAEMON";

/// The line without its end; the date is in UTC and exact to the second.
pub(super) fn write(date: Timestamp) -> String {
    format!("From {SENDER} {}", date.strftime("%a %b %e %H:%M:%S %Y"))
}

/// The date of such a line; `None` when it is an ordinary line that begins with the same letters.
///
/// The date is that of asctime, often with a zone before or behind the year, or without seconds.
pub(super) fn parse(line: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(line.strip_prefix(FROM)?).ok()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_time = |word: &&str| word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit());
    let time_at = words.iter().rposition(is_time)?;
    let (day, month) = (words.get(time_at.checked_sub(1)?)?, words.get(time_at.checked_sub(2)?)?);
    let behind = words.get(time_at + 1..)?;
    let is_year = |word: &&&str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    let year = behind.iter().find(is_year)?;
    let zone = behind.iter().find(|word| *word != year).copied().unwrap_or_default();
    let time = words.get(time_at)?;
    date::parse(&format!("{day} {month} {year} {time} {zone}"))?.timestamp()
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("From MAILER-DAEMON Sat Nov 21 20:02:39 2026" => Some("2026-11-21T20:02:39Z".to_owned()); "plain")]
    #[test_case("From a@b.example Sat Nov  7 20:02 2026" => Some("2026-11-07T20:02:00Z".to_owned()); "without seconds")]
    #[test_case("From - Sat Nov 21 20:02:39 2026\r" => Some("2026-11-21T20:02:39Z".to_owned()); "no sender")]
    #[test_case("From 17@xxx Sat Nov 21 20:02:39 +0500 2026" => Some("2026-11-21T15:02:39Z".to_owned()); "zone before the year")]
    #[test_case("From a@b Sat Nov 21 20:02:39 2026 +0500" => Some("2026-11-21T15:02:39Z".to_owned()); "zone behind the year")]
    #[test_case("From a b c@d Sat Nov 21 20:02:39 2026" => Some("2026-11-21T20:02:39Z".to_owned()); "sender with blanks")]
    #[test_case("From here to there it takes 10:30 hours" => None; "prose with a time")]
    #[test_case("From a@b Sat Nov 31 20:02:39 2026" => None; "no such day")]
    #[test_case("From " => None; "nothing")]
    fn rfc4155_from_line(line: &str) -> Option<String> {
        parse(line.as_bytes()).map(|date| date.to_string())
    }

    #[test]
    fn rfc4155_from_line_is_written() {
        let date: Timestamp = "2026-11-07T08:02:39.5Z".parse().unwrap();
        assert_eq!(write(date), "From MAILER-DAEMON Sat Nov  7 08:02:39 2026");
        assert_eq!(parse(write(date).as_bytes()), "2026-11-07T08:02:39Z".parse().ok());
    }
}
