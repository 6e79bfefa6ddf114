//! How much space is left, looked at before each batch: a reserve stays for what ends or removes something.

use std::path::{Path, PathBuf};

use super::{Options, Shared};
use crate::journal::JournalError;

/// The reserve of one journal.
pub(super) struct Space {
    journal: PathBuf,
    reserve: u64,
    short: bool,
}

impl Space {
    pub(super) fn new(options: &Options) -> Self {
        Self { journal: options.path.clone(), reserve: options.reserve, short: false }
    }

    /// Whether entries may be written; if not, the journal's health says so.
    pub(super) fn check(&mut self, shared: &Shared) -> Result<(), JournalError> {
        // Where the system does not tell, the write itself will.
        let Some(free) = free(&self.journal) else { return Ok(()) };
        self.short = free < self.reserve;
        if self.short {
            shared.health.full(&shared.options.clock);
            return Err(JournalError::Full { free, reserve: self.reserve });
        }
        Ok(())
    }

    /// Whether it was below the reserve when it was last looked at.
    pub(super) fn is_short(&self) -> bool {
        self.short
    }
}

/// How many bytes the disk of a file has left; none where the system does not tell.
pub(super) fn free(file: &Path) -> Option<u64> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = rustix::fs::statvfs(directory).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}
