//! Finding entries: pages by filter, from either end. One call looks at a bounded number of rows.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::persons::{NOBODY, Reference};
use super::read::{BLOCK, COLUMNS, Reading, bounds};
use super::{codes, failure};
use crate::journal::{DeliveryId, Entry, EntryId, EntryKind, Filter, JournalError, Order, Page};

/// How many rows one page looks at.
const ROWS: usize = 10_000;

/// Entries are in the order in which they were written; their events were received at most so much earlier or later.
const SLACK: TimeDelta = TimeDelta::minutes(10);

/// A page of entries.
pub(super) fn entries(
    connection: &Connection,
    reading: &Reading,
    filter: &Filter,
    limit: usize,
) -> Result<Page<Entry>, JournalError> {
    let person = filter.person.as_ref().map(|person| reading.persons.reference(person));
    if person == Some(NOBODY) {
        return Ok(Page { items: Vec::new(), next: None });
    }
    look(connection, reading, filter, person, limit).map_err(failure::reading)
}

fn look(
    connection: &Connection,
    reading: &Reading,
    filter: &Filter,
    person: Option<Reference>,
    limit: usize,
) -> rusqlite::Result<Page<Entry>> {
    let mut low = match filter.since {
        Some(since) => seq_at(connection, since - SLACK)?,
        None => 0,
    };
    let mut high = match filter.until {
        Some(until) => seq_at(connection, until + SLACK)?,
        None => i64::MAX as u64,
    };
    let order = match (filter.order, filter.after) {
        (Order::Newest, after) => {
            high = after.map_or(high, |after| high.min(after.saturating_sub(1)));
            "DESC"
        }
        (Order::Oldest, after) => {
            low = after.map_or(low, |after| low.max(after + 1));
            "ASC"
        }
    };
    high = filter.up_to.map_or(high, |up_to| high.min(up_to));
    let stored = if filter.records { ", stored" } else { "" };
    // Without a person all entries are one block.
    let (bucket, blocks) = if person.is_some() {
        let (first, last) = bounds(connection)?;
        ("seq / 4096 = ?5 AND bucket = ?4 AND ", first.max(low) / BLOCK..last.min(high) / BLOCK + 1)
    } else {
        ("?4 IS NULL AND ?5 = 0 AND ", 0..1)
    };
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}{stored} FROM entries WHERE {bucket} seq BETWEEN ?1 AND ?2 ORDER BY seq {order} LIMIT ?3"
    ))?;
    let mut page = Page { items: Vec::new(), next: None };
    let mut looked_at = 0;
    let (mut up, mut down) = (blocks.clone(), blocks.rev());
    while let Some(block) = if filter.order == Order::Oldest { up.next() } else { down.next() } {
        let mut rows = select.query(params![low, high, ROWS, person.as_ref().map(codes::bucket), block])?;
        while let Some(row) = rows.next()? {
            looked_at += 1;
            let seq = row.get(0)?;
            let mut entry = reading.entry(row, false)?;
            if fits(&entry, filter, person.as_ref()) && fits_deliveries(connection, seq, filter)? {
                if filter.records {
                    entry.record = reading.record(row.get("stored")?, &entry.id, &entry.person);
                }
                page.items.push(entry);
            }
            if page.items.len() == limit || looked_at == ROWS {
                page.next = Some(seq);
                return Ok(page);
            }
        }
    }
    Ok(page)
}

/// The names of entries in a range of names.
pub(super) fn names(
    connection: &Connection,
    first: EntryId,
    last: EntryId,
    limit: usize,
) -> Result<Vec<EntryId>, JournalError> {
    connection
        .prepare_cached("SELECT id FROM entries WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3")
        .and_then(|mut select| {
            let range = params![first.into_bytes(), last.into_bytes(), limit];
            select.query_map(range, |row| Ok(EntryId::from_bytes(codes::bytes(row, "id")?)))?.collect()
        })
        .map_err(failure::reading)
}

fn fits(entry: &Entry, filter: &Filter, person: Option<&Reference>) -> bool {
    (entry.kind == EntryKind::Event || filter.acts)
        && (filter.events.is_empty() || filter.events.contains(&entry.event))
        && person.is_none_or(|person| entry.person == *person)
        && filter.outcome.as_ref().is_none_or(|outcome| entry.outcome == *outcome)
        && filter.since.is_none_or(|since| entry.received_at >= since)
        && filter.until.is_none_or(|until| entry.received_at < until)
}

fn fits_deliveries(connection: &Connection, seq: u64, filter: &Filter) -> rusqlite::Result<bool> {
    if !filter.failed && filter.action.is_none() {
        return Ok(true);
    }
    let first = seq * DeliveryId::PER_ENTRY;
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM deliveries JOIN actions ON actions.id = action
             WHERE deliveries.id BETWEEN ?1 AND ?2 AND (?3 IS NULL OR name = ?3)
             AND (NOT ?4 OR state = 2 OR (state = 0 AND attempts > 0)))",
        )?
        .query_row(params![first, first + DeliveryId::PER_ENTRY - 1, filter.action, filter.failed], |row| row.get(0))
}

/// The first entry that was received at this time or later, as if times grew with numbers.
pub(super) fn seq_at(connection: &Connection, time: DateTime<Utc>) -> rusqlite::Result<u64> {
    let time = codes::time(time);
    let (mut low, mut high): (u64, u64) = connection.query_row(
        "SELECT coalesce((SELECT min(seq) FROM entries), 0), coalesce((SELECT max(seq) FROM entries), 0) + 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    while low < high {
        let middle = low.midpoint(high);
        let at: Option<i64> = connection
            .prepare_cached("SELECT at FROM entries WHERE seq >= ?1 ORDER BY seq LIMIT 1")?
            .query_row([middle], |row| row.get(0))
            .optional()?;
        if at.is_some_and(|at| at < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
