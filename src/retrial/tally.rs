//! What differs over many events: counted by kind and rule, each with some examples.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Case, Court, Difference, Untold, Verdict};
use crate::event::Event;
use crate::facts::Facts;
use crate::journal::{Entry, EntryId};

/// What differs between what these rules say and what was said, or other rules say.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many events were looked at.
    pub events: u64,
    /// How many are answered otherwise, or have a rule that errs newly.
    pub changed: u64,
    /// Of how many it cannot be told.
    pub unknown: u64,
    /// What differs.
    pub differences: BTreeMap<Difference, Group>,
    /// Why it cannot be told, in words.
    pub untold: BTreeMap<String, Group>,
    /// How many examples each group keeps.
    examples: usize,
}

/// Asks the sources of lookups about an event.
pub type Live<'a> = dyn Fn(&Arc<Event>) -> Facts + Sync + 'a;

/// Events of which the same is to be said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub events: u64,
    /// Some of them, the newest first.
    pub examples: Vec<Example>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Its number.
    pub seq: u64,
    /// Its name.
    pub id: EntryId,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The event.
    pub event: String,
    /// Its person's key, where it is known: in clear.
    pub person: Option<String>,
    /// What was said.
    pub was: String,
    /// What is said now.
    pub now: String,
}

impl Tally {
    /// One that keeps so many examples of each group.
    pub fn new(examples: usize) -> Self {
        Self { examples, ..Self::default() }
    }

    /// Judges one more event by `court`, and compares with `against`, else with what was recorded. With `live`, lookups are
    /// what it says, and not what was recorded.
    pub fn note(&mut self, entry: &Entry, court: &Court, against: Option<&Court>, live: Option<&Live<'_>>) {
        self.events += 1;
        let mut case = match Case::open(entry) {
            Ok(case) => case,
            Err(why) => return self.cannot_tell(entry, None, &why),
        };
        if let Some(live) = live {
            let facts = live(case.event());
            case = case.with_facts(facts);
        }
        if let Err(why) = self.compare(&case, court, against) {
            self.cannot_tell(entry, Some(&case), &why);
        }
    }

    /// Adds what was counted over other events.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        self.changed += other.changed;
        self.unknown += other.unknown;
        for (difference, group) in other.differences {
            self.differences.entry(difference).or_default().add(group, self.examples);
        }
        for (why, group) in other.untold {
            self.untold.entry(why).or_default().add(group, self.examples);
        }
    }

    fn compare(&mut self, case: &Case<'_>, court: &Court, against: Option<&Court>) -> Result<(), Untold> {
        let judged = court.judge(case)?;
        let now = Verdict::of(&judged);
        let before = against.map(|against| against.judge(case)).transpose()?;
        let was = match &before {
            Some(before) => Verdict::of(before),
            None => case.recorded()?,
        };
        let differences = now.differences(&was, case.event());
        if differences.is_empty() {
            return Ok(());
        }
        self.changed += u64::from(differences.iter().any(|difference| difference.kind.is_change()));
        for difference in differences {
            let group = self.differences.entry(difference).or_default();
            group.note(case.entry().seq, self.examples, || example(case.entry(), Some(case), words(&was), words(&now)));
        }
        Ok(())
    }

    fn cannot_tell(&mut self, entry: &Entry, case: Option<&Case<'_>>, why: &Untold) {
        self.unknown += 1;
        let group = self.untold.entry(why.to_string()).or_default();
        group.note(entry.seq, self.examples, || example(entry, case, entry.outcome.clone(), String::new()));
    }
}

impl Group {
    fn note(&mut self, seq: u64, most: usize, example: impl FnOnce() -> Example) {
        self.events += 1;
        let is_newer = self.examples.last().is_none_or(|oldest| oldest.seq < seq);
        if most > 0 && (self.examples.len() < most || is_newer) {
            self.examples.push(example());
            self.keep(most);
        }
    }

    fn add(&mut self, other: Self, most: usize) {
        self.events += other.events;
        self.examples.extend(other.examples);
        self.keep(most);
    }

    fn keep(&mut self, most: usize) {
        self.examples.sort_by_key(|example| std::cmp::Reverse(example.seq));
        self.examples.truncate(most);
    }
}

fn example(entry: &Entry, case: Option<&Case<'_>>, was: String, now: String) -> Example {
    let person = case.map(|case| case.event().person()).filter(|person| person.known);
    Example {
        seq: entry.seq,
        id: entry.id,
        received_at: entry.received_at,
        event: entry.event.clone(),
        person: person.map(|person| person.key.clone()),
        was,
        now,
    }
}

/// The outcome, with the message of a refusal or the names of changed fields: no value.
pub(super) fn words(verdict: &Verdict<'_>) -> String {
    let fields: Vec<&str> = verdict.changes.iter().map(|(path, _)| path.as_ref()).collect();
    match verdict.message {
        Some(message) => format!("{} {message}", verdict.outcome),
        None if fields.is_empty() => verdict.outcome.to_owned(),
        None => format!("{} {}", verdict.outcome, fields.join(", ")),
    }
}
