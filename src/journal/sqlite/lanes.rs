//! Lanes in the writer's transaction: a delivery joins its lane, ends, or comes back, and the next one becomes its head.
//! A head that comes after another delivery of its entry holds its lane until that one has ended.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::append::{Prepared, PreparedDelivery};
use super::follow::{self, End};
use super::leases::Lane;
use super::persons::Reference;
use super::queue::Settling;
use super::read::value;
use super::writer::Writing;
use super::{answers, captures, codes, failure, requests};
use crate::journal::{Attempt, DeliveryId, DeliveryState, Fallen, Fate, JournalError, Settled};

/// What a change of a delivery needs to know of it.
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) action: i64,
    pub(super) lane: Option<i64>,
    pub(super) state: DeliveryState,
    pub(super) attempts: i64,
    sealed: bool,
    answers: Option<Vec<u8>>,
    pub(super) reason: Option<String>,
    /// The deliveries that it comes after.
    pub(super) after: Vec<u64>,
    /// Whether others come after it.
    pub(super) followed: bool,
}

/// The oldest pending delivery of a lane.
pub(super) struct Head {
    pub(super) id: u64,
    queue: Option<i64>,
    after: Vec<u64>,
}

/// Why a newer delivery ends an older one.
const SUPERSEDED: &str = "superseded";

/// The value of `queue` for one that may be claimed.
const QUEUE: &str = "(attempts > 0) + iif(until > 0, 2, 0)";

/// The delivery of this place in a new entry, at the end of its lane. Answers why it is dead, where it is.
pub(super) fn insert(
    writing: &mut Writing<'_>,
    id: u64,
    entry: &Prepared,
    place: usize,
) -> Result<Option<String>, JournalError> {
    let delivery = &entry.deliveries[place];
    let action = writing.action(&delivery.action)?;
    let earlier = follow::earlier(id, &entry.deliveries[..place], delivery);
    let dead = match &delivery.dead {
        Some(reason) => Some(reason.clone()),
        None => follow::why_dead(writing.connection, &earlier)?,
    };
    if let (Some(lane), false, None) = (delivery.lane, delivery.secrets.is_empty(), &dead) {
        supersede(writing, entry, action, lane, delivery)?;
    }
    let connection = writing.connection;
    let waits = match delivery.lane {
        _ if follow::pending(connection, &earlier)?.is_some() => true,
        Some(lane) if dead.is_none() => head(connection, action, lane).map_err(failure::reading)?.is_some(),
        _ => false,
    };
    let ready = if delivery.until.is_some() { 2 } else { 0 };
    let queue = (!waits && dead.is_none()).then_some(ready);
    let state = codes::of_state(if dead.is_some() { DeliveryState::Dead } else { DeliveryState::Pending });
    connection
        .prepare_cached(
            "INSERT INTO deliveries (id, action, lane, state, queue, due, attempts, created, finished, sealed, reason,
             until, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?6, ?7, ?8, ?9, ?10, ?11)",
        )
        .and_then(|mut insert| {
            let finished = dead.is_some().then_some(entry.at);
            let sealed = !delivery.secrets.is_empty();
            let (until, after) = (delivery.until, codes::of_earlier(&earlier));
            let lane = delivery.lane;
            insert.execute(params![id, action, lane, state, queue, entry.at, finished, sealed, dead, until, after])
        })
        .map_err(failure::writing)?;
    follow::mark(connection, &earlier)?;
    for (field, sealed, expires) in &delivery.secrets {
        connection
            .prepare_cached("INSERT INTO secrets (delivery, field, sealed, expires) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut insert| insert.execute(params![id, field, sealed, expires]))
            .map_err(failure::writing)?;
    }
    if queue.is_some() {
        writing.state.woken.insert(action);
    }
    Ok(dead)
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
            let _ = end(writing, &row, DeliveryState::Dropped, Some(SUPERSEDED), row.attempts, None)?;
        }
    }
    Ok(())
}

