//! What tidies in the background leaves the disk to the letters.

use std::time::{Duration, Instant};

/// Keeps work at so many bytes a second.
#[derive(Debug)]
pub(in crate::store) struct Pace {
    bytes_per_s: u64,
    begun: Instant,
    bytes: u64,
}

impl Pace {
    /// Zero for as fast as it goes.
    pub(in crate::store) fn new(bytes_per_s: u64) -> Self {
        Pace { bytes_per_s, begun: Instant::now(), bytes: 0 }
    }

    /// These bytes were read and written: wait until they may have been.
    pub(in crate::store) fn spend(&mut self, bytes: u64) {
        self.bytes += bytes;
        let Some(millis) = self.bytes.saturating_mul(1_000).checked_div(self.bytes_per_s) else { return };
        let earliest = Duration::from_millis(millis);
        std::thread::sleep(earliest.saturating_sub(self.begun.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_at_least_as_long_as_its_bytes_allow() {
        let mut pace = Pace::new(1_000_000);
        let begun = Instant::now();
        (0..4).for_each(|_| pace.spend(10_000));
        assert!(begun.elapsed() >= Duration::from_millis(40));
    }
}
