//! The tables, and how older files get them.
//!
//! `deliveries.queue` is what a claim looks for: 0 for the head of a lane that was never attempted, 1 for one that was,
//! 2 and 3 for those that are performed, null for all others. `until` is the end of its caller's patience, 0 for a
//! performed one that was retried by hand; `after` says which of its entry's deliveries it comes after, two bytes each,
//! and `followed` that others come after it. A delivery's id is its entry's number times 65,536 and which of the entry's it is, so that the
//! primary key finds an entry's deliveries and the order of ids is the order of entries.
//!
//! The index of persons is cut into blocks of 4,096 entries. One over all of them would touch a page of its own for each
//! entry, and with it quadruple what a commit writes; so whoever looks for a person looks once in each block.
//!
//! Of a person in the directory, `people.keys` are the codes under which `people_index` has it, eight bytes each, in the order
//! of its fields' names. `people_forms` says by which normal forms they were made.
//!
//! What can be wiped is in tables that grow at their end only, see `forget`. A wiped secret has no time to expire.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::failure;
use crate::journal::JournalError;

/// Each step brings a file from the version of its place in the list to the next.
const MIGRATIONS: [&str; 4] = [ENTRIES, GUARDED, PEOPLE, CHAINS];

/// The first version in which deliveries come after others and are performed.
pub(super) const CHAINED: u32 = 4;

const ENTRIES: &str = r"
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    system TEXT NOT NULL,
    tenant TEXT NOT NULL,
    event TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    person BLOB NOT NULL,
    outcome TEXT NOT NULL,
    cause TEXT NOT NULL,
    rule TEXT,
    rule_set INTEGER NOT NULL,
    took INTEGER NOT NULL,
    repeat_of INTEGER,
    request BLOB,
    digest BLOB NOT NULL,
    hash BLOB NOT NULL,
    stored BLOB
) STRICT;
CREATE INDEX entries_id ON entries (id);
CREATE INDEX entries_person ON entries (seq / 4096, bucket);

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    action INTEGER NOT NULL,
    lane INTEGER,
    state INTEGER NOT NULL,
    queue INTEGER,
    due INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    created INTEGER NOT NULL,
    first INTEGER,
    finished INTEGER,
    sealed INTEGER NOT NULL,
    answers BLOB,
    reason TEXT
) STRICT;
CREATE INDEX deliveries_due ON deliveries (action, queue, due) WHERE queue IS NOT NULL;
CREATE INDEX deliveries_lane ON deliveries (lane, action) WHERE state = 0 AND lane IS NOT NULL;
CREATE INDEX deliveries_pending ON deliveries (action) WHERE state = 0;
CREATE INDEX deliveries_dead ON deliveries (action) WHERE state = 2;

CREATE TABLE actions (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE secrets (
    id INTEGER PRIMARY KEY,
    delivery INTEGER NOT NULL,
    field TEXT NOT NULL,
    sealed BLOB NOT NULL,
    expires INTEGER
) STRICT;
CREATE INDEX secrets_delivery ON secrets (delivery);
CREATE INDEX secrets_expire ON secrets (expires) WHERE expires IS NOT NULL;

CREATE TABLE rule_sets (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, text BLOB) STRICT;
CREATE TABLE tombstones (person BLOB PRIMARY KEY, seq INTEGER NOT NULL, done INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE unverified (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    person BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    stored BLOB NOT NULL
) STRICT;
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
";

/// `until` is the end of a pass; null for a person who is held. `release_for` is how long one that is given lasts.
const GUARDED: &str = r"
CREATE TABLE guarded (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    guard TEXT NOT NULL,
    person BLOB NOT NULL,
    event TEXT NOT NULL,
    tenant TEXT NOT NULL,
    outcome TEXT NOT NULL,
    rule TEXT,
    seq INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    release_for INTEGER NOT NULL,
    until INTEGER
) STRICT;
CREATE UNIQUE INDEX guarded_person ON guarded (person, guard, event);
";

const PEOPLE: &str = r"
CREATE TABLE people (
    id INTEGER PRIMARY KEY,
    person BLOB NOT NULL,
    system TEXT NOT NULL,
    tenant TEXT NOT NULL,
    at INTEGER NOT NULL,
    keys BLOB NOT NULL,
    stored BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX people_person ON people (person);
CREATE TABLE people_index (key INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (key, id)) STRICT, WITHOUT ROWID;
CREATE TABLE people_forms (name TEXT PRIMARY KEY, form TEXT NOT NULL) STRICT, WITHOUT ROWID;
";

/// `requests` has an entry with an idempotency key that repeats no other.
const CHAINS: &str = r"
ALTER TABLE deliveries ADD COLUMN until INTEGER;
ALTER TABLE deliveries ADD COLUMN after BLOB;
ALTER TABLE deliveries ADD COLUMN followed INTEGER;
CREATE INDEX deliveries_until ON deliveries (until) WHERE state = 0 AND until > 0;
CREATE TABLE captures (id INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, stored BLOB NOT NULL) STRICT;
CREATE INDEX captures_delivery ON captures (delivery);
CREATE TABLE requests (seq INTEGER PRIMARY KEY, key BLOB NOT NULL) STRICT;
CREATE INDEX requests_key ON requests (key);
";

/// Marks the file as a journal of this program, for `file` and for us: \"HRJ1\".
const APPLICATION: i32 = 0x4852_4a31;

/// Brings the file up to date, or says why it is not for this version.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), JournalError> {
    let opening = |error| failure::opening(path, error);
    let found = version(connection, path)?;
    if found == known() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(opening)?;
    for step in &MIGRATIONS[found as usize..] {
        transaction.execute_batch(step).map_err(opening)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION).map_err(opening)?;
    transaction.pragma_update(None, "user_version", known()).map_err(opening)?;
    transaction.commit().map_err(opening)
}

/// The file's version, if it is a journal and not newer than this program.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<u32, JournalError> {
    let opening = |error| failure::opening(path, error);
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(opening);
    let found = u32::try_from(number("user_version")?).unwrap_or(u32::MAX);
    let application = number("application_id")?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(opening)?;
    if application != i64::from(APPLICATION) && (tables > 0 || found > 0) {
        let problem = "it is a database of another program".to_owned();
        return Err(JournalError::Damaged { path: path.to_owned(), problem });
    }
    if found > known() {
        return Err(JournalError::Newer { path: path.to_owned(), found, known: known() });
    }
    Ok(found)
}

fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}
