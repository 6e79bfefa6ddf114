//! Reservations: a value that is nobody's yet is held for who asked for it first, until its creation has gone one way or
//! the other.
//!
//! They are in memory: a restart forgets them, and whoever held one asks again or is found on disk.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::base::ids::RequestId;
use crate::event::Person;
use crate::journal::FieldKey;

/// How many values can be held at once.
const MOST: usize = 20_000;
/// How many of them by one person; the oldest go first.
const MOST_EACH: usize = 16;

/// Values that are held, whichever lookup asked for them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Held {
    system: &'static str,
    tenant: String,
    /// In one order.
    values: Vec<String>,
}

struct Holder {
    person: Person,
    /// What else tells who it is.
    own: Vec<String>,
    /// The request that asked for it last.
    request: RequestId,
    until: Instant,
}

/// Who asks.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) person: &'a Person,
    /// Its login and id, and what the lookup says is its own: whoever shares one is the same, under another login.
    pub(super) own: &'a [FieldKey],
    pub(super) request: &'a RequestId,
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
    /// It is the asker's now.
    New,
    /// It is the asker's still, or need not be.
    Own,
    /// Somebody else holds it.
    Other,
    /// So many are held that no more can be.
    Full,
}

impl Reservations {
    /// Holds these values for whoever asks, unless another does.
    pub(super) fn reserve(&self, asking: Asker<'_>, keys: &[FieldKey], now: Instant, time: Duration) -> Reserved {
        let asker = asking.person;
        let held = held(asker, keys);
        let own: Vec<String> = asking.own.iter().map(text).collect();
        let mut state = self.lock();
        let holder = state.held.get(&held).filter(|holder| holder.until > now);
        let is_own = holder.map(|holder| holder.person == *asker || holder.own.iter().any(|one| own.contains(one)));
        if is_own == Some(false) {
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
        let holder = Holder { person: asker.clone(), own, request: asking.request.clone(), until: now + time };
        if let Some(before) = state.held.insert(held.clone(), holder) {
            state.forget(&before.person, &held);
        }
        let own = state.by_person.entry(asker.clone()).or_default();
        own.push(held);
        let oldest = (own.len() > MOST_EACH).then(|| own.remove(0));
        if let Some(oldest) = oldest {
            state.held.remove(&oldest);
        }
        if is_own.is_some() { Reserved::Own } else { Reserved::New }
    }

    /// Gives back one value.
    pub(super) fn give_back(&self, asker: &Person, keys: &[FieldKey]) {
        let held = held(asker, keys);
        let mut state = self.lock();
        if state.held.get(&held).is_some_and(|holder| holder.person == *asker) {
            state.held.remove(&held);
            state.forget(asker, &held);
        }
    }

    /// Ends what a person holds of these values.
    pub(super) fn release_told(&self, person: &Person, told: &[FieldKey]) {
        let told: HashSet<String> = told.iter().map(text).collect();
        self.release_where(person, |held, _| held.values.iter().all(|value| told.contains(value)));
    }

    /// Ends what a person holds because this request asked for it.
    pub(super) fn release_asked(&self, person: &Person, request: &RequestId) {
        self.release_where(person, |_, holder| holder.request == *request);
    }

    fn release_where(&self, person: &Person, ends: impl Fn(&Held, &Holder) -> bool) {
        let mut state = self.lock();
        let own = state.by_person.get(person).cloned().unwrap_or_default();
        for held in own {
            if state.held.get(&held).is_some_and(|holder| ends(&held, holder)) {
                state.held.remove(&held);
                state.forget(person, &held);
            }
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

fn held(asker: &Person, keys: &[FieldKey]) -> Held {
    let mut values: Vec<String> = keys.iter().map(text).collect();
    values.sort();
    Held { system: asker.system, tenant: asker.tenant.clone(), values }
}

fn text(key: &FieldKey) -> String {
    format!("{} {} {}", key.name, key.form, key.normal)
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
