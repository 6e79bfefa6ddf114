//! How the journal is, as its writer found it last.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::writer::is_full;
use crate::base::clock::Clock;
use crate::journal::{Health, JournalError};

/// A health that the writer sets and everybody reads.
pub(super) struct HealthCell(Mutex<Health>);

impl HealthCell {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Health::Ok))
    }

    pub(super) fn get(&self) -> Health {
        self.lock().clone()
    }

    pub(super) fn is_ok(&self) -> bool {
        *self.lock() == Health::Ok
    }

    /// Something was written. Being short of space is not cured by that.
    pub(super) fn well(&self, short: bool) {
        let mut health = self.lock();
        if *health != Health::Ok && !short {
            tracing::info!("the journal is written again");
            *health = Health::Ok;
        }
    }

    /// There is less space than the reserve.
    pub(super) fn full(&self, clock: &Clock) {
        self.set(clock, None);
    }

    /// A batch failed.
    pub(super) fn failed(&self, clock: &Clock, error: &JournalError) {
        self.set(clock, (!is_full(error)).then(|| error.to_string()));
    }

    fn set(&self, clock: &Clock, reason: Option<String>) {
        let mut health = self.lock();
        let since = health.since().unwrap_or_else(|| clock.now());
        let next = match reason {
            None => Health::Full { since },
            Some(reason) => Health::Unavailable { reason, since },
        };
        // Once for each trouble, not for each batch.
        if *health != next {
            match &next {
                Health::Unavailable { reason, .. } => {
                    tracing::error!(reason, "the journal cannot be written; it is tried again");
                }
                Health::Full { .. } | Health::Ok => {
                    tracing::error!("the journal's disk is full: no entries are taken, deliveries go on");
                }
            }
        }
        *health = next;
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Health {
    /// Since when it is not well.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Ok => None,
            Self::Full { since } | Self::Unavailable { since, .. } => Some(*since),
        }
    }
}
