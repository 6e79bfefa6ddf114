//! The persons' file: what turns persons into references, the key of each person, and who was forgotten.
//!
//! It is a file of its own because a backup must not bring back what was forgotten: references and keys are not in a
//! backup. A reference is a code over (system, tenant, key, generation) under the index key, so that no login stands in
//! the journal. Forgetting a person lists its reference here for ever; its later events get the next generation's, which
//! nothing links to the first. So whatever an older backup brings back under a listed reference can be destroyed again.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use aws_lc_rs::hmac;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use zeroize::Zeroizing;

use super::recent::Recent;
use super::{codes, connect, failure};
use crate::base::ids::random_bytes;
use crate::event::Person;
pub(super) use crate::journal::Reference;
use crate::journal::seal::{KeyId, Keyring, Sealer, bound_to, derive, key_id};
use crate::journal::{FieldKey, JournalError};

/// What stands for a person who is not known: it has no lane, no timeline, no repeats, and shares its key.
pub(super) const NOBODY: Reference = [0; 16];

/// How many persons' keys are kept in memory, at most twice.
const KEYS: usize = 4096;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (id INTEGER PRIMARY KEY, person BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS forgotten (person BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
";

/// The persons' file, open.
pub(super) struct Persons {
    connection: Mutex<Connection>,
    keyring: Keyring,
    references: hmac::Key,
    repeats: hmac::Key,
    requests: hmac::Key,
    people: hmac::Key,
    forgotten: RwLock<HashSet<Reference>>,
    keys: Mutex<Recent<Reference, Arc<Sealer>>>,
}

impl Persons {
    /// Opens the file; one that is not there is made, unless it is only to be read.
    pub(super) fn open(path: &Path, keyring: Keyring, read_only: bool) -> Result<Self, JournalError> {
        let connection = if read_only { connect::reader(path)? } else { connect::writer(path)? };
        let opening = |error| failure::opening(path, error);
        if !read_only {
            connection.execute_batch(TABLES).map_err(opening)?;
            let fresh = Zeroizing::new(random_bytes::<32>());
            connection
                .execute("INSERT OR IGNORE INTO meta (name, value) VALUES ('index_key', ?1)", [fresh.as_slice()])
                .map_err(opening)?;
        }
        let index: Vec<u8> = connection
            .query_row("SELECT value FROM meta WHERE name = 'index_key'", [], |row| row.get(0))
            .map_err(opening)?;
        let index = Zeroizing::new(index);
        let forgotten = {
            let mut rows = connection.prepare("SELECT person FROM forgotten").map_err(opening)?;
            let rows = rows.query_map([], |row| row.get::<_, Reference>(0)).map_err(opening)?;
            rows.collect::<Result<HashSet<_>, _>>().map_err(opening)?
        };
        let key = |purpose| hmac::Key::new(hmac::HMAC_SHA256, derive(&index, purpose).as_slice());
        Ok(Self {
            connection: Mutex::new(connection),
            keyring,
            references: key("person reference 1"),
            repeats: key("repeat 1"),
            requests: key("request 1"),
            people: key("directory 1"),
            forgotten: RwLock::new(forgotten),
            keys: Mutex::new(Recent::new(KEYS)),
        })
    }

    /// The reference of a person, as its next entry has it.
    pub(super) fn reference(&self, person: &Person) -> Reference {
        if !person.known {
            return NOBODY;
        }
        let forgotten = self.forgotten.read().unwrap_or_else(PoisonError::into_inner);
        let mut generation = 0;
        loop {
            let reference = self.generation(person, generation);
            if !forgotten.contains(&reference) {
                return reference;
            }
            generation += 1;
        }
    }

    /// The references that a person had, has, and will have next.
    pub(super) fn references(&self, person: &Person) -> Vec<Reference> {
        let current = self.reference(person);
        let mut all = Vec::new();
        for generation in 0.. {
            let reference = self.generation(person, generation);
            all.push(reference);
            if all.len() > 1 && all[all.len() - 2] == current {
                break;
            }
        }
        all
    }

    fn generation(&self, person: &Person, generation: u32) -> Reference {
        let number = generation.to_be_bytes();
        let parts = [person.system.as_bytes(), person.tenant.as_bytes(), person.key.as_bytes(), &number];
        first(&hmac::sign(&self.references, &bound_to(&parts)))
    }

    /// What an equal request of the same person would have, too.
    pub(super) fn digest(&self, request: &[u8]) -> Reference {
        first(&hmac::sign(&self.repeats, request))
    }

    /// What names a request of this event: its sender's own name for it, of the person that `reference` stands for.
    pub(super) fn request(&self, person: &Person, reference: &Reference, event: &str, key: &[u8]) -> Reference {
        let parts = [person.system.as_bytes(), person.tenant.as_bytes(), reference, event.as_bytes(), key];
        first(&hmac::sign(&self.requests, &bound_to(&parts)))
    }

    /// What a field of the directory is found by. No value can be told from it without this file.
    pub(super) fn field_key(&self, system: &str, tenant: &str, key: &FieldKey) -> i64 {
        let parts = [system, tenant, &*key.name, &*key.form, &*key.normal].map(str::as_bytes);
        codes::first_number(hmac::sign(&self.people, &bound_to(&parts)).as_ref())
    }

    /// Whether payloads are sealed.
    pub(super) fn seals(&self) -> bool {
        self.keyring.current().is_some()
    }

    /// A person's key, if it is in memory.
    pub(super) fn cached(&self, person: &Reference) -> Option<Arc<Sealer>> {
        self.lock_keys().get(person)
    }

    /// A person's key, if there is one.
    pub(super) fn key(&self, person: &Reference) -> Result<Option<Arc<Sealer>>, JournalError> {
        if let Some(key) = self.cached(person) {
            return Ok(Some(key));
        }
        // Held while the key goes into memory, so that it cannot be destroyed in between.
        let connection = self.lock();
        let Some(sealed) = stored(&connection, person).map_err(failure::reading)? else { return Ok(None) };
        let key = Arc::new(self.unwrap(&sealed, person)?);
        let _ = self.lock_keys().insert(*person, key.clone());
        Ok(Some(key))
    }

    /// Makes keys for those who have none. They are on disk when this returns, before anything is sealed under them.
    pub(super) fn make_keys(&self, persons: &[Reference]) -> Result<(), JournalError> {
        let Some(current) = self.keyring.current() else { return Err(JournalError::NoKey) };
        let mut connection = self.lock();
        let mut fresh = Vec::new();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure::writing)?;
        for person in persons {
            if self.cached(person).is_some() {
                continue;
            }
            let key = if let Some(sealed) = stored(&transaction, person).map_err(failure::reading)? {
                // One that does not open fails its own entry later, not the whole batch.
                let Ok(key) = self.unwrap(&sealed, person) else { continue };
                key
            } else {
                let (key, bytes) = Sealer::random();
                let mut plain = key.id().to_vec();
                plain.extend_from_slice(bytes.as_slice());
                let sealed = current.seal(plain, &aad(person));
                transaction
                    .prepare_cached("INSERT INTO keys (person, sealed) VALUES (?1, ?2)")
                    .and_then(|mut insert| insert.execute(params![person, sealed]))
                    .map_err(failure::writing)?;
                key
            };
            fresh.push((*person, Arc::new(key)));
        }
        transaction.commit().map_err(failure::writing)?;
        let mut keys = self.lock_keys();
        for (person, key) in fresh {
            let _ = keys.insert(person, key);
        }
        Ok(())
    }

    /// From now on these references are nobody's any more. Not on disk yet.
    pub(super) fn disown(&self, persons: &[Reference]) {
        self.forgotten.write().unwrap_or_else(PoisonError::into_inner).extend(persons);
    }

    /// Destroys the keys of these references and lists them as forgotten, on disk.
    pub(super) fn destroy(&self, persons: &[Reference]) -> Result<(), JournalError> {
        let mut connection = self.lock();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure::writing)?;
        for person in persons {
            // In place: a deleted row could be found in an old copy of its page.
            transaction
                .execute("UPDATE keys SET sealed = zeroblob(length(sealed)) WHERE person = ?1", [person])
                .map_err(failure::writing)?;
            transaction
                .execute("INSERT OR IGNORE INTO forgotten (person) VALUES (?1)", [person])
                .map_err(failure::writing)?;
        }
        transaction.commit().map_err(failure::writing)?;
        let mut keys = self.lock_keys();
        for person in persons {
            keys.remove(person);
        }
        drop(keys);
        self.disown(persons);
        connect::truncate_wal(&connection).map(|_| ()).map_err(failure::writing)
    }

    /// Every reference that was forgotten.
    pub(super) fn forgotten(&self) -> Vec<Reference> {
        self.forgotten.read().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Seals every person's key under the first of the operator's keys. Answers how many were under another.
    pub(super) fn rewrap(&self) -> Result<u64, JournalError> {
        let Some(current) = self.keyring.current() else { return Err(JournalError::NoKey) };
        let mut connection = self.lock();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failure::writing)?;
        let mut after = 0;
        let mut rewrapped = 0;
        loop {
            // Pages, so that memory does not grow with the number of persons.
            let page = page(&transaction, after).map_err(failure::reading)?;
            let Some((last, ..)) = page.last() else { break };
            after = *last;
            for (id, person, sealed) in page {
                if sealed.first() == Some(&0) || key_id(&sealed) == Some(current.id()) {
                    continue;
                }
                let plain = self.keyring.open(&sealed, &aad(&person), "a person's key")?;
                transaction
                    .execute(
                        "UPDATE keys SET sealed = ?2 WHERE id = ?1",
                        params![id, current.seal(plain, &aad(&person))],
                    )
                    .map_err(failure::writing)?;
                rewrapped += 1;
            }
        }
        transaction.commit().map_err(failure::writing)?;
        connect::truncate_wal(&connection).map_err(failure::writing)?;
        Ok(rewrapped)
    }

    fn unwrap(&self, sealed: &[u8], person: &Reference) -> Result<Sealer, JournalError> {
        const WHAT: &str = "a person's key";
        let plain = Zeroizing::new(self.keyring.open(sealed, &aad(person), WHAT)?);
        let parts = plain.split_first_chunk::<{ size_of::<KeyId>() }>();
        let (id, key) = parts.ok_or(JournalError::Unsealed { what: WHAT })?;
        let key = <&[u8; 32]>::try_from(key).map_err(|_| JournalError::Unsealed { what: WHAT })?;
        Ok(Sealer::of_key(*id, key))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_keys(&self) -> MutexGuard<'_, Recent<Reference, Arc<Sealer>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stored(connection: &Connection, person: &Reference) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT sealed FROM keys WHERE person = ?1")?
        .query_row([person], |row| row.get(0))
        .optional()
        .map(|sealed| sealed.filter(|sealed: &Vec<u8>| sealed.first() != Some(&0)))
}

fn page(connection: &Connection, after: i64) -> rusqlite::Result<Vec<(i64, Reference, Vec<u8>)>> {
    connection
        .prepare_cached("SELECT id, person, sealed FROM keys WHERE id > ?1 ORDER BY id LIMIT 512")?
        .query_map([after], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect()
}

fn aad(person: &Reference) -> Vec<u8> {
    bound_to(&[b"person key", person])
}

fn first(tag: &hmac::Tag) -> Reference {
    let mut first = NOBODY;
    first.copy_from_slice(&tag.as_ref()[..16]);
    first
}
