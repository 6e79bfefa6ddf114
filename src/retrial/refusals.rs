//! Whom changed rules would newly refuse: refused by the new rules and accepted by those in force, both judged now, so that
//! what was decided once by older rules does not matter.

use std::collections::BTreeMap;

use super::{Case, Court};
use crate::event::Decision;
use crate::journal::Entry;

/// What changed rules would do to kept events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Of how many events it can be told.
    pub told: u64,
    /// Of how many it cannot.
    pub unknown: u64,
    /// How many would newly be refused.
    pub refused: u64,
    /// How many of a protected person would.
    pub protected: u64,
    /// The rules that would, each with how often.
    pub rules: BTreeMap<String, u64>,
}

impl Refusals {
    /// Tries one more event on both. `protected` are the keys of protected persons, in normal form.
    pub fn note(&mut self, entry: &Entry, in_force: &Court, new: &Court, protected: &[String]) {
        let judged = Case::open(entry).and_then(|case| Ok((in_force.judge(&case)?, new.judge(&case)?, case)));
        let Ok((was, now, case)) = judged else {
            self.unknown += 1;
            return;
        };
        self.told += 1;
        let refuses = |decision: &Decision| matches!(decision, Decision::Refuse(_));
        if refuses(&was.decision) || !refuses(&now.decision) {
            return;
        }
        self.refused += 1;
        let person = case.event().person();
        self.protected += u64::from(person.known && protected.contains(&person.key));
        let rule = now.rule.as_deref().unwrap_or_default();
        *self.rules.entry(rule.to_owned()).or_default() += 1;
    }
}
