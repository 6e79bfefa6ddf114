//! What rules did over many events: which never or always hold, and which are shadowed by those before them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::case::is_unrecorded;
use super::{Case, Court, Untold};
use crate::base::json::Document;
use crate::event::catalog;
use crate::journal::{self, Entry};
use crate::record::{Fields, Record};
use crate::rules::RuleOutcome;

/// What was seen over many events.
#[derive(Clone, Debug)]
pub struct Census {
    /// From when on events are late ones.
    late_from: DateTime<Utc>,
    /// The fields of each event before then.
    pub before: BTreeMap<&'static str, Fields>,
    /// The same from then on.
    pub late: BTreeMap<&'static str, Fields>,
    /// What each rule did, by event and the rule's place among those on it.
    pub rules: BTreeMap<(&'static str, usize), RuleCount>,
    /// How many events were looked at.
    pub events: u64,
    /// How many of them cannot be judged again.
    pub unknown: u64,
}

/// What one rule did on one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCount {
    /// On how many events it was looked at, reached or not.
    pub events: u64,
    /// How often it held.
    pub held: u64,
    /// How often it would have held, had the matter not been settled before it.
    pub shadowed: u64,
    /// How often it erred.
    pub erred: u64,
}

impl Census {
    /// One without events.
    pub fn new(late_from: DateTime<Utc>) -> Self {
        Self {
            late_from,
            before: BTreeMap::new(),
            late: BTreeMap::new(),
            rules: BTreeMap::new(),
            events: 0,
            unknown: 0,
        }
    }

    /// Looks at one more event.
    pub fn note(&mut self, entry: &Entry, court: &Court) {
        self.events += 1;
        match Case::open(entry) {
            Ok(case) => {
                if let Some(request) = case.event().request() {
                    self.fields(case.event().name(), entry).note(request);
                }
                if self.judge(&case, court).is_err() {
                    self.unknown += 1;
                }
            }
            Err(why) => {
                self.unknown += 1;
                // A masked body has its names.
                if why == Untold::Masked
                    && let Some(spec) = catalog::find(&entry.event)
                    && let journal::Record::Bytes(bytes) = &entry.record
                    && let Ok(record) = Record::parse(bytes)
                    && let Some(request) = record.request
                    && let Ok(document) = Document::parse(request.get())
                {
                    self.fields(spec.name, entry).note(document.root());
                }
            }
        }
    }

    /// Adds what was seen over other events.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        self.unknown += other.unknown;
        for (event, fields) in other.before {
            self.before.entry(event).or_default().add(fields);
        }
        for (event, fields) in other.late {
            self.late.entry(event).or_default().add(fields);
        }
        for (rule, count) in other.rules {
            let own = self.rules.entry(rule).or_default();
            own.events += count.events;
            own.held += count.held;
            own.shadowed += count.shadowed;
            own.erred += count.erred;
        }
    }

    fn fields(&mut self, event: &'static str, entry: &Entry) -> &mut Fields {
        let part = if entry.received_at < self.late_from { &mut self.before } else { &mut self.late };
        part.entry(event).or_default()
    }

    fn judge(&mut self, case: &Case<'_>, court: &Court) -> Result<(), Untold> {
        let (judged, beyond) = court.survey(case)?;
        for (index, rule) in judged.trace.rules().enumerate() {
            // Of a rule that asks for what was not recorded nothing is known on this event.
            let is_unknown = match rule.outcome {
                RuleOutcome::Erred(error) => is_unrecorded(error),
                RuleOutcome::NotReached => !beyond.contains_key(&index),
                RuleOutcome::Held { .. } | RuleOutcome::NotHeld | RuleOutcome::OutOfTime => false,
            };
            if is_unknown {
                continue;
            }
            let count = self.rules.entry((case.event().name(), index)).or_default();
            count.events += 1;
            match rule.outcome {
                RuleOutcome::Held { .. } => count.held += 1,
                RuleOutcome::Erred(_) => count.erred += 1,
                RuleOutcome::NotReached => count.shadowed += u64::from(beyond.get(&index) == Some(&true)),
                RuleOutcome::NotHeld | RuleOutcome::OutOfTime => {}
            }
        }
        Ok(())
    }
}
