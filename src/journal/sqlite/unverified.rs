//! Unverified notices: kept apart from the entries, bounded by number and bytes, the oldest make room.

use rusqlite::params;

use super::append::{PLAIN, SALT};
use super::persons::Reference;
use super::writer::Writing;
use super::{codes, failure};
use crate::base::ids::random_bytes;
use crate::journal::seal::{Keyring, bound_to, key_id};
use crate::journal::{EntryId, JournalError, Record};

/// How many are kept, in number and bytes.
const COUNT: u64 = 10_000;
const BYTES: u64 = 64 << 20;

/// A notice on its way in.
pub(super) struct Notice {
    pub(super) id: EntryId,
    pub(super) at: i64,
    pub(super) event: &'static str,
    pub(super) person: Reference,
    pub(super) stored: Vec<u8>,
}

/// A record as it is stored: sealed under the operator's key, for it has no person whose word it is.
pub(super) fn stored(record: Vec<u8>, id: &EntryId, keyring: &Keyring) -> Vec<u8> {
    if let Some(key) = keyring.current() {
        return key.seal(record, &aad(id));
    }
    let mut stored = vec![PLAIN];
    stored.extend_from_slice(&random_bytes::<SALT>());
    stored.extend_from_slice(&record);
    stored
}

/// What [`stored`] stored.
pub(super) fn record(stored: &[u8], id: &EntryId, keyring: &Keyring) -> Record {
    if stored.first() == Some(&PLAIN) && stored.len() > SALT {
        return Record::Bytes(stored[1 + SALT..].to_vec());
    }
    keyring.open(stored, &aad(id), "a notice").map_or(Record::Sealed, Record::Bytes)
}

fn aad(id: &EntryId) -> Vec<u8> {
    bound_to(&[b"unverified", id.as_bytes()])
}

/// Keeps one.
pub(super) fn keep(writing: &mut Writing<'_>, notice: &Notice) -> Result<(), JournalError> {
    let bytes = notice.stored.len() as u64;
    if bytes > BYTES {
        return Err(JournalError::Setting("an unverified notice of this size is not kept".to_owned()));
    }
    let connection = writing.connection;
    let mut work = || -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO unverified (id, at, event, person, bytes, stored) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![notice.id.into_bytes(), notice.at, notice.event, notice.person, bytes, notice.stored])?;
        let (mut count, mut held) = totals(writing.state.unverified, connection)?;
        (count, held) = (count + 1, held + bytes);
        while count > COUNT || held > BYTES {
            let gone: u64 = connection
                .prepare_cached(
                    "DELETE FROM unverified WHERE number = (SELECT min(number) FROM unverified) RETURNING bytes",
                )?
                .query_row([], |row| row.get(0))?;
            (count, held) = (count.saturating_sub(1), held.saturating_sub(gone));
        }
        writing.state.unverified = Some((count, held));
        Ok(())
    };
    work().map_err(failure::writing)
}

/// Seals a part of those after a number under the current key; how many, and where the part ended, unless that was the end.
pub(super) fn rotate(writing: &mut Writing<'_>, after: i64, part: usize) -> Result<(u64, Option<i64>), JournalError> {
    let keyring = &writing.shared.keyring;
    let current = keyring.current().ok_or(JournalError::NoKey)?;
    let rows: Vec<(i64, EntryId, Vec<u8>)> = writing
        .connection
        .prepare_cached("SELECT number, id, stored FROM unverified WHERE number > ?1 ORDER BY number LIMIT ?2")
        .and_then(|mut select| {
            let row = |row: &rusqlite::Row<'_>| {
                Ok((row.get("number")?, EntryId::from_bytes(codes::bytes(row, "id")?), row.get("stored")?))
            };
            select.query_map(params![after, part], row)?.collect()
        })
        .map_err(failure::reading)?;
    let next = rows.last().filter(|_| rows.len() == part).map(|(number, ..)| *number);
    let mut rotated = 0;
    for (number, id, stored) in rows {
        // One that was kept before there was a key stays as it is.
        if stored.first() == Some(&PLAIN) || key_id(&stored) == Some(current.id()) {
            continue;
        }
        let sealed = current.seal(keyring.open(&stored, &aad(&id), "an unverified notice")?, &aad(&id));
        writing
            .connection
            .prepare_cached("UPDATE unverified SET stored = ?2 WHERE number = ?1")
            .and_then(|mut update| update.execute(params![number, sealed]))
            .map_err(failure::writing)?;
        rotated += 1;
    }
    Ok((rotated, next))
}

/// How many there were before this one, and their bytes.
fn totals(known: Option<(u64, u64)>, connection: &rusqlite::Connection) -> rusqlite::Result<(u64, u64)> {
    if let Some(known) = known {
        return Ok(known);
    }
    let counted: (u64, u64) =
        connection.query_row("SELECT count(*), coalesce(sum(bytes), 0) FROM unverified", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let newest: u64 =
        connection.query_row("SELECT bytes FROM unverified ORDER BY number DESC LIMIT 1", [], |row| row.get(0))?;
    Ok((counted.0 - 1, counted.1.saturating_sub(newest)))
}

/// Removes those up to a number.
pub(super) fn remove(writing: &mut Writing<'_>, up_to: u64) -> Result<u64, JournalError> {
    writing.state.unverified = None;
    let removed = writing.connection.execute("DELETE FROM unverified WHERE number <= ?1", [up_to]);
    removed.map(|removed| removed as u64).map_err(failure::writing)
}

/// Removes those of a person.
pub(super) fn forget(writing: &mut Writing<'_>, person: &Reference) -> Result<(), JournalError> {
    writing.state.unverified = None;
    let work = || -> rusqlite::Result<usize> {
        let wipe = "UPDATE unverified SET stored = zeroblob(length(stored)) WHERE person = ?1";
        writing.connection.execute(wipe, [person])?;
        writing.connection.execute("DELETE FROM unverified WHERE person = ?1", [person])
    };
    work().map(|_| ()).map_err(failure::writing)
}
