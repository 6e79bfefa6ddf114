//! Lanes in the writer's transaction: a delivery joins its lane, ends, or comes back, and the next one becomes its head.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::append::{Prepared, PreparedDelivery};
use super::leases::Lane;
use super::persons::Reference;
use super::read::value;
use super::writer::Writing;
use super::{answers, codes, failure};
use crate::journal::{Attempt, DeliveryId, DeliveryState, Fate, JournalError, Settlement};

/// What a change of a delivery needs to know of it.
pub(super) struct Row {
    id: u64,
    pub(super) action: i64,
    lane: Option<i64>,
    pub(super) state: DeliveryState,
    queue: Option<i64>,
    attempts: i64,
    sealed: bool,
    answers: Option<Vec<u8>>,
}

/// Why a newer delivery ends an older one.
const SUPERSEDED: &str = "superseded";

/// A new delivery at the end of its lane.
pub(super) fn insert(
    writing: &mut Writing<'_>,
    id: u64,
    entry: &Prepared,
    delivery: &PreparedDelivery,
) -> Result<(), JournalError> {
    let action = writing.action(&delivery.action)?;
    let dead = delivery.dead.as_deref();
    if let (Some(lane), false, None) = (delivery.lane, delivery.secrets.is_empty(), dead) {
        supersede(writing, entry, action, lane, delivery)?;
    }
    let connection = writing.connection;
    let waits = match delivery.lane {
        Some(lane) if dead.is_none() => head(connection, action, lane).map_err(failure::reading)?.is_some(),
        _ => false,
    };
    let queue = (!waits && dead.is_none()).then_some(0);
    let state = codes::of_state(if dead.is_some() { DeliveryState::Dead } else { DeliveryState::Pending });
    connection
        .prepare_cached(
            "INSERT INTO deliveries (id, action, lane, state, queue, due, attempts, created, finished, sealed, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?6, ?7, ?8, ?9)",
        )
        .and_then(|mut insert| {
            let finished = dead.is_some().then_some(entry.at);
            let sealed = !delivery.secrets.is_empty();
            insert.execute(params![id, action, delivery.lane, state, queue, entry.at, finished, sealed, dead])
        })
        .map_err(failure::writing)?;
    for (field, sealed, expires) in &delivery.secrets {
        connection
            .prepare_cached("INSERT INTO secrets (delivery, field, sealed, expires) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut insert| insert.execute(params![id, field, sealed, expires]))
            .map_err(failure::writing)?;
    }
    if queue.is_some() {
        writing.state.woken.insert(action);
    }
    Ok(())
}

/// Ends the older deliveries that wait with a secret that this one brings anew.
fn supersede(
    writing: &mut Writing<'_>,
    entry: &Prepared,
    action: i64,
    lane: i64,
    delivery: &PreparedDelivery,
) -> Result<(), JournalError> {
    let older: Vec<u64> = writing
        .connection
        .prepare_cached(
            "SELECT deliveries.id FROM deliveries JOIN entries ON entries.seq = deliveries.id / 65536
             WHERE deliveries.lane = ?1 AND deliveries.action = ?2 AND deliveries.state = 0 AND deliveries.sealed
             AND entries.event = ?3 AND entries.person = ?4",
        )
        .and_then(|mut select| {
            select.query_map(params![lane, action, entry.event, entry.person], |row| row.get(0))?.collect()
        })
        .map_err(failure::reading)?;
    for id in older {
        let fields: Vec<String> = writing
            .connection
            .prepare_cached("SELECT field FROM secrets WHERE delivery = ?1")
            .and_then(|mut select| select.query_map([id], |row| row.get(0))?.collect())
            .map_err(failure::reading)?;
        let covered = fields.iter().all(|field| delivery.secrets.iter().any(|(own, ..)| own == field));
        // What is being attempted now ends by its own settlement.
        if covered && !writing.shared.leases().has_delivery(id) {
            let row = row(writing.connection, id)?;
            end(writing, &row, DeliveryState::Dropped, Some(SUPERSEDED), row.attempts, None)?;
        }
    }
    Ok(())
}

/// A settlement. One of a delivery that is not pending any more changes nothing but its lease.
pub(super) fn settle(writing: &mut Writing<'_>, id: DeliveryId, settlement: &Settlement) -> Result<(), JournalError> {
    let row = row(writing.connection, id.0)?;
    writing.state.released.push(id.0);
    writing.state.woken.insert(row.action);
    if row.state != DeliveryState::Pending {
        return Ok(());
    }
    let attempt = settlement.attempt.as_ref();
    let attempts = row.attempts + i64::from(attempt.is_some());
    match &settlement.fate {
        Fate::Done => end(writing, &row, DeliveryState::Done, None, attempts, attempt),
        Fate::Dead { reason } => end(writing, &row, DeliveryState::Dead, Some(reason), attempts, attempt),
        Fate::Dropped { reason } => end(writing, &row, DeliveryState::Dropped, Some(reason), attempts, attempt),
        Fate::Released if attempt.is_none() => Ok(()),
        Fate::Released => again(writing, &row, None, attempts, attempt),
        Fate::Retry { due } => again(writing, &row, Some(codes::time(*due)), attempts, attempt),
    }
}

/// It stays, and is due at another time.
fn again(
    writing: &Writing<'_>,
    row: &Row,
    due: Option<i64>,
    attempts: i64,
    attempt: Option<&Attempt>,
) -> Result<(), JournalError> {
    let queue = row.queue.map(|_| i64::from(attempts > 0));
    let answers = answers(writing, row, attempt)?;
    writing
        .connection
        .prepare_cached(
            "UPDATE deliveries SET due = coalesce(?2, due), queue = ?3, attempts = ?4, answers = coalesce(?5, answers),
             first = coalesce(first, ?6) WHERE id = ?1",
        )
        .and_then(|mut update| {
            update.execute(params![row.id, due, queue, attempts, answers, attempt.map(|one| codes::time(one.at))])
        })
        .map_err(failure::writing)?;
    Ok(())
}

/// It ends, and its lane goes on.
fn end(
    writing: &mut Writing<'_>,
    row: &Row,
    state: DeliveryState,
    reason: Option<&str>,
    attempts: i64,
    attempt: Option<&Attempt>,
) -> Result<(), JournalError> {
    let connection = writing.connection;
    let answers = answers(writing, row, attempt)?;
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?2, queue = NULL, attempts = ?3, answers = coalesce(?4, answers),
             first = coalesce(first, ?5), finished = ?6, reason = ?7 WHERE id = ?1",
        )
        .and_then(|mut update| {
            let at = attempt.map(|one| codes::time(one.at));
            let now = codes::time(writing.shared.options.clock.now());
            update.execute(params![row.id, codes::of_state(state), attempts, answers, at, now, reason])
        })
        .map_err(failure::writing)?;
    // A dead one may be retried, for as long as its secrets live.
    if row.sealed && state != DeliveryState::Dead {
        wipe(connection, row.id)?;
    }
    if row.queue.is_some() {
        promote(writing, row)?;
    }
    Ok(())
}

