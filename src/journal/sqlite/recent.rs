//! A bounded map of what was used lately: two generations, the older of which goes when the younger is full.

use std::collections::HashMap;
use std::hash::Hash;

/// At most twice `capacity` entries; those used within the last `capacity` insertions are there for certain.
pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    capacity: usize,
}

impl<K: Hash + Eq + Clone, V: Clone> Recent<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), capacity }
    }

    /// What is kept for `key`; it is young again.
    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.insert(key.clone(), value.clone());
        Some(value)
    }

    /// What is kept for `key`; it grows no younger.
    pub(super) fn peek(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Keeps a value. Where that ends a generation, what is forgotten is given back.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<HashMap<K, V>> {
        self.young.insert(key, value);
        if self.young.len() < self.capacity {
            return None;
        }
        let young = std::mem::take(&mut self.young);
        Some(std::mem::replace(&mut self.old, young))
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_lately_stays_and_the_rest_goes() {
        let mut recent = Recent::new(4);
        for number in 0..100 {
            let _ = recent.insert(number, number);
            assert_eq!(recent.get(&0), Some(0), "after {number}");
        }
        assert!(recent.young.len() + recent.old.len() <= 8);
        assert_eq!((recent.get(&99), recent.get(&50)), (Some(99), None));
        recent.remove(&99);
        assert_eq!(recent.get(&99), None);
    }
}
