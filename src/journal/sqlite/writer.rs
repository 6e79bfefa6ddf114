//! The writer: one thread that commits what has queued as one transaction with one sync, then answers all of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _};

use super::append::{self, Stored};
use super::latest::Latest;
use super::queue::{Item, Taken, batches};
use super::space::Space;
use super::{Shared, connect, failure, lanes};
use crate::journal::chain::START;
use crate::journal::{Appended, Bell, Head, JournalError, Settled};

/// A tenth of a sync shorter than this cannot be waited for with any precision.
const LEAST_LINGER: Duration = Duration::from_micros(50);

/// How often a journal that is not well is tried.
const PROBE: Duration = Duration::from_secs(1);

/// Where the one who was woken has not looked at its answer for so long, all others are woken, too.
const UNHEARD: Duration = Duration::from_millis(2);

/// How many rule sets' numbers are kept in memory.
const RULE_SETS: usize = 1024;

/// What the writer keeps between batches.
pub(super) struct State {
    pub(super) head: Head,
    pub(super) latest: Latest,
    pub(super) buffer: Vec<u8>,
    /// Actions for which there may be something to claim, and leases that end, once the batch is on disk.
    pub(super) woken: BTreeSet<i64>,
    pub(super) released: Vec<u64>,
    actions: HashMap<Arc<str>, i64>,
    rule_sets: HashMap<[u8; 32], i64>,
    /// How many unverified notices there are, and their bytes, once they were counted.
    pub(super) unverified: Option<(u64, u64)>,
}

/// What a piece of work sees.
pub(super) struct Writing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) state: &'a mut State,
    pub(super) shared: &'a Shared,
}

/// The thread's own.
pub(super) struct Writer {
    connection: Connection,
    state: State,
    shared: Arc<Shared>,
    space: Space,
    usual_sync: Duration,
    /// Who waits for answers of the last batch.
    bell: Arc<Bell>,
}

/// What became of one item, until the batch is on disk.
enum Done {
    Appended(Result<Appended, JournalError>),
    Settled(Result<Settled, JournalError>),
    Other(Result<(), JournalError>),
}

impl State {
    /// What is in the file.
    pub(super) fn read(connection: &Connection, window: Duration) -> rusqlite::Result<Self> {
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        let mut state = Self {
            head: head(connection)?,
            latest: Latest::read(connection, window)?,
            buffer: Vec::with_capacity(512),
            woken: BTreeSet::new(),
            released: Vec::new(),
            actions: HashMap::new(),
            rule_sets: HashMap::new(),
            unverified: None,
        };
        state.read_actions(connection)?;
        Ok(state)
    }

    fn read_actions(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached("SELECT name, id FROM actions")?;
        let rows = select.query_map([], |row| Ok((row.get::<_, String>(0)?.into(), row.get(1)?)))?;
        self.actions = rows.collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// The last entry in the file; where there is none, what the last cut says.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<Head> {
    let head = connection
        .prepare_cached("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok(Head { seq: row.get(0)?, hash: row.get(1)? }))
        .optional()?;
    Ok(head.unwrap_or(Head { seq: 0, hash: START }))
}

impl Writing<'_> {
    /// An action's number.
    pub(super) fn action(&mut self, name: &str) -> Result<i64, JournalError> {
        if let Some(id) = self.known_action(name)? {
            return Ok(id);
        }
        self.connection.execute("INSERT INTO actions (name) VALUES (?1)", [name]).map_err(failure::writing)?;
        let id = self.connection.last_insert_rowid();
        self.state.actions.insert(name.into(), id);
        Ok(id)
    }

    /// The number of an action that had a delivery before.
    #[expect(clippy::unnecessary_wraps, reason = "as its like that reads the file")]
    pub(super) fn known_action(&self, name: &str) -> Result<Option<i64>, JournalError> {
        Ok(self.state.actions.get(name).copied())
    }

    /// A rule set's number.
    pub(super) fn rule_set(&mut self, hash: &[u8; 32]) -> Result<i64, JournalError> {
        if let Some(id) = self.state.rule_sets.get(hash) {
            return Ok(*id);
        }
        self.connection
            .execute("INSERT OR IGNORE INTO rule_sets (hash) VALUES (?1)", [hash])
            .map_err(failure::writing)?;
        let id = self
            .connection
            .query_row("SELECT id FROM rule_sets WHERE hash = ?1", [hash], |row| row.get(0))
            .map_err(failure::reading)?;
        if self.state.rule_sets.len() >= RULE_SETS {
            self.state.rule_sets.clear();
        }
        self.state.rule_sets.insert(*hash, id);
        Ok(id)
    }
}

impl Drop for Writer {
    /// However the thread ends, nobody waits for it in vain.
    fn drop(&mut self) {
        self.bell.ring();
        self.shared.queue.close();
        if let Taken::Items(items) = self.shared.queue.take(None) {
            fail(items, &JournalError::Closed);
        }
        if std::thread::panicking() {
            let error = JournalError::Closed;
            self.shared.health.failed(&self.shared.options.clock, &error);
        }
    }
}

impl Writer {
    pub(super) fn new(connection: Connection, state: State, shared: Arc<Shared>) -> Self {
        let space = Space::new(&shared.options);
        Self { connection, state, shared, space, usual_sync: Duration::ZERO, bell: Arc::default() }
    }

