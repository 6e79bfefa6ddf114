//! Distinct persons in a stretch of time that ends now.

use std::collections::{BTreeSet, HashMap};

use crate::journal::Reference;

/// Who was counted, and when last. It never holds more persons than its guard lets pass.
#[derive(Debug, Default)]
pub(super) struct Window {
    latest: HashMap<Reference, i64>,
    order: BTreeSet<(i64, Reference)>,
    /// Whether its guard holds persons since it was last half empty.
    pub(super) tripped: bool,
}

impl Window {
    /// Lets those go who were counted before `from`; and those from after `to`, which a clock that was set back leaves.
    pub(super) fn slide(&mut self, from: i64, to: i64) {
        while let Some((_, person)) = self.order.first().filter(|(at, _)| *at <= from) {
            self.latest.remove(person);
            self.order.pop_first();
        }
        while let Some((_, person)) = self.order.last().filter(|(at, _)| *at > to) {
            self.latest.remove(person);
            self.order.pop_last();
        }
    }

    pub(super) fn has(&self, person: &Reference) -> bool {
        self.latest.contains_key(person)
    }

    pub(super) fn len(&self) -> usize {
        self.latest.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }

    /// Counts a person, or counts it later than before.
    pub(super) fn count(&mut self, person: Reference, at: i64) {
        let before = self.latest.get(&person).copied();
        if before.is_some_and(|before| before >= at) {
            return;
        }
        if let Some(before) = before {
            self.order.remove(&(before, person));
        }
        self.latest.insert(person, at);
        self.order.insert((at, person));
    }

    pub(super) fn forget(&mut self, person: &Reference) {
        if let Some(at) = self.latest.remove(person) {
            self.order.remove(&(at, *person));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_in_it_once_and_for_as_long_as_its_last_time_says() {
        let (anna, bob) = ([1; 16], [2; 16]);
        let mut window = Window::default();
        window.count(anna, 10);
        window.count(bob, 20);
        window.count(anna, 30);
        window.count(anna, 25);
        assert_eq!(window.len(), 2);
        window.slide(20, 1000);
        assert!(window.has(&anna) && !window.has(&bob));
        window.slide(30, 1000);
        assert!(window.is_empty());
        window.count(bob, 500);
        window.slide(30, 400);
        assert!(window.is_empty(), "it cannot have been counted in the future");
    }
}
