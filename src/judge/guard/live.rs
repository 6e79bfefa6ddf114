//! What guards know while the server runs: who was counted, who is held, who has a pass. It outlasts reloads, and is made
//! anew from the journal at a start.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

use super::ledger::{Call, LISTED, Ledger, Look, Standing, State, micros, span};
use super::{Guard, GuardSet, Guarding, HeldBack, Max, counts};
use crate::base::ids::new_uuid;
use crate::event::{Decision, Event, catalog};
use crate::journal::{Filter, GuardActed, GuardedFilter, Journal, JournalError, Order, Reference};
use crate::judge::Cause;

/// How many entries are asked for at once, and how often, when a start looks back.
const PAGE: usize = 10_000;
const PAGES: usize = 25;
/// As long as nobody has counted.
const UNKNOWN: u64 = u64::MAX;

/// The guards at work.
pub struct Guards {
    journal: Arc<dyn Journal>,
    /// For so long after it was used a pass still holds: the cloud may ask again where it did not hear the answer.
    repeat_window: Duration,
    state: Mutex<State>,
    /// How many persons there are, for guards that let a share of them pass.
    people: AtomicU64,
    /// Somebody wants to know that number.
    wanted: Notify,
}

impl Guards {
    /// Guards that know nobody yet.
    pub fn new(journal: Arc<dyn Journal>, repeat_window: Duration) -> Self {
        let people = AtomicU64::new(UNKNOWN);
        Self { journal, repeat_window, state: Mutex::default(), people, wanted: Notify::new() }
    }

    /// What guards make of a decision. It waits for nothing.
    pub fn weigh(&self, set: &GuardSet, event: &Event, decision: &Decision, rule: Option<&Arc<str>>) -> Guarding {
        if set.is_empty() || !counts(event.spec().kind, decision.outcome()) {
            return Guarding::default();
        }
        let guards: Vec<&Guard> = set.on(event.name()).collect();
        if guards.is_empty() {
            return Guarding::default();
        }
        let call = Call { person: self.reference(event), event, at: micros(event.received_at()) };
        let people = self.people();
        let mut state = self.lock();
        // First only looked, so that nothing is counted and no pass is used where another guard holds.
        let mut looks = Vec::with_capacity(guards.len());
        for guard in guards {
            let look = state.ledger(&guard.id).look(guard, &call, people, self.repeat_window);
            if matches!(look, Look::Held | Look::Full) {
                let (listed, tripped) = state.hold(guard, &call, matches!(look, Look::Full));
                let (decision, rule) = (decision.clone(), rule.cloned());
                let listed = listed.and_then(DateTime::from_timestamp_micros);
                let (guard, release_for) = (guard.id.clone(), guard.release_for);
                let cause = Cause::Decided;
                let held = HeldBack { guard, decision, rule, cause, release_for, tripped, listed };
                return Guarding { held: Some(held), ..Guarding::default() };
            }
            looks.push((guard, look));
        }
        let mut guarding = Guarding::default();
        for (guard, look) in looks {
            let ledger = state.ledger(&guard.id);
            match look {
                Look::Passes { first } => {
                    if first {
                        guarding.passed.push(guard.id.clone());
                        if let Some(Standing::Pass { used, .. }) = ledger.persons.get_mut(&call.key()) {
                            *used = Some(call.at);
                        }
                    }
                }
                // Who is held, or finds no room, was answered above.
                Look::Counts | Look::Held | Look::Full => {
                    guarding.counted = true;
                    ledger.window(call.tenant()).count(call.person, call.at);
                }
            }
        }
        guarding.released = !guarding.counted;
        guarding
    }

    /// What is done about persons who are held counts at once.
    pub fn acted(&self, acted: &GuardActed) {
        let Some(spec) = catalog::find(&acted.event) else { return };
        let mut state = self.lock();
        let key = (acted.person, spec.name);
        match acted.pass_until {
            Some(until) => state.put(&acted.guard, key, Standing::Pass { until: micros(until), used: None }),
            None => state.remove(&acted.guard, &key),
        }
    }

    /// A person is no longer known.
    pub fn forget(&self, person: &Reference) {
        let mut state = self.lock();
        let mut gone = 0;
        for ledger in state.ledgers.values_mut() {
            let before = ledger.persons.len();
            ledger.persons.retain(|(other, _), _| other != person);
            gone += before - ledger.persons.len();
            ledger.windows.values_mut().for_each(|window| window.forget(person));
        }
        state.listed = state.listed.saturating_sub(gone);
    }