/// The answers with one more, as they are stored: targets repeat what they were sent, so that they are kept as payloads are.
fn answers(writing: &Writing<'_>, row: &Row, attempt: Option<&Attempt>) -> Result<Option<Vec<u8>>, JournalError> {
    let Some(attempt) = attempt else { return Ok(None) };
    let persons = &writing.shared.persons;
    let person: Option<Reference> = if persons.seals() || row.answers.is_some() {
        value(writing.connection, "SELECT person FROM entries WHERE seq = ?1", DeliveryId(row.id).seq())?
    } else {
        None
    };
    let before = person.map(|person| answers::read(persons, row.answers.as_deref(), row.id, &person));
    answers::write(persons, before.unwrap_or_default(), attempt, row.id, person.as_ref()).map(Some)
}

/// Destroys a delivery's secrets. Their names stay, so that it shows what is missing.
pub(super) fn wipe(connection: &Connection, id: u64) -> Result<(), JournalError> {
    connection
        .prepare_cached("UPDATE secrets SET sealed = zeroblob(length(sealed)), expires = NULL WHERE delivery = ?1")
        .and_then(|mut update| update.execute([id]))
        .map_err(failure::writing)?;
    Ok(())
}

/// Makes the oldest pending delivery of a lane its head, and no other.
fn promote(writing: &mut Writing<'_>, row: &Row) -> Result<(), JournalError> {
    let Some(lane) = row.lane else { return Ok(()) };
    let connection = writing.connection;
    let Some((id, queue)) = head(connection, row.action, lane).map_err(failure::reading)? else { return Ok(()) };
    if queue.is_none() {
        connection
            .prepare_cached("UPDATE deliveries SET queue = attempts > 0 WHERE id = ?1")
            .and_then(|mut update| update.execute([id]))
            .map_err(failure::writing)?;
    }
    writing.state.woken.insert(row.action);
    Ok(())
}