/// A settlement. One of a delivery that is not pending any more changes nothing but its lease.
pub(super) fn settle(writing: &mut Writing<'_>, settling: &Settling) -> Result<Settled, JournalError> {
    let Settling { delivery: id, settlement, captured } = settling;
    let row = row(writing.connection, id.0)?;
    writing.state.released.push(id.0);
    writing.state.woken.insert(row.action);
    if row.state != DeliveryState::Pending {
        return Ok(Settled::default());
    }
    let attempt = settlement.attempt.as_ref();
    let attempts = row.attempts + i64::from(attempt.is_some());
    let fallen = match &settlement.fate {
        Fate::Done => {
            captured.as_ref().map_or(Ok(()), |captured| captures::keep(writing, id.0, captured))?;
            end(writing, &row, DeliveryState::Done, None, attempts, attempt)?
        }
        Fate::Dead { reason } => end(writing, &row, DeliveryState::Dead, Some(reason), attempts, attempt)?,
        Fate::Dropped { reason } => end(writing, &row, DeliveryState::Dropped, Some(reason), attempts, attempt)?,
        Fate::Released => {
            if attempt.is_some() {
                again(writing, &row, None, attempts, attempt)?;
            }
            Vec::new()
        }
        Fate::Retry { due } => {
            again(writing, &row, Some(codes::time(*due)), attempts, attempt)?;
            Vec::new()
        }
    };
    Ok(Settled { counted: true, fallen })
}

/// It stays, and is due at another time.
fn again(
    writing: &Writing<'_>,
    row: &Row,
    due: Option<i64>,
    attempts: i64,
    attempt: Option<&Attempt>,
) -> Result<(), JournalError> {
    let answers = answers(writing, row, attempt)?;
    writing
        .connection
        .prepare_cached(
            "UPDATE deliveries SET due = coalesce(?2, due), attempts = ?3, answers = coalesce(?4, answers),
             queue = iif(queue IS NULL, NULL, (?3 > 0) + iif(until > 0, 2, 0)), first = coalesce(first, ?5) WHERE id = ?1",
        )
        .and_then(|mut update| {
            update.execute(params![row.id, due, attempts, answers, attempt.map(|one| codes::time(one.at))])
        })
        .map_err(failure::writing)?;
    Ok(())
}

/// It ends, its lane goes on, and what comes after it begins or ends, too. Answers which are dead letters by that.
pub(super) fn end(
    writing: &mut Writing<'_>,
    row: &Row,
    state: DeliveryState,
    reason: Option<&str>,
    attempts: i64,
    attempt: Option<&Attempt>,
) -> Result<Vec<Fallen>, JournalError> {
    end_alone(writing, row, state, reason, attempts, attempt)?;
    if !row.followed {
        return Ok(Vec::new());
    }
    let how = match (state, reason) {
        (DeliveryState::Done, _) => End::Done,
        (DeliveryState::Dropped, Some(SUPERSEDED)) => End::Replaced(SUPERSEDED),
        (DeliveryState::Dropped, Some(requests::ANEW)) => End::Replaced(requests::ANEW),
        (DeliveryState::Dropped, _) => End::Dropped,
        (DeliveryState::Dead | DeliveryState::Pending, _) => End::Dead,
    };
    follow::ended(writing, row, how)
}

