//! The directory: the people that this server has seen, and by which of their fields they are found.
//!
//! What is kept of a person goes to disk with the notice that told of it; keeping it is the journal's matter. Here is which
//! fields count, in which normal form they are compared, who leaves, and who holds a value while its creation is on its
//! way.

mod config;
mod fields;
mod find;
mod index;
mod leave;
mod normal;
mod reserve;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::base::clock::Clock;
use crate::event::{Decision, Event, Person};
use crate::journal::{Journal, PersonField, Sighting};

pub use config::{Config, Missing};
pub use fields::{Field, Fields, secret_fields};
pub use find::{Found, ReadOnly};
pub use leave::LeaveOut;
pub use normal::{Form, Kind};

use self::index::Indexed;
use self::reserve::Reservations;

/// The events that tell that a person is there, and how it is now.
pub const TELLING: [&str; 2] = ["postCreateUser", "postUpdateUser"];

/// What the configuration says of the directory.
#[derive(Debug)]
pub struct Plan {
    /// The fields that are kept.
    pub fields: Arc<Fields>,
    /// Who is not kept.
    pub leave_out: Option<LeaveOut>,
}

/// The directory of a server.
pub struct Directory {
    plan: Arc<Plan>,
    journal: Arc<dyn Journal>,
    clock: Clock,
    reservations: Arc<Reservations>,
    indexed: watch::Sender<Indexed>,
    /// The fields that are not known of everybody.
    incomplete: Arc<Mutex<BTreeSet<Arc<str>>>>,
}

impl Directory {
    /// The directory in this journal. What is reserved in `previous` stays so.
    pub fn new(plan: Arc<Plan>, journal: Arc<dyn Journal>, clock: Clock, previous: Option<&Self>) -> Self {
        let reservations = previous.map(|previous| previous.reservations.clone()).unwrap_or_default();
        let incomplete = previous.map(|previous| previous.incomplete.clone()).unwrap_or_default();
        Self { plan, journal, clock, reservations, indexed: watch::Sender::new(Indexed::Unknown), incomplete }
    }

    /// What it keeps.
    pub fn fields(&self) -> &Fields {
        &self.plan.fields
    }

    /// What it learns by an event, if anything.
    pub fn sighting(&self, event: &Event) -> Option<Sighting> {
        self.plan.sighting(event)
    }

    /// Takes it that these fields are known of everybody who is listed. The error is a sentence.
    pub async fn complete(&self, names: Vec<Arc<str>>) -> Result<(), String> {
        self.journal.complete_people(names.clone()).await.map_err(|error| error.to_string())?;
        let mut incomplete = self.incomplete.lock().unwrap_or_else(PoisonError::into_inner);
        incomplete.retain(|name| !names.contains(name));
        Ok(())
    }

    /// A person was forgotten: nothing is held for it any more.
    pub fn forget(&self, person: &Person) {
        self.reservations.release(person);
    }

    /// An event was decided. What it asked for is not held any more where it was refused.
    pub fn decided(&self, event: &Event, decision: &Decision) {
        if matches!(decision, Decision::Refuse(_)) {
            self.reservations.release_asked(event.person(), event.request_id());
        }
    }

    /// What an event told is on disk: what the person held is found there now.
    pub fn kept(&self, event: &Event) {
        if let Some(user) = event.user().filter(|_| TELLING.contains(&event.name())) {
            let told: Vec<_> = self.plan.fields.of_user(user).into_iter().map(|field: PersonField| field.key).collect();
            self.reservations.release_told(event.person(), &told);
        }
    }
}

impl Plan {
    /// What is learnt by an event, if anything.
    pub fn sighting(&self, event: &Event) -> Option<Sighting> {
        if !TELLING.contains(&event.name()) || !event.person().known {
            return None;
        }
        let user = event.user()?;
        if self.leave_out.as_ref().is_some_and(|leave_out| leave_out.holds(event)) {
            return Some(Sighting::Left);
        }
        Some(Sighting::Seen(self.fields.of_user(user)))
    }
}
