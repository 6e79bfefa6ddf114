//! How much space is left, looked at before each batch: a reserve stays for what ends or removes something.

use std::path::PathBuf;

use super::{Options, Shared};
use crate::journal::JournalError;

/// The reserve of one journal.
pub(super) struct Space {
    directory: PathBuf,
    reserve: u64,
    short: bool,
}

impl Space {
    pub(super) fn new(options: &Options) -> Self {
        let parent = options.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = parent.map_or_else(|| PathBuf::from("."), PathBuf::from);
        Self { directory, reserve: options.reserve, short: false }
    }

    /// Whether entries may be written; if not, the journal's health says so.
    pub(super) fn check(&mut self, shared: &Shared) -> Result<(), JournalError> {
        // Where the system does not tell, the write itself will.
        let Ok(found) = rustix::fs::statvfs(&self.directory) else { return Ok(()) };
        let free = found.f_bavail.saturating_mul(found.f_frsize);
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
