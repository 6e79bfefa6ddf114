//! The directory as the writer keeps it: one row for each person, and one in the index for each of its fields.
//!
//! What is told is laid over what is known. Where nothing changes by it, nothing is written, so that most updates cost a
//! look and no page. Fields are sealed as payloads are; a row that no key opens any more is made anew of what is told.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::append::{PLAIN, WIPED};
use super::persons::{NOBODY, Persons, Reference};
use super::writer::Writing;
use super::{Shared, codes, failure, removed};
use crate::event::Person;
use crate::journal::seal::bound_to;
use crate::journal::{JournalError, PersonField, Record, Sighting};

/// How many others may give way to one who has their login or id.
const NAMESAKES: usize = 16;

/// What is told of a person, with the codes of its fields.
pub(super) struct Told {
    person: Reference,
    system: &'static str,
    tenant: String,
    at: i64,
    /// Whether something newer may be known.
    is_old: bool,
    /// None: it has left.
    fields: Option<Vec<Field>>,
    /// Whether somebody has taken it out.
    removed: bool,
}

struct Field {
    name: Arc<str>,
    value: String,
    /// None: it has no such value.
    key: Option<i64>,
    identifies: bool,
}

/// What is known of a person: each field's value and code.
pub(super) type Known = BTreeMap<String, (String, i64)>;

/// A person's row.
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) person: Reference,
    /// When its fields last changed.
    pub(super) at: i64,
    pub(super) keys: Vec<i64>,
    pub(super) stored: Vec<u8>,
}

impl Told {
    /// What is told, as it goes to the writer. The caller holds the gate.
    pub(super) fn of(person: &Person, reference: Reference, at: i64, sighting: Sighting, persons: &Persons) -> Self {
        let code = |field: &PersonField| {
            let known = !field.key.normal.is_empty();
            known.then(|| persons.field_key(person.system, &person.tenant, &field.key))
        };
        let field = |field: PersonField| Field {
            key: code(&field),
            name: field.key.name,
            value: field.value,
            identifies: field.identifies,
        };
        let removed = sighting == Sighting::Removed;
        let fields = match sighting {
            Sighting::Seen(fields) => Some(fields.into_iter().map(field).collect()),
            Sighting::Left | Sighting::Removed => None,
            Sighting::Then(at, sighting) => {
                let told = Self::of(person, reference, codes::time(at), *sighting, persons);
                return Self { is_old: true, ..told };
            }
        };
        let (system, tenant) = (person.system, person.tenant.clone());
        Self { person: reference, system, tenant, at, is_old: false, fields, removed }
    }

    /// About how many bytes it writes.
    pub(super) fn bytes(&self) -> usize {
        let fields = self.fields.iter().flatten();
        100 + fields.map(|field| field.value.len() + field.name.len() + 40).sum::<usize>()
    }
}

/// Tells of many at once. Keys are made first, and on disk, before anything is sealed under them.
pub(super) async fn tell_all(shared: Arc<Shared>, people: Vec<(Person, Sighting)>) -> Result<u64, JournalError> {
    let own = shared.clone();
    let prepare = move || {
        let _gate = own.gate.read().unwrap_or_else(PoisonError::into_inner);
        let at = codes::time(own.options.clock.now());
        let told = people.into_iter().filter(|(person, _)| person.known).map(|(person, sighting)| {
            let reference = own.persons.reference(&person);
            Told::of(&person, reference, at, sighting, &own.persons)
        });
        let told: Vec<Told> = told.collect();
        if own.persons.seals() {
            let seen: Vec<Reference> =
                told.iter().filter(|told| told.fields.is_some()).map(|told| told.person).collect();
            own.persons.make_keys(&seen)?;
        }
        Ok::<_, JournalError>(own.queue.run(false, move |writing| {
            let mut changed = 0;
            for told in &told {
                changed += u64::from(tell(writing, told)?);
            }
            Ok(changed)
        }))
    };
    tokio::task::spawn_blocking(prepare).await.map_err(|_| JournalError::Closed)??.await
}

