//! Reservations: a value that is nobody's yet is held for who asked for it first, until its creation has gone one way or
//! the other.
//!
//! They are in memory: a restart forgets them, and whoever held one asks again or is found on disk.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::event::Person;
use crate::journal::FieldKey;

/// How many values can be held at once.
const MOST: usize = 20_000;
/// How many of them by one person; the oldest go first.
const MOST_EACH: usize = 16;

/// Values that are held, all of one tenant's lookup.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Held {
    lookup: String,
    system: &'static str,
    tenant: String,
    values: Vec<String>,
}

struct Holder {
    person: Person,
    until: Instant,
}

/// What is held, by whom, and until when.
#[derive(Default)]
pub(super) struct Reservations(Mutex<State>);

#[derive(Default)]
struct State {
    held: HashMap<Held, Holder>,
    /// The same by person, for its end.
    by_person: HashMap<Person, Vec<Held>>,
}

/// What came of trying to hold a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reserved {
    /// It is the asker's now, or still.
    Own,
    /// Somebody else holds it.
    Other,
    /// So many are held that no more can be.
    Full,
}

impl Reservations {
    /// Holds these values of a lookup for whoever asks, unless another does.
    pub(super) fn reserve(
        &self,
        lookup: &str,
        asker: &Person,
        keys: &[FieldKey],
        now: Instant,
        time: Duration,
    ) -> Reserved {
        let held = held(lookup, asker, keys);
        let mut state = self.lock();
        if let Some(holder) = state.held.get(&held)
            && holder.until > now
            && holder.person != *asker
        {
            return Reserved::Other;
        }
        // Whoever cannot be known again cannot hold anything.
        if !asker.known {
            return Reserved::Own;
        }
        if state.held.len() >= MOST {
            state.expire(now);
            if state.held.len() >= MOST {
                return Reserved::Full;
            }
        }
        let holder = Holder { person: asker.clone(), until: now + time };
        if let Some(before) = state.held.insert(held.clone(), holder) {
            state.forget(&before.person, &held);
        }
        let own = state.by_person.entry(asker.clone()).or_default();
        own.push(held);
        let oldest = (own.len() > MOST_EACH).then(|| own.remove(0));
        if let Some(oldest) = oldest {
            state.held.remove(&oldest);
        }
        Reserved::Own
    }

    /// Gives back one value.
    pub(super) fn give_back(&self, lookup: &str, asker: &Person, keys: &[FieldKey]) {
        let held = held(lookup, asker, keys);
        let mut state = self.lock();
        if state.held.get(&held).is_some_and(|holder| holder.person == *asker) {
            state.held.remove(&held);
            state.forget(asker, &held);
        }
    }

    /// Ends all that a person holds.
    pub(super) fn release(&self, person: &Person) {
        let mut state = self.lock();
        for held in state.by_person.remove(person).unwrap_or_default() {
            state.held.remove(&held);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn held(lookup: &str, asker: &Person, keys: &[FieldKey]) -> Held {
    Held {
        lookup: lookup.to_owned(),
        system: asker.system,
        tenant: asker.tenant.clone(),
        values: keys.iter().map(|key| format!("{} {}", key.form, key.normal)).collect(),
    }
}

impl State {
    fn forget(&mut self, person: &Person, held: &Held) {
        if let Some(own) = self.by_person.get_mut(person) {
            own.retain(|own| own != held);
            if own.is_empty() {
                self.by_person.remove(person);
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        self.held.retain(|_, holder| holder.until > now);
        let held = &self.held;
        self.by_person.retain(|_, own| {
            own.retain(|own| held.contains_key(own));
            !own.is_empty()
        });
    }
}
