//! One login from one network is checked one at a time.
//!
//! So a client that opens fifty connections at once costs one hash (the others find it in the cache), and a
//! guesser that opens fifty meets the back-off after the first wrong ones instead of getting fifty tries.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::network::Network;
use super::throttle::Target;

type Lane = tokio::sync::Mutex<()>;

#[derive(Default)]
pub(super) struct Lanes {
    lanes: Mutex<HashMap<(Network, Target), Weak<Lane>>>,
}

impl Lanes {
    /// The lane of this login and network; it lives as long as somebody holds it.
    pub(super) fn of(&self, network: Network, target: Target) -> Arc<Lane> {
        let mut lanes = self.lanes.lock();
        if lanes.len() >= 256 && lanes.len() == lanes.capacity() {
            lanes.retain(|_, lane| lane.strong_count() > 0);
        }
        let slot = lanes.entry((network, target)).or_default();
        if let Some(lane) = slot.upgrade() {
            return lane;
        }
        let lane = Arc::new(Lane::default());
        *slot = Arc::downgrade(&lane);
        lane
    }
}

#[cfg(test)]
mod tests {
    use crate::ids::AccountId;

    use super::*;

    #[test]
    fn a_lane_is_shared_while_held_and_forgotten_afterwards() {
        let lanes = Lanes::default();
        let network = Network::of(std::net::IpAddr::from([10, 0, 0, 1]));
        let target = |n| Target::Account(AccountId(n));
        let held = lanes.of(network, target(0));
        assert!(Arc::ptr_eq(&held, &lanes.of(network, target(0))));
        for n in 1..100_000 {
            lanes.of(network, target(n));
        }
        assert!(lanes.lanes.lock().len() < 1000, "{} lanes that nobody holds", lanes.lanes.lock().len());
        assert!(Arc::ptr_eq(&held, &lanes.of(network, target(0))));
    }
}
