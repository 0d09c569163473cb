//! How often one network may ask: so that nobody reads off which logins are taken, and nobody keeps the threads that
//! hash busy.

use std::net::IpAddr;

use parking_lot::Mutex;

use crate::auth::network::Network;
use crate::clock::Timestamp;
use crate::store::lately::Lately;

use super::Settings;

/// Asked too often.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many questions from your network; wait {seconds} s")]
pub struct TooFast {
    /// How long.
    pub seconds: u32,
}

#[derive(Debug)]
pub(super) struct Pace {
    look_ups: Meter,
    applications: Meter,
    signatures: Meter,
}

/// So many in each window of time.
#[derive(Debug)]
struct Meter {
    most: u32,
    window_s: i64,
    counts: Mutex<Lately<Network, Count>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    begun_s: i64,
    count: u32,
}

impl Pace {
    pub(super) fn new(settings: &Settings) -> Self {
        let meter = |most, window_s| Meter { most, window_s, counts: Mutex::new(Lately::new(settings.max_networks)) };
        Pace {
            look_ups: meter(settings.look_ups_per_minute, 60),
            applications: meter(settings.applications_per_hour, 3_600),
            signatures: meter(settings.signatures_per_hour, 3_600),
        }
    }

    pub(super) fn look_up(&self, ip: IpAddr, now: Timestamp) -> Result<(), TooFast> {
        self.look_ups.count(ip, now)
    }

    pub(super) fn application(&self, ip: IpAddr, now: Timestamp) -> Result<(), TooFast> {
        self.applications.count(ip, now)
    }

    pub(super) fn signature(&self, ip: IpAddr, now: Timestamp) -> Result<(), TooFast> {
        self.signatures.count(ip, now)
    }
}

impl Meter {
    fn count(&self, ip: IpAddr, now: Timestamp) -> Result<(), TooFast> {
        let (network, now_s) = (Network::of(ip), now.as_second());
        let mut counts = self.counts.lock();
        let fresh = Count { begun_s: now_s, count: 0 };
        let old = counts.get(network).filter(|old| (0..self.window_s).contains(&(now_s - old.begun_s)));
        let mut current = old.unwrap_or(fresh);
        if current.count >= self.most {
            let seconds = u32::try_from(current.begun_s + self.window_s - now_s).unwrap_or(1);
            return Err(TooFast { seconds: seconds.max(1) });
        }
        current.count += 1;
        counts.put(network, current, 1);
        Ok(())
    }
}
