//! The journal's tests: one suite for every store, and what only the one in SQLite does.

mod chains;
mod conformance;
mod guarded;
mod history;
mod people;
mod performed;
mod privacy;
mod sqlite;
mod tamper;
mod trouble;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::sqlite::{Options, SqliteJournal};
use super::{
    Appended, Attempt, Claimed, Fate, GuardMark, Journal, JournalError, NewDelivery, NewEntry, Places, Progress,
    Receipt, Settled, Settlement, Sighting,
};
use crate::base::clock::Clock;
use crate::base::secret::Secret;
use crate::event::Person;

/// An operator's key.
const KEY: &str = "an encryption key of the operator";

/// A journal in a directory of its own, which can be closed and opened again.
struct Bench {
    directory: tempfile::TempDir,
    clock: Clock,
    options: Options,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Clock::fixed(DateTime::from_timestamp_millis(1_800_000_000_000).expect("a time"));
        let mut options = Options::new(directory.path().join("journal.db"), clock.clone());
        options.reserve = 0;
        Self { directory, clock, options }
    }

    /// With keys.
    fn sealed() -> Self {
        let mut bench = Self::new();
        bench.options.encryption_keys = vec![Secret::new(KEY)];
        bench
    }

    fn open(&self) -> SqliteJournal {
        SqliteJournal::open(self.options.clone()).expect("it opens")
    }
}

/// Tells nobody.
fn silent() -> Progress {
    Arc::new(|_| {})
}

fn person(key: &str) -> Person {
    Person { system: "cymmetri", tenant: "as100".into(), key: key.into(), known: true }
}

/// Makes a file one of the first version.
const FIRST_VERSION: &str = "DROP TABLE guarded; DROP TABLE people; DROP TABLE people_index; DROP TABLE people_forms;
     DROP TABLE captures; DROP TABLE requests; DROP INDEX deliveries_until; ALTER TABLE deliveries DROP COLUMN until;
     ALTER TABLE deliveries DROP COLUMN after; ALTER TABLE deliveries DROP COLUMN followed; PRAGMA user_version = 1";

/// An entry to be changed with `..`, and with what it borrows.
struct Draft {
    person: Person,
    event: &'static str,
    record: String,
    request: Option<String>,
    key: Option<String>,
    at: Option<DateTime<Utc>>,
    deliveries: Vec<NewDelivery>,
    guards: Vec<GuardMark>,
    sighting: Option<Sighting>,
}

fn draft(key: &str) -> Draft {
    Draft {
        person: person(key),
        event: "postUpdateUser",
        record: r#"{"user":{"login":"x"}}"#.into(),
        request: None,
        key: None,
        at: None,
        deliveries: Vec::new(),
        guards: Vec::new(),
        sighting: None,
    }
}

impl Draft {
    fn to(mut self, action: &str) -> Self {
        self.deliveries.push(NewDelivery {
            action: action.into(),
            ordered: true,
            secrets: Vec::new(),
            secret_ttl: Duration::from_secs(3600),
            dead: None,
            after: Vec::new(),
            until: None,
        });
        self
    }

    /// The last delivery comes after those to these actions.
    fn after(mut self, actions: &[&str]) -> Self {
        if let Some(last) = self.deliveries.last_mut() {
            last.after = actions.iter().map(|action| (*action).into()).collect();
        }
        self
    }

    /// Somebody waits until then for the last delivery.
    fn until(mut self, until: DateTime<Utc>) -> Self {
        if let Some(last) = self.deliveries.last_mut() {
            last.until = Some(until);
        }
        self
    }

    fn key(mut self, key: &str) -> Self {
        self.key = Some(key.into());
        self
    }

    fn alone(mut self, action: &str) -> Self {
        self = self.to(action);
        if let Some(last) = self.deliveries.last_mut() {
            last.ordered = false;
        }
        self
    }

    fn secret(mut self, field: &str, value: &str) -> Self {
        if let Some(last) = self.deliveries.last_mut() {
            last.secrets.push((field.into(), Secret::new(value)));
        }
        self
    }

    fn record(mut self, record: &str) -> Self {
        self.record = record.into();
        self
    }

    fn event(mut self, event: &'static str) -> Self {
        self.event = event;
        self
    }

    fn guards(mut self, guards: Vec<GuardMark>) -> Self {
        self.guards = guards;
        self
    }

    fn sighting(mut self, sighting: Sighting) -> Self {
        self.sighting = Some(sighting);
        self
    }

    fn request(mut self, request: &str) -> Self {
        self.request = Some(request.into());
        self
    }

    fn queue(self, journal: &dyn Journal, clock: &Clock) -> Receipt<Appended> {
        journal.append(NewEntry {
            id: uuid::Builder::from_bytes(crate::base::ids::random_bytes())
                .with_version(uuid::Version::SortRand)
                .into_uuid(),
            received_at: self.at.unwrap_or_else(|| clock.now()),
            event: self.event,
            person: &self.person,
            outcome: "acknowledged",
            cause: "decided",
            rule: Some("a rule".into()),
            rule_set: [7; 32],
            took: Duration::from_micros(120),
            record: self.record.into_bytes(),
            repeat: self.request.as_deref().map(str::as_bytes),
            idempotency: self.key.as_deref().map(str::as_bytes),
            deliveries: self.deliveries,
            guards: self.guards,
            sighting: self.sighting,
            awaited: true,
        })
    }

    async fn append(self, journal: &dyn Journal, clock: &Clock) -> Appended {
        self.queue(journal, clock).await.expect("it is appended")
    }
}

/// The deliveries that can be attempted now.
async fn claim(journal: &dyn Journal, action: &str, clock: &Clock) -> Vec<Claimed> {
    journal.claim(action, clock.now(), places(100, 100, 100)).await.expect("a claim")
}

fn places(performed: usize, fresh: usize, retries: usize) -> Places {
    Places { performed, fresh, retries }
}

fn fate(fate: Fate) -> Settlement {
    Settlement { fate, attempt: None, captured: None }
}

fn attempted(fate: Fate, clock: &Clock, answer: &str) -> Settlement {
    let said = Some("in its own words".to_owned());
    let attempt = Attempt { at: clock.now(), took_ms: 12, answer: answer.into(), said };
    Settlement { fate, attempt: Some(attempt), captured: None }
}

async fn settle(journal: &dyn Journal, claimed: &Claimed, settlement: Settlement) -> Settled {
    journal.settle(claimed.id, settlement).await.expect("it is settled")
}

/// Whether an error is this one, told by its words.
#[track_caller]
fn says<T: std::fmt::Debug>(result: Result<T, JournalError>, words: &str) {
    let text = result.expect_err(words).to_string();
    assert!(text.contains(words), "{text}");
}
