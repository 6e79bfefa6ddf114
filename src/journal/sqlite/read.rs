//! Reading: entries, deliveries, and what is told of all of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::append::{PLAIN, SALT, WIPED, payload_aad};
use super::persons::{Persons, Reference};
use super::pool::Pool;
use super::{answers, captures, codes, connect, failure, follow};
use crate::base::clock::Clock;
use crate::journal::chain::Chain;
use crate::journal::seal::Keyring;
use crate::journal::{
    Delivery, DeliveryFilter, DeliveryId, DeliveryState, Entry, EntryId, EntryKind, Full, JournalError, Page, Record,
    Stats, Unverified,
};

/// What reading needs.
pub(super) struct Reading {
    pub(super) path: PathBuf,
    pub(super) pool: Pool,
    /// Connections of their own for whoever looks a person up, and cannot wait for a long page.
    pub(super) people: Pool,
    pub(super) persons: Arc<Persons>,
    pub(super) keyring: Keyring,
    pub(super) chain: Chain,
    pub(super) clock: Clock,
    /// How many bytes of the log were skipped when it was opened.
    pub(super) torn: u64,
    /// Whether it is a file of before, which no delivery of comes after another.
    pub(super) older: bool,
}

/// The columns of an entry, without what is stored. They come first in every statement: they are read by their place, since a
/// look at their names takes longer than all the rest.
pub(super) const COLUMNS: &str = "seq, entries.id AS id, at, kind, system, tenant, event, person, outcome, cause, rule,
    (SELECT rule_sets.hash FROM rule_sets WHERE rule_sets.id = rule_set) AS rule_set, took, repeat_of";

impl Reading {
    /// Closes the connections.
    pub(super) fn close(&self) {
        self.pool.close();
        self.people.close();
    }

    /// What a stored payload says.
    pub(super) fn record(&self, stored: Option<Vec<u8>>, id: &EntryId, person: &Reference) -> Record {
        let Some(mut stored) = stored.filter(|stored| stored.first() != Some(&WIPED)) else { return Record::Forgotten };
        if stored.first() == Some(&PLAIN) && stored.len() > SALT {
            return Record::Bytes(stored.split_off(1 + SALT));
        }
        match self.persons.key(person) {
            Ok(Some(key)) => match key.open(&stored, &payload_aad(id, person), "a payload") {
                Ok(record) => Record::Bytes(record),
                Err(_) => Record::Sealed,
            },
            Ok(None) | Err(_) => Record::Sealed,
        }
    }

    /// An entry from its row, whose column `stored` may be missing.
    pub(super) fn entry(&self, row: &Row<'_>, with_record: bool) -> rusqlite::Result<Entry> {
        let id = EntryId::from_bytes(codes::bytes(row, 1)?);
        let person = codes::bytes(row, 7)?;
        Ok(Entry {
            seq: row.get(0)?,
            id,
            received_at: codes::to_time(row.get(2)?),
            kind: codes::to_kind(row.get(3)?).unwrap_or(EntryKind::Event),
            system: row.get(4)?,
            tenant: row.get(5)?,
            event: row.get(6)?,
            person,
            outcome: row.get(8)?,
            cause: row.get(9)?,
            rule: row.get(10)?,
            rule_set: codes::bytes(row, 11)?,
            took: std::time::Duration::from_micros(row.get(12)?),
            repeat_of: row.get(13)?,
            record: if with_record { self.record(row.get("stored")?, &id, &person) } else { Record::Unread },
        })
    }

    /// One entry with its deliveries, by the column `key`.
    pub(super) fn full<K: rusqlite::ToSql>(
        &self,
        connection: &Connection,
        key: &str,
        value: K,
    ) -> Result<Option<Full>, JournalError> {
        let entry = connection
            .prepare_cached(&format!("SELECT {COLUMNS}, stored FROM entries WHERE {key} = ?1"))
            .and_then(|mut select| select.query_row([value], |row| self.entry(row, true)).optional())
            .map_err(failure::reading)?;
        let Some(entry) = entry else { return Ok(None) };
        let first = entry.seq * DeliveryId::PER_ENTRY;
        let deliveries = self.deliveries_where(
            connection,
            "deliveries.id BETWEEN ?1 AND ?2 ORDER BY deliveries.id",
            params![first, first + DeliveryId::PER_ENTRY - 1],
        )?;
        Ok(Some((entry, deliveries)))
    }

