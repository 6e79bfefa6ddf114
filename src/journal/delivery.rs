//! Deliveries: what an entry must set off, how far that is, and what became of an attempt.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::entry::{EntryId, Record};
use crate::base::secret::Secret;

/// What names a delivery: its entry's number and which of the entry's deliveries it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub u64);

/// A delivery on its way in, with its entry.
#[derive(Debug)]
pub struct NewDelivery {
    /// The action that it goes to.
    pub action: Arc<str>,
    /// Whether it waits for the person's earlier deliveries to this action; else it is alone. One of a person who is not
    /// known is alone in any case.
    pub ordered: bool,
    /// The secret fields that the action was granted: the name and the value. They are sealed, and wiped when the delivery
    /// ends or is superseded by a newer one of the same person, event, action and fields, at the latest after
    /// `secret_ttl`.
    pub secrets: Vec<(String, Secret)>,
    /// How long the secrets are kept at most.
    pub secret_ttl: Duration,
    /// Why it is a dead letter from the beginning: it cannot be told whether it is wanted.
    pub dead: Option<String>,
    /// The actions that must have done their work on the entry before, and whose captured values it sees. Only a delivery
    /// that stands before this one in its entry counts: for an action to which none goes, nothing is waited.
    pub after: Vec<Arc<str>>,
    /// It is performed: somebody waits for it until then, and gets an answer without it afterwards. One that nobody has
    /// begun by then is given up, and so is one whose attempt fails when there is no time left for another. Of those that
    /// are due, performed ones are claimed first.
    pub until: Option<DateTime<Utc>>,
}

/// What was kept of a target's answer, by name. Whoever settles bounds it; the journal does not look.
pub type Captured = serde_json::Map<String, serde_json::Value>;

/// How many deliveries of each kind to claim at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Performed ones, attempted before or not.
    pub performed: usize,
    /// Others that were never attempted.
    pub fresh: usize,
    /// Others that were.
    pub retries: usize,
}

/// A delivery to attempt now. Its lane is leased until it is settled: every one must be, if only as [`Fate::Released`].
#[derive(Debug)]
pub struct Claimed {
    /// Its name; the same at every attempt, so that the target can know a second one by it.
    pub id: DeliveryId,
    /// Its entry.
    pub seq: u64,
    /// Its entry's name.
    pub entry: EntryId,
    /// The event's name.
    pub event: String,
    /// The system that sent the event.
    pub system: String,
    /// Its tenant.
    pub tenant: String,
    /// The person's reference.
    pub person: [u8; 16],
    /// The decision in one word.
    pub outcome: String,
    /// The rule that settled it.
    pub rule: Option<String>,
    /// When the last byte of the event came.
    pub received_at: DateTime<Utc>,
    /// How often it was attempted before.
    pub attempts: u32,
    /// When it was accepted, was made pending again, or came to be due because what it comes after was done.
    pub created_at: DateTime<Utc>,
    /// When it was first attempted.
    pub first_attempt_at: Option<DateTime<Utc>>,
    /// What the entry says.
    pub record: Record,
    /// Its secret fields.
    pub secrets: Vec<SealedField>,
    /// Until when somebody waits for it, where it is performed.
    pub until: Option<DateTime<Utc>>,
    /// What the actions that it comes after have captured for this entry, of those that have done their work.
    pub answers: Vec<EarlierAnswer>,
    /// What names this work where it is performed for a request with an idempotency key: the same in every entry of that
    /// request. Letters, digits and `-`.
    pub request: Option<String>,
}

/// What an earlier action of the same entry has captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierAnswer {
    /// The action.
    pub action: String,
    /// What it captured; empty where it captures nothing.
    pub captured: Captured,
}

/// A secret field of a delivery.
#[derive(Debug)]
pub struct SealedField {
    /// The field's name.
    pub name: String,
    /// Its value; none where its time was over or its key is not there.
    pub value: Option<Secret>,
}

