//! The journal in SQLite: one file of entries and deliveries, one of persons, one thread that writes.
//!
//! Every append is on disk before it is answered: the writer commits what has queued as one transaction of a write-ahead
//! log with full sync. Reading goes on beside it on a few connections. Leases are in memory, for only one process
//! appends: it holds a lock beside the file.
//!
//! # Files
//!
//! Beside `hookreeve.db` with its `-wal` and `-shm` stand `hookreeve.db.lock`, `hookreeve.db-ballast`, which keeps the space
//! that a start on a full disk needs, and `hookreeve.db-persons`. The last one
//! holds the key of the persons' references and, with an `encryption_key`, each person's own key, sealed. It is in no
//! backup that [`Reader::backup`](super::Reader::backup) makes, and who copies both files by other means keeps what `forget` destroys here.

mod answers;
mod append;
mod backup;
mod ballast;
mod captures;
mod checkpoint;
mod claim;
mod codes;
mod connect;
mod counters;
mod failure;
mod find;
mod follow;
mod forget;
mod guarded;
mod hands;
mod health;
mod lanes;
mod lapse;
mod latest;
mod leases;
mod lock;
mod options;
mod people;
mod people_find;
mod people_index;
mod persons;
mod pool;
mod queue;
mod read;
mod reader;
mod recent;
mod removed;
mod requests;
mod retention;
mod rotate;
mod schema;
mod seen;
mod signals;
mod space;
mod torn;
mod unverified;
mod verify;
mod writer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;

use chrono::{DateTime, Utc};
use rusqlite::hooks::Wal;
use tokio::sync::Notify;

use self::append::Prepared;
use self::checkpoint::Checkpoint;
use self::health::HealthCell;
use self::leases::Leases;
use self::persons::{NOBODY, Persons, Reference};
use self::queue::{Item, Queue, Settling};
use self::read::Reading;
use self::signals::Signals;
use self::writer::{State, Writer};
use super::chain::Chain;
use super::seal::Keyring;
use super::{
    Anew, Appended, BoxFuture, Claimed, DeliveryId, EntryId, Fallen, FieldForm, GuardAct, GuardActed, Health, Journal,
    JournalError, Lapse, NewEntry, Places, Progress, Receipt, Settled, Settlement, Sighting, receipt,
};
use crate::event::Person;

pub use backup::{Restored, restore};
pub use options::Options;
#[cfg(test)]
pub(super) use people_find::QUERIES as PEOPLE_QUERIES;
pub use reader::SqliteReader;

/// The journal of a process that appends.
pub struct SqliteJournal {
    reader: SqliteReader,
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: lock::Lock,
}

/// What the writer and those who ask it share.
struct Shared {
    options: Options,
    chain: Chain,
    keyring: Keyring,
    persons: Arc<Persons>,
    leases: Mutex<Leases>,
    claiming: Mutex<()>,
    signals: Signals,
    health: HealthCell,
    queue: Queue,
    checkpoint: Checkpoint,
    /// Appends hold it for reading from the moment they look a person up until they are queued; forgetting holds it for
    /// writing. So no append of a forgotten reference is queued after the tombstone.
    gate: RwLock<()>,
}

impl Shared {
    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claiming(&self) -> MutexGuard<'_, ()> {
        self.claiming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SqliteJournal {
    /// Opens a journal to append to it; one that is not there is made. It blocks for as long as the file takes to open,
    /// whatever its size not long.
    pub fn open(options: Options) -> Result<Self, JournalError> {
        options.check()?;
        let path = options.path.clone();
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(|error| failure::opening_file(directory, error))?;
        }
        ballast::throw_over_board(&path);
        let lock = lock::Lock::take(&path)?;
        let opening = |error| failure::opening(&path, error);
        let torn = torn::torn(&path);
        if torn > 0 {
            tracing::warn!(bytes = torn, "the end of the journal's log was never completely written and is skipped");
        }
        let mut connection = connect::writer(&path)?;
        schema::migrate(&mut connection, &path)?;
        if let Some(pages) = options.max_pages {
            connection.pragma_update(None, "max_page_count", pages).map_err(opening)?;
        }
        let keyring = Keyring::new(&options.encryption_keys);
        let persons = Arc::new(Persons::open(&read::persons_path(&path), keyring.clone(), false)?);
        forget::carry_on(&connection, &persons)?;
        let state = State::read(&connection, options.repeat_window).map_err(opening)?;
        let chain = Chain::new(options.chain_key.as_ref());
        let reader = SqliteReader::new(&options, persons.clone(), keyring.clone(), chain.clone(), torn);
        let checkpoints = connect::writer(&path)?;
        let shared = Arc::new(Shared {
            options,
            chain,
            keyring,
            persons,
            leases: Mutex::default(),
            claiming: Mutex::default(),
            signals: Signals::default(),
            health: HealthCell::new(),
            queue: Queue::new(),
            checkpoint: Checkpoint::default(),
            gate: RwLock::default(),
        });
        let own = shared.clone();
        let reached = move |_: &mut Wal, pages| {
            own.checkpoint.reached(u32::try_from(pages).unwrap_or_default());
            Ok(())
        };
        connection.wal_hook(Some(reached)).map_err(opening)?;
        let writer = Writer::new(connection, state, shared.clone());
        let own = shared.clone();
        let threads = vec![
            thread("journal", &path, move || writer.run())?,
            thread("checkpoint", &path, move || own.checkpoint.run(&checkpoints))?,
        ];
        ballast::take_on(&path, shared.options.reserve);
        Ok(Self { reader, shared, threads: Mutex::new(threads), _lock: lock })
    }

