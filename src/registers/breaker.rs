//! A register that does not answer is left alone for a while, so that those who wait for it hold nothing: after some
//! failures in a row nobody asks, then one asks again, and when he is answered all may.
//!
//! Pure: time is an argument.

use std::time::Duration;

use crate::clock::Timestamp;

/// Whether a register may be asked.
#[derive(Clone, Debug)]
pub(super) struct Breaker {
    most: u32,
    pause: Duration,
    failures: u32,
    /// Nobody asks before this.
    closed_until: Option<Timestamp>,
}

impl Breaker {
    /// One that stops questions after `most` failures in a row, for so long.
    pub(super) fn new(most: u32, pause: Duration) -> Self {
        Breaker { most, pause, failures: 0, closed_until: None }
    }

    /// Whether somebody may ask now. When the pause is over the first one may, and the others wait for another pause:
    /// unless his answer comes, which opens it for all.
    pub(super) fn admits(&mut self, now: Timestamp) -> bool {
        match self.closed_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                self.closed_until = now.checked_add(self.pause).ok();
                true
            }
        }
    }

    /// It answered.
    pub(super) fn answered(&mut self) {
        self.failures = 0;
        self.closed_until = None;
    }

    /// It did not; tells whether questions stop with this failure.
    pub(super) fn failed(&mut self, now: Timestamp) -> bool {
        self.failures = self.failures.saturating_add(1);
        if self.failures < self.most {
            return false;
        }
        let was_open = self.closed_until.is_none();
        self.closed_until = now.checked_add(self.pause).ok();
        was_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_796_000_000 + second).unwrap()
    }

    #[test]
    fn m24_a_dead_register_is_left_alone_and_tried_by_one() {
        let mut breaker = Breaker::new(3, Duration::from_secs(30));
        for second in 0..2 {
            assert!(breaker.admits(at(second)) && !breaker.failed(at(second)));
        }
        assert!(breaker.admits(at(2)) && breaker.failed(at(2)), "the third in a row");
        assert!(!breaker.admits(at(3)) && !breaker.admits(at(31)));
        assert!(breaker.admits(at(32)), "one tries");
        assert!(!breaker.admits(at(33)), "the others wait for him");
        assert!(!breaker.failed(at(34)), "nothing new");
        assert!(!breaker.admits(at(63)) && breaker.admits(at(64)));
        breaker.answered();
        assert!(breaker.admits(at(65)) && breaker.admits(at(65)));
        assert!(!breaker.failed(at(66)), "failures are counted anew");
    }

    #[test]
    fn m24_who_tries_and_never_comes_back_stops_nobody_for_ever() {
        let mut breaker = Breaker::new(1, Duration::from_secs(30));
        breaker.failed(at(0));
        assert!(breaker.admits(at(30)) && !breaker.admits(at(59)) && breaker.admits(at(60)));
    }
}
