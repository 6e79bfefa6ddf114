//! Entries: what is appended, what is read back, and what is told of all of them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Sighting;
use super::delivery::{Delivery, DeliveryId, Fallen, NewDelivery};
use super::guarded::GuardMark;
use crate::base::ids::hex;
use crate::event::Person;

/// What names an entry: a version 7 UUID, made by whoever appends it.
pub type EntryId = Uuid;

/// An entry on its way in.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// Its name.
    pub id: EntryId,
    /// When the last byte of the event came.
    pub received_at: DateTime<Utc>,
    /// The event's name in the catalogue. The system is the person's.
    pub event: &'static str,
    /// Whom it is about.
    pub person: &'a Person,
    /// The decision in one word.
    pub outcome: &'static str,
    /// How it came about, in one word.
    pub cause: &'static str,
    /// The rule that settled it, where one did.
    pub rule: Option<Arc<str>>,
    /// The hash of the rule set that it was decided by.
    pub rule_set: [u8; 32],
    /// From the last byte of the event to the decision.
    pub took: Duration,
    /// What is to be known of it, JSON. It holds no secret field: the journal does not look.
    pub record: Vec<u8>,
    /// The bytes of `request` as received, by which a repeat is known; none where the event can never be a repeat. They
    /// are digested under a key of the journal's own, never stored.
    pub repeat: Option<&'a [u8]>,
    /// What names the request that it came with, in its sender's words: whoever sends that again wants it answered, and not
    /// done again. It is digested as `repeat` is, which is not looked at where this is given.
    pub idempotency: Option<&'a [u8]>,
    /// What it must set off.
    pub deliveries: Vec<NewDelivery>,
    /// What guards made of it; stored with the entry, also with one that is a repeat.
    pub guards: Vec<GuardMark>,
    /// What the directory learns of the person by it, unless it is a repeat.
    pub sighting: Option<Sighting>,
    /// Whether somebody waits for it. One that nobody waits for may wait itself, some milliseconds, for others to be written
    /// with.
    pub awaited: bool,
}

/// What became of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The entry's number.
    pub seq: u64,
    /// The entry that it repeats, where it does; then nothing is delivered for it.
    pub repeat_of: Option<(u64, EntryId)>,
    /// Its deliveries, in the order in which they were given; none for a repeat.
    pub deliveries: Vec<DeliveryId>,
    /// Those of them that are dead letters from the beginning.
    pub dead: Vec<Fallen>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// An event and what was decided.
    Event,
    /// A person was forgotten.
    Tombstone,
    /// Older entries were cut off.
    Cut,
    /// The persons' keys were sealed under another key.
    KeyRotation,
    /// The journal was brought back from a backup.
    Restored,
    /// A person whom a guard holds was given a pass.
    GuardRelease,
    /// A person whom a guard held was taken off its list.
    GuardDrop,
}

/// An entry as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; they have no gaps.
    pub seq: u64,
    /// Its name.
    pub id: EntryId,
    /// When the last byte of the event came.
    pub received_at: DateTime<Utc>,
    /// What it is.
    pub kind: EntryKind,
    /// The system that sent the event.
    pub system: String,
    /// Its tenant; empty where none is known.
    pub tenant: String,
    /// The event's name; empty for the journal's own acts.
    pub event: String,
    /// The person's reference: the same for all entries of a person until it is forgotten.
    pub person: [u8; 16],
    /// The decision in one word.
    pub outcome: String,
    /// How it came about, in one word.
    pub cause: String,
    /// The rule that settled it.
    pub rule: Option<String>,
    /// The hash of the rule set that it was decided by.
    pub rule_set: [u8; 32],
    /// From the last byte of the event to the decision.
    pub took: Duration,
    /// The number of the entry that it repeats.
    pub repeat_of: Option<u64>,
    /// What is known of it.
    pub record: Record,
}

/// What an entry says, or why that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The bytes that were appended.
    Bytes(Vec<u8>),
    /// It was not asked for.
    Unread,
    /// Its person was forgotten.
    Forgotten,
    /// The key that it is sealed under is not there, or does not open it.
    Sealed,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// Which entries are wanted. An empty one means all events.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of these events; empty: of any.
    pub events: Vec<String>,
    /// Of this person.
    pub person: Option<Person>,
    /// With this outcome.
    pub outcome: Option<String>,
    /// Received at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Received before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only those with a dead delivery, or one that was tried and is still pending.
    pub failed: bool,
    /// With a delivery to this action, of any state.
    pub action: Option<String>,
    /// The journal's own acts, too.
    pub acts: bool,
    /// Whether the records are wanted, which costs most of the time.
    pub records: bool,
    /// Which end comes first.
    pub order: Order,
    /// Where the last page ended: its [`Page::next`].
    pub after: Option<u64>,
    /// Up to this number; none: to the end.
    pub up_to: Option<u64>,
}

