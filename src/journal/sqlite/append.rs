//! An append, in two halves: what can be done where it is asked for, and what the writer does in its transaction.

use std::sync::Arc;

use rusqlite::params;

use super::latest::Last;
use super::people::{self, Told};
use super::persons::{NOBODY, Reference};
use super::read::value;
use super::writer::Writing;
use super::{Shared, codes, failure, guarded, lanes, requests};
use crate::base::ids::random_bytes;
use crate::journal::chain::{Hash, Header, sha256};
use crate::journal::entry::{EntryId, EntryKind};
use crate::journal::seal::bound_to;
use crate::journal::{Appended, DeliveryId, Fallen, GuardMark, JournalError, NewEntry};

/// Before what is stored: a plain payload after its salt. Sealed ones begin with their version.
pub(super) const PLAIN: u8 = 2;

/// What is left of a payload that was wiped: zeros.
pub(super) const WIPED: u8 = 0;

/// How long a salt is.
pub(super) const SALT: usize = 16;

/// An entry, as far as it can be made without the writer.
pub(super) struct Prepared {
    pub(super) id: EntryId,
    pub(super) at: i64,
    pub(super) kind: EntryKind,
    pub(super) system: &'static str,
    pub(super) tenant: String,
    pub(super) event: &'static str,
    pub(super) person: Reference,
    pub(super) outcome: &'static str,
    pub(super) cause: &'static str,
    pub(super) rule: Option<Arc<str>>,
    pub(super) rule_set: [u8; 32],
    pub(super) took: i64,
    pub(super) request: Option<Reference>,
    /// What names the request that it came with.
    pub(super) key: Option<Reference>,
    pub(super) stored: Stored,
    pub(super) deliveries: Vec<PreparedDelivery>,
    pub(super) guards: Vec<GuardMark>,
    pub(super) sighting: Option<Told>,
    pub(super) awaited: bool,
}

/// The payload on its way.
pub(super) enum Stored {
    /// As it will be stored, and its digest.
    Ready(Vec<u8>, Hash),
    /// To be sealed under a key that is not in memory.
    Unsealed(Vec<u8>),
}

/// A delivery, as far as it can be made without the writer.
pub(super) struct PreparedDelivery {
    pub(super) action: Arc<str>,
    pub(super) lane: Option<i64>,
    /// Name, sealed value, end of its time.
    pub(super) secrets: Vec<(String, Vec<u8>, i64)>,
    /// Why it is dead from the beginning.
    pub(super) dead: Option<String>,
    pub(super) after: Vec<Arc<str>>,
    pub(super) until: Option<i64>,
}

impl Prepared {
    /// The first half. The caller holds the gate, so that nobody is forgotten before this is queued.
    pub(super) fn of(entry: NewEntry<'_>, shared: &Shared) -> Result<Self, JournalError> {
        let person = shared.persons.reference(entry.person);
        let at = codes::time(entry.received_at);
        let lane = (person != NOBODY).then(|| codes::lane(&person));
        let mut deliveries = Vec::with_capacity(entry.deliveries.len());
        if entry.deliveries.len() as u64 >= DeliveryId::PER_ENTRY {
            return Err(JournalError::Setting("an entry cannot have so many deliveries".to_owned()));
        }
        for delivery in entry.deliveries {
            let expires = at.saturating_add(i64::try_from(delivery.secret_ttl.as_micros()).unwrap_or(i64::MAX));
            let mut secrets = Vec::with_capacity(delivery.secrets.len());
            for (field, value) in delivery.secrets {
                let sealer = shared.keyring.current().ok_or(JournalError::NoKey)?;
                let aad = secret_aad(&entry.person.tenant, entry.event, &field, &entry.id);
                secrets.push((field, sealer.seal(value.expose().to_vec(), &aad), expires));
            }
            deliveries.push(PreparedDelivery {
                action: delivery.action,
                lane: lane.filter(|_| delivery.ordered),
                secrets,
                dead: delivery.dead,
                after: delivery.after,
                // 0 is for one that nobody waits for any more.
                until: delivery.until.map(|until| codes::time(until).max(1)),
            });
        }
        let stored = if !shared.persons.seals() {
            salted(&entry.record)
        } else if let Some(key) = shared.persons.cached(&person) {
            let sealed = key.seal(entry.record, &payload_aad(&entry.id, &person));
            let digest = sha256(&sealed);
            Stored::Ready(sealed, digest)
        } else {
            Stored::Unsealed(entry.record)
        };
        Ok(Self {
            id: entry.id,
            at,
            kind: EntryKind::Event,
            system: entry.person.system,
            tenant: entry.person.tenant.clone(),
            event: entry.event,
            person,
            outcome: entry.outcome,
            cause: entry.cause,
            rule: entry.rule,
            rule_set: entry.rule_set,
            took: i64::try_from(entry.took.as_micros()).unwrap_or(i64::MAX),
            request: entry
                .repeat
                .filter(|_| lane.is_some() && entry.idempotency.is_none())
                .map(|request| shared.persons.digest(request)),
            key: entry.idempotency.map(|key| shared.persons.request(entry.person, &person, entry.event, key)),
            stored,
            sighting: entry.sighting.map(|sighting| Told::of(entry.person, person, at, sighting, &shared.persons)),
            awaited: entry.awaited,
            deliveries,
            guards: entry.guards,
        })
    }