/// What one attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub took_ms: u64,
    /// What the target answered, or why it did not, in words that hold no value of the event; at most
    /// [`Attempt::MAX_BYTES`] of it are kept.
    pub answer: String,
    /// The beginning of what the target said itself, as much of it. It may repeat what it was told of a person.
    pub said: Option<String>,
}

/// What is to become of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is delivered.
    Done,
    /// It is tried again then; its lane waits.
    Retry {
        /// When.
        due: DateTime<Utc>,
    },
    /// It is given up, visibly; its lane goes on.
    Dead {
        /// Why, in a few words.
        reason: String,
    },
    /// It is not to be delivered after all; its lane goes on.
    Dropped {
        /// Why, in a few words.
        reason: String,
    },
    /// Nothing was tried; whoever claims next gets it.
    Released,
}

/// The end of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// What is to become of the delivery.
    pub fate: Fate,
    /// The attempt, where there was one.
    pub attempt: Option<Attempt>,
    /// What is kept of the target's answer to one that is done.
    pub captured: Option<Captured>,
}

/// What a settlement has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Whether it has: a delivery that was ended meanwhile stays as it was.
    pub counted: bool,
    /// What died with it.
    pub fallen: Vec<Fallen>,
}

/// A delivery that nobody attempted and that is a dead letter now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallen {
    /// Its name.
    pub delivery: DeliveryId,
    /// Its entry's name.
    pub entry: EntryId,
    /// Its action.
    pub action: String,
    /// Why.
    pub reason: String,
}

/// Which performed deliveries are to be given up, of those that nobody attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// Those for which nobody waits any more.
    Late {
        /// At this time.
        now: DateTime<Utc>,
    },
    /// All to an action: its target is left alone.
    Action {
        /// The action.
        action: Arc<str>,
        /// What the dead letters say.
        reason: String,
    },
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// It waits, for its turn or its time.
    Pending,
    /// It is delivered.
    Done,
    /// It was given up and can be retried.
    Dead,
    /// It was dropped, by a person, a rule or a newer one.
    Dropped,
}

/// A delivery as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its name.
    pub id: DeliveryId,
    /// The action.
    pub action: String,
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was attempted.
    pub attempts: u32,
    /// When it was accepted, was made pending again, or came to be due because what it comes after was done.
    pub created_at: DateTime<Utc>,
    /// When it was first attempted.
    pub first_attempt_at: Option<DateTime<Utc>>,
    /// When it is due, while it is pending.
    pub due: Option<DateTime<Utc>>,
    /// Whether another one is to end first: an earlier one of its lane, or one that it comes after.
    pub waits: bool,
    /// The one of its own entry that it comes after and that is still pending.
    pub waits_for: Option<DeliveryId>,
    /// Whether somebody waits, or waited, for it.
    pub performed: bool,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it is dead or dropped.
    pub reason: Option<String>,
    /// The last attempts, oldest first.
    pub answers: Vec<Attempt>,
    /// What was kept of the target's answer; none where that was nothing, was destroyed, or cannot be opened.
    pub captured: Option<Captured>,
}

/// Which deliveries are wanted.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// To this action.
    pub action: Option<String>,
    /// Where the last page ended.
    pub after: Option<u64>,
}

// === impl DeliveryId ===

impl DeliveryId {
    /// How many deliveries one entry can have, replays counted.
    pub const PER_ENTRY: u64 = 1 << 16;

    /// The number of its entry.
    pub fn seq(self) -> u64 {
        self.0 / Self::PER_ENTRY
    }

    /// Reads what it prints: `12.0`.
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, index) = text.split_once('.')?;
        let (seq, index) = (seq.parse::<u64>().ok()?, index.parse::<u64>().ok()?);
        (seq < 1 << 47 && index < Self::PER_ENTRY).then(|| Self(seq * Self::PER_ENTRY + index))
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.seq(), self.0 % Self::PER_ENTRY)
    }
}

// === impl Attempt ===

impl Attempt {
    /// How much of an answer is kept.
    pub const MAX_BYTES: usize = 1024;

    /// How many attempts are kept.
    pub const KEPT: usize = 5;
}

// === impl DeliveryState ===

impl DeliveryState {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Dropped => "dropped",
        }
    }
}