    /// What can be asked of it without writing.
    pub fn reader(&self) -> &SqliteReader {
        &self.reader
    }

    fn reading(&self) -> &Arc<Reading> {
        self.reader.reading()
    }

    fn stop(&self) {
        self.shared.queue.close();
        self.shared.checkpoint.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // One that panicked has said so.
            let _ = thread.join();
        }
        self.reading().close();
    }
}

impl Drop for SqliteJournal {
    fn drop(&mut self) {
        self.stop();
    }
}

fn thread(
    name: &str,
    path: &std::path::Path,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, JournalError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| failure::opening_file(path, error))
}

impl Journal for SqliteJournal {
    fn append(&self, entry: NewEntry<'_>) -> Receipt<Appended> {
        let _gate = self.shared.gate.read().unwrap_or_else(PoisonError::into_inner);
        match Prepared::of(entry, &self.shared) {
            Ok(prepared) => {
                let (answer, receipt) = receipt();
                self.shared.queue.push(Item::Append(Box::new(prepared), answer));
                receipt
            }
            Err(error) => Receipt::known(Err(error)),
        }
    }

    fn reference(&self, person: &Person) -> Reference {
        self.shared.persons.reference(person)
    }

    fn act_on_guarded(&self, number: u64, act: GuardAct, reason: &str) -> Receipt<GuardActed> {
        let reason = reason.to_owned();
        self.shared.queue.run(true, move |writing| guarded::act(writing, number, act, &reason))
    }