    /// One of the journal's own acts.
    pub(super) fn act(kind: EntryKind, at: i64, person: Reference, record: &[u8]) -> Self {
        let mut id = random_bytes::<16>();
        let milliseconds = u64::try_from(at / 1000).unwrap_or_default();
        id[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
        Self {
            id: uuid::Builder::from_bytes(id).with_version(uuid::Version::SortRand).into_uuid(),
            at,
            kind,
            system: "",
            tenant: String::new(),
            event: "",
            person,
            outcome: "",
            cause: "",
            rule: None,
            rule_set: [0; 32],
            took: 0,
            request: None,
            key: None,
            stored: salted(record),
            deliveries: Vec::new(),
            guards: Vec::new(),
            sighting: None,
            awaited: true,
        }
    }

    /// An act in somebody's words, which are sealed like a payload: they may tell of the person.
    pub(super) fn words(kind: EntryKind, at: i64, person: Reference, words: Vec<u8>, seals: bool) -> Self {
        let stored = if seals { Stored::Unsealed(words) } else { salted(&words) };
        Self { stored, ..Self::act(kind, at, person, b"") }
    }

    /// About how many bytes it writes.
    pub(super) fn bytes(&self) -> usize {
        let stored = match &self.stored {
            Stored::Ready(bytes, _) | Stored::Unsealed(bytes) => bytes.len(),
        };
        let secrets = self.deliveries.iter().flat_map(|delivery| &delivery.secrets);
        let sighting = self.sighting.as_ref().map_or(0, Told::bytes);
        300 + stored
            + sighting
            + 120 * self.deliveries.len()
            + secrets.map(|(_, sealed, _)| sealed.len()).sum::<usize>()
    }
}

/// A plain payload as it is stored. The salt keeps its digest, which stays when it is forgotten, from telling anything.
fn salted(record: &[u8]) -> Stored {
    let mut stored = Vec::with_capacity(1 + SALT + record.len());
    stored.push(PLAIN);
    stored.extend_from_slice(&random_bytes::<SALT>());
    stored.extend_from_slice(record);
    let digest = sha256(&stored);
    Stored::Ready(stored, digest)
}

/// Where a payload belongs.
pub(super) fn payload_aad(id: &EntryId, person: &Reference) -> Vec<u8> {
    bound_to(&[b"payload", id.as_bytes(), person])
}

/// Where a secret field belongs.
pub(super) fn secret_aad(tenant: &str, event: &str, field: &str, id: &EntryId) -> Vec<u8> {
    bound_to(&[b"secret", tenant.as_bytes(), event.as_bytes(), field.as_bytes(), id.as_bytes()])
}

/// The second half, in the writer's transaction.
pub(super) fn insert(prepared: &mut Prepared, writing: &mut Writing<'_>) -> Result<Appended, JournalError> {
    let repeat_of = repeat_of(prepared, writing)?;
    seal(prepared, writing)?;
    let Stored::Ready(stored, digest) = &prepared.stored else {
        return Err(JournalError::Unsealed { what: "a payload" });
    };
    // Before anything is written, for it may be that its key is not there.
    if let Some(told) = prepared.sighting.as_ref().filter(|_| repeat_of.is_none()) {
        people::tell(writing, told)?;
    }
    let seq = writing.state.head.seq + 1;
    let rule_set = writing.rule_set(&prepared.rule_set)?;
    let header = Header {
        seq,
        id: prepared.id.into_bytes(),
        at: prepared.at,
        kind: prepared.kind,
        system: prepared.system,
        tenant: &prepared.tenant,
        event: prepared.event,
        person: prepared.person,
        outcome: prepared.outcome,
        cause: prepared.cause,
        rule: prepared.rule.as_deref(),
        rule_set: prepared.rule_set,
        took: prepared.took,
        repeat_of: repeat_of.map(|(seq, _)| seq),
        digest: *digest,
    };
    let hash = writing.shared.chain.link(&writing.state.head.hash, &header, &mut writing.state.buffer);
    writing
        .connection
        .prepare_cached(
            "INSERT INTO entries (seq, id, at, kind, system, tenant, event, bucket, person, outcome, cause, rule, rule_set,
             took, repeat_of, request, digest, hash, stored)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                seq,
                header.id,
                header.at,
                codes::of_kind(header.kind),
                header.system,
                header.tenant,
                header.event,
                codes::bucket(&header.person),
                header.person,
                header.outcome,
                header.cause,
                header.rule,
                rule_set,
                header.took,
                header.repeat_of,
                prepared.request,
                digest,
                hash,
                stored,
            ])
        })
        .map_err(failure::writing)?;
    writing.state.head.seq = seq;
    writing.state.head.hash = hash;
    if prepared.kind == EntryKind::Event && prepared.person != NOBODY {
        let last = Last { request: prepared.request, at: prepared.at, seq };
        writing.state.latest.insert(&prepared.person, prepared.event, last);
    }
    let (mut deliveries, mut dead) = (Vec::new(), Vec::new());
    if repeat_of.is_none() {
        if let Some(key) = &prepared.key {
            requests::take_over(writing, seq, key)?;
        }
        for (place, delivery) in prepared.deliveries.iter().enumerate() {
            let id = DeliveryId(seq * DeliveryId::PER_ENTRY + place as u64);
            let reason = lanes::insert(writing, id.0, prepared, place)?;
            let (entry, action) = (prepared.id, || delivery.action.to_string());
            dead.extend(reason.map(|reason| Fallen { delivery: id, entry, action: action(), reason }));
            deliveries.push(id);
        }
    }
    guarded::mark(writing, seq, prepared)?;
    Ok(Appended { seq, repeat_of, deliveries, dead })
}

