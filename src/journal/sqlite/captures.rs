//! What is kept of targets' answers for later deliveries of the same entry: a row for each delivery that has something,
//! sealed under the person's key where payloads are.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::append::{PLAIN, WIPED};
use super::failure;
use super::persons::{Persons, Reference};
use super::read::value;
use super::writer::Writing;
use crate::journal::seal::bound_to;
use crate::journal::{Captured, DeliveryId, JournalError};

/// What was captured, as it is written where nothing is sealed; none where it is nothing.
pub(super) fn text(captured: &Captured) -> Option<Vec<u8>> {
    if captured.is_empty() {
        return None;
    }
    let mut text = vec![PLAIN];
    // Names and JSON values can always be written.
    serde_json::to_writer(&mut text, captured).ok()?;
    Some(text)
}

/// Keeps what a delivery has captured, in the writer's transaction.
pub(super) fn keep(writing: &Writing<'_>, delivery: u64, text: &[u8]) -> Result<(), JournalError> {
    let persons = &writing.shared.persons;
    let sealed = if persons.seals() {
        let person: Option<Reference> =
            value(writing.connection, "SELECT person FROM entries WHERE seq = ?1", DeliveryId(delivery).seq())?;
        let key = person.map(|person| persons.key(&person)).transpose()?.flatten();
        let key = key.ok_or(JournalError::KeyMissing { what: "what was captured" })?;
        Some(key.seal(text.to_vec(), &aad(delivery)))
    } else {
        None
    };
    writing
        .connection
        .prepare_cached("INSERT INTO captures (delivery, stored) VALUES (?1, ?2)")
        .and_then(|mut insert| insert.execute(params![delivery, sealed.as_deref().unwrap_or(text)]))
        .map_err(failure::writing)?;
    Ok(())
}

/// What a delivery has captured; none where that is nothing, was wiped, or does not open.
pub(super) fn of(
    connection: &Connection,
    persons: &Persons,
    delivery: u64,
    person: &Reference,
) -> Result<Option<Captured>, JournalError> {
    let stored: Option<Vec<u8>> = connection
        .prepare_cached("SELECT stored FROM captures WHERE delivery = ?1")
        .and_then(|mut select| select.query_row([delivery], |row| row.get(0)).optional())
        .map_err(failure::reading)?;
    let text = match stored.as_deref() {
        None | Some([] | [WIPED, ..]) => return Ok(None),
        Some([PLAIN, ..]) => stored,
        Some(sealed) => {
            let key = persons.key(person).ok().flatten();
            key.and_then(|key| key.open(sealed, &aad(delivery), "what was captured").ok())
        }
    };
    Ok(text.and_then(|text| serde_json::from_slice(text.get(1..)?).ok()))
}

/// Destroys what an entry's deliveries have captured.
pub(super) fn wipe(connection: &Connection, deliveries: std::ops::RangeInclusive<u64>) -> Result<(), JournalError> {
    connection
        .prepare_cached("UPDATE captures SET stored = zeroblob(length(stored)) WHERE delivery BETWEEN ?1 AND ?2")
        .and_then(|mut update| update.execute([deliveries.start(), deliveries.end()]))
        .map_err(failure::writing)?;
    Ok(())
}

fn aad(delivery: u64) -> Vec<u8> {
    bound_to(&[b"captured", &delivery.to_be_bytes()])
}