/// Within the writer's transaction. Answers whether anything is different now.
pub(super) fn tell(writing: &Writing<'_>, told: &Told) -> Result<bool, JournalError> {
    if told.person == NOBODY {
        return Ok(false);
    }
    let connection = writing.connection;
    let row = row(connection, &told.person).map_err(failure::reading)?;
    let late = told.is_old && row.as_ref().is_some_and(|row| row.at > told.at);
    let Some(fields) = &told.fields else {
        if late {
            return Ok(false);
        }
        if told.removed {
            removed::note(connection, &told.person, told.at)?;
        }
        row.iter().try_for_each(|row| remove(connection, row))?;
        return Ok(row.is_some());
    };
    let before = row.as_ref().and_then(|row| row.known(&writing.shared.persons));
    let mut known = before.clone().unwrap_or_default();
    for field in fields.iter().filter(|field| !late || !known_before(before.as_ref(), field)) {
        match field.key {
            Some(key) => _ = known.insert(field.name.to_string(), (field.value.clone(), key)),
            None => _ = known.remove(&*field.name),
        }
    }
    for key in fields.iter().filter(|field| field.identifies && !late).filter_map(|field| field.key) {
        let others = namesakes(connection, key, &told.person).map_err(failure::reading)?;
        if told.is_old && others.iter().any(|other| other.at > told.at) {
            // By now the person has another name.
            return Ok(false);
        }
        others.iter().try_for_each(|other| remove(connection, other))?;
    }
    let is_out = || Ok(removed::at(connection, &told.person)?.is_some_and(|at| at > told.at));
    if told.is_old && is_out()? {
        return Ok(false);
    }
    if before.as_ref() == Some(&known) {
        return Ok(false);
    }
    write(writing, told, row.as_ref(), &known)?;
    Ok(true)
}

fn known_before(before: Option<&Known>, field: &Field) -> bool {
    before.is_some_and(|known| known.contains_key(&*field.name))
}

