//! A journal that is only read, beside the process that appends or without one.

use std::path::Path;
use std::sync::Arc;

use super::options::Options;
use super::persons::Persons;
use super::pool::Pool;
use super::read::{Reading, persons_path, value};
use super::{
    SqliteJournal, backup, connect, failure, find, guarded, people_find, people_index, read, schema, verify, writer,
};
use crate::event::Person;
use crate::journal::chain::Chain;
use crate::journal::seal::Keyring;
use crate::journal::{
    BoxFuture, Delivery, DeliveryFilter, DeliveryState, Entry, EntryId, FieldForm, Filter, Full, Guarded,
    GuardedFilter, Head, JournalError, Listed, Page, Progress, Reader, Report, Search, Stats, Unverified,
};

/// What can be read of a journal.
pub struct SqliteReader(Arc<Reading>);

impl SqliteReader {
    /// Opens a journal that is there, without its lock: another process may append to it.
    pub fn open(options: &Options) -> Result<Self, JournalError> {
        options.check()?;
        let connection = connect::reader(&options.path)?;
        let found = schema::version(&connection, &options.path)?;
        if found == 0 {
            let problem = "it was never completely made".to_owned();
            return Err(JournalError::Damaged { path: options.path.clone(), problem });
        }
        let keyring = Keyring::new(&options.encryption_keys);
        let persons = Persons::open(&persons_path(&options.path), keyring.clone(), true)?;
        let chain = Chain::new(options.chain_key.as_ref());
        let mut reading = Self::reading_of(options, Arc::new(persons), keyring, chain, 0);
        reading.older = found < schema::CHAINED;
        Ok(Self(Arc::new(reading)))
    }

    /// What can be read of a journal that is up to date.
    pub(super) fn new(options: &Options, persons: Arc<Persons>, keyring: Keyring, chain: Chain, torn: u64) -> Self {
        Self(Arc::new(Self::reading_of(options, persons, keyring, chain, torn)))
    }

    fn reading_of(options: &Options, persons: Arc<Persons>, keyring: Keyring, chain: Chain, torn: u64) -> Reading {
        Reading {
            path: options.path.clone(),
            pool: Pool::new(options.path.clone()),
            people: Pool::new(options.path.clone()),
            persons,
            keyring,
            chain,
            clock: options.clock.clone(),
            torn,
            older: false,
        }
    }

    pub(super) fn reading(&self) -> &Arc<Reading> {
        &self.0
    }
}

impl Reader for SqliteReader {
    fn entries(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Page<Entry>, JournalError>> {
        let reading = self.0.clone();
        self.0.pool.read(move |connection| find::entries(connection, &reading, &filter, limit))
    }

    fn entry(&self, id: EntryId) -> BoxFuture<'_, Result<Option<Full>, JournalError>> {
        let reading = self.0.clone();
        self.0.pool.read(move |connection| reading.full(connection, "entries.id", id.into_bytes()))
    }