    /// Until the journal is closed and all that waited is written.
    pub(super) fn run(mut self) {
        loop {
            let unheard = !self.bell.has_rung();
            let probes = (!self.shared.health.is_ok()).then_some(PROBE);
            match self.shared.queue.take(if unheard { Some(UNHEARD) } else { probes }) {
                Taken::Closed => break,
                Taken::Nothing if unheard => self.bell.ring(),
                Taken::Nothing => self.probe(),
                Taken::Items(items) => {
                    let mut last = 0;
                    for batch in batches(items) {
                        last = batch.len();
                        self.write(batch);
                    }
                    self.linger(last);
                }
            }
        }
        if let Err(error) = connect::truncate_wal(&self.connection) {
            tracing::warn!(%error, "the journal's log could not be brought into its file; the next start does it");
        }
    }

    /// With slow syncs, clients that were answered come back just too late for the next batch, and take turns with those
    /// who waited, each group waiting for the other's sync. A short wait brings them together again.
    fn linger(&self, last: usize) {
        let patience = self.usual_sync / 10;
        let waiting = self.shared.queue.len();
        if last > 1 && waiting > 0 && patience >= LEAST_LINGER {
            self.shared.queue.linger(waiting + last, patience);
        }
    }

    fn write(&mut self, items: Vec<Item>) {
        let items = match self.space.check(&self.shared) {
            Ok(()) => items,
            Err(full) => {
                let (kept, refused) = items.into_iter().partition::<Vec<_>, _>(Item::is_essential);
                fail(refused, &full);
                kept
            }
        };
        if items.is_empty() {
            return;
        }
        let Err((items, error)) = self.attempt(items) else { return };
        // Those that free space, or end something, may still fit where entries do not.
        let (kept, refused) = items.into_iter().partition::<Vec<_>, _>(Item::is_essential);
        let left = if refused.is_empty() { Err((kept, error.clone())) } else { self.attempt_some(kept) };
        fail(refused, &error);
        if let Err((items, error)) = left {
            fail(items, &error);
        }
    }

    fn attempt_some(&mut self, items: Vec<Item>) -> Result<(), (Vec<Item>, JournalError)> {
        if items.is_empty() { Ok(()) } else { self.attempt(items) }
    }

    /// One transaction. Gives the items back where it failed.
    fn attempt(&mut self, mut items: Vec<Item>) -> Result<(), (Vec<Item>, JournalError)> {
        let before = self.state.head;
        match self.transaction(&mut items) {
            Ok(done) => {
                self.shared.health.well(self.space.is_short());
                self.after();
                self.answer(items, done);
                self.restart_log();
                Ok(())
            }
            Err(error) => {
                // Where there is nothing to roll back, SQLite has done it itself.
                let _ = self.connection.execute_batch("ROLLBACK");
                self.state.head = before;
                self.state.latest.clear();
                self.state.rule_sets.clear();
                self.state.unverified = None;
                self.state.woken.clear();
                self.state.released.clear();
                if self.state.read_actions(&self.connection).is_err() {
                    self.state.actions.clear();
                }
                self.shared.health.failed(&self.shared.options.clock, &error);
                Err((items, error))
            }
        }
    }

