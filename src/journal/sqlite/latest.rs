//! The latest entry of each person and event, by which a repeat is known: some of late in memory, the rest in the file,
//! which is asked only if a filter in memory does not rule it out.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::codes;
use super::persons::Reference;
use super::read::{BLOCK, bounds};
use super::recent::Recent;
use super::seen::Seen;

/// How many are kept in memory, at most twice.
const KEPT: usize = 32_768;

/// The latest entry of a person and an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    /// The digest of its request; none if it can have no repeat.
    pub(super) request: Option<Reference>,
    /// When it was received.
    pub(super) at: i64,
    /// Its number.
    pub(super) seq: u64,
}

/// Those in memory.
pub(super) struct Latest {
    recent: Recent<u64, Last>,
    /// Every entry that was received after this is in memory, or has a later one there.
    complete_since: i64,
    newest: i64,
    seen: Seen,
}

impl Latest {
    /// Those of the last `window`.
    pub(super) fn read(connection: &Connection, window: i64) -> rusqlite::Result<Self> {
        let mut latest =
            Self { recent: Recent::new(KEPT), complete_since: i64::MIN, newest: i64::MIN, seen: Seen::new(i64::MIN) };
        let mut select = connection
            .prepare("SELECT seq, at, person, event, request FROM entries WHERE kind = 0 ORDER BY seq DESC LIMIT ?1")?;
        let mut rows = select.query([KEPT as u64])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let last = Last { request: row.get("request")?, at: row.get("at")?, seq: row.get("seq")? };
            latest.newest = latest.newest.max(last.at);
            if last.at < latest.newest.saturating_sub(window) || found.len() + 1 == KEPT {
                latest.complete_since = last.at;
                break;
            }
            let event: String = row.get("event")?;
            found.push((key(&codes::bytes(row, "person")?, &event), last));
        }
        latest.seen = Seen::new(latest.complete_since);
        for (key, last) in found.into_iter().rev() {
            latest.keep(key, last);
        }
        Ok(latest)
    }

    /// The latest of this person and event; one that is much older than `window` need not be found.
    pub(super) fn of(
        &self,
        connection: &Connection,
        person: &Reference,
        event: &str,
        at: i64,
        window: i64,
    ) -> rusqlite::Result<Option<Last>> {
        let key = key(person, event);
        if let Some(last) = self.recent.peek(&key) {
            return Ok(Some(*last));
        }
        let oldest = at.saturating_sub(window);
        if oldest > self.complete_since || self.seen.lacks(key, oldest) {
            return Ok(None);
        }
        let (first, last) = bounds(connection)?;
        let mut select = connection.prepare_cached(
            "SELECT seq, at, person, event, request FROM entries WHERE seq / 4096 = ?1 AND bucket = ?2 AND kind = 0
             ORDER BY seq DESC",
        )?;
        for block in (first / BLOCK..=last / BLOCK).rev() {
            let mut rows = select.query(params![block, codes::bucket(person)])?;
            while let Some(row) = rows.next()? {
                let last = Last { request: row.get("request")?, at: row.get("at")?, seq: row.get("seq")? };
                if codes::bytes(row, "person")? == *person && row.get_ref("event")?.as_str()? == event {
                    return Ok(Some(last));
                }
            }
            // Entries are written about in the order in which they came.
            let newest: Option<i64> = connection
                .prepare_cached("SELECT at FROM entries WHERE seq >= ?1 ORDER BY seq LIMIT 1")?
                .query_row([block * BLOCK], |row| row.get(0))
                .optional()?;
            if newest.is_some_and(|newest| newest < oldest) {
                break;
            }
        }
        Ok(None)
    }

    /// Takes note of an entry.
    pub(super) fn insert(&mut self, person: &Reference, event: &str, last: Last) {
        self.keep(key(person, event), last);
    }

    /// Forgets all, after a batch that failed: some of them are not in the file.
    pub(super) fn clear(&mut self) {
        self.recent.clear();
        self.complete_since = self.newest;
    }

    fn keep(&mut self, key: u64, last: Last) {
        self.newest = self.newest.max(last.at);
        self.seen.insert(key, last.at);
        if let Some(gone) = self.recent.insert(key, last) {
            let newest = gone.values().map(|last| last.at).max().unwrap_or(i64::MIN);
            self.complete_since = self.complete_since.max(newest);
        }
    }
}

fn key(person: &Reference, event: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (person, event).hash(&mut hasher);
    hasher.finish()
}
