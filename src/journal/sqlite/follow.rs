//! Deliveries that come after others of their entry: what an end does to those behind it, in the same transaction.
//!
//! A delivery comes only after such as stand before it in their entry, so that however long the chain, waiting always ends
//! at one that waits for nobody. As long as one that it comes after is pending or dead it is itself pending, and nobody's
//! to claim, or has ended.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::append::PreparedDelivery;
use super::lanes::{self, Row};
use super::read::value;
use super::writer::Writing;
use super::{codes, failure};
use crate::journal::{DeliveryId, DeliveryState, EntryId, Fallen, JournalError};

/// How a delivery has ended, for those that come after it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Dead,
    Dropped,
    /// Something newer does its work, and will do theirs.
    Replaced(&'static str),
}

/// What a dead letter says that came after this one.
fn dead_letter(action: &str) -> String {
    format!("{action} is a dead letter")
}

fn was_dropped(action: &str) -> String {
    format!("{action} was dropped")
}

/// The deliveries that a new one comes after, by their names.
pub(super) fn earlier(id: u64, before: &[PreparedDelivery], delivery: &PreparedDelivery) -> Vec<u64> {
    let first = DeliveryId(id).seq() * DeliveryId::PER_ENTRY;
    let mut found: Vec<u64> = delivery
        .after
        .iter()
        .filter_map(|action| before.iter().rposition(|other| other.action == *action))
        .map(|index| first + index as u64)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Notes that others come after these.
pub(super) fn mark(connection: &Connection, earlier: &[u64]) -> Result<(), JournalError> {
    for id in earlier {
        connection
            .prepare_cached("UPDATE deliveries SET followed = 1 WHERE id = ?1")
            .and_then(|mut update| update.execute([id]))
            .map_err(failure::writing)?;
    }
    Ok(())
}

/// The first of these that is pending.
pub(super) fn pending(connection: &Connection, earlier: &[u64]) -> Result<Option<u64>, JournalError> {
    first_in(connection, earlier, DeliveryState::Pending)
}

/// The first of these that is a dead letter: itself and its action.
pub(super) fn dead(connection: &Connection, earlier: &[u64]) -> Result<Option<(DeliveryId, String)>, JournalError> {
    let Some(id) = first_in(connection, earlier, DeliveryState::Dead)? else { return Ok(None) };
    Ok(Some((DeliveryId(id), action_of(connection, id)?)))
}

/// Why one that comes after these is a dead letter, where it is.
pub(super) fn why_dead(connection: &Connection, earlier: &[u64]) -> Result<Option<String>, JournalError> {
    Ok(dead(connection, earlier)?.map(|(_, action)| dead_letter(&action)))
}

fn first_in(connection: &Connection, earlier: &[u64], state: DeliveryState) -> Result<Option<u64>, JournalError> {
    for id in earlier {
        let found: Option<i64> = value(connection, "SELECT state FROM deliveries WHERE id = ?1", *id)?;
        if found == Some(codes::of_state(state)) {
            return Ok(Some(*id));
        }
    }
    Ok(None)
}

fn action_of(connection: &Connection, id: u64) -> Result<String, JournalError> {
    let select = "SELECT name FROM actions WHERE id = (SELECT action FROM deliveries WHERE id = ?1)";
    value(connection, select, id)?.ok_or(JournalError::Unknown("delivery"))
}

/// What the end of a delivery does to those that come after it, and theirs to others. Answers which are dead letters now.
pub(super) fn ended(writing: &mut Writing<'_>, first: &Row, how: End) -> Result<Vec<Fallen>, JournalError> {
    let mut fallen = Vec::new();
    let mut ends = vec![(first.id, how)];
    while let Some((id, how)) = ends.pop() {
        let action = action_of(writing.connection, id)?;
        for row in followers(writing.connection, id)? {
            let fell = row.state == DeliveryState::Dead && row.reason.as_deref() == Some(&dead_letter(&action));
            match how {
                End::Done if row.state == DeliveryState::Pending => begin(writing, &row)?,
                End::Dead | End::Dropped if row.state == DeliveryState::Pending => {
                    let reason = if how == End::Dead { dead_letter(&action) } else { was_dropped(&action) };
                    lanes::end_alone(writing, &row, DeliveryState::Dead, Some(&reason), row.attempts, None)?;
                    fallen.push(self::fallen(writing.connection, row.id, reason)?);
                    ends.push((row.id, End::Dead));
                }
                End::Dropped if fell => {
                    writing
                        .connection
                        .execute(
                            "UPDATE deliveries SET reason = ?2 WHERE id = ?1",
                            params![row.id, was_dropped(&action)],
                        )
                        .map_err(failure::writing)?;
                }
                End::Replaced(why) if fell || row.state == DeliveryState::Pending => {
                    lanes::end_alone(writing, &row, DeliveryState::Dropped, Some(why), row.attempts, None)?;
                    ends.push((row.id, how));
                }
                End::Done | End::Dead | End::Dropped | End::Replaced(_) => {}
            }
        }
    }
    Ok(fallen)
}

/// What became a dead letter without an attempt.
pub(super) fn fallen(connection: &Connection, id: u64, reason: String) -> Result<Fallen, JournalError> {
    let delivery = DeliveryId(id);
    let entry: Option<[u8; 16]> = value(connection, "SELECT id FROM entries WHERE seq = ?1", delivery.seq())?;
    let entry = EntryId::from_bytes(entry.ok_or(JournalError::Unknown("event"))?);
    Ok(Fallen { delivery, entry, action: action_of(connection, id)?, reason })
}

/// Nothing stands before it any more: it is due, and its time begins.
fn begin(writing: &mut Writing<'_>, row: &Row) -> Result<(), JournalError> {
    if pending(writing.connection, &row.after)?.is_some() {
        return Ok(());
    }
    let now = codes::time(writing.shared.options.clock.now());
    writing
        .connection
        .prepare_cached("UPDATE deliveries SET due = ?2, created = iif(attempts = 0, ?2, created) WHERE id = ?1")
        .and_then(|mut update| update.execute(params![row.id, now]))
        .map_err(failure::writing)?;
    lanes::place(writing, row)
}

/// A dead letter is pending again, and so are those that died because of it, unless another one is in their way.
pub(super) fn come_back(writing: &mut Writing<'_>, first: &Row) -> Result<(), JournalError> {
    let mut back = vec![first.id];
    while let Some(id) = back.pop() {
        let reason = dead_letter(&action_of(writing.connection, id)?);
        for row in followers(writing.connection, id)? {
            if row.state != DeliveryState::Dead || row.reason.as_ref() != Some(&reason) {
                continue;
            }
            if let Some(other) = why_dead(writing.connection, &row.after)? {
                writing
                    .connection
                    .execute("UPDATE deliveries SET reason = ?2 WHERE id = ?1", params![row.id, other])
                    .map_err(failure::writing)?;
                continue;
            }
            lanes::pend(writing, &row)?;
            back.push(row.id);
        }
    }
    Ok(())
}

/// The deliveries that come after this one.
fn followers(connection: &Connection, id: u64) -> Result<Vec<Row>, JournalError> {
    let first = DeliveryId(id).seq() * DeliveryId::PER_ENTRY;
    let found: Vec<(u64, Vec<u8>)> = connection
        .prepare_cached("SELECT id, after FROM deliveries WHERE id BETWEEN ?1 AND ?2 AND after IS NOT NULL ORDER BY id")
        .and_then(|mut select| {
            let range = [id, first + DeliveryId::PER_ENTRY - 1];
            select.query_map(range, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .map_err(failure::reading)?;
    let behind = found.iter().filter(|(own, after)| codes::to_earlier(*own, after).contains(&id));
    behind.map(|(own, _)| lanes::row(connection, *own)).collect()
}

/// The newest delivery of an entry to an action.
pub(super) fn newest(connection: &Connection, seq: u64, action: i64) -> Result<Option<u64>, JournalError> {
    let first = seq * DeliveryId::PER_ENTRY;
    connection
        .prepare_cached("SELECT id FROM deliveries WHERE id BETWEEN ?1 AND ?2 AND action = ?3 ORDER BY id DESC LIMIT 1")
        .and_then(|mut select| {
            let values = params![first, first + DeliveryId::PER_ENTRY - 1, action];
            select.query_row(values, |row| row.get(0)).optional()
        })
        .map_err(failure::reading)
}
