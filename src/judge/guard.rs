//! Guards: at most so many distinct persons for whom an event is not answered neutrally, in so much time.
//!
//! A guard stands behind the handler. What it holds back is answered neutrally, and the person is listed until somebody
//! releases or drops it. [`GuardSet`] is what the configuration says, made anew by each reload; [`Guards`] is what goes on
//! from one to the next.

mod compile;
mod ledger;
mod live;
mod raw;
#[cfg(test)]
mod tests;
mod window;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Cause;
use crate::event::{Decision, Kind};

pub use live::Guards;
pub use raw::RawGuard;

/// Guards that are correct, in order.
#[derive(Debug, Default)]
pub struct GuardSet {
    guards: Vec<Guard>,
}

/// One guard.
#[derive(Debug)]
struct Guard {
    id: Arc<str>,
    events: Vec<&'static str>,
    max: Max,
    per: Duration,
    release_for: Duration,
}

/// How many persons a guard lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Max {
    Persons(usize),
    /// Of the persons known, in hundredths of a percent; rounded up, so that it is at least one.
    Share(u32),
}

/// What guards made of a decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guarding {
    /// Whether a guard counts the person.
    pub counted: bool,
    /// Whether the person has a pass of every guard on the event.
    pub released: bool,
    /// The guards whose pass it has used up.
    pub passed: Vec<Arc<str>>,
    /// What was held back, where it was.
    pub held: Option<HeldBack>,
}

/// A decision that a guard held back.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldBack {
    /// The guard.
    pub guard: Arc<str>,
    /// What would have been answered.
    pub decision: Decision,
    /// The rule that settled it, where one did.
    pub rule: Option<Arc<str>>,
    /// How it came about: by the handler, or as the fallback for this reason.
    pub cause: Cause,
    /// How long a pass lasts, once somebody gives one.
    pub release_for: Duration,
    /// Whether it is the first that the guard holds since it last had room.
    pub tripped: bool,
    /// Since when the person is on the guard's list; none where it is not: one who is not known is not, nor is anybody
    /// beyond the list's length.
    pub listed: Option<DateTime<Utc>>,
}

impl HeldBack {
    /// Whether it was the fallback, because the handler had no decision.
    pub fn is_fallback(&self) -> bool {
        self.cause != Cause::Decided
    }
}

impl GuardSet {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.guards.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.guards.is_empty()
    }

    fn on<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a Guard> {
        self.guards.iter().filter(move |guard| guard.events.contains(&event))
    }
}

impl Max {
    /// In persons; none as long as nobody knows how many persons there are.
    fn persons(self, known: Option<u64>) -> Option<usize> {
        match self {
            Self::Persons(persons) => Some(persons),
            Self::Share(share) => {
                let share = (known? * u64::from(share)).div_ceil(10_000).max(1);
                Some(usize::try_from(share).unwrap_or(usize::MAX))
            }
        }
    }
}

/// Whether an event of this kind, answered so, counts: the outcome's word is what the journal has of it, too.
fn counts(kind: Kind, outcome: &str) -> bool {
    match kind {
        Kind::Verdict => outcome == "refused",
        Kind::Mutate => outcome == "changed",
        Kind::Map => outcome == "mapped",
        Kind::Decide => outcome == "deprovision",
        Kind::Perform => outcome == "perform",
        Kind::Notice | Kind::Probe => false,
    }
}