    fn entry_at(&self, seq: u64) -> BoxFuture<'_, Result<Option<Full>, JournalError>> {
        let reading = self.0.clone();
        self.0.pool.read(move |connection| reading.full(connection, "seq", seq))
    }

    fn names(&self, first: EntryId, last: EntryId, limit: usize) -> BoxFuture<'_, Result<Vec<EntryId>, JournalError>> {
        self.0.pool.read(move |connection| find::names(connection, first, last, limit))
    }

    fn deliveries(
        &self,
        state: DeliveryState,
        filter: DeliveryFilter,
        limit: usize,
    ) -> BoxFuture<'_, Result<Page<Delivery>, JournalError>> {
        let reading = self.0.clone();
        self.0.pool.read(move |connection| read::deliveries(connection, &reading, state, &filter, limit))
    }

    fn unverified(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Unverified>, JournalError>> {
        let reading = self.0.clone();
        self.0.pool.read(move |connection| reading.unverified(connection, after, limit))
    }

    fn guarded(&self, filter: GuardedFilter, limit: usize) -> BoxFuture<'_, Result<Page<Guarded>, JournalError>> {
        let reading = self.0.clone();
        self.0.pool.read(move |connection| guarded::page(connection, &reading, &filter, limit))
    }

    fn persons_known(&self) -> BoxFuture<'_, Result<u64, JournalError>> {
        self.0.pool.read(guarded::persons_known)
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, JournalError>> {
        let reading = self.0.clone();
        self.0.pool.read(move |connection| reading.stats(connection))
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, JournalError>> {
        self.0.pool.read(|connection| writer::head(connection).map_err(failure::reading))
    }

    fn rule_set(&self, hash: [u8; 32]) -> BoxFuture<'_, Result<Option<Vec<u8>>, JournalError>> {
        self.0.pool.read(move |connection| {
            let text: Option<Option<_>> = value(connection, "SELECT text FROM rule_sets WHERE hash = ?1", hash)?;
            Ok(text.flatten())
        })
    }

    fn counter(&self, name: &str) -> BoxFuture<'_, Result<i64, JournalError>> {
        let name = name.to_owned();
        self.0.pool.read(move |connection| {
            Ok(value(connection, "SELECT value FROM counters WHERE name = ?1", name)?.unwrap_or_default())
        })
    }

    fn find_person(&self, search: Search) -> BoxFuture<'_, Result<Option<Listed>, JournalError>> {
        let reading = self.0.clone();
        self.0.people.read(move |connection| people_find::find(connection, &reading, &search))
    }

    fn unready_people(&self, forms: Vec<FieldForm>) -> BoxFuture<'_, Result<Vec<Arc<str>>, JournalError>> {
        let reading = self.0.clone();
        self.0.people.read(move |connection| people_index::unready(connection, &reading, &forms))
    }

    fn listed<'a>(&'a self, person: &'a Person) -> BoxFuture<'a, Result<Option<Listed>, JournalError>> {
        let (reading, reference) = (self.0.clone(), self.0.persons.reference(person));
        self.0.pool.read(move |connection| people_find::listed(connection, &reading, &reference))
    }

    fn people(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Listed>, JournalError>> {
        let reading = self.0.clone();
        self.0.pool.read(move |connection| people_find::page(connection, &reading, after, limit))
    }

    fn verify(&self, against: Option<Head>, progress: Progress) -> BoxFuture<'_, Result<Report, JournalError>> {
        Box::pin(verify::verify(self.0.clone(), against, progress))
    }

    fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<Head, JournalError>> {
        let (from, to) = (self.0.path.clone(), to.to_owned());
        self.0.pool.read(move |_| backup::backup(&from, &to))
    }
}

impl Reader for SqliteJournal {
    fn entries(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Page<Entry>, JournalError>> {
        self.reader().entries(filter, limit)
    }

    fn entry(&self, id: EntryId) -> BoxFuture<'_, Result<Option<Full>, JournalError>> {
        self.reader().entry(id)
    }

    fn entry_at(&self, seq: u64) -> BoxFuture<'_, Result<Option<Full>, JournalError>> {
        self.reader().entry_at(seq)
    }

    fn names(&self, first: EntryId, last: EntryId, limit: usize) -> BoxFuture<'_, Result<Vec<EntryId>, JournalError>> {
        self.reader().names(first, last, limit)
    }

    fn deliveries(
        &self,
        state: DeliveryState,
        filter: DeliveryFilter,
        limit: usize,
    ) -> BoxFuture<'_, Result<Page<Delivery>, JournalError>> {
        self.reader().deliveries(state, filter, limit)
    }

    fn unverified(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Unverified>, JournalError>> {
        self.reader().unverified(after, limit)
    }

    fn guarded(&self, filter: GuardedFilter, limit: usize) -> BoxFuture<'_, Result<Page<Guarded>, JournalError>> {
        self.reader().guarded(filter, limit)
    }

    fn persons_known(&self) -> BoxFuture<'_, Result<u64, JournalError>> {
        self.reader().persons_known()
    }

    fn stats(&self) -> BoxFuture<'_, Result<Stats, JournalError>> {
        self.reader().stats()
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, JournalError>> {
        self.reader().head()
    }

    fn rule_set(&self, hash: [u8; 32]) -> BoxFuture<'_, Result<Option<Vec<u8>>, JournalError>> {
        self.reader().rule_set(hash)
    }

    fn counter(&self, name: &str) -> BoxFuture<'_, Result<i64, JournalError>> {
        self.reader().counter(name)
    }

    fn find_person(&self, search: Search) -> BoxFuture<'_, Result<Option<Listed>, JournalError>> {
        self.reader().find_person(search)
    }

    fn unready_people(&self, forms: Vec<FieldForm>) -> BoxFuture<'_, Result<Vec<Arc<str>>, JournalError>> {
        self.reader().unready_people(forms)
    }

    fn listed<'a>(&'a self, person: &'a Person) -> BoxFuture<'a, Result<Option<Listed>, JournalError>> {
        self.reader().listed(person)
    }

    fn people(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Listed>, JournalError>> {
        self.reader().people(after, limit)
    }

    fn verify(&self, against: Option<Head>, progress: Progress) -> BoxFuture<'_, Result<Report, JournalError>> {
        self.reader().verify(against, progress)
    }

    fn backup<'a>(&'a self, to: &'a Path) -> BoxFuture<'a, Result<Head, JournalError>> {
        self.reader().backup(to)
    }
}
