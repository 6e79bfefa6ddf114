//! What can be attempted now: the heads of lanes that are due and that nobody has leased.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::append::secret_aad;
use super::leases::Lane;
use super::read::{Reading, value};
use super::{Shared, captures, codes, failure, lanes, requests};
use crate::base::ids::hex;
use crate::base::secret::Secret;
use crate::journal::{Claimed, DeliveryId, EarlierAnswer, EntryId, JournalError, Places, SealedField};

/// The values of `queue`: never attempted or attempted before, and the same of performed ones.
const FRESH: i64 = 0;
const AGAIN: i64 = 1;
const PERFORMED: i64 = 2;
const PERFORMED_AGAIN: i64 = 3;

/// Claimed deliveries on their way to whoever asked. If they never arrive, their leases end.
pub(super) struct Guarded {
    claimed: Vec<Claimed>,
    shared: Arc<Shared>,
}

impl Guarded {
    /// They have arrived.
    pub(super) fn hand_over(mut self) -> Vec<Claimed> {
        std::mem::take(&mut self.claimed)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if !self.claimed.is_empty() {
            let mut leases = self.shared.leases();
            for claimed in &self.claimed {
                leases.release(claimed.id.0);
            }
        }
    }
}

/// An action's number; none where it never had a delivery.
fn action_of(connection: &Connection, action: &str) -> Result<Option<i64>, JournalError> {
    connection
        .prepare_cached("SELECT id FROM actions WHERE name = ?1")
        .and_then(|mut select| select.query_row([action], |row| row.get(0)).optional())
        .map_err(failure::reading)
}

/// Leases what can be attempted.
pub(super) fn claim(
    connection: &Connection,
    reading: &Reading,
    shared: &Arc<Shared>,
    action: &str,
    now: DateTime<Utc>,
    places: Places,
) -> Result<Guarded, JournalError> {
    let mut guarded = Guarded { claimed: Vec::new(), shared: shared.clone() };
    let Some(action) = action_of(connection, action)? else { return Ok(guarded) };
    // One claim at a time, and the leases are looked at before the file: then a lease that ends in between is still
    // seen, and what its settlement has changed is not taken for due.
    let _claiming = shared.claiming();
    let leased: HashSet<Lane> = shared.leases().of_action(action).into_iter().collect();
    let mut picked = Vec::new();
    for (queues, mut left) in
        [(&[PERFORMED, PERFORMED_AGAIN][..], places.performed), (&[FRESH], places.fresh), (&[AGAIN], places.retries)]
    {
        for queue in queues {
            if left > 0 {
                let due = heads(connection, action, *queue, codes::time(now), left + leased.len())?;
                let free = due.into_iter().map(|(id, lane)| (id, lanes::lane_of(id, action, lane)));
                let before = picked.len();
                picked.extend(free.filter(|(_, (_, lane))| !leased.contains(lane)).take(left));
                left -= picked.len() - before;
            }
        }
    }
    {
        let mut leases = shared.leases();
        // Two actions' lanes are two; one lane has one head, so that none is leased twice here.
        for (id, lane) in &picked {
            leases.take(*id, *lane);
        }
    }
    for (position, (id, _)) in picked.iter().enumerate() {
        match read(connection, reading, *id) {
            Ok(Some(claimed)) => guarded.claimed.push(claimed),
            Ok(None) => shared.leases().release(*id),
            Err(error) => {
                let mut leases = shared.leases();
                for (id, _) in &picked[position..] {
                    leases.release(*id);
                }
                drop(leases);
                return Err(error);
            }
        }
    }
    Ok(guarded)
}

/// When the earliest lane that nobody has leased is due.
pub(super) fn next_due(
    connection: &Connection,
    shared: &Shared,
    action: &str,
) -> Result<Option<DateTime<Utc>>, JournalError> {
    let Some(action) = action_of(connection, action)? else { return Ok(None) };
    let leased: HashSet<Lane> = shared.leases().of_action(action).into_iter().collect();
    let mut earliest: Option<i64> = None;
    for queue in [FRESH, AGAIN, PERFORMED, PERFORMED_AGAIN] {
        let mut select = connection
            .prepare_cached(
                "SELECT id, lane, due FROM deliveries WHERE action = ?1 AND queue = ?2 ORDER BY due, id LIMIT ?3",
            )
            .map_err(failure::reading)?;
        let mut rows = select.query(params![action, queue, leased.len() + 1]).map_err(failure::reading)?;
        while let Some(row) = rows.next().map_err(failure::reading)? {
            let row = || Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            let (id, lane, due): (u64, Option<i64>, i64) = row().map_err(failure::reading)?;
            if !leased.contains(&lanes::lane_of(id, action, lane).1) {
                earliest = Some(earliest.map_or(due, |other| other.min(due)));
                break;
            }
        }
    }
    Ok(earliest.map(codes::to_time))
}

