//! Who attempts what now. Only one process appends and delivers, so leases are in memory and a crash ends them.

use std::collections::HashMap;

/// A lane of one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    /// A person's.
    Person(i64),
    /// A delivery that waits for no other.
    Alone(u64),
}

/// The leases of all actions.
#[derive(Default)]
pub(super) struct Leases {
    lanes: HashMap<(i64, Lane), u64>,
    deliveries: HashMap<u64, (i64, Lane)>,
}

impl Leases {
    pub(super) fn take(&mut self, delivery: u64, lane: (i64, Lane)) {
        self.lanes.insert(lane, delivery);
        self.deliveries.insert(delivery, lane);
    }

    pub(super) fn release(&mut self, delivery: u64) {
        if let Some(lane) = self.deliveries.remove(&delivery) {
            self.lanes.remove(&lane);
        }
    }

    pub(super) fn has_delivery(&self, delivery: u64) -> bool {
        self.deliveries.contains_key(&delivery)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// The leased lanes of an action, for a look that must not see them change.
    pub(super) fn of_action(&self, action: i64) -> Vec<Lane> {
        self.lanes.keys().filter(|(of, _)| *of == action).map(|(_, lane)| *lane).collect()
    }
}
