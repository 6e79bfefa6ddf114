//! Looking people up: a few point queries in one view of the file, never more than so many.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::people::record;
use super::persons::{NOBODY, Reference};
use super::read::Reading;
use super::{codes, failure};
use crate::journal::{JournalError, Listed, Record, Search};

/// How many who share the first key are looked at.
const CANDIDATES: usize = 1000;

/// Who has a key.
const BY_KEY: &str = "SELECT id FROM people_index WHERE key = ?1 LIMIT ?2";
/// Whether somebody has it, too.
const HAS_KEY: &str = "SELECT 1 FROM people_index WHERE key = ?1 AND id = ?2";
/// Somebody's row.
const BY_ID: &str = "SELECT id, person, system, tenant, at, stored FROM people WHERE id = ?1";
/// The same by reference.
const BY_PERSON: &str = "SELECT id, person, system, tenant, at, stored FROM people WHERE person = ?1";

/// What a lookup asks.
#[cfg(test)]
pub(in crate::journal) const QUERIES: [&str; 4] = [BY_KEY, HAS_KEY, BY_ID, BY_PERSON];

/// The first person who has all that is asked for, and nothing of what excludes.
pub(super) fn find(
    connection: &Connection,
    reading: &Reading,
    search: &Search,
) -> Result<Option<Listed>, JournalError> {
    let codes = |keys: &[_]| -> Vec<i64> {
        keys.iter().map(|key| reading.persons.field_key(search.system, &search.tenant, key)).collect()
    };
    let (all, except) = (codes(&search.all), codes(&search.except));
    let Some((first, others)) = all.split_first() else { return Ok(None) };
    let asker = search.asker.as_ref().map_or(NOBODY, |asker| reading.persons.reference(asker));
    let has = |key: &i64, id: i64| -> rusqlite::Result<bool> { connection.prepare_cached(HAS_KEY)?.exists([*key, id]) };
    let look = || -> rusqlite::Result<Result<Option<Listed>, JournalError>> {
        // One view, so that nobody goes between the index and the row.
        let view = connection.unchecked_transaction()?;
        let mut seen = 0;
        let mut by_key = connection.prepare_cached(BY_KEY)?;
        let mut candidates = by_key.query(params![first, CANDIDATES])?;
        while let Some(candidate) = candidates.next()? {
            seen += 1;
            let id = candidate.get(0)?;
            let mut fits = true;
            for key in others {
                fits = fits && has(key, id)?;
            }
            for key in &except {
                fits = fits && !has(key, id)?;
            }
            if !fits {
                continue;
            }
            let found = connection
                .prepare_cached(BY_ID)?
                .query_row([id], |row| listed_row(row, reading, search.fields))
                .optional()?;
            if let Some(found) = found.filter(|found| found.person != asker) {
                return Ok(Ok(Some(found)));
            }
        }
        drop(candidates);
        drop(by_key);
        drop(view);
        let told = || JournalError::Setting(format!("{CANDIDATES} people share that value, so that it tells nothing"));
        Ok(if seen < CANDIDATES { Ok(None) } else { Err(told()) })
    };
    look().map_err(failure::reading)?
}

/// One person.
pub(super) fn listed(
    connection: &Connection,
    reading: &Reading,
    person: &Reference,
) -> Result<Option<Listed>, JournalError> {
    connection
        .prepare_cached(BY_PERSON)
        .and_then(|mut select| select.query_row([person], |row| listed_row(row, reading, true)).optional())
        .map_err(failure::reading)
}

/// A page of all.
pub(super) fn page(
    connection: &Connection,
    reading: &Reading,
    after: u64,
    limit: usize,
) -> Result<Vec<Listed>, JournalError> {
    connection
        .prepare_cached("SELECT id, person, system, tenant, at, stored FROM people WHERE id > ?1 ORDER BY id LIMIT ?2")
        .and_then(|mut select| select.query_map(params![after, limit], |row| listed_row(row, reading, true))?.collect())
        .map_err(failure::reading)
}

fn listed_row(row: &Row<'_>, reading: &Reading, fields: bool) -> rusqlite::Result<Listed> {
    let person = codes::bytes(row, "person")?;
    let record = if fields {
        record(row.get_ref("stored")?.as_blob().unwrap_or_default(), &person, &reading.persons)
    } else {
        Record::Unread
    };
    Ok(Listed {
        number: row.get("id")?,
        person,
        system: row.get("system")?,
        tenant: row.get("tenant")?,
        at: codes::to_time(row.get("at")?),
        record,
    })
}
