//! Who was taken out of the directory by somebody, and when: what was told before does not bring the person back, whoever
//! goes through it again. It is kept as long as there can be an entry of before.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::failure;
use super::persons::Reference;
use crate::base::ids::hex;
use crate::journal::JournalError;

/// What the name of such a value begins with, and what follows all of them.
const FROM: &str = "removed ";
const TO: &str = "removed!";

/// Notes that a person was taken out at this time.
pub(super) fn note(connection: &Connection, person: &Reference, at: i64) -> Result<(), JournalError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")
        .and_then(|mut insert| insert.execute(params![name(person), at.to_be_bytes()]))
        .map(|_| ())
        .map_err(failure::writing)
}

/// When a person was last taken out.
pub(super) fn at(connection: &Connection, person: &Reference) -> Result<Option<i64>, JournalError> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE name = ?1")
        .and_then(|mut select| select.query_row([name(person)], |row| row.get(0)).optional())
        .map(|value: Option<[u8; 8]>| value.map(i64::from_be_bytes))
        .map_err(failure::reading)
}

/// A person was forgotten.
pub(super) fn forget(connection: &Connection, person: &Reference) -> Result<(), JournalError> {
    connection
        .prepare_cached("DELETE FROM meta WHERE name = ?1")
        .and_then(|mut delete| delete.execute([name(person)]))
        .map(|_| ())
        .map_err(failure::writing)
}

/// Lets go of those of before the oldest entry that is there.
pub(super) fn expire(connection: &Connection) -> Result<(), JournalError> {
    // Times after 1970 are in the order of their bytes.
    let work = || -> rusqlite::Result<()> {
        let oldest: Option<i64> = connection
            .prepare_cached("SELECT at FROM entries ORDER BY seq LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let Some(oldest) = oldest else { return Ok(()) };
        connection
            .prepare_cached("DELETE FROM meta WHERE name >= ?1 AND name < ?2 AND value < ?3")?
            .execute(params![FROM, TO, oldest.max(0).to_be_bytes()])?;
        Ok(())
    };
    work().map_err(failure::writing)
}

fn name(person: &Reference) -> String {
    format!("{FROM}{}", hex(person))
}
