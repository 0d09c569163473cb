//! What was used lately, so that it need not be read or made again. Bounded: what was used longest ago goes first.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Values by key, each with a weight; the weights together stay within a bound.
#[derive(Debug)]
pub(crate) struct Lately<K, V> {
    most: usize,
    weight: usize,
    /// Grows with every use.
    now: u64,
    entries: HashMap<K, Entry<V>>,
    by_use: BTreeMap<u64, K>,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
    used: u64,
}

impl<K: Copy + Eq + Hash, V: Clone> Lately<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Lately { most, weight: 0, now: 0, entries: HashMap::new(), by_use: BTreeMap::new() }
    }

    pub(crate) fn get(&mut self, key: K) -> Option<V> {
        let entry = self.entries.get_mut(&key)?;
        self.by_use.remove(&entry.used);
        self.now += 1;
        entry.used = self.now;
        self.by_use.insert(self.now, key);
        Some(entry.value.clone())
    }

    /// Keeps a value in the place of an earlier one; one that is too heavy alone is not kept.
    pub(crate) fn put(&mut self, key: K, value: V, weight: usize) {
        self.remove(key);
        if weight > self.most {
            return;
        }
        while self.weight + weight > self.most
            && let Some((_, oldest)) = self.by_use.first_key_value()
        {
            self.remove(*oldest);
        }
        self.now += 1;
        self.weight += weight;
        self.entries.insert(key, Entry { value, weight, used: self.now });
        self.by_use.insert(self.now, key);
    }

    pub(crate) fn remove(&mut self, key: K) {
        if let Some(entry) = self.entries.remove(&key) {
            self.weight -= entry.weight;
            self.by_use.remove(&entry.used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let mut lately = Lately::new(2);
        lately.put('a', 1, 1);
        lately.put('b', 2, 1);
        assert_eq!(lately.get('a'), Some(1));
        lately.put('c', 3, 1);
        assert_eq!(['a', 'b', 'c'].map(|key| lately.get(key)), [Some(1), None, Some(3)]);
        lately.put('c', 4, 1);
        lately.remove('a');
        assert_eq!(['a', 'c'].map(|key| lately.get(key)), [None, Some(4)]);
        assert_eq!((lately.weight, lately.entries.len(), lately.by_use.len()), (1, 1, 1));
    }

    #[test]
    fn the_weights_stay_within_the_bound() {
        let mut lately = Lately::new(10);
        lately.put('a', 1, 4);
        lately.put('b', 2, 6);
        lately.put('c', 3, 5);
        assert_eq!(['a', 'b', 'c'].map(|key| lately.get(key)), [None, None, Some(3)]);
        lately.put('c', 4, 11);
        assert_eq!(lately.get('c'), None, "too heavy, and the earlier one is not the value any more");
        assert_eq!((lately.weight, lately.entries.len(), lately.by_use.len()), (0, 0, 0));
    }
}