    fn transaction(&mut self, items: &mut [Item]) -> Result<Vec<Done>, JournalError> {
        self.make_keys(items)?;
        let shared = self.shared.clone();
        self.execute("BEGIN IMMEDIATE")?;
        let mut writing = Writing { connection: &self.connection, state: &mut self.state, shared: &shared };
        let mut done = Vec::with_capacity(items.len());
        for item in items {
            done.push(match item {
                Item::Append(prepared, _) => Done::Appended(forgive(append::insert(prepared, &mut writing))?),
                Item::Settle(settling, _) => Done::Settled(forgive(lanes::settle(&mut writing, settling))?),
                Item::Run(work) => {
                    writing.connection.execute_batch("SAVEPOINT work").map_err(failure::writing)?;
                    let result = forgive(work.run(&mut writing))?;
                    let end = if result.is_ok() { "RELEASE work" } else { "ROLLBACK TO work; RELEASE work" };
                    writing.connection.execute_batch(end).map_err(failure::writing)?;
                    Done::Other(result)
                }
            });
        }
        let clock = &shared.options.clock;
        let begun = clock.instant();
        self.execute("COMMIT")?;
        if !shared.options.sync_delay.is_zero() {
            std::thread::sleep(shared.options.sync_delay);
        }
        let took = clock.instant().saturating_duration_since(begun);
        self.usual_sync = if self.usual_sync.is_zero() { took } else { (self.usual_sync * 7 + took) / 8 };
        Ok(done)
    }

    /// Persons whose payload could not be sealed before, because their key is not in memory: one sync for all of them.
    fn make_keys(&self, items: &[Item]) -> Result<(), JournalError> {
        let mut persons: Vec<_> = items
            .iter()
            .filter_map(|item| match item {
                Item::Append(prepared, _) if matches!(prepared.stored, Stored::Unsealed(_)) => Some(prepared.person),
                _ => None,
            })
            .collect();
        persons.sort_unstable();
        persons.dedup();
        if persons.is_empty() { Ok(()) } else { self.shared.persons.make_keys(&persons) }
    }

    /// Answers all of a batch, once it is on disk.
    fn answer(&mut self, items: Vec<Item>, done: Vec<Done>) {
        self.bell.ring();
        self.bell = Arc::default();
        let mut round = self.bell.round();
        for (item, done) in items.into_iter().zip(done) {
            match (item, done) {
                (Item::Append(_, answer), Done::Appended(result)) => answer.send_in(&mut round, result),
                (Item::Settle(_, answer), Done::Settled(result)) => answer.send_in(&mut round, result),
                (Item::Run(work), Done::Other(result)) => work.answer(result),
                (item, _) => item.fail(JournalError::Closed),
            }
        }
        round.end();
    }

    /// What others see only once the batch is on disk.
    fn after(&mut self) {
        {
            let mut leases = self.shared.leases();
            self.state.released.drain(..).for_each(|delivery| leases.release(delivery));
        }
        let woken = std::mem::take(&mut self.state.woken);
        for (name, id) in &self.state.actions {
            if woken.contains(id) {
                self.shared.signals.of(name).notify_one();
            }
        }
    }

    /// What came in since the other thread's checkpoint is little; once that is in the file, the log begins anew. Where
    /// somebody who reads stands in the way, it is for another time.
    fn restart_log(&self) {
        if self.shared.checkpoint.wants_restart() {
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()));
        }
    }

    /// Tries whether it is well again.
    fn probe(&mut self) {
        if self.space.check(&self.shared).is_err() {
            return;
        }
        let result = self
            .execute("BEGIN IMMEDIATE")
            .and_then(|()| self.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('probe', x'00')"))
            .and_then(|()| self.execute("COMMIT"));
        match result {
            Ok(()) => self.shared.health.well(false),
            Err(error) => {
                let _ = self.connection.execute_batch("ROLLBACK");
                self.shared.health.failed(&self.shared.options.clock, &error);
            }
        }
    }

    fn execute(&self, statement: &str) -> Result<(), JournalError> {
        self.connection
            .prepare_cached(statement)
            .and_then(|mut statement| statement.execute([]))
            .map(|_| ())
            .map_err(failure::writing)
    }
}

/// What an item asked for in vain fails it alone; a failure of the file fails the batch.
fn forgive<T>(result: Result<T, JournalError>) -> Result<Result<T, JournalError>, JournalError> {
    match result {
        Err(error @ JournalError::Unavailable { .. }) => Err(error),
        other => Ok(other),
    }
}

fn fail(items: Vec<Item>, error: &JournalError) {
    for item in items {
        item.fail(error.clone());
    }
}

/// Whether SQLite says that there is no room.
pub(super) fn is_full(error: &JournalError) -> bool {
    let JournalError::Unavailable { source, .. } = error else { return false };
    let error = source.downcast_ref::<rusqlite::Error>();
    error.and_then(rusqlite::Error::sqlite_error_code) == Some(ErrorCode::DiskFull)
}
