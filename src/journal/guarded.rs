//! Persons whom a guard holds: what the journal keeps of them, and what can be done about it.
//!
//! Who is held, and why, is the matter of `judge`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::event::Person;

/// What stands for a person in the journal: a keyed code, the same for all entries of a person until it is forgotten. Zeros
/// stand for nobody in particular.
pub type Reference = [u8; 16];

/// What a guard made of an event, kept with its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardMark {
    /// The event's person is held by this guard. Who is not known cannot be.
    Held {
        /// The guard.
        guard: Arc<str>,
        /// What would have been decided, in one word.
        outcome: &'static str,
        /// By which rule.
        rule: Option<Arc<str>>,
        /// How long a pass lasts, once somebody gives one.
        release_for: Duration,
        /// Since when the person is held, which no other time that it is held has: a call that was on its way while somebody
        /// released or dropped the person is told by it.
        since: DateTime<Utc>,
    },
    /// The event's person had a pass of this guard's, which is used up by it.
    Passed {
        /// The guard.
        guard: Arc<str>,
    },
}

/// A person whom a guard holds, or whom somebody has let pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarded {
    /// Its number.
    pub number: u64,
    /// The guard.
    pub guard: String,
    /// The tenant; empty where none is known.
    pub tenant: String,
    /// The event that was asked for.
    pub event: String,
    /// The person.
    pub person: Reference,
    /// What would have been decided, in one word.
    pub outcome: String,
    /// By which rule.
    pub rule: Option<String>,
    /// The entry of the last call.
    pub seq: u64,
    /// When the person was first held.
    pub first_at: DateTime<Utc>,
    /// When the last call came.
    pub last_at: DateTime<Utc>,
    /// How many calls there were.
    pub calls: u64,
    /// Until when the pass lasts, where one was given; none while the person is held.
    pub pass_until: Option<DateTime<Utc>>,
}

/// Which of them are wanted. An empty one means all that are held.
#[derive(Clone, Debug, Default)]
pub struct GuardedFilter {
    /// By this guard.
    pub guard: Option<String>,
    /// This person.
    pub person: Option<Person>,
    /// Also those who have a pass.
    pub passes: bool,
    /// Where the last page ended.
    pub after: Option<u64>,
}

/// What somebody does about a person who is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardAct {
    /// Gives a pass for the next call.
    Release,
    /// Takes the person off the list, without a pass.
    Drop,
}

/// What has become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardActed {
    /// The guard.
    pub guard: String,
    /// The event.
    pub event: String,
    /// The person.
    pub person: Reference,
    /// Until when the pass lasts, where one was given.
    pub pass_until: Option<DateTime<Utc>>,
}
