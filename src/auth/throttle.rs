//! Guessing made slow (DESIGN 16): failed logins are counted, and each further one must wait twice as long.
//!
//! Only failures count. They are counted for a login from one network, for a login from everywhere, and for a
//! network whatever the login. The last two would let a stranger lock somebody out, so they do not hold for a
//! network from which this login succeeded before.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::clock::Timestamp;
use crate::ids::AccountId;

use super::Settings;
use super::network::Network;

/// What somebody tries to open: an account, however it was named, or a name that nobody has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Target {
    Account(AccountId),
    /// What comes after the right password of an account: counted apart, so that whoever has the password cannot begin
    /// anew with every time it is given.
    SecondFactor(AccountId),
    Unknown([u8; 32]),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Subject {
    Pair(Network, Target),
    Target(Target),
    Network(Network),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// See the module's text.
pub(super) struct Throttle {
    settings: Settings,
    failures: HashMap<Subject, Failures>,
    familiar: HashSet<(Network, Target)>,
    /// The familiar ones in the order they came, oldest first.
    familiar_order: VecDeque<(Network, Target)>,
}

impl Throttle {
    pub(super) fn new(settings: &Settings) -> Self {
        Throttle {
            settings: settings.clone(),
            failures: HashMap::new(),
            familiar: HashSet::new(),
            familiar_order: VecDeque::new(),
        }
    }

    /// Seconds that this login from this network has to wait because of its own failures; zero when none.
    pub(super) fn own_wait_s(&self, network: Network, target: Target, now: Timestamp) -> u32 {
        self.wait_s(Subject::Pair(network, target), self.settings.failures_per_login_and_network, now)
    }

    /// Seconds to wait because of what others did: elsewhere to this login, or here to other logins.
    pub(super) fn shared_wait_s(&self, network: Network, target: Target, now: Timestamp) -> u32 {
        if self.familiar.contains(&(network, target)) {
            return 0;
        }
        let of_target = self.wait_s(Subject::Target(target), self.settings.failures_per_login, now);
        let of_network = self.wait_s(Subject::Network(network), self.settings.failures_per_network, now);
        of_target.max(of_network)
    }

    /// Counts a failure.
    pub(super) fn failed(&mut self, network: Network, target: Target, now: Timestamp) {
        let forget_s = i64::from(self.settings.forget_failures_s);
        for subject in [Subject::Pair(network, target), Subject::Target(target), Subject::Network(network)] {
            let failures = self.failures.entry(subject).or_insert(Failures { count: 0, last: now });
            if seconds_between(failures.last, now) >= forget_s {
                failures.count = 0;
            }
            *failures = Failures { count: failures.count.saturating_add(1), last: now };
        }
        if self.failures.len() > self.settings.max_throttled {
            self.forget_oldest(now);
        }
    }

    /// Forgets the own failures of this pair and makes it familiar.
    pub(super) fn succeeded(&mut self, network: Network, target: Target) {
        self.failures.remove(&Subject::Pair(network, target));
        if self.familiar.insert((network, target)) {
            self.familiar_order.push_back((network, target));
        }
        if self.familiar_order.len() > self.settings.max_throttled
            && let Some(oldest) = self.familiar_order.pop_front()
        {
            self.familiar.remove(&oldest);
        }
    }

    fn wait_s(&self, subject: Subject, allowed: u32, now: Timestamp) -> u32 {
        let Some(failures) = self.failures.get(&subject) else { return 0 };
        let passed = seconds_between(failures.last, now);
        if failures.count < allowed || passed >= i64::from(self.settings.forget_failures_s) {
            return 0;
        }
        let doublings = (failures.count - allowed).min(31);
        let wait = u64::from(self.settings.backoff_s) << doublings;
        let wait = u32::try_from(wait).unwrap_or(u32::MAX).min(self.settings.max_backoff_s);
        u32::try_from(i64::from(wait) - passed).unwrap_or(0)
    }

    /// Drops what is old, and if that is not enough the older half.
    fn forget_oldest(&mut self, now: Timestamp) {
        let forget_s = i64::from(self.settings.forget_failures_s);
        self.failures.retain(|_, failures| seconds_between(failures.last, now) < forget_s);
        if self.failures.len() <= self.settings.max_throttled {
            return;
        }
        let mut ages: Vec<Timestamp> = self.failures.values().map(|failures| failures.last).collect();
        let middle = ages.len() / 2;
        let median = *ages.select_nth_unstable(middle).1;
        self.failures.retain(|_, failures| failures.last > median);
    }
}

/// Whole seconds from `past` to `now`; zero when the clock went back.
fn seconds_between(past: Timestamp, now: Timestamp) -> i64 {
    now.as_second().saturating_sub(past.as_second()).max(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    const USER: Target = Target::Account(AccountId(1));

    fn settings() -> Settings {
        Settings {
            failures_per_login_and_network: 3,
            failures_per_login: 5,
            failures_per_network: 6,
            backoff_s: 2,
            max_backoff_s: 60,
            forget_failures_s: 600,
            max_throttled: 1000,
            ..Settings::default()
        }
    }

    fn net(third: u8) -> Network {
        Network::of(std::net::IpAddr::from([192, 0, third, 1]))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test_case(2, 0 => 0; "free tries")]
    #[test_case(3, 0 => 2; "then the first wait")]
    #[test_case(4, 0 => 4; "doubled")]
    #[test_case(4, 3 => 1; "less what has passed")]
    #[test_case(4, 4 => 0; "over")]
    #[test_case(20, 0 => 60; "never above the longest")]
    #[test_case(4000, 0 => 60; "nor by overflow")]
    #[test_case(20, 600 => 0; "forgotten after a while")]
    fn a_login_waits_after_failures(failures: usize, later_s: i64) -> u32 {
        let mut throttle = Throttle::new(&settings());
        for _ in 0..failures {
            throttle.failed(net(1), USER, at(1000));
        }
        throttle.own_wait_s(net(1), USER, at(1000 + later_s))
    }

    #[test]
    fn a_success_clears_the_pair_and_other_networks_do_not_matter_to_it() {
        let mut throttle = Throttle::new(&settings());
        for _ in 0..5 {
            throttle.failed(net(1), USER, at(0));
        }
        assert!(throttle.own_wait_s(net(1), USER, at(0)) > 0);
        assert_eq!(throttle.own_wait_s(net(2), USER, at(0)), 0);
        throttle.succeeded(net(1), USER);
        assert_eq!(throttle.own_wait_s(net(1), USER, at(0)), 0);
    }

    #[test]
    fn an_attack_from_many_networks_slows_strangers_but_not_where_the_user_is_at_home() {
        let mut throttle = Throttle::new(&settings());
        throttle.succeeded(net(9), USER);
        for third in 20..30 {
            throttle.failed(net(third), USER, at(0));
        }
        assert!(throttle.shared_wait_s(net(40), USER, at(0)) > 0);
        assert_eq!(throttle.shared_wait_s(net(9), USER, at(0)), 0);
    }

    #[test]
    fn a_network_that_tries_many_names_waits_whatever_name_comes_next() {
        let mut throttle = Throttle::new(&settings());
        for name in 0..6 {
            throttle.failed(net(1), Target::Unknown([name; 32]), at(0));
        }
        assert!(throttle.shared_wait_s(net(1), USER, at(0)) > 0);
        assert_eq!(throttle.shared_wait_s(net(2), USER, at(0)), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_tables_stay_within_their_bound(steps in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<bool>()), 0..300)) {
            let mut throttle = Throttle::new(&Settings { max_throttled: 20, ..settings() });
            for (second, (third, name, success)) in steps.into_iter().enumerate() {
                if success {
                    throttle.succeeded(net(third), Target::Unknown([name; 32]));
                } else {
                    throttle.failed(net(third), Target::Unknown([name; 32]), at(i64::try_from(second).unwrap()));
                }
                prop_assert!(throttle.failures.len() <= 20 && throttle.familiar.len() <= 20);
                prop_assert_eq!(throttle.familiar.len(), throttle.familiar_order.len());
            }
        }

        #[test]
        fn a_wait_is_never_longer_than_the_longest(count in 0_u32..100, later in 0_i64..2000) {
            let mut throttle = Throttle::new(&settings());
            for _ in 0..count {
                throttle.failed(net(1), USER, at(0));
            }
            prop_assert!(throttle.own_wait_s(net(1), USER, at(later)) <= 60);
        }
    }
}
