//! The lock that makes one process the only one that appends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::Path;

use super::{connect, failure};
use crate::journal::JournalError;

/// The lock; the operating system takes it back when the process ends, however it ends.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes it, or says who has it.
    pub(super) fn take(journal: &Path) -> Result<Self, JournalError> {
        let path = connect::beside(journal, ".lock");
        let opening = |error| failure::opening_file(&path, error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(opening)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Whatever it says is only a help.
                let _ = file.take(64).read_to_string(&mut holder);
                let holder = if holder.trim().is_empty() { "unknown".to_owned() } else { holder.trim().to_owned() };
                return Err(JournalError::Locked { path: journal.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(opening(error)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "process {}", std::process::id())).map_err(opening)?;
        Ok(Self { _file: file })
    }
}
