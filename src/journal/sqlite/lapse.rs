//! Performed deliveries for which nobody waits any more, or whose target is left alone: they are given up, visibly.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::lanes::{self, row};
use super::writer::Writing;
use super::{Shared, codes, failure, follow};
use crate::journal::{DeliveryState, Fallen, JournalError, Lapse};

/// How many go in one transaction.
const PART: usize = 500;

/// What a dead letter says whose caller did not wait for it.
const LATE: &str = "its caller was answered without it";

/// Gives up those that nobody attempts.
pub(super) fn lapse(writing: &mut Writing<'_>, lapse: &Lapse) -> Result<Vec<Fallen>, JournalError> {
    let limit = writing.shared.leases().len() + PART;
    let (found, reason) = match lapse {
        Lapse::Late { now } => {
            let select =
                "SELECT id FROM deliveries WHERE state = 0 AND until > 0 AND until <= ?1 ORDER BY until LIMIT ?2";
            (ids(writing.connection, select, codes::time(*now), limit), LATE)
        }
        Lapse::Action { action, reason } => {
            let Some(action) = writing.known_action(action)? else { return Ok(Vec::new()) };
            let select =
                "SELECT id FROM deliveries WHERE state = 0 AND until > 0 AND action = ?1 ORDER BY until LIMIT ?2";
            (ids(writing.connection, select, action, limit), reason.as_str())
        }
    };
    let mut fallen = Vec::new();
    for id in found.map_err(failure::reading)? {
        // What is being attempted ends by its own settlement.
        if writing.shared.leases().has_delivery(id) || fallen.len() >= PART {
            continue;
        }
        let row = row(writing.connection, id)?;
        // It may have fallen with one that it came after.
        if row.state == DeliveryState::Pending {
            let more = lanes::end(writing, &row, DeliveryState::Dead, Some(reason), row.attempts, None)?;
            fallen.push(follow::fallen(writing.connection, id, reason.to_owned())?);
            fallen.extend(more);
        }
    }
    Ok(fallen)
}

/// When the first that nobody attempts is waited for no longer.
pub(super) fn next(connection: &Connection, shared: &Shared) -> Result<Option<DateTime<Utc>>, JournalError> {
    let limit = shared.leases().len() + 1;
    let rows: Vec<(u64, i64)> = connection
        .prepare_cached("SELECT id, until FROM deliveries WHERE state = 0 AND until > 0 ORDER BY until LIMIT ?1")
        .and_then(|mut select| select.query_map([limit], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .map_err(failure::reading)?;
    let leases = shared.leases();
    Ok(rows.into_iter().find(|(id, _)| !leases.has_delivery(*id)).map(|(_, until)| codes::to_time(until)))
}

fn ids(connection: &Connection, select: &str, key: i64, limit: usize) -> rusqlite::Result<Vec<u64>> {
    connection.prepare_cached(select)?.query_map(params![key, limit], |row| row.get(0))?.collect()
}