/// It ends, and its lane goes on.
pub(super) fn end_alone(
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
    // One that was a head is pending; one behind another need not be promoted, and does no harm.
    match row.lane {
        Some(lane) if row.state == DeliveryState::Pending => promote(writing, row.action, lane),
        Some(_) | None => Ok(()),
    }
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

/// Makes the oldest pending delivery of a lane its head, and no other; one that waits for another action is its head when
/// that has ended.
fn promote(writing: &mut Writing<'_>, action: i64, lane: i64) -> Result<(), JournalError> {
    let connection = writing.connection;
    let Some(head) = head(connection, action, lane).map_err(failure::reading)? else { return Ok(()) };
    if head.queue.is_none() {
        if follow::pending(connection, &head.after)?.is_some() {
            return Ok(());
        }
        queue(connection, head.id)?;
    }
    writing.state.woken.insert(action);
    Ok(())
}

/// From now on it may be claimed.
fn queue(connection: &Connection, id: u64) -> Result<(), JournalError> {
    connection
        .prepare_cached(&format!("UPDATE deliveries SET queue = {QUEUE} WHERE id = ?1"))
        .and_then(|mut update| update.execute([id]))
        .map_err(failure::writing)?;
    Ok(())
}

/// The oldest pending delivery of a lane, whether or not it can be claimed.
pub(super) fn head(connection: &Connection, action: i64, lane: i64) -> rusqlite::Result<Option<Head>> {
    connection
        .prepare_cached(
            "SELECT id, queue, after FROM deliveries WHERE lane = ?1 AND action = ?2 AND state = 0 ORDER BY id LIMIT 1",
        )?
        .query_row(params![lane, action], |row| {
            let id = row.get(0)?;
            let after = row.get_ref(2)?.as_blob_or_null()?;
            Ok(Head {
                id,
                queue: row.get(1)?,
                after: after.map_or_else(Vec::new, |after| codes::to_earlier(id, after)),
            })
        })
        .optional()
}

/// A delivery may have come to be claimed: it is alone, or its lane's oldest.
pub(super) fn place(writing: &mut Writing<'_>, row: &Row) -> Result<(), JournalError> {
    if let Some(lane) = row.lane {
        return promote(writing, row.action, lane);
    }
    if follow::pending(writing.connection, &row.after)?.is_none() {
        queue(writing.connection, row.id)?;
        writing.state.woken.insert(row.action);
    }
    Ok(())
}

/// A delivery came into the middle of its lane: no other than the oldest is the head.
pub(super) fn rejoin(writing: &mut Writing<'_>, row: &Row) -> Result<(), JournalError> {
    if let Some(lane) = row.lane {
        writing
            .connection
            .prepare_cached(
                "UPDATE deliveries SET queue = NULL WHERE lane = ?1 AND action = ?2 AND state = 0
                 AND queue IS NOT NULL",
            )
            .and_then(|mut update| update.execute(params![lane, row.action]))
            .map_err(failure::writing)?;
    }
    place(writing, row)
}

/// A dead delivery is pending again, as if it were new; nobody waits for it any more.
pub(super) fn pend(writing: &mut Writing<'_>, row: &Row) -> Result<(), JournalError> {
    let now = codes::time(writing.shared.options.clock.now());
    writing
        .connection
        .execute(
            "UPDATE deliveries SET state = 0, due = ?2, created = ?2, attempts = 0, first = NULL, finished = NULL,
             reason = NULL, until = iif(until IS NULL, NULL, 0) WHERE id = ?1",
            params![row.id, now],
        )
        .map_err(failure::writing)?;
    rejoin(writing, row)
}

/// What is to be known of a delivery.
pub(super) fn row(connection: &Connection, id: u64) -> Result<Row, JournalError> {
    connection
        .prepare_cached(
            "SELECT action, lane, state, attempts, sealed, answers, reason, after, followed FROM deliveries WHERE id = ?1",
        )
        .and_then(|mut select| {
            select
                .query_row([id], |row| {
                    let after = row.get_ref(7)?.as_blob_or_null()?;
                    Ok(Row {
                        id,
                        action: row.get(0)?,
                        lane: row.get(1)?,
                        state: codes::to_state(row.get(2)?),
                        attempts: row.get(3)?,
                        sealed: row.get(4)?,
                        answers: row.get(5)?,
                        reason: row.get(6)?,
                        after: after.map_or_else(Vec::new, |after| codes::to_earlier(id, after)),
                        followed: row.get::<_, Option<bool>>(8)?.unwrap_or_default(),
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