fn write(writing: &Writing<'_>, told: &Told, row: Option<&Row>, known: &Known) -> Result<(), JournalError> {
    let connection = writing.connection;
    if known.is_empty() {
        return row.map_or(Ok(()), |row| remove(connection, row));
    }
    let stored = stored(known, &told.person, &writing.shared.persons)?;
    let work = || -> rusqlite::Result<()> {
        let id = if let Some(row) = row {
            connection
                .prepare_cached("UPDATE people SET at = ?2, keys = ?3, stored = ?4 WHERE id = ?1")?
                .execute(params![row.id, told.at.max(row.at * i64::from(told.is_old)), keys(known), stored])?;
            row.id
        } else {
            connection
                .prepare_cached(
                    "INSERT INTO people (person, system, tenant, at, keys, stored) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![told.person, told.system, told.tenant, told.at, keys(known), stored])?;
            connection.last_insert_rowid()
        };
        index(connection, id, row.map_or(&[], |row| &row.keys), known)
    };
    work().map_err(failure::writing)
}

/// Brings a person's rows in the index from one set of codes to another.
pub(super) fn index(connection: &Connection, id: i64, before: &[i64], known: &Known) -> rusqlite::Result<()> {
    for gone in before.iter().filter(|before| known.values().all(|(_, key)| key != *before)) {
        connection.prepare_cached("DELETE FROM people_index WHERE key = ?1 AND id = ?2")?.execute([*gone, id])?;
    }
    for (_, key) in known.values().filter(|(_, key)| !before.contains(key)) {
        connection
            .prepare_cached("INSERT OR IGNORE INTO people_index (key, id) VALUES (?1, ?2)")?
            .execute([*key, id])?;
    }
    Ok(())
}

/// Takes a person out who is forgotten, if it is there.
pub(super) fn leave(connection: &Connection, person: &Reference) -> Result<(), JournalError> {
    removed::forget(connection, person)?;
    let row = row(connection, person).map_err(failure::reading)?;
    row.map_or(Ok(()), |row| remove(connection, &row))
}

/// Overwritten first: what is deleted could be found where SQLite has moved it from.
pub(super) fn remove(connection: &Connection, row: &Row) -> Result<(), JournalError> {
    let work = || -> rusqlite::Result<usize> {
        index(connection, row.id, &row.keys, &Known::new())?;
        connection
            .prepare_cached("UPDATE people SET stored = zeroblob(length(stored)) WHERE id = ?1")?
            .execute([row.id])?;
        connection.prepare_cached("DELETE FROM people WHERE id = ?1")?.execute([row.id])
    };
    work().map(|_| ()).map_err(failure::writing)
}

fn row(connection: &Connection, person: &Reference) -> rusqlite::Result<Option<Row>> {
    connection
        .prepare_cached("SELECT id, person, keys, stored, at FROM people WHERE person = ?1")?
        .query_row([person], Row::read)
        .optional()
}

/// Others who have this code.
fn namesakes(connection: &Connection, key: i64, person: &Reference) -> rusqlite::Result<Vec<Row>> {
    connection
        .prepare_cached(
            "SELECT people.id, person, keys, stored, at FROM people_index JOIN people ON people.id = people_index.id
             WHERE key = ?1 AND person <> ?2 LIMIT ?3",
        )?
        .query_map(params![key, person, NAMESAKES], Row::read)?
        .collect()
}

// === impl Row ===

impl Row {
    /// From the columns id, person, keys, stored, at.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let keys: Vec<u8> = row.get(2)?;
        let keys = keys.chunks_exact(8).map(codes::first_number).collect();
        Ok(Self { id: row.get(0)?, person: row.get(1)?, at: row.get(4)?, keys, stored: row.get(3)? })
    }

    /// What is known; none where it cannot be read.
    pub(super) fn known(&self, persons: &Persons) -> Option<Known> {
        let Record::Bytes(bytes) = record(&self.stored, &self.person, persons) else { return None };
        let fields: BTreeMap<String, String> = serde_json::from_slice(&bytes).ok()?;
        let whole = fields.len() == self.keys.len();
        let known = fields.into_iter().zip(&self.keys).map(|((name, value), key)| (name, (value, *key)));
        whole.then(|| known.collect())
    }
}

/// Fields as they are stored.
pub(super) fn stored(known: &Known, person: &Reference, persons: &Persons) -> Result<Vec<u8>, JournalError> {
    let fields: BTreeMap<&str, &str> = known.iter().map(|(name, (value, _))| (name.as_str(), value.as_str())).collect();
    let plain = serde_json::to_vec(&fields).unwrap_or_default();
    if !persons.seals() {
        return Ok([&[PLAIN], plain.as_slice()].concat());
    }
    let key = persons.key(person)?.ok_or(JournalError::KeyMissing { what: "a person of the directory" })?;
    Ok(key.seal(plain, &aad(person)))
}

/// What [`stored`] stored.
pub(super) fn record(stored: &[u8], person: &Reference, persons: &Persons) -> Record {
    match stored.first() {
        None | Some(&WIPED) => Record::Forgotten,
        Some(&PLAIN) => Record::Bytes(stored[1..].to_vec()),
        Some(_) => match persons.key(person) {
            Ok(Some(key)) => {
                key.open(stored, &aad(person), "a person of the directory").map_or(Record::Sealed, Record::Bytes)
            }
            Ok(None) => Record::Forgotten,
            Err(_) => Record::Sealed,
        },
    }
}

/// The codes as they are stored.
pub(super) fn keys(known: &Known) -> Vec<u8> {
    known.values().flat_map(|(_, key)| key.to_be_bytes()).collect()
}

fn aad(person: &Reference) -> Vec<u8> {
    bound_to(&[b"directory", person])
}
