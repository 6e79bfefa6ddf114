//! SQLite: ending what takes too long, and errors in words.

use rusqlite::{Connection, Error, ErrorCode, InterruptHandle};

/// Ends what a connection is at when it is dropped before it is told that nothing is left to end.
pub struct Interrupt(Option<InterruptHandle>);

impl Interrupt {
    /// Of this connection.
    pub fn of(connection: &Connection) -> Self {
        Self(Some(connection.get_interrupt_handle()))
    }

    /// Ends what it is at.
    pub fn now(&self) {
        if let Some(handle) = &self.0 {
            handle.interrupt();
        }
    }

    /// There is nothing left to end.
    pub fn done(&mut self) {
        self.0 = None;
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.now();
    }
}

/// What went wrong, without what stood in a statement or in the file.
pub fn words(error: &Error) -> String {
    // Parameters are bound, so that these words hold names of the statement alone.
    let words = match error {
        Error::SqlInputError { msg, .. } => Some(msg),
        Error::SqliteFailure(code, words) if code.code == ErrorCode::Unknown => words.as_ref(),
        _ => None,
    };
    if let Some(words) = words {
        return format!("SQLite: {words}");
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => "the file cannot be opened".to_owned(),
        Some(ErrorCode::NotADatabase) => "the file is no database".to_owned(),
        Some(ErrorCode::DatabaseBusy) => "the database is busy".to_owned(),
        Some(code) => format!("SQLite: {code:?}"),
        None => "SQLite cannot do it".to_owned(),
    }
}
