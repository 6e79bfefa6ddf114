//! Forgetting a person: what is known goes, and the chain still holds.
//!
//! First one transaction: the payloads of all the person's entries become zeros (their digests stay in the chain), its
//! deliveries end and lose their answers, what they captured and their secrets, its line in the directory goes, and a tombstone is appended. Then the log is cut to nothing, the
//! person's key is destroyed and its reference listed as forgotten. A crash in between is carried on at the next start:
//! a tombstone says in its table whether all of this was done.
//!
//! Zeros of the same length, in tables that only grow at their end: then SQLite overwrites the bytes where they are. When
//! it moves rows between pages it leaves old copies behind in the unused part of a page, also with `secure_delete`.
//! Where it has moved some already, at the edge of what retention cut, a copy in clear may stay until that edge moves on;
//! with an `encryption_key` it is of no use to anybody.

use rusqlite::{Connection, params};

use super::append::{self, Prepared};
use super::persons::{Persons, Reference};
use super::read::{BLOCK, bounds};
use super::writer::Writing;
use super::{SqliteJournal, codes, connect, failure, guarded, hands, people, requests, unverified};
use crate::journal::{EntryKind, JournalError};

/// How often a log that somebody reads is tried to be cut.
const TRIES: usize = 5;

/// The transaction. Answers how many entries lost their payload.
pub(super) fn bury(writing: &mut Writing<'_>, persons: &[Reference]) -> Result<u64, JournalError> {
    let mut all = 0;
    for person in persons {
        let entries = entries(writing.connection, person).map_err(failure::reading)?;
        for seq in &entries {
            writing
                .connection
                .prepare_cached(
                    "UPDATE entries SET stored = zeroblob(length(stored)), 
                     request = iif(request IS NULL, NULL, zeroblob(length(request))) WHERE seq = ?1",
                )
                .and_then(|mut update| update.execute([seq]))
                .map_err(failure::writing)?;
            requests::forget(writing.connection, *seq)?;
            hands::forget(writing, *seq)?;
        }
        unverified::forget(writing, person)?;
        guarded::forget(writing, person)?;
        people::leave(writing.connection, person)?;
        all += entries.len() as u64;
        let seq = if entries.is_empty() {
            0
        } else {
            let now = codes::time(writing.shared.options.clock.now());
            let record = format!(r#"{{"entries":{}}}"#, entries.len());
            let mut tombstone = Prepared::act(EntryKind::Tombstone, now, *person, record.as_bytes());
            append::insert(&mut tombstone, writing)?.seq
        };
        writing
            .connection
            .execute(
                "INSERT INTO tombstones (person, seq, done) VALUES (?1, ?2, 0)
                 ON CONFLICT (person) DO UPDATE SET seq = max(seq, excluded.seq), done = 0",
                params![person, seq],
            )
            .map_err(failure::writing)?;
    }
    Ok(all)
}

/// The person's events, and what was said about it, that still say something.
fn entries(connection: &Connection, person: &Reference) -> rusqlite::Result<Vec<u64>> {
    let (first, last) = bounds(connection)?;
    let mut select = connection.prepare_cached(
        "SELECT seq FROM entries WHERE seq / 4096 = ?1 AND bucket = ?2 AND person = ?3
         AND kind IN (0, 5, 6)
         AND substr(stored, 1, 1) <> x'00' ORDER BY seq",
    )?;
    let mut found = Vec::new();
    for block in first / BLOCK..=last / BLOCK {
        for seq in select.query_map(params![block, codes::bucket(person), person], |row| row.get(0))? {
            found.push(seq?);
        }
    }
    Ok(found)
}

impl SqliteJournal {
    /// What follows the transaction of forgetting.
    pub(super) async fn finish_forgetting(&self, references: Vec<Reference>) -> Result<(), JournalError> {
        let (shared, own) = (self.shared.clone(), references.clone());
        let finish = move || {
            let connection = connect::writer(&shared.options.path)?;
            finish(&connection, &shared.persons, &own)
        };
        tokio::task::spawn_blocking(finish).await.map_err(|_| JournalError::Closed)??;
        self.shared.queue.run(true, move |writing| mark(writing.connection, &references)).await
    }
}

/// What follows the transaction, on a connection that is not the writer's.
pub(super) fn finish(connection: &Connection, persons: &Persons, of: &[Reference]) -> Result<(), JournalError> {
    persons.destroy(of)?;
    for _ in 0..TRIES {
        if connect::truncate_wal(connection).map_err(failure::writing)? {
            return Ok(());
        }
    }
    Err(JournalError::Unavailable {
        doing: "cleaned after a person was forgotten",
        source: std::sync::Arc::new(StillRead),
    })
}

/// Somebody reads the log, so that it could not be cut.
#[derive(Debug, thiserror::Error)]
#[error("its log is being read; the payload is gone from the file, and from the log at the next start")]
struct StillRead;

/// All of it was done.
pub(super) fn mark(connection: &Connection, of: &[Reference]) -> Result<(), JournalError> {
    for person in of {
        connection.execute("UPDATE tombstones SET done = 1 WHERE person = ?1", [person]).map_err(failure::writing)?;
    }
    Ok(())
}

/// Carries on what a crash interrupted.
pub(super) fn carry_on(connection: &Connection, persons: &Persons) -> Result<(), JournalError> {
    let open: Vec<Reference> = connection
        .prepare("SELECT person FROM tombstones WHERE done = 0")
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .map_err(failure::reading)?;
    if open.is_empty() {
        return Ok(());
    }
    finish(connection, persons, &open)?;
    mark(connection, &open)
}
