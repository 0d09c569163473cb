//! Keys of accounts that were unwrapped lately. Bounded: the one that was used longest ago goes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::secret::Secret;
use crate::ids::AccountId;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Unwrapped {
    most: usize,
    /// Grows with every use.
    now: u64,
    keys: HashMap<AccountId, (Arc<Secret>, u64)>,
    by_use: BTreeMap<u64, AccountId>,
}

impl Unwrapped {
    pub(super) fn new(most: usize) -> Self {
        Unwrapped { most: most.max(1), now: 0, keys: HashMap::new(), by_use: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, account: AccountId) -> Option<Arc<Secret>> {
        let (key, used) = self.keys.get_mut(&account)?;
        self.by_use.remove(used);
        self.now += 1;
        *used = self.now;
        self.by_use.insert(self.now, account);
        Some(Arc::clone(key))
    }

    pub(super) fn put(&mut self, account: AccountId, key: Arc<Secret>) {
        self.remove(account);
        while self.keys.len() >= self.most
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.keys.remove(&oldest);
        }
        self.now += 1;
        self.keys.insert(account, (key, self.now));
        self.by_use.insert(self.now, account);
    }

    pub(super) fn remove(&mut self, account: AccountId) {
        if let Some((_, used)) = self.keys.remove(&account) {
            self.by_use.remove(&used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_was_used_longest_ago_goes_first() {
        let mut keys = Unwrapped::new(2);
        let key = |number| Arc::new(Secret::new([number; 32]));
        let found = |keys: &mut Unwrapped, account| keys.get(AccountId(account)).map(|key| key.expose()[0]);
        keys.put(AccountId(1), key(1));
        keys.put(AccountId(2), key(2));
        assert_eq!(found(&mut keys, 1), Some(1));
        keys.put(AccountId(3), key(3));
        assert_eq!([found(&mut keys, 1), found(&mut keys, 2), found(&mut keys, 3)], [Some(1), None, Some(3)]);
        keys.put(AccountId(3), key(4));
        keys.remove(AccountId(1));
        assert_eq!([found(&mut keys, 1), found(&mut keys, 3)], [None, Some(4)]);
        assert_eq!((keys.keys.len(), keys.by_use.len()), (1, 1));
    }
}
