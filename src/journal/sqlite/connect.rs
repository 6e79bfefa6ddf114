//! How a file is opened: write-ahead log, full sync, deleted bytes overwritten, readable for its owner only.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::failure;
use crate::journal::JournalError;

/// How long a write of another process, an operator's shell for one, is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 96;

/// A file's name with more at its end.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A connection that writes. The file is made if it is not there.
pub(super) fn writer(path: &Path) -> Result<Connection, JournalError> {
    // SQLite gives its log the rights of the file itself. A file that is there is not even opened here: closing it would
    // end the locks that other connections of this process have on it.
    if !path.exists() {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|error| failure::opening_file(path, error))?;
    }
    let opening = |error| failure::opening(path, error);
    let connection = open(path).map_err(opening)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = 16777216;
             PRAGMA temp_store = MEMORY;",
        )
        .map_err(opening)?;
    Ok(connection)
}

/// A connection that only reads, a file that is there.
pub(super) fn reader(path: &Path) -> Result<Connection, JournalError> {
    std::fs::metadata(path).map_err(|error| failure::opening_file(path, error))?;
    let opening = |error| failure::opening(path, error);
    let connection = open(path).map_err(opening)?;
    connection.pragma_update(None, "query_only", true).map_err(opening)?;
    Ok(connection)
}

/// A connection to a file that is there, for a copy.
pub(super) fn plain(path: &Path) -> Result<Connection, JournalError> {
    std::fs::metadata(path).map_err(|error| failure::opening_file(path, error))?;
    open(path).map_err(|error| failure::opening(path, error))
}

/// Brings the whole log into the file and cuts it to nothing, so that no older bytes are left in it; false where somebody
/// who reads stands in the way.
pub(super) fn truncate_wal(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    // Not SQLITE_OPEN_READ_ONLY for readers: they would fail where they have to make the log's index first.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // A copy that this connection makes takes it over.
    connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}
