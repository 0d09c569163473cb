//! How the server does from minute to minute: a few of its numbers, kept for an hour, for the page at which an
//! administrator looks first. It reads what `/metrics` shows and counts nothing itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::clock::{Timestamp, World};

/// How often the numbers are read.
const EVERY: Duration = Duration::from_secs(15);

/// Readings that are kept: of an hour.
const KEPT: usize = 241;

/// What "now" means, seconds: four readings.
const LATELY_S: f64 = 60.0;

/// What is counted since the server started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Numbers {
    /// Letters that were taken in.
    pub taken_in: u64,
    /// Letters that were refused at the door.
    pub refused: u64,
    /// Deliveries to other servers.
    pub sent: u64,
    /// Attempts at that which are made again.
    pub deferred: u64,
    /// Attempts that failed for good.
    pub failed: u64,
    /// Logins with a wrong password.
    pub wrong_logins: u64,
    /// IMAP sessions that are open now.
    pub sessions: u64,
}

/// One number of [`Numbers`] over time.
#[derive(Clone, PartialEq, Debug)]
pub struct Trace {
    /// So many a second, over the last minute.
    pub lately: f64,
    /// So many a second between one reading and the next, the oldest first.
    pub by_reading: Vec<f64>,
}

/// The readings. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    readings: Arc<Mutex<VecDeque<(Timestamp, Numbers)>>>,
}

impl Pulse {
    /// Reads the numbers again and again, until told to stop. `metrics` is the text that `/metrics` shows.
    pub async fn run(self, metrics: impl Fn() -> String, world: World, stop: CancellationToken) {
        loop {
            self.note(world.now(), Numbers::read(&metrics()));
            if tokio::time::timeout(EVERY, stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Keeps a reading; the oldest one goes.
    pub fn note(&self, at: Timestamp, numbers: Numbers) {
        let mut readings = self.readings.lock();
        if readings.len() == KEPT {
            readings.pop_front();
        }
        readings.push_back((at, numbers));
    }

    /// The newest reading.
    #[must_use]
    pub fn newest(&self) -> Numbers {
        self.readings.lock().back().map(|(_, numbers)| *numbers).unwrap_or_default()
    }

    /// One number over time.
    #[must_use]
    pub fn trace(&self, number: impl Fn(&Numbers) -> u64) -> Trace {
        let readings = self.readings.lock();
        let pairs = readings.iter().zip(readings.iter().skip(1));
        let by_reading = pairs.map(|(earlier, later)| rate(earlier, later, &number)).collect();
        let lately = readings.back().and_then(|newest| {
            let is_old = |(at, _): &&(Timestamp, Numbers)| newest.0.duration_since(*at).as_secs_f64() >= LATELY_S;
            let earlier = readings.iter().rev().find(is_old).or_else(|| readings.front())?;
            Some(rate(earlier, newest, &number))
        });
        Trace { lately: lately.unwrap_or(0.0), by_reading }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people, of counts far below 2^52")]
fn rate(
    (from, earlier): &(Timestamp, Numbers),
    (to, later): &(Timestamp, Numbers),
    number: impl Fn(&Numbers) -> u64,
) -> f64 {
    let seconds = to.duration_since(*from).as_secs_f64();
    let more = number(later).saturating_sub(number(earlier));
    if seconds > 0.0 { more as f64 / seconds } else { 0.0 }
}

impl Numbers {
    /// The numbers in the text format of Prometheus.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut numbers = Numbers::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let value = value.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0);
            let (name, labels) = name.split_once('{').unwrap_or((name, ""));
            let number = match name {
                "poshta_letters_accepted_total" => &mut numbers.taken_in,
                "poshta_smtp_messages_refused_total" => &mut numbers.refused,
                "poshta_outbound_attempts_total" if labels.contains("\"delivered\"") => &mut numbers.sent,
                "poshta_outbound_attempts_total" if labels.contains("\"deferred\"") => &mut numbers.deferred,
                "poshta_outbound_attempts_total" if labels.contains("\"failed\"") => &mut numbers.failed,
                "poshta_logins_total" if labels.contains("\"wrong") => &mut numbers.wrong_logins,
                "poshta_imap_sessions" => &mut numbers.sessions,
                _ => continue,
            };
            *number += value;
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn numbers_are_read_from_what_the_metrics_show() {
        let text = "# TYPE poshta_letters_accepted_total counter\n\
                    poshta_letters_accepted_total 7\n\
                    poshta_smtp_messages_refused_total{port=\"mx\",code=\"550\"} 2\n\
                    poshta_smtp_messages_refused_total{port=\"mx\",code=\"451\"} 1\n\
                    poshta_outbound_attempts_total{outcome=\"delivered\"} 4\n\
                    poshta_outbound_attempts_total{outcome=\"deferred\"} 5\n\
                    poshta_outbound_attempts_total{outcome=\"failed\"} 6\n\
                    poshta_imap_sessions 3.0\n\
                    another_total 9\nno number\n";
        let read = Numbers { taken_in: 7, refused: 3, sent: 4, deferred: 5, failed: 6, wrong_logins: 0, sessions: 3 };
        assert_eq!(Numbers::read(text), read);
    }

    #[test]
    fn a_rate_is_that_of_the_last_minute() {
        let pulse = Pulse::default();
        assert_eq!(pulse.trace(|numbers| numbers.sent), Trace { lately: 0.0, by_reading: Vec::new() });
        for (second, sent) in [(0, 0), (60, 600), (120, 720), (180, 780)] {
            pulse.note(at(second), Numbers { sent, ..Numbers::default() });
        }
        let trace = pulse.trace(|numbers| numbers.sent);
        assert_eq!((trace.lately, trace.by_reading), (1.0, vec![10.0, 2.0, 1.0]));
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let pulse = Pulse::default();
        (0..1_000).for_each(|second| pulse.note(at(second), Numbers::default()));
        assert_eq!(pulse.trace(|numbers| numbers.sent).by_reading.len(), KEPT - 1);
    }
}