/// The entry that this one repeats.
fn repeat_of(prepared: &Prepared, writing: &mut Writing<'_>) -> Result<Option<(u64, EntryId)>, JournalError> {
    let connection = writing.connection;
    let seq = if let Some(key) = &prepared.key {
        let performs = prepared.deliveries.iter().any(|delivery| delivery.until.is_some());
        requests::repeated(connection, key, performs)?
    } else if let Some(request) = prepared.request {
        let window = writing.shared.options.repeat_window;
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        let last = writing.state.latest.of(connection, &prepared.person, prepared.event, prepared.at, window);
        let same = |last: &Last| last.request == Some(request) && prepared.at.saturating_sub(last.at) <= window;
        last.map_err(failure::reading)?.filter(same).map(|last| last.seq)
    } else {
        None
    };
    let Some(seq) = seq else { return Ok(None) };
    let id: Option<[u8; 16]> = value(connection, "SELECT id FROM entries WHERE seq = ?1", seq)?;
    Ok(id.map(|id| (seq, EntryId::from_bytes(id))))
}

fn seal(prepared: &mut Prepared, writing: &mut Writing<'_>) -> Result<(), JournalError> {
    let Stored::Unsealed(record) = &mut prepared.stored else { return Ok(()) };
    let key = writing.shared.persons.key(&prepared.person)?.ok_or(JournalError::KeyMissing { what: "a payload" })?;
    let sealed = key.seal(std::mem::take(record), &payload_aad(&prepared.id, &prepared.person));
    let digest = sha256(&sealed);
    prepared.stored = Stored::Ready(sealed, digest);
    Ok(())
}