/// A part of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What was found. A page may be short, or empty, before the end: looking on is the caller's matter.
    pub items: Vec<T>,
    /// Where the next page begins; none at the end.
    pub next: Option<u64>,
}

/// The last entry of a chain, to hold a journal against later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 for a journal without entries.
    pub seq: u64,
    /// Its place in the chain.
    pub hash: [u8; 32],
}

/// What the journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How many entries.
    pub entries: u64,
    /// The bytes of all its files.
    pub bytes: u64,
    /// When the oldest entry was received.
    pub oldest: Option<DateTime<Utc>>,
    /// Each action with how many deliveries are pending and dead.
    pub actions: Vec<(String, u64, u64)>,
    /// How many unverified notices are kept.
    pub unverified: u64,
}

/// How the journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It writes.
    Ok,
    /// It writes no entries, for want of space.
    Full {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// It does not write.
    Unavailable {
        /// What it says.
        reason: String,
        /// Since when.
        since: DateTime<Utc>,
    },
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many entries were looked at.
    pub entries: u64,
    /// Entries without their payload because their person was forgotten.
    pub forgotten: u64,
    /// The last entry that was cut off by retention; 0 where none was.
    pub cut: u64,
    /// The chain's last entry.
    pub head: Option<Head>,
    /// What is wrong; at most 1,000 of them.
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    pub found: u64,
}

/// Something that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// A header, a link or, with a chain key, the code over them is not what it was.
    #[error("entry {0}: its header or its place in the chain was changed, or the chain key is another")]
    Header(u64),
    /// The payload is not what was stored.
    #[error("entry {0}: its payload was changed")]
    Payload(u64),
    /// The payload is gone, and no tombstone says why.
    #[error("entry {0}: its payload is missing, and no tombstone says why")]
    Missing(u64),
    /// Entries are missing.
    #[error("entries {0} to {1} are missing")]
    Gap(u64, u64),
    /// The beginning is missing, and no cut says why.
    #[error("entries before {0} are missing, and no cut says why")]
    Prefix(u64),
    /// It ends before the head that it was held against.
    #[error("the journal ends at entry {found}, and once reached entry {expected}: its tail was cut off")]
    Tail {
        /// Where it ends.
        found: u64,
        /// Where it ended once.
        expected: u64,
    },
    /// It is another chain than the head that it was held against.
    #[error("entry {0} is not the one whose head was kept: this is another journal, or it was rewritten")]
    Other(u64),
    /// The file's last bytes were never completely written. Nothing that was acknowledged is in them.
    #[error("{0} bytes at the end were never completely written; they were skipped")]
    Torn(u64),
    /// A row cannot be read.
    #[error("entry {0}: it cannot be read")]
    Unreadable(u64),
}

/// A notice whose sender was not verified, kept to be looked at and maybe replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// Its number.
    pub number: u64,
    /// Its name.
    pub id: EntryId,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The event's name.
    pub event: String,
    /// What is to be known of it, JSON.
    pub record: Record,
}

/// An entry with all its deliveries.
pub type Full = (Entry, Vec<Delivery>);

// === impl EntryKind ===

impl EntryKind {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Tombstone => "tombstone",
            Self::Cut => "cut",
            Self::KeyRotation => "key_rotation",
            Self::Restored => "restored",
            Self::GuardRelease => "guard_release",
            Self::GuardDrop => "guard_drop",
        }
    }
}

// === impl Head ===

impl Head {
    /// Reads what [`Head`] prints: `12:9f86…`.
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, hash) = text.trim().split_once(':')?;
        let mut bytes = [0; 32];
        if hash.len() != 64 || !hash.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hash[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(Self { seq: seq.parse().ok()?, hash: bytes })
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, hex(&self.hash))
    }
}

// === impl Report ===

impl Report {
    /// Whether nothing is wrong; a torn tail is not wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| matches!(finding, Finding::Torn(_)))
    }
}
