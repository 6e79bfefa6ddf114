//! What each guard knows, and how it looks at one decision. Who asks, and what is on disk, is not known here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::window::Window;
use super::{Guard, GuardSet, counts};
use crate::event::{Event, catalog};
use crate::journal::{Entry, Reference};
use crate::judge::Cause;

/// How many persons may be on the lists of all guards together.
pub(super) const LISTED: usize = 100_000;
/// How many tenants a guard counts apart; those beyond are counted as one.
const TENANTS: usize = 1000;

#[derive(Default)]
pub(super) struct State {
    pub(super) ledgers: HashMap<Arc<str>, Ledger>,
    /// How many persons stand in all of them.
    pub(super) listed: usize,
    /// When the last one was put on a list, in microseconds.
    pub(super) last_held: i64,
}

/// What one guard knows.
#[derive(Default)]
pub(super) struct Ledger {
    /// By tenant.
    pub(super) windows: HashMap<String, Window>,
    /// By person and event.
    pub(super) persons: HashMap<(Reference, &'static str), Standing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// On the list since then, which is no other's time.
    Held {
        since: i64,
    },
    Pass {
        until: i64,
        used: Option<i64>,
    },
}

/// How one guard looks at a decision.
pub(super) enum Look {
    /// The person is on the list.
    Held,
    /// There is no room for the person.
    Full,
    /// The person has a pass; whether this is its first use.
    Passes { first: bool },
    /// The person is counted.
    Counts,
}

/// One decision as guards see it.
pub(super) struct Call<'a> {
    pub(super) person: Reference,
    pub(super) event: &'a Event,
    pub(super) at: i64,
}

impl Call<'_> {
    pub(super) fn key(&self) -> (Reference, &'static str) {
        (self.person, self.event.name())
    }

    pub(super) fn tenant(&self) -> &str {
        &self.event.person().tenant
    }
}

// === impl State ===

impl State {
    pub(super) fn ledger(&mut self, guard: &str) -> &mut Ledger {
        // Found first: a new name is rare.
        if !self.ledgers.contains_key(guard) {
            self.ledgers.insert(guard.into(), Ledger::default());
        }
        self.ledgers.entry(guard.into()).or_default()
    }

    /// Puts a person on a guard's list, if there is room, and answers since when it stands there, and whether the guard trips.
    pub(super) fn hold(&mut self, guard: &Guard, call: &Call<'_>, is_full: bool) -> (Option<i64>, bool) {
        let window = self.ledger(&guard.id).window(call.tenant());
        let tripped = is_full && !window.tripped;
        window.tripped |= is_full;
        if call.event.person().known && !self.standing(guard, call).is_some_and(Standing::is_held) {
            self.last_held = call.at.max(self.last_held.saturating_add(1));
            self.put(&guard.id, call.key(), Standing::Held { since: self.last_held });
        }
        let listed = match self.standing(guard, call) {
            Some(Standing::Held { since }) => Some(since),
            Some(Standing::Pass { .. }) | None => None,
        };
        (listed, tripped)
    }

    fn standing(&mut self, guard: &Guard, call: &Call<'_>) -> Option<Standing> {
        self.ledger(&guard.id).persons.get(&call.key()).copied()
    }

    pub(super) fn put(&mut self, guard: &str, key: (Reference, &'static str), standing: Standing) {
        let full = self.listed >= LISTED;
        let persons = &mut self.ledger(guard).persons;
        if let Some(known) = persons.get_mut(&key) {
            *known = standing;
        } else if !full {
            persons.insert(key, standing);
            self.listed += 1;
        }
    }

    pub(super) fn remove(&mut self, guard: &str, key: &(Reference, &'static str)) {
        if self.ledger(guard).persons.remove(key).is_some() {
            self.listed = self.listed.saturating_sub(1);
        }
    }

    /// Counts what an entry of before the start tells.
    pub(super) fn recount(
        &mut self,
        set: &GuardSet,
        entry: &Entry,
        now: DateTime<Utc>,
        people: Option<u64>,
        repeat_window: Duration,
    ) {
        let Some(spec) = catalog::find(&entry.event) else { return };
        let (at, now) = (micros(entry.received_at), micros(now));
        let person = if entry.person == Reference::default() { entry.id.into_bytes() } else { entry.person };
        if entry.cause == Cause::Released.as_str() {
            // Whoever was let pass just before may ask again.
            let pass = Standing::Pass { until: at, used: Some(at) };
            if !pass.is_over(now, repeat_window) {
                let key = (person, spec.name);
                for guard in set.on(spec.name) {
                    if !self.ledger(&guard.id).persons.contains_key(&key) {
                        self.put(&guard.id, key, pass);
                    }
                }
            }
        } else if entry.cause != Cause::Guarded.as_str() && counts(spec.kind, &entry.outcome) {
            for guard in set.on(spec.name).filter(|guard| at > now.saturating_sub(span(guard.per))) {
                let window = self.ledger(&guard.id).window(&entry.tenant);
                // The newest come first, and there are never more than the guard lets pass.
                if guard.max.persons(people).is_none_or(|max| window.len() < max) {
                    window.count(person, at);
                }
            }
        }
    }
}

// === impl Ledger ===

impl Ledger {
    pub(super) fn window(&mut self, tenant: &str) -> &mut Window {
        let known = self.windows.contains_key(tenant) || self.windows.len() < TENANTS;
        self.windows.entry(if known { tenant.to_owned() } else { String::new() }).or_default()
    }

    pub(super) fn look(
        &mut self,
        guard: &Guard,
        call: &Call<'_>,
        people: Option<u64>,
        repeat_window: Duration,
    ) -> Look {
        match self.persons.get(&call.key()) {
            Some(Standing::Held { .. }) => return Look::Held,
            Some(pass @ Standing::Pass { used, .. }) if !pass.is_over(call.at, repeat_window) => {
                return Look::Passes { first: used.is_none() };
            }
            Some(Standing::Pass { .. }) | None => {}
        }
        let per = span(guard.per);
        let window = self.window(call.tenant());
        window.slide(call.at.saturating_sub(per), call.at.saturating_add(per));
        // As long as nobody has counted the persons, a share of them holds nobody back.
        let Some(max) = guard.max.persons(people) else { return Look::Counts };
        if window.len().saturating_mul(2) <= max {
            window.tripped = false;
        }
        if window.has(&call.person) || window.len() < max { Look::Counts } else { Look::Full }
    }
}

// === impl Standing ===

impl Standing {
    pub(super) fn is_held(self) -> bool {
        matches!(self, Self::Held { .. })
    }

    /// Whether it no longer means anything.
    pub(super) fn is_over(self, now: i64, repeat_window: Duration) -> bool {
        match self {
            Self::Held { .. } => false,
            Self::Pass { until, used: None } => now >= until,
            Self::Pass { used: Some(used), .. } => now > used.saturating_add(span(repeat_window)),
        }
    }
}

pub(super) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

pub(super) fn span(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
