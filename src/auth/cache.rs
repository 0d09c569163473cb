//! Passwords that were verified a short while ago, so that a client's next connection costs no hash.
//!
//! Nothing that could be turned back into a password is kept: an entry is a BLAKE3 hash, keyed with a secret
//! that this process drew at its start, over the network, the credential's version and the password. It is
//! bound to the network so that nobody elsewhere can try passwords against the cache at its speed.

use std::collections::{HashMap, VecDeque};

use jiff::ToSpan;

use crate::clock::Timestamp;
use crate::ids::AccountId;
use crate::store::accounts::Credential;

use super::network::Network;
use super::{Secret, Settings};

/// The name under which a verified password is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Proof([u8; 32]);

/// See the module's text.
pub(super) struct Cache {
    key: [u8; 32],
    entries: HashMap<Proof, Timestamp>,
    /// By expiry: all entries live equally long.
    order: VecDeque<(Proof, Timestamp)>,
    max_entries: usize,
    ttl_s: u32,
}

impl Cache {
    pub(super) fn new(settings: &Settings, key: [u8; 32]) -> Self {
        let (entries, order) = (HashMap::new(), VecDeque::new());
        Cache { key, entries, order, max_entries: settings.cache_entries, ttl_s: settings.cache_ttl_s }
    }

    /// What a verified password of this credential is called when it comes from this network.
    pub(super) fn proof(
        &self,
        network: Network,
        account: AccountId,
        credential: &Credential,
        password: &Secret,
    ) -> Proof {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&network.to_bytes());
        hasher.update(&account.0.to_be_bytes());
        hasher.update(&credential.id.to_be_bytes());
        hasher.update(&credential.version.to_be_bytes());
        hasher.update(password.expose().as_bytes());
        Proof(*hasher.finalize().as_bytes())
    }

    /// True when this password was verified within the time to live.
    pub(super) fn knows(&self, proof: &Proof, now: Timestamp) -> bool {
        self.entries.get(proof).is_some_and(|expires| *expires > now)
    }

    /// Remembers a verified password.
    pub(super) fn remember(&mut self, proof: Proof, now: Timestamp) {
        let Ok(expires) = now.checked_add(i64::from(self.ttl_s).seconds()) else { return };
        self.entries.insert(proof, expires);
        self.order.push_back((proof, expires));
        while let Some((oldest, expiry)) = self.order.front().copied() {
            if expiry > now && self.order.len() <= self.max_entries {
                break;
            }
            self.order.pop_front();
            // A password that was verified again meanwhile has a younger place in the order.
            if self.entries.get(&oldest) == Some(&expiry) {
                self.entries.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::store::accounts::{CredentialKind, PasswordHash, Scope};

    use super::*;

    fn cache(entries: usize) -> Cache {
        Cache::new(&Settings { cache_entries: entries, cache_ttl_s: 600, ..Settings::default() }, [1; 32])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn proof(cache: &Cache, net: u8, version: u32, password: &str) -> Proof {
        let credential = Credential {
            id: 1,
            kind: CredentialKind::Main,
            hash: PasswordHash::new(String::new()),
            version,
            scope: Scope::ALL,
            created: at(0),
            last_used: None,
        };
        let network = Network::of(std::net::IpAddr::from([10, 0, net, 1]));
        cache.proof(network, AccountId(7), &credential, &Secret::new(password.into()))
    }

    #[test]
    fn a_verified_password_is_known_for_ten_minutes_and_no_longer() {
        let mut cache = cache(10);
        let mine = proof(&cache, 1, 1, "secret");
        cache.remember(mine, at(1000));
        assert!(cache.knows(&mine, at(1599)));
        assert!(!cache.knows(&mine, at(1600)));
    }

    #[test]
    fn another_network_version_or_password_is_not_known() {
        let mut cache = cache(10);
        cache.remember(proof(&cache, 1, 1, "secret"), at(0));
        for other in [proof(&cache, 2, 1, "secret"), proof(&cache, 1, 2, "secret"), proof(&cache, 1, 1, "Secret")] {
            assert!(!cache.knows(&other, at(1)));
        }
    }

    #[test]
    fn another_boot_secret_gives_other_names() {
        let other = Cache::new(&Settings::default(), [2; 32]);
        assert!(proof(&cache(1), 1, 1, "secret") != proof(&other, 1, 1, "secret"));
    }

    #[test]
    fn the_cache_stays_within_its_bound_and_forgets_the_oldest() {
        let mut cache = cache(3);
        let proofs: Vec<_> = (0..5).map(|n| proof(&cache, n, 1, "secret")).collect();
        for proof in &proofs {
            cache.remember(*proof, at(0));
        }
        let known: Vec<_> = proofs.iter().map(|proof| cache.knows(proof, at(1))).collect();
        assert_eq!(known, [false, false, true, true, true]);
        assert_eq!((cache.entries.len(), cache.order.len()), (3, 3));
    }

    #[test]
    fn a_password_verified_again_lives_on() {
        let mut cache = cache(10);
        let mine = proof(&cache, 1, 1, "secret");
        cache.remember(mine, at(0));
        cache.remember(mine, at(500));
        cache.remember(proof(&cache, 2, 1, "other"), at(700));
        assert!(cache.knows(&mine, at(1099)));
    }
}
