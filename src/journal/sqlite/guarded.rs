//! Persons whom guards hold: written with the entry that held them, read as a list, released and dropped.
//!
//! A row is a person, a guard and an event. While its `until` is null the person is held; after a release it is the pass, and
//! goes with the call that uses it, or when its time is over. After a drop it stays for a while, with the time of the drop
//! below zero, so that a call that was held before, and is written only now, puts nobody on the list again.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::json;

use super::append::{self, Prepared};
use super::persons::{NOBODY, Reference};
use super::read::Reading;
use super::writer::Writing;
use super::{codes, failure};
use crate::journal::{EntryKind, GuardAct, GuardActed, GuardMark, Guarded, GuardedFilter, JournalError, Page};

/// How long a drop is remembered: longer than any call is on its way. In microseconds.
const DROP_STAYS: i64 = 3_600_000_000;

/// Notes what guards made of an entry. One who is not known has no row: nobody could recognise its next call.
pub(super) fn mark(writing: &Writing<'_>, seq: u64, entry: &Prepared) -> Result<(), JournalError> {
    if entry.person == NOBODY {
        return Ok(());
    }
    let connection = writing.connection;
    for guard in &entry.guards {
        let done = match guard {
            // What was done about the person since it is held stays done. What was done about an earlier time is over:
            // a pass of then has been used, although the entry that said so could not be written.
            GuardMark::Held { guard, outcome, rule, release_for, since } => connection
                .prepare_cached(
                    "DELETE FROM guarded WHERE person = ?1 AND guard = ?2 AND event = ?3 AND until IS NOT NULL AND first < ?4",
                )
                .and_then(|mut delete| {
                    delete.execute(params![entry.person, guard, entry.event, codes::time(*since)])?;
                    connection.prepare_cached(
                        "INSERT INTO guarded (guard, person, event, tenant, outcome, rule, seq, first, last, calls, release_for)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?10, ?8, 1, ?9)
                         ON CONFLICT (person, guard, event) DO UPDATE SET outcome = excluded.outcome, rule = excluded.rule,
                         seq = excluded.seq, last = excluded.last, calls = calls + 1, release_for = excluded.release_for",
                    )
                })
                .and_then(|mut insert| {
                    let release_for = i64::try_from(release_for.as_micros()).unwrap_or(i64::MAX);
                    insert.execute(params![
                        guard,
                        entry.person,
                        entry.event,
                        entry.tenant,
                        outcome,
                        rule,
                        seq,
                        entry.at,
                        release_for,
                        codes::time(*since)
                    ])
                }),
            GuardMark::Passed { guard } => connection
                .prepare_cached(
                    "DELETE FROM guarded WHERE person = ?1 AND guard = ?2 AND event = ?3 AND until > 0",
                )
                .and_then(|mut delete| delete.execute(params![entry.person, guard, entry.event])),
        };
        done.map_err(failure::writing)?;
    }
    Ok(())
}

/// Releases or drops one who is held, and says so in the chain.
pub(super) fn act(
    writing: &mut Writing<'_>,
    number: u64,
    act: GuardAct,
    reason: &str,
) -> Result<GuardActed, JournalError> {
    let found = writing
        .connection
        .prepare_cached("SELECT guard, event, person, release_for FROM guarded WHERE number = ?1 AND until IS NULL")
        .and_then(|mut select| {
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, codes::bytes(row, "person")?, row.get(3)?));
            select.query_row([number], read).optional()
        })
        .map_err(failure::reading)?;
    let Some((guard, event, person, release_for)) = found else {
        return Err(JournalError::Unknown("person whom a guard holds"));
    };
    let (guard, event, release_for): (String, String, i64) = (guard, event, release_for);
    let now = codes::time(writing.shared.options.clock.now());
    let (kind, until) = match act {
        GuardAct::Release => (EntryKind::GuardRelease, Some(now.saturating_add(release_for))),
        GuardAct::Drop => (EntryKind::GuardDrop, None),
    };
    let words = json!({ "guard": guard, "event": event, "reason": reason }).to_string().into_bytes();
    let seals = writing.shared.persons.seals();
    if seals {
        writing.shared.persons.make_keys(&[person])?;
    }
    append::insert(&mut Prepared::words(kind, now, person, words, seals), writing)?;
    writing
        .connection
        .prepare_cached("UPDATE guarded SET until = ?2 WHERE number = ?1")
        .and_then(|mut change| change.execute(params![number, until.unwrap_or(-now)]))
        .map_err(failure::writing)?;
    Ok(GuardActed { guard, event, person, pass_until: until.map(codes::to_time) })
}

/// Passes whose time is over go, and drops of a while ago.
pub(super) fn expire(writing: &Writing<'_>, now: i64) -> Result<(), JournalError> {
    let gone = writing.connection.execute(
        "DELETE FROM guarded WHERE until BETWEEN 1 AND ?1 OR until BETWEEN ?2 AND 0",
        [now, DROP_STAYS.saturating_sub(now)],
    );
    gone.map(|_| ()).map_err(failure::writing)
}

/// Those of a person.
pub(super) fn forget(writing: &Writing<'_>, person: &Reference) -> Result<(), JournalError> {
    let gone = writing.connection.execute("DELETE FROM guarded WHERE person = ?1", [person]);
    gone.map(|_| ()).map_err(failure::writing)
}

/// A page of them, in the order in which they came.
pub(super) fn page(
    connection: &Connection,
    reading: &Reading,
    filter: &GuardedFilter,
    limit: usize,
) -> Result<Page<Guarded>, JournalError> {
    let person = filter.person.as_ref().map(|person| reading.persons.reference(person));
    let now = filter.passes.then(|| codes::time(reading.clock.now()));
    let items: Vec<Guarded> = connection
        .prepare_cached(
            "SELECT * FROM guarded WHERE number > ?1 AND (?2 IS NULL OR guard = ?2) AND (?3 IS NULL OR person = ?3)
             AND (until IS NULL OR until > ?4) ORDER BY number LIMIT ?5",
        )
        .and_then(|mut select| {
            let after = filter.after.unwrap_or_default();
            select.query_map(params![after, filter.guard, person, now, limit], of_row)?.collect()
        })
        .map_err(failure::reading)?;
    let next = items.last().filter(|_| items.len() == limit).map(|last| last.number);
    Ok(Page { items, next })
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Guarded> {
    Ok(Guarded {
        number: row.get("number")?,
        guard: row.get("guard")?,
        tenant: row.get("tenant")?,
        event: row.get("event")?,
        person: codes::bytes(row, "person")?,
        outcome: row.get("outcome")?,
        rule: row.get("rule")?,
        seq: row.get("seq")?,
        first_at: codes::to_time(row.get("first")?),
        last_at: codes::to_time(row.get("last")?),
        calls: row.get("calls")?,
        pass_until: row.get::<_, Option<i64>>("until")?.map(codes::to_time),
    })
}

/// How many persons the entries are of. The index of persons has 32 bits of each, which is enough to count by, and has no
/// payloads to read past.
pub(super) fn persons_known(connection: &Connection) -> Result<u64, JournalError> {
    connection
        .query_row(
            "SELECT count(DISTINCT bucket) FROM entries INDEXED BY entries_person WHERE bucket <> 0",
            [],
            |row| row.get(0),
        )
        .map_err(failure::reading)
}