    fn claim<'a>(
        &'a self,
        action: &'a str,
        now: DateTime<Utc>,
        places: Places,
    ) -> BoxFuture<'a, Result<Vec<Claimed>, JournalError>> {
        let (shared, reading, action) = (self.shared.clone(), self.reading().clone(), action.to_owned());
        let claim = self
            .reading()
            .pool
            .read(move |connection| claim::claim(connection, &reading, &shared, &action, now, places));
        Box::pin(async move { claim.await.map(claim::Guarded::hand_over) })
    }

    fn settle(&self, delivery: DeliveryId, mut settlement: Settlement) -> Receipt<Settled> {
        let (answer, receipt) = receipt();
        let captured = settlement.captured.take().as_ref().and_then(captures::text);
        self.shared.queue.push(Item::Settle(Box::new(Settling { delivery, settlement, captured }), answer));
        receipt
    }

    fn lapse(&self, lapse: Lapse) -> Receipt<Vec<Fallen>> {
        self.shared.queue.run(true, move |writing| lapse::lapse(writing, &lapse))
    }

    fn next_lapse(&self) -> BoxFuture<'_, Result<Option<DateTime<Utc>>, JournalError>> {
        let shared = self.shared.clone();
        self.reading().pool.read(move |connection| lapse::next(connection, &shared))
    }

    fn next_due<'a>(&'a self, action: &'a str) -> BoxFuture<'a, Result<Option<DateTime<Utc>>, JournalError>> {
        let (shared, action) = (self.shared.clone(), action.to_owned());
        self.reading().pool.read(move |connection| claim::next_due(connection, &shared, &action))
    }

    fn signal(&self, action: &str) -> Arc<Notify> {
        self.shared.signals.of(action)
    }

    fn pending_actions(&self) -> BoxFuture<'_, Result<Vec<String>, JournalError>> {
        self.reading().pool.read(read::pending_actions)
    }

    fn retry(&self, delivery: DeliveryId) -> Receipt<()> {
        self.shared.queue.run(true, move |writing| hands::retry(writing, delivery))
    }

    fn drop_delivery(&self, delivery: DeliveryId, reason: &str) -> Receipt<()> {
        let reason = reason.to_owned();
        self.shared.queue.run(true, move |writing| hands::drop_delivery(writing, delivery, &reason))
    }

    fn skip(&self, action: &str, person: &Person, reason: &str) -> Receipt<DeliveryId> {
        let (action, reason) = (action.to_owned(), reason.to_owned());
        let person = self.shared.persons.reference(person);
        if person == NOBODY {
            return Receipt::known(Err(JournalError::Unknown("lane, for the person is not known")));
        }
        self.shared.queue.run(true, move |writing| hands::skip(writing, &action, codes::lane(&person), &reason))
    }

    fn requeue(&self, seq: u64, action: &str, ordered: bool, after: &[Arc<str>]) -> Receipt<DeliveryId> {
        let (action, after) = (action.to_owned(), after.to_vec());
        self.shared.queue.run(true, move |writing| hands::requeue(writing, seq, &action, ordered, &after))
    }

    fn forget(&self, person: &Person) -> BoxFuture<'_, Result<u64, JournalError>> {
        if !person.known {
            return Box::pin(std::future::ready(Ok(0)));
        }
        let (receipt, references) = {
            let _gate = self.shared.gate.write().unwrap_or_else(PoisonError::into_inner);
            let references = self.shared.persons.references(person);
            self.shared.persons.disown(&references);
            let own = references.clone();
            (self.shared.queue.run(true, move |writing| forget::bury(writing, &own)), references)
        };
        Box::pin(async move {
            let entries = receipt.await?;
            self.finish_forgetting(references).await?;
            Ok(entries)
        })
    }

    fn tell_people(&self, people: Vec<(Person, Sighting)>) -> BoxFuture<'_, Result<u64, JournalError>> {
        Box::pin(people::tell_all(self.shared.clone(), people))
    }

    fn index_people(
        &self,
        forms: Vec<FieldForm>,
        anew: Anew,
        progress: Progress,
    ) -> BoxFuture<'_, Result<u64, JournalError>> {
        Box::pin(people_index::bring_to(self.shared.clone(), forms, anew, progress))
    }

    fn complete_people(&self, names: Vec<Arc<str>>) -> Receipt<()> {
        self.shared.queue.run(true, move |writing| people_index::complete(writing, &names))
    }

    fn rekey(&self) -> BoxFuture<'_, Result<u64, JournalError>> {
        Box::pin(self.rotate_keys())
    }

    fn retain(&self) -> BoxFuture<'_, Result<u64, JournalError>> {
        Box::pin(retention::retain(self.shared.clone(), self.reading().clone()))
    }

    fn keep_unverified(
        &self,
        id: EntryId,
        received_at: DateTime<Utc>,
        event: &'static str,
        person: &Person,
        record: Vec<u8>,
    ) -> Receipt<()> {
        let _gate = self.shared.gate.read().unwrap_or_else(PoisonError::into_inner);
        let notice = unverified::Notice {
            id,
            at: codes::time(received_at),
            event,
            person: self.shared.persons.reference(person),
            stored: unverified::stored(record, &id, &self.shared.keyring),
        };
        self.shared.queue.run(false, move |writing| unverified::keep(writing, &notice))
    }

    fn remove_unverified(&self, up_to: u64) -> Receipt<u64> {
        self.shared.queue.run(true, move |writing| unverified::remove(writing, up_to))
    }

    fn keep_rule_set(&self, hash: [u8; 32], text: Vec<u8>) -> Receipt<()> {
        self.shared.queue.run(false, move |writing| counters::keep_rule_set(writing, &hash, &text))
    }

    fn count(&self, name: &str, by: i64) -> Receipt<i64> {
        let name = name.to_owned();
        self.shared.queue.run(false, move |writing| counters::count(writing, &name, by))
    }

    fn health(&self) -> Health {
        self.shared.health.get()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.shared.queue.close();
        self.shared.checkpoint.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let reading = self.reading().clone();
        Box::pin(async move {
            let join = move || {
                for thread in threads {
                    let _ = thread.join();
                }
                reading.close();
            };
            let _ = tokio::task::spawn_blocking(join).await;
        })
    }
}