    /// Deliveries that fulfil a condition.
    fn deliveries_where(
        &self,
        connection: &Connection,
        condition: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<Delivery>, JournalError> {
        let persons = &self.persons;
        let newer = if self.older { "NULL AS until, NULL AS after" } else { "until, after" };
        let read = |row: &Row<'_>| {
            let state = codes::to_state(row.get("state")?);
            let pending = state == DeliveryState::Pending;
            let time = |name| row.get::<_, Option<i64>>(name).map(|time| time.map(codes::to_time));
            let delivery = Delivery {
                id: DeliveryId(row.get("id")?),
                action: row.get("name")?,
                state,
                attempts: row.get("attempts")?,
                created_at: codes::to_time(row.get("created")?),
                first_attempt_at: time("first")?,
                due: time("due")?.filter(|_| pending),
                waits: pending && row.get::<_, Option<i64>>("queue")?.is_none(),
                waits_for: None,
                performed: row.get_ref("until")? != ValueRef::Null,
                finished_at: time("finished")?,
                reason: row.get("reason")?,
                answers: answers::read(
                    persons,
                    row.get_ref("answers")?.as_blob_or_null()?,
                    row.get("id")?,
                    &codes::bytes(row, "person")?,
                ),
                captured: None,
            };
            Ok((delivery, row.get("after")?, codes::bytes(row, "person")?))
        };
        let found: Vec<(Delivery, Option<Vec<u8>>, Reference)> = connection
            .prepare_cached(&format!(
                "SELECT deliveries.id AS id, name, state, attempts, created, first, due, queue, finished, reason, answers,
                 {newer}, (SELECT person FROM entries WHERE seq = deliveries.id / 65536) AS person
                 FROM deliveries JOIN actions ON actions.id = action WHERE {condition}"
            ))
            .and_then(|mut select| select.query_map(values, read)?.collect())
            .map_err(failure::reading)?;
        let whole = |(mut delivery, after, person): (Delivery, Option<Vec<u8>>, Reference)| {
            let id = delivery.id.0;
            match delivery.state {
                DeliveryState::Pending => {
                    let earlier = after.map(|after| codes::to_earlier(id, &after)).unwrap_or_default();
                    delivery.waits_for = follow::pending(connection, &earlier)?.map(DeliveryId);
                }
                DeliveryState::Done if !self.older => {
                    delivery.captured = captures::of(connection, persons, id, &person)?;
                }
                DeliveryState::Done | DeliveryState::Dead | DeliveryState::Dropped => {}
            }
            Ok(delivery)
        };
        found.into_iter().map(whole).collect()
    }