    /// Each guard with how many persons it holds.
    pub fn held(&self) -> Vec<(Arc<str>, usize)> {
        let state = self.lock();
        let held = |ledger: &Ledger| ledger.persons.values().filter(|standing| standing.is_held()).count();
        let mut all: Vec<_> = state.ledgers.iter().map(|(id, ledger)| (id.clone(), held(ledger))).collect();
        drop(state);
        all.sort();
        all
    }

    /// From now on these are the guards: those that are gone count no longer, but whom they hold stays listed.
    pub fn adopt(&self, set: &GuardSet) {
        let mut state = self.lock();
        for (id, ledger) in &mut state.ledgers {
            if !set.guards.iter().any(|guard| guard.id == *id) {
                ledger.windows.clear();
            }
        }
        for guard in &set.guards {
            state.ledger(&guard.id);
        }
        drop(state);
        if set.counts_people() && self.people.load(Ordering::Relaxed) == UNKNOWN {
            self.wanted.notify_one();
        }
    }

    /// Lets go what is over: counted persons, empty windows, passes.
    pub fn sweep(&self, set: &GuardSet, now: DateTime<Utc>) {
        let now = micros(now);
        let mut state = self.lock();
        let mut gone = 0;
        for (id, ledger) in &mut state.ledgers {
            let per = set.guards.iter().find(|guard| guard.id == *id).map_or(0, |guard| span(guard.per));
            ledger.windows.retain(|_, window| {
                window.slide(now.saturating_sub(per), now.saturating_add(per));
                !window.is_empty()
            });
            let before = ledger.persons.len();
            ledger.persons.retain(|_, standing| !standing.is_over(now, self.repeat_window));
            gone += before - ledger.persons.len();
        }
        state.listed = state.listed.saturating_sub(gone);
    }

    /// Waits until somebody wants to know how many persons there are.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Counts the persons that are known, if one of the guards goes by that. The journal is what knows them.
    pub async fn count_people(&self, set: &GuardSet) -> Result<(), JournalError> {
        if set.counts_people() {
            self.people.store(self.journal.persons_known().await?, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Learns from the journal who is held, who has a pass, and who was counted of late.
    pub async fn recall(&self, set: &GuardSet, now: DateTime<Utc>) -> Result<(), JournalError> {
        self.count_people(set).await?;
        self.adopt(set);
        let mut filter = GuardedFilter { passes: true, ..GuardedFilter::default() };
        loop {
            let page = self.journal.guarded(filter.clone(), PAGE).await?;
            let mut state = self.lock();
            for guarded in page.items {
                let Some(spec) = catalog::find(&guarded.event) else { continue };
                let since = micros(guarded.first_at);
                state.last_held = state.last_held.max(since);
                let pass = guarded.pass_until.map(|until| Standing::Pass { until: micros(until), used: None });
                state.put(&guarded.guard, (guarded.person, spec.name), pass.unwrap_or(Standing::Held { since }));
            }
            match page.next {
                Some(next) if state.listed < LISTED => filter.after = Some(next),
                Some(_) | None => break,
            }
        }
        self.look_back(set, now).await
    }

    async fn look_back(&self, set: &GuardSet, now: DateTime<Utc>) -> Result<(), JournalError> {
        let Some(longest) = set.guards.iter().map(|guard| guard.per).max() else { return Ok(()) };
        let events = set.guards.iter().flat_map(|guard| &guard.events).map(|event| (*event).to_owned()).collect();
        let since = TimeDelta::from_std(longest).ok().and_then(|longest| now.checked_sub_signed(longest));
        let people = self.people();
        let mut filter = Filter { events, since, order: Order::Newest, ..Filter::default() };
        for _ in 0..PAGES {
            let page = self.journal.entries(filter.clone(), PAGE).await?;
            let mut state = self.lock();
            for entry in &page.items {
                state.recount(set, entry, now, people, self.repeat_window);
            }
            drop(state);
            let Some(next) = page.next else { return Ok(()) };
            filter.after = Some(next);
        }
        tracing::warn!("the journal has very many entries of late: guards have counted the newest of them alone");
        Ok(())
    }

    fn people(&self) -> Option<u64> {
        Some(self.people.load(Ordering::Relaxed)).filter(|people| *people != UNKNOWN)
    }

    /// What stands for an event's person. One who is not known is a person of its own at each event.
    fn reference(&self, event: &Event) -> Reference {
        if event.person().known {
            self.journal.reference(event.person())
        } else {
            event.request_id().uuid().unwrap_or_else(new_uuid).into_bytes()
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GuardSet {
    fn counts_people(&self) -> bool {
        self.guards.iter().any(|guard| matches!(guard.max, Max::Share(_)))
    }
}
