//! Asks an NTP server what time it is (SNTP, RFC 4330; packets as RFC 5905 §7.3 has them).
//!
//! Pure: instants go in, an offset comes out. The request tells nothing: instead of our time it carries a random
//! number, which the answer must repeat, so that nobody who does not see the request can answer it.

use crate::clock::Timestamp;

/// Bytes of a packet without extensions.
pub(super) const PACKET: usize = 48;

/// Seconds from 1900, where NTP begins, to 1970.
const TO_1970: i64 = 2_208_988_800;

/// Seconds of an era: the 32 bits go round in 2036.
const ERA: i64 = 1 << 32;

/// LI 0, version 4, mode 3 (client).
const CLIENT: u8 = 0b00_100_011;

/// A question that waits for its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Question {
    cookie: [u8; 8],
    sent: Timestamp,
}

/// Why an answer is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// Fewer bytes than a packet has.
    #[error("the answer is cut short")]
    Short,
    /// Not to this question.
    #[error("the answer is to another question")]
    OtherQuestion,
    /// Not from a server, or of another version.
    #[error("this is no answer of an NTP server")]
    NotAServer,
    /// RFC 4330 §8.
    #[error("the server refuses to answer ({0})")]
    Kiss(String),
    /// Leap indicator 3, or stratum 16.
    #[error("the server does not know the time itself")]
    NotSynchronized,
    /// Its instants cannot be.
    #[error("the server's instants make no sense")]
    Nonsense,
}

impl Question {
    /// A question, sent at `sent` by our clock.
    pub(super) fn new(cookie: [u8; 8], sent: Timestamp) -> Self {
        Question { cookie, sent }
    }

    /// The packet.
    pub(super) fn packet(&self) -> [u8; PACKET] {
        let mut packet = [0; PACKET];
        packet[0..1].copy_from_slice(&[CLIENT]);
        packet[40..].copy_from_slice(&self.cookie);
        packet
    }

    /// How far our clock is before the server's, in milliseconds, by an answer that came at `came` by our clock: half
    /// of the way there and half of the way back taken off (RFC 4330 §5).
    pub(super) fn drift_ms(&self, answer: &[u8], came: Timestamp) -> Result<i64, NoAnswer> {
        let packet: &[u8; PACKET] = answer.first_chunk().ok_or(NoAnswer::Short)?;
        let [first, stratum, ..] = *packet;
        if packet[24..32] != self.cookie {
            return Err(NoAnswer::OtherQuestion);
        }
        if first & 0b111 != 4 || !matches!(first >> 3 & 0b111, 3 | 4) {
            return Err(NoAnswer::NotAServer);
        }
        if stratum == 0 {
            return Err(NoAnswer::Kiss(String::from_utf8_lossy(&packet[12..16]).trim_end_matches('\0').to_owned()));
        }
        if first >> 6 == 3 || stratum > 15 {
            return Err(NoAnswer::NotSynchronized);
        }
        let (sent, came) = (microseconds(self.sent), microseconds(came));
        let received = read(&packet[32..40], came).ok_or(NoAnswer::Nonsense)?;
        let transmitted = read(&packet[40..48], came).ok_or(NoAnswer::Nonsense)?;
        if came < sent || transmitted < received {
            return Err(NoAnswer::Nonsense);
        }
        let ahead = ((received - sent) + (transmitted - came)) / 2;
        i64::try_from((500 - ahead).div_euclid(1000)).map_err(|_| NoAnswer::Nonsense)
    }
}

fn microseconds(instant: Timestamp) -> i128 {
    i128::from(instant.as_microsecond())
}

