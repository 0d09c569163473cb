//! How many forms people who are not signed in may send: so many a minute from one network. What a login costs is
//! limited elsewhere (`auth`); this is for everything else that anybody may send.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::auth::network::Network;
use crate::clock::Timestamp;

/// Networks that are counted at one time; beyond it those of minutes that are over are forgotten, then all.
const MOST_NETWORKS: usize = 100_000;

const MINUTE_S: i64 = 60;

/// The counts of the minute. Clones share them.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct FormRate {
    counts: Arc<Mutex<HashMap<Network, Count>>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    minute: i64,
    forms: u32,
}

impl FormRate {
    /// Counts a form; tells after how many seconds the next one is taken if this one is one too many. With `most` 0
    /// there is no limit.
    pub(super) fn wait_s(&self, from: IpAddr, most: u32, now: Timestamp) -> Option<u32> {
        if most == 0 {
            return None;
        }
        let minute = now.as_second().div_euclid(MINUTE_S);
        let mut counts = self.counts.lock();
        if counts.len() >= MOST_NETWORKS {
            counts.retain(|_, count| count.minute == minute);
            if counts.len() >= MOST_NETWORKS {
                counts.clear();
            }
        }
        let count = counts.entry(Network::of(from)).or_insert(Count { minute, forms: 0 });
        if count.minute != minute {
            *count = Count { minute, forms: 0 };
        }
        count.forms = count.forms.saturating_add(1);
        let left = MINUTE_S - now.as_second().rem_euclid(MINUTE_S);
        (count.forms > most).then(|| u32::try_from(left).unwrap_or(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_sends_so_many_forms_a_minute_and_another_one_its_own() {
        let rate = FormRate::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let (home, neighbour, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 9].into(), [198, 51, 100, 1].into());
        assert_eq!(rate.wait_s(home, 2, at(600)), None);
        assert_eq!(rate.wait_s(neighbour, 2, at(601)), None);
        assert_eq!(rate.wait_s(home, 2, at(645)), Some(15));
        assert_eq!(rate.wait_s(other, 2, at(645)), None);
        assert_eq!(rate.wait_s(home, 2, at(660)), None, "the next minute");
        assert!((0..100).all(|_| rate.wait_s(home, 0, at(700)).is_none()), "no limit");
    }
}
