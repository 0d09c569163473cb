//! How often one network, or one account, may do what costs work or tells something.
//!
//! The invariant: nobody does it more than so many times in a window of time, which begins with the first.

use std::hash::Hash;

use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::locale::{self, Lang};
use crate::store::lately::Lately;

/// Asked too often.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many questions; wait {seconds} s")]
pub struct TooFast {
    /// How long.
    pub seconds: u32,
}

impl TooFast {
    /// The sentence for whoever is signed in, and asked too often.
    #[must_use]
    pub fn text_for_account(self, lang: Lang) -> String {
        locale::text(lang, "cabinet-too-fast", &[("seconds", &self.seconds.to_string())])
    }
}

/// So many in each window of time, for each key.
#[derive(Debug)]
pub(super) struct Meter<K> {
    most: u32,
    window_s: i64,
    counts: Mutex<Lately<K, Count>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    begun_s: i64,
    count: u32,
}

impl<K: Copy + Eq + Hash> Meter<K> {
    /// Of at most `keys` keys the counts are kept; who asked longest ago is forgotten beyond that.
    pub(super) fn new(most: u32, window_s: i64, keys: usize) -> Self {
        Meter { most, window_s, counts: Mutex::new(Lately::new(keys)) }
    }

    /// Counts one.
    pub(super) fn count(&self, key: K, now: Timestamp) -> Result<(), TooFast> {
        let now_s = now.as_second();
        let mut counts = self.counts.lock();
        let fresh = Count { begun_s: now_s, count: 0 };
        // A window that begins in the future is of a clock that was set back.
        let old = counts.get(key).filter(|old| (0..self.window_s).contains(&(now_s - old.begun_s)));
        let mut current = old.unwrap_or(fresh);
        if current.count >= self.most {
            let seconds = u32::try_from(current.begun_s + self.window_s - now_s).unwrap_or(1);
            return Err(TooFast { seconds: seconds.max(1) });
        }
        current.count += 1;
        counts.put(key, current, 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn so_many_in_a_window_that_begins_with_the_first() {
        let meter = Meter::new(2, 60, 10);
        assert_eq!(meter.count(1, at(1000)), Ok(()));
        assert_eq!(meter.count(1, at(1059)), Ok(()));
        assert_eq!(meter.count(1, at(1059)), Err(TooFast { seconds: 1 }));
        assert_eq!(meter.count(1, at(1060)), Ok(()), "the window is over, and another one begins");
        assert_eq!(meter.count(1, at(1061)), Ok(()));
        assert_eq!(meter.count(1, at(1062)), Err(TooFast { seconds: 58 }));
    }

    #[test]
    fn what_is_refused_does_not_lengthen_the_window() {
        let meter = Meter::new(1, 60, 10);
        assert_eq!(meter.count(1, at(0)), Ok(()));
        assert!((1..60).all(|second| meter.count(1, at(second)).is_err()));
        assert_eq!(meter.count(1, at(60)), Ok(()));
    }

    #[test]
    fn each_key_has_its_own_count_and_the_oldest_is_forgotten() {
        let meter = Meter::new(1, 60, 2);
        assert_eq!(meter.count(1, at(0)), Ok(()));
        assert_eq!(meter.count(2, at(1)), Ok(()));
        assert!(meter.count(1, at(2)).is_err() && meter.count(2, at(2)).is_err());
        assert_eq!(meter.count(3, at(3)), Ok(()));
        assert_eq!(meter.count(1, at(4)), Ok(()), "no more than two are remembered");
    }

    #[test]
    fn a_clock_that_is_set_back_shuts_nobody_out() {
        let meter = Meter::new(1, 60, 10);
        assert_eq!(meter.count(1, at(1000)), Ok(()));
        assert_eq!(meter.count(1, at(500)), Ok(()));
    }
}
