//! SQLite's errors in the journal's words.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Error, ErrorCode};

use crate::journal::JournalError;

/// A failure while reading.
pub(super) fn reading(error: Error) -> JournalError {
    unavailable("read", error)
}

/// A failure while writing.
pub(super) fn writing(error: Error) -> JournalError {
    unavailable("written", error)
}

/// A failure while a file is opened.
pub(super) fn opening(path: &Path, error: Error) -> JournalError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            JournalError::Damaged { path, problem: error.to_string() }
        }
        _ => JournalError::Open { path, source: Arc::new(error) },
    }
}

/// A failure of the operating system while a file is opened.
pub(super) fn opening_file(path: &Path, error: std::io::Error) -> JournalError {
    JournalError::Open { path: path.to_owned(), source: Arc::new(error) }
}

fn unavailable(doing: &'static str, error: Error) -> JournalError {
    JournalError::Unavailable { doing, source: Arc::new(error) }
}