/// The oldest pending delivery of a lane, and whether it is the head.
fn head(connection: &Connection, action: i64, lane: i64) -> rusqlite::Result<Option<(u64, Option<i64>)>> {
    connection
        .prepare_cached(
            "SELECT id, queue FROM deliveries WHERE lane = ?1 AND action = ?2 AND state = 0 ORDER BY id LIMIT 1",
        )?
        .query_row(params![lane, action], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// A delivery came into the middle of its lane: no other than the oldest is the head.
fn rejoin(writing: &mut Writing<'_>, row: &Row) -> Result<(), JournalError> {
    let connection = writing.connection;
    if let Some(lane) = row.lane {
        connection
            .prepare_cached(
                "UPDATE deliveries SET queue = NULL WHERE lane = ?1 AND action = ?2 AND state = 0
                 AND queue IS NOT NULL",
            )
            .and_then(|mut update| update.execute(params![lane, row.action]))
            .map_err(failure::writing)?;
        return promote(writing, row);
    }
    connection
        .prepare_cached("UPDATE deliveries SET queue = attempts > 0 WHERE id = ?1")
        .and_then(|mut update| update.execute([row.id]))
        .map_err(failure::writing)?;
    writing.state.woken.insert(row.action);
    Ok(())
}

/// A dead delivery is pending again.
pub(super) fn retry(writing: &mut Writing<'_>, id: DeliveryId) -> Result<(), JournalError> {
    let row = row(writing.connection, id.0)?;
    if row.state != DeliveryState::Dead {
        return Err(JournalError::State { state: row.state.as_str() });
    }
    let now = codes::time(writing.shared.options.clock.now());
    writing
        .connection
        .execute(
            "UPDATE deliveries SET state = 0, due = ?2, created = ?2, attempts = 0, first = NULL, finished = NULL,
             reason = NULL WHERE id = ?1",
            params![id.0, now],
        )
        .map_err(failure::writing)?;
    rejoin(writing, &row)
}

/// A dead or pending delivery is dropped.
pub(super) fn drop_delivery(writing: &mut Writing<'_>, id: DeliveryId, reason: &str) -> Result<(), JournalError> {
    let row = row(writing.connection, id.0)?;
    match row.state {
        DeliveryState::Pending | DeliveryState::Dead => {
            end(writing, &row, DeliveryState::Dropped, Some(reason), row.attempts, None)
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
    let Some((id, _)) = head(writing.connection, action, lane).map_err(failure::reading)? else {
        return Err(unknown);
    };
    drop_delivery(writing, DeliveryId(id), reason)?;
    Ok(DeliveryId(id))
}

/// An old entry is to be delivered again.
pub(super) fn requeue(
    writing: &mut Writing<'_>,
    seq: u64,
    action: &str,
    ordered: bool,
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
    let action = writing.action(action)?;
    let lane = (ordered && person != super::persons::NOBODY).then(|| codes::lane(&person));
    let now = codes::time(writing.shared.options.clock.now());
    writing
        .connection
        .execute(
            "INSERT INTO deliveries (id, action, lane, state, due, attempts, created, sealed)
             VALUES (?1, ?2, ?3, 0, ?4, 0, ?4, 0)",
            params![id, action, lane, now],
        )
        .map_err(failure::writing)?;
    let row = row(writing.connection, id)?;
    rejoin(writing, &row)?;
    Ok(DeliveryId(id))
}

/// Ends every pending delivery of an entry whose person is forgotten, and takes the answers of all of them away.
pub(super) fn forget(writing: &mut Writing<'_>, seq: u64) -> Result<(), JournalError> {
    let first = seq * DeliveryId::PER_ENTRY;
    let rows: Vec<u64> = writing
        .connection
        .prepare_cached("SELECT id FROM deliveries WHERE id BETWEEN ?1 AND ?2")
        .and_then(|mut select| {
            select.query_map([first, first + DeliveryId::PER_ENTRY - 1], |row| row.get(0))?.collect()
        })
        .map_err(failure::reading)?;
    for id in rows {
        let row = row(writing.connection, id)?;
        if matches!(row.state, DeliveryState::Pending | DeliveryState::Dead) {
            end(writing, &row, DeliveryState::Dropped, Some("forgotten"), row.attempts, None)?;
        }
        writing
            .connection
            .prepare_cached(
                "UPDATE deliveries SET answers = zeroblob(length(answers)) WHERE id = ?1 AND answers IS NOT NULL",
            )
            .and_then(|mut update| update.execute([id]))
            .map_err(failure::writing)?;
    }
    Ok(())
}

fn row(connection: &Connection, id: u64) -> Result<Row, JournalError> {
    connection
        .prepare_cached("SELECT action, lane, state, queue, attempts, sealed, answers FROM deliveries WHERE id = ?1")
        .and_then(|mut select| {
            select
                .query_row([id], |row| {
                    Ok(Row {
                        id,
                        action: row.get(0)?,
                        lane: row.get(1)?,
                        state: codes::to_state(row.get(2)?),
                        queue: row.get(3)?,
                        attempts: row.get(4)?,
                        sealed: row.get(5)?,
                        answers: row.get(6)?,
                    })
                })
                .optional()
        })
        .map_err(failure::reading)?
        .ok_or(JournalError::Unknown("delivery"))
}

/// What a lease of a delivery holds.
pub(super) fn lane_of(id: u64, action: i64, lane: Option<i64>) -> (i64, Lane) {
    (action, lane.map_or(Lane::Alone(id), Lane::Person))
}
