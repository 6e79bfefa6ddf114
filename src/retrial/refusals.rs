//! Whom changed rules would newly refuse: refused by the new rules and accepted by those in force, both judged now, so that
//! what was decided once by older rules does not matter.

use std::collections::BTreeMap;

use super::{Case, Court, Untold};
use crate::journal::Entry;

/// What changed rules would do to kept events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Of how many events it can be told.
    pub told: u64,
    /// Of how many it cannot.
    pub unknown: u64,
    /// Why it cannot, of the first of them.
    pub why: Option<Untold>,
    /// How many would newly be refused.
    pub refused: u64,
    /// How many of a protected person would.
    pub protected: u64,
    /// Of how many of a protected person it cannot be told.
    pub protected_unknown: u64,
    /// The rules that would, each with how often.
    pub rules: BTreeMap<String, u64>,
}

impl Refusals {
    /// Tries one more event on both. `protected` are the keys of protected persons, in normal form.
    pub fn note(&mut self, entry: &Entry, in_force: &Court, new: &Court, protected: &[String]) {
        let case = match Case::open(entry) {
            Ok(case) => case,
            Err(why) => return self.cannot_tell(why),
        };
        let person = case.event().person();
        let is_protected = u64::from(person.known && protected.contains(&person.key));
        let judged = in_force.refusal(&case).and_then(|was| Ok((was, new.refusal(&case)?)));
        let (was, now) = match judged {
            Ok(judged) => judged,
            // No rules decide it, whichever they are.
            Err(Untold::Handled(_)) => return,
            Err(why) => {
                self.protected_unknown += is_protected;
                return self.cannot_tell(why);
            }
        };
        self.told += 1;
        let (None, Some(rule)) = (was, now) else { return };
        self.refused += 1;
        self.protected += is_protected;
        *self.rules.entry(rule.to_string()).or_default() += 1;
    }

    fn cannot_tell(&mut self, why: Untold) {
        self.unknown += 1;
        self.why.get_or_insert(why);
    }
}
