//! What people do to deliveries: they have them tried again, drop them, skip them, deliver an event again, and forget whom
//! it was about.

use rusqlite::{OptionalExtension as _, params};

use super::lanes::{self, row};
use super::persons::{NOBODY, Reference};
use super::writer::Writing;
use super::{captures, codes, failure, follow};
use crate::journal::{DeliveryId, DeliveryState, JournalError};

/// A dead delivery is pending again, and what died with it.
pub(super) fn retry(writing: &mut Writing<'_>, id: DeliveryId) -> Result<(), JournalError> {
    let row = row(writing.connection, id.0)?;
    match row.state {
        DeliveryState::Dead => {}
        // It came back with the one that it comes after.
        DeliveryState::Pending if follow::pending(writing.connection, &row.after)?.is_some() => return Ok(()),
        DeliveryState::Pending | DeliveryState::Done | DeliveryState::Dropped => {
            return Err(JournalError::State { state: row.state.as_str() });
        }
    }
    if let Some((delivery, action)) = follow::dead(writing.connection, &row.after)? {
        return Err(JournalError::After { action, delivery });
    }
    lanes::pend(writing, &row)?;
    if row.followed { follow::come_back(writing, &row) } else { Ok(()) }
}

/// A dead or pending delivery is dropped.
pub(super) fn drop_delivery(writing: &mut Writing<'_>, id: DeliveryId, reason: &str) -> Result<(), JournalError> {
    let row = row(writing.connection, id.0)?;
    match row.state {
        DeliveryState::Pending | DeliveryState::Dead => {
            lanes::end(writing, &row, DeliveryState::Dropped, Some(reason), row.attempts, None).map(|_| ())
        }
        DeliveryState::Done | DeliveryState::Dropped => Err(JournalError::State { state: row.state.as_str() }),
    }
}

/// The head of a lane is dropped.
pub(super) fn skip(
    writing: &mut Writing<'_>,
    action: &str,
    lane: i64,
    reason: &str,
) -> Result<DeliveryId, JournalError> {
    let unknown = JournalError::Unknown("pending delivery of this person and action");
    let Some(action) = writing.known_action(action)? else { return Err(unknown) };
    let Some(head) = lanes::head(writing.connection, action, lane).map_err(failure::reading)? else {
        return Err(unknown);
    };
    drop_delivery(writing, DeliveryId(head.id), reason)?;
    Ok(DeliveryId(head.id))
}

/// An old entry is to be delivered again.
pub(super) fn requeue(
    writing: &mut Writing<'_>,
    seq: u64,
    action: &str,
    ordered: bool,
    after: &[std::sync::Arc<str>],
) -> Result<DeliveryId, JournalError> {
    let connection = writing.connection;
    let person: Option<Reference> = connection
        .query_row("SELECT person FROM entries WHERE seq = ?1 AND kind = 0", [seq], |row| row.get(0))
        .optional()
        .map_err(failure::reading)?;
    let person = person.ok_or(JournalError::Unknown("event"))?;
    let first = seq * DeliveryId::PER_ENTRY;
    let last: Option<u64> = connection
        .query_row(
            "SELECT max(id) FROM deliveries WHERE id BETWEEN ?1 AND ?2",
            [first, first + DeliveryId::PER_ENTRY - 1],
            |row| row.get(0),
        )
        .map_err(failure::reading)?;
    let id = last.map_or(first, |last| last + 1);
    if DeliveryId(id).seq() != seq {
        return Err(JournalError::State { state: "one of too many of its entry" });
    }
    let mut earlier = Vec::new();
    for other in after {
        if let Some(other) = writing.known_action(other)? {
            earlier.extend(follow::newest(connection, seq, other)?);
        }
    }
    earlier.sort_unstable();
    earlier.dedup();
    if let Some((delivery, action)) = follow::dead(connection, &earlier)? {
        return Err(JournalError::After { action, delivery });
    }
    let action = writing.action(action)?;
    let lane = (ordered && person != NOBODY).then(|| codes::lane(&person));
    let now = codes::time(writing.shared.options.clock.now());
    writing
        .connection
        .execute(
            "INSERT INTO deliveries (id, action, lane, state, due, attempts, created, sealed, after)
             VALUES (?1, ?2, ?3, 0, ?4, 0, ?4, 0, ?5)",
            params![id, action, lane, now, codes::of_earlier(&earlier)],
        )
        .map_err(failure::writing)?;
    follow::mark(writing.connection, &earlier)?;
    let row = row(writing.connection, id)?;
    lanes::rejoin(writing, &row)?;
    Ok(DeliveryId(id))
}

/// Ends every pending delivery of an entry whose person is forgotten, and takes away what targets said to all of them.
pub(super) fn forget(writing: &mut Writing<'_>, seq: u64) -> Result<(), JournalError> {
    let first = seq * DeliveryId::PER_ENTRY;
    let last = first + DeliveryId::PER_ENTRY - 1;
    let rows: Vec<u64> = writing
        .connection
        .prepare_cached("SELECT id FROM deliveries WHERE id BETWEEN ?1 AND ?2")
        .and_then(|mut select| select.query_map([first, last], |row| row.get(0))?.collect())
        .map_err(failure::reading)?;
    for id in rows {
        let row = row(writing.connection, id)?;
        if matches!(row.state, DeliveryState::Pending | DeliveryState::Dead) {
            lanes::end(writing, &row, DeliveryState::Dropped, Some("forgotten"), row.attempts, None)?;
        }
        writing
            .connection
            .prepare_cached(
                "UPDATE deliveries SET answers = zeroblob(length(answers)) WHERE id = ?1 AND answers IS NOT NULL",
            )
            .and_then(|mut update| update.execute([id]))
            .map_err(failure::writing)?;
    }
    captures::wipe(writing.connection, first..=last)
}