/// An instant of a packet, in microseconds since 1970: in the era that is nearest to ours. `None` where it is left out.
fn read(bytes: &[u8], near: i128) -> Option<i128> {
    let (seconds, fraction) = bytes.split_first_chunk::<4>()?;
    let (seconds, fraction) = (u32::from_be_bytes(*seconds), u32::from_be_bytes(*fraction.first_chunk()?));
    if (seconds, fraction) == (0, 0) {
        return None;
    }
    let within = (i128::from(fraction) * 1_000_000) >> 32;
    let in_era_0 = i128::from(i64::from(seconds) - TO_1970) * 1_000_000 + within;
    let era = i128::from(ERA) * 1_000_000;
    Some(in_era_0 + (near - in_era_0 + era / 2).div_euclid(era) * era)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    const COOKIE: [u8; 8] = *b"question";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn ntp(instant: Timestamp) -> [u8; 8] {
        let seconds = (instant.as_second() + TO_1970).rem_euclid(ERA) as u32;
        let fraction = (i128::from(instant.subsec_nanosecond()) << 32) / 1_000_000_000;
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..].copy_from_slice(&(fraction as u32).to_be_bytes());
        bytes
    }

    fn answer(received: Timestamp, transmitted: Timestamp) -> [u8; PACKET] {
        let mut packet = [0; PACKET];
        packet[0] = 0b00_100_100;
        packet[1] = 2;
        packet[24..32].copy_from_slice(&COOKIE);
        packet[32..40].copy_from_slice(&ntp(received));
        packet[40..48].copy_from_slice(&ntp(transmitted));
        packet
    }

    #[test_case("2026-11-22T04:00:00.050Z", "2026-11-22T04:00:00.060Z" => 0; "the ways there and back are equal")]
    #[test_case("2026-11-22T04:00:05.050Z", "2026-11-22T04:00:05.060Z" => -5000; "our clock is slow")]
    #[test_case("2026-11-22T03:59:55.050Z", "2026-11-22T03:59:55.060Z" => 5000; "our clock is fast")]
    #[test_case("2036-02-07T06:28:17Z", "2036-02-07T06:28:17Z" => -290658496945; "the next era")]
    fn p31_how_far_the_clock_is_before_the_servers(received: &str, transmitted: &str) -> i64 {
        let question = Question::new(COOKIE, at("2026-11-22T04:00:00Z"));
        question.drift_ms(&answer(at(received), at(transmitted)), at("2026-11-22T04:00:00.110Z")).unwrap()
    }

    #[test]
    fn both_sides_of_the_end_of_an_era() {
        let question = Question::new(COOKIE, at("2036-02-07T06:28:15.500Z"));
        let answer = answer(at("2036-02-07T06:28:16.500Z"), at("2036-02-07T06:28:16.500Z"));
        assert_eq!(question.drift_ms(&answer, at("2036-02-07T06:28:15.500Z")), Ok(-1000));
    }

    #[test]
    fn a_question_says_nothing_of_our_time() {
        let packet = Question::new(COOKIE, at("2026-11-22T04:00:00Z")).packet();
        assert_eq!((packet[0], &packet[1..40], &packet[40..]), (0x23, &[0; 39][..], &COOKIE[..]));
    }

    #[test_case(|packet| packet[24] ^= 1 => NoAnswer::OtherQuestion; "another question")]
    #[test_case(|packet| packet[0] = 0b00_100_011 => NoAnswer::NotAServer; "our own question")]
    #[test_case(|packet| packet[0] = 0b00_010_100 => NoAnswer::NotAServer; "version 2")]
    #[test_case(|packet| packet[0] = 0b11_100_100 => NoAnswer::NotSynchronized; "alarm")]
    #[test_case(|packet| packet[1] = 16 => NoAnswer::NotSynchronized; "stratum 16")]
    #[test_case(|packet| { packet[1] = 0; packet[12..16].copy_from_slice(b"RATE") } => NoAnswer::Kiss("RATE".into()); "kiss of death")]
    #[test_case(|packet| packet[40..48].fill(0) => NoAnswer::Nonsense; "no instant")]
    #[test_case(|packet| packet[32] ^= 1 => NoAnswer::Nonsense; "sent before it was received")]
    fn what_is_no_answer(change: fn(&mut [u8; PACKET])) -> NoAnswer {
        let now = at("2026-11-22T04:00:00Z");
        let mut packet = answer(now, now);
        change(&mut packet);
        Question::new(COOKIE, now).drift_ms(&packet, now).unwrap_err()
    }

    #[test]
    fn a_short_answer_is_none() {
        let now = at("2026-11-22T04:00:00Z");
        assert_eq!(Question::new(COOKIE, now).drift_ms(&answer(now, now)[..47], now), Err(NoAnswer::Short));
    }
}