fn heads(
    connection: &Connection,
    action: i64,
    queue: i64,
    now: i64,
    limit: usize,
) -> Result<Vec<(u64, Option<i64>)>, JournalError> {
    connection
        .prepare_cached(
            "SELECT id, lane FROM deliveries WHERE action = ?1 AND queue = ?2 AND due <= ?3 ORDER BY due, id LIMIT ?4",
        )
        .and_then(|mut select| {
            select.query_map(params![action, queue, now, limit], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .map_err(failure::reading)
}

fn read(connection: &Connection, reading: &Reading, id: u64) -> Result<Option<Claimed>, JournalError> {
    let found = connection
        .prepare_cached(
            "SELECT attempts, created, first, sealed, until, after, action, entries.seq, entries.id AS entry, at, system,
             tenant, event, person, outcome, rule, stored
             FROM deliveries JOIN entries ON entries.seq = deliveries.id / 65536 WHERE deliveries.id = ?1",
        )
        .and_then(|mut select| {
            select
                .query_row([id], |row| {
                    let entry = EntryId::from_bytes(codes::bytes(row, "entry")?);
                    let person = codes::bytes(row, "person")?;
                    let claimed = Claimed {
                        id: DeliveryId(id),
                        seq: row.get("seq")?,
                        entry,
                        event: row.get("event")?,
                        system: row.get("system")?,
                        tenant: row.get("tenant")?,
                        person,
                        outcome: row.get("outcome")?,
                        rule: row.get("rule")?,
                        received_at: codes::to_time(row.get("at")?),
                        attempts: row.get("attempts")?,
                        created_at: codes::to_time(row.get("created")?),
                        first_attempt_at: row.get::<_, Option<i64>>("first")?.map(codes::to_time),
                        record: reading.record(row.get("stored")?, &entry, &person),
                        secrets: Vec::new(),
                        until: row.get::<_, Option<i64>>("until")?.filter(|until| *until > 0).map(codes::to_time),
                        answers: Vec::new(),
                        request: None,
                    };
                    let after: Option<Vec<u8>> = row.get("after")?;
                    let performed = row.get_ref("until")? != ValueRef::Null;
                    Ok((claimed, row.get::<_, bool>("sealed")?, after, performed.then_some(row.get::<_, i64>("action")?)))
                })
                .optional()
        })
        .map_err(failure::reading)?;
    let Some((mut claimed, sealed, after, performed)) = found else { return Ok(None) };
    if sealed {
        claimed.secrets = secrets(connection, reading, &claimed)?;
    }
    if let Some(after) = after {
        claimed.answers = answers(connection, reading, &claimed, &after)?;
    }
    if let Some(action) = performed {
        claimed.request = requests::of(connection, claimed.seq)?.map(|key| format!("{}-{action}", hex(&key)));
    }
    Ok(Some(claimed))
}

/// What the deliveries that it comes after have captured, of those that are done.
fn answers(
    connection: &Connection,
    reading: &Reading,
    of: &Claimed,
    after: &[u8],
) -> Result<Vec<EarlierAnswer>, JournalError> {
    let mut answers = Vec::new();
    for id in codes::to_earlier(of.id.0, after) {
        let action =
            "SELECT name FROM deliveries JOIN actions ON actions.id = action WHERE deliveries.id = ?1 AND state = 1";
        if let Some(action) = value(connection, action, id)? {
            let captured = captures::of(connection, &reading.persons, id, &of.person)?.unwrap_or_default();
            answers.push(EarlierAnswer { action, captured });
        }
    }
    Ok(answers)
}

fn secrets(connection: &Connection, reading: &Reading, of: &Claimed) -> Result<Vec<SealedField>, JournalError> {
    let now = codes::time(reading.clock.now());
    let rows: Vec<(String, Vec<u8>, Option<i64>)> = connection
        .prepare_cached("SELECT field, sealed, expires FROM secrets WHERE delivery = ?1 ORDER BY field")
        .and_then(|mut select| {
            select.query_map([of.id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        })
        .map_err(failure::reading)?;
    let open = |(name, sealed, expires): (String, Vec<u8>, Option<i64>)| {
        let aad = secret_aad(&of.tenant, &of.event, &name, &of.entry);
        let lives = expires.is_some_and(|expires| expires > now);
        let value = lives.then(|| reading.keyring.open(&sealed, &aad, "a secret field").ok()).flatten();
        SealedField { name, value: value.map(Secret::new) }
    };
    Ok(rows.into_iter().map(open).collect())
}
