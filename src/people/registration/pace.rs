//! How often one network may ask: so that nobody reads off which logins are taken, and nobody keeps the threads that
//! hash busy.

use std::net::IpAddr;

use crate::auth::network::Network;
use crate::clock::Timestamp;
use crate::people::meter::Meter;

use super::{Settings, TooFast};

#[derive(Debug)]
pub(super) struct Pace {
    look_ups: Meter<Network>,
    applications: Meter<Network>,
    signatures: Meter<Network>,
}

impl Pace {
    pub(super) fn new(settings: &Settings) -> Self {
        let meter = |most, window_s| Meter::new(most, window_s, settings.max_networks);
        Pace {
            look_ups: meter(settings.look_ups_per_minute, 60),
            applications: meter(settings.applications_per_hour, 3_600),
            signatures: meter(settings.signatures_per_hour, 3_600),
        }
    }

    pub(super) fn look_up(&self, ip: IpAddr, now: Timestamp) -> Result<(), TooFast> {
        self.look_ups.count(Network::of(ip), now)
    }

    pub(super) fn application(&self, ip: IpAddr, now: Timestamp) -> Result<(), TooFast> {
        self.applications.count(Network::of(ip), now)
    }

    pub(super) fn signature(&self, ip: IpAddr, now: Timestamp) -> Result<(), TooFast> {
        self.signatures.count(Network::of(ip), now)
    }
}
