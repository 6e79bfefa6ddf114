//! Requests that their senders name, so that one that is sent again is answered and not done again.

use rusqlite::{Connection, params};

use super::lanes::{self, row};
use super::persons::Reference;
use super::read::value;
use super::writer::Writing;
use super::{codes, failure};
use crate::journal::{DeliveryId, DeliveryState, JournalError};

/// Why a delivery is dropped that a newer entry of the same request makes anew.
pub(super) const ANEW: &str = "its request came again, and is performed anew";

/// The entry that one with this key repeats; `performs` says whether the new one is to do anything.
pub(super) fn repeated(connection: &Connection, key: &Reference, performs: bool) -> Result<Option<u64>, JournalError> {
    let Some(seq) = newest(connection, key)? else { return Ok(None) };
    let mut states = performed(connection, seq)?.into_iter().map(|(_, state)| state).peekable();
    let repeats = match states.peek() {
        // Nothing was done then, and if nothing is to be done now the answer is the same.
        None => !performs,
        Some(_) => states.all(|state| matches!(state, DeliveryState::Done | DeliveryState::Pending)),
    };
    Ok(Some(seq).filter(|_| repeats))
}

/// A new entry answers for the request from now on. What of an earlier one was not done is its to do.
pub(super) fn take_over(writing: &mut Writing<'_>, seq: u64, key: &Reference) -> Result<(), JournalError> {
    if let Some(before) = newest(writing.connection, key)? {
        for (id, state) in performed(writing.connection, before)? {
            let open = matches!(state, DeliveryState::Pending | DeliveryState::Dead);
            // What is being attempted ends by its own settlement.
            if open && !writing.shared.leases().has_delivery(id) {
                let row = row(writing.connection, id)?;
                lanes::end(writing, &row, DeliveryState::Dropped, Some(ANEW), row.attempts, None)?;
            }
        }
    }
    writing
        .connection
        .prepare_cached("INSERT INTO requests (seq, key) VALUES (?1, ?2)")
        .and_then(|mut insert| insert.execute(params![seq, key]))
        .map_err(failure::writing)?;
    Ok(())
}

/// The key of an entry's request.
pub(super) fn of(connection: &Connection, seq: u64) -> Result<Option<Reference>, JournalError> {
    value(connection, "SELECT key FROM requests WHERE seq = ?1", seq)
}

/// Forgets that an entry answered for a request.
pub(super) fn forget(connection: &Connection, seq: u64) -> Result<(), JournalError> {
    connection
        .prepare_cached("DELETE FROM requests WHERE seq = ?1")
        .and_then(|mut delete| delete.execute([seq]))
        .map_err(failure::writing)?;
    Ok(())
}

fn newest(connection: &Connection, key: &Reference) -> Result<Option<u64>, JournalError> {
    value::<Option<u64>>(connection, "SELECT max(seq) FROM requests WHERE key = ?1", key).map(Option::flatten)
}

/// The performed deliveries of an entry.
fn performed(connection: &Connection, seq: u64) -> Result<Vec<(u64, DeliveryState)>, JournalError> {
    let first = seq * DeliveryId::PER_ENTRY;
    connection
        .prepare_cached("SELECT id, state FROM deliveries WHERE id BETWEEN ?1 AND ?2 AND until IS NOT NULL ORDER BY id")
        .and_then(|mut select| {
            let range = [first, first + DeliveryId::PER_ENTRY - 1];
            select.query_map(range, |row| Ok((row.get(0)?, codes::to_state(row.get(1)?))))?.collect()
        })
        .map_err(failure::reading)
}
