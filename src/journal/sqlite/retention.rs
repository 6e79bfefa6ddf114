//! Retention: the oldest entries go, in small transactions, and a cut in the chain says so.
//!
//! The cut is appended first and names the last entry that goes and its hash. Then the entries are removed, a part at a
//! time; a crash in between is carried on by the next call. Nothing goes that a delivery still waits for.

use std::sync::Arc;

use chrono::TimeDelta;
use rusqlite::{Connection, OptionalExtension as _};

use super::append::{self, Prepared};
use super::persons::NOBODY;
use super::read::Reading;
use super::verify::read_cut;
use super::writer::Writing;
use super::{Shared, ballast, codes, failure, find, guarded, removed};
use crate::journal::{DeliveryId, EntryKind, Head, JournalError};

/// How many entries, or secrets, go in one transaction.
const PART: u64 = 500;

/// Cuts off what is too old, and wipes secrets whose time is over.
pub(super) async fn retain(shared: Arc<Shared>, reading: Arc<Reading>) -> Result<u64, JournalError> {
    while shared.queue.run(true, expire).await? == PART {}
    let retention = TimeDelta::from_std(shared.options.retention).unwrap_or(TimeDelta::MAX);
    let before = shared.options.clock.now().checked_sub_signed(retention).unwrap_or_default();
    let last = reading
        .pool
        .read(move |connection| {
            let last = find::seq_at(connection, before).map_err(failure::reading)?.saturating_sub(1);
            Ok(waited_for(connection).map_err(failure::reading)?.map_or(last, |seq| last.min(seq.saturating_sub(1))))
        })
        .await?;
    shared.queue.run(true, move |writing| cut(writing, last)).await?;
    let mut gone = 0;
    loop {
        let part = shared.queue.run(true, remove).await?;
        gone += part;
        if part == 0 {
            shared.queue.run(true, |writing| removed::expire(writing.connection)).await?;
            let ballast = move || ballast::take_on(&shared.options.path, shared.options.reserve);
            // It is no loss where it cannot be.
            let _ = tokio::task::spawn_blocking(ballast).await;
            return Ok(gone);
        }
    }
}

/// The oldest entry that a delivery waits for.
fn waited_for(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let oldest: Option<u64> = connection
        .prepare_cached(
            "SELECT min((SELECT min(deliveries.id) FROM deliveries WHERE state = 0 AND action = actions.id)) FROM actions",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(oldest.map(|id| DeliveryId(id).seq()))
}

/// Appends the cut, unless there is nothing to cut.
fn cut(writing: &mut Writing<'_>, last: u64) -> Result<(), JournalError> {
    // Something may have been queued anew since it was looked at.
    let waited_for = waited_for(writing.connection).map_err(failure::reading)?;
    let last = waited_for.map_or(last, |seq| last.min(seq.saturating_sub(1)));
    let hash = writing
        .connection
        .query_row("SELECT hash FROM entries WHERE seq = ?1", [last], |row| row.get(0))
        .optional()
        .map_err(failure::reading)?;
    let Some(hash) = hash else { return Ok(()) };
    if pending_cut(writing.connection)?.is_some_and(|cut| cut.seq >= last) {
        return Ok(());
    }
    let record = Head { seq: last, hash }.to_string();
    let now = codes::time(writing.shared.options.clock.now());
    let mut entry = Prepared::act(EntryKind::Cut, now, NOBODY, record.as_bytes());
    append::insert(&mut entry, writing)?;
    writing
        .connection
        .execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('cut', ?1)", [record.as_bytes()])
        .map_err(failure::writing)?;
    Ok(())
}

fn pending_cut(connection: &Connection) -> Result<Option<Head>, JournalError> {
    let cut: Option<Vec<u8>> = super::read::value(connection, "SELECT value FROM meta WHERE name = ?1", "cut")?;
    Ok(cut.and_then(|cut| read_cut(&cut)))
}

/// Removes a part of what was cut. A replay may wait for it meanwhile: then it stays for now.
fn remove(writing: &mut Writing<'_>) -> Result<u64, JournalError> {
    let connection = writing.connection;
    let Some(cut) = pending_cut(connection)? else { return Ok(0) };
    let waited_for = waited_for(connection).map_err(failure::reading)?;
    let last = waited_for.map_or(cut.seq, |seq| cut.seq.min(seq.saturating_sub(1)));
    let work = || -> rusqlite::Result<u64> {
        let first: Option<u64> = connection.query_row("SELECT min(seq) FROM entries", [], |row| row.get(0))?;
        let Some(first) = first.filter(|first| *first <= last) else { return Ok(0) };
        let last = last.min(first + PART - 1);
        let end = (last + 1) * DeliveryId::PER_ENTRY - 1;
        connection.prepare_cached("DELETE FROM secrets WHERE delivery <= ?1")?.execute([end])?;
        connection.prepare_cached("DELETE FROM captures WHERE delivery <= ?1")?.execute([end])?;
        connection.prepare_cached("DELETE FROM requests WHERE seq <= ?1")?.execute([last])?;
        connection.prepare_cached("DELETE FROM deliveries WHERE id <= ?1")?.execute([end])?;
        connection.prepare_cached("DELETE FROM entries WHERE seq <= ?1")?.execute([last])?;
        Ok(last + 1 - first)
    };
    work().map_err(failure::writing)
}

/// Wipes secrets whose time is over, and removes passes of guards whose time is.
fn expire(writing: &mut Writing<'_>) -> Result<u64, JournalError> {
    let now = codes::time(writing.shared.options.clock.now());
    guarded::expire(writing, now)?;
    let wiped = writing.connection.execute(
        "UPDATE secrets SET sealed = zeroblob(length(sealed)), expires = NULL WHERE id IN
         (SELECT id FROM secrets WHERE expires <= ?1 LIMIT ?2)",
        [now, PART.cast_signed()],
    );
    wiped.map(|wiped| wiped as u64).map_err(failure::writing)
}