    /// Unverified notices.
    pub(super) fn unverified(
        &self,
        connection: &Connection,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Unverified>, JournalError> {
        connection
            .prepare_cached(
                "SELECT number, id, at, event, stored FROM unverified WHERE number > ?1 ORDER BY number LIMIT ?2",
            )
            .and_then(|mut select| {
                select
                    .query_map(params![after, limit], |row| {
                        let id = EntryId::from_bytes(codes::bytes(row, "id")?);
                        let stored: Vec<u8> = row.get("stored")?;
                        Ok(Unverified {
                            number: row.get("number")?,
                            id,
                            received_at: codes::to_time(row.get("at")?),
                            event: row.get("event")?,
                            record: super::unverified::record(&stored, &id, &self.keyring),
                        })
                    })?
                    .collect()
            })
            .map_err(failure::reading)
    }

    /// What it holds.
    pub(super) fn stats(&self, connection: &Connection) -> Result<Stats, JournalError> {
        let files = ["", "-wal", "-persons", "-persons-wal"];
        let size = |suffix: &str| std::fs::metadata(connect::beside(&self.path, suffix)).map_or(0, |file| file.len());
        let look = || -> rusqlite::Result<Stats> {
            let (entries, oldest): (u64, Option<i64>) = connection.query_row(
                "SELECT coalesce((SELECT max(seq) FROM entries) - (SELECT min(seq) FROM entries) + 1, 0),
                 (SELECT at FROM entries ORDER BY seq LIMIT 1)",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            let mut actions = Vec::new();
            for (id, name) in actions_of(connection)? {
                let count = |state: i64| -> rusqlite::Result<u64> {
                    // The number of a state must stand in the statement for its index to be used.
                    let statement = format!("SELECT count(*) FROM deliveries WHERE state = {state} AND action = ?1");
                    connection.prepare_cached(&statement)?.query_row([id], |row| row.get(0))
                };
                actions.push((name, count(codes::PENDING)?, count(codes::DEAD)?));
            }
            Ok(Stats {
                entries,
                bytes: files.iter().map(|suffix| size(suffix)).sum(),
                oldest: oldest.map(codes::to_time),
                actions,
                unverified: connection.query_row("SELECT count(*) FROM unverified", [], |row| row.get(0))?,
            })
        };
        look().map_err(failure::reading)
    }
}

/// Every action that ever had a delivery.
fn actions_of(connection: &Connection) -> rusqlite::Result<Vec<(i64, String)>> {
    let mut select = connection.prepare_cached("SELECT id, name FROM actions ORDER BY name")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Every action with pending deliveries.
pub(super) fn pending_actions(connection: &Connection) -> Result<Vec<String>, JournalError> {
    connection
        .prepare_cached(
            "SELECT name FROM actions WHERE EXISTS
             (SELECT 1 FROM deliveries WHERE state = 0 AND action = actions.id) ORDER BY name",
        )
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .map_err(failure::reading)
}

/// Deliveries in a state, oldest first.
pub(super) fn deliveries(
    connection: &Connection,
    reading: &Reading,
    state: DeliveryState,
    filter: &DeliveryFilter,
    limit: usize,
) -> Result<Page<Delivery>, JournalError> {
    let after = filter.after.unwrap_or_default();
    let mut items = Vec::new();
    // By action, since so the index has them; there are few.
    for (id, name) in actions_of(connection).map_err(failure::reading)? {
        if filter.action.as_ref().is_none_or(|wanted| *wanted == name) {
            let condition = format!(
                "state = {} AND action = ?1 AND deliveries.id > ?2 ORDER BY deliveries.id LIMIT ?3",
                codes::of_state(state)
            );
            items.extend(reading.deliveries_where(connection, &condition, params![id, after, limit])?);
        }
    }
    items.sort_unstable_by_key(|delivery| delivery.id);
    items.truncate(limit);
    let next = items.last().filter(|_| items.len() == limit).map(|last| last.id.0);
    Ok(Page { items, next })
}

/// How many entries a block of the index of persons holds. It stands in statements as a number, for the index to be used.
pub(super) const BLOCK: u64 = 4096;

/// The first and the last entry's number; 0 and 0 where there is none.
pub(super) fn bounds(connection: &Connection) -> rusqlite::Result<(u64, u64)> {
    connection
        .prepare_cached(
            "SELECT coalesce((SELECT min(seq) FROM entries), 0), coalesce((SELECT max(seq) FROM entries), 0)",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// One value of a row that may not be there.
pub(super) fn value<T: rusqlite::types::FromSql>(
    connection: &Connection,
    select: &str,
    key: impl rusqlite::ToSql,
) -> Result<Option<T>, JournalError> {
    connection
        .prepare_cached(select)
        .and_then(|mut select| select.query_row([key], |row| row.get(0)).optional())
        .map_err(failure::reading)
}

/// The file of the persons of a journal.
pub(super) fn persons_path(journal: &Path) -> PathBuf {
    connect::beside(journal, "-persons")
}
