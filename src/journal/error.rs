//! What can go wrong with the journal. No message holds what an entry says.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

/// Why the journal did not do what it was asked. It is cloned to every write of a group.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// More waits to be written than may wait; try again soon.
    #[error("the journal has too much to write at once")]
    Busy,
    /// Little space is left on the disk, and what there is is kept for deliveries and upkeep.
    #[error("the journal's disk is full: {free} bytes are free, {reserve} are kept in reserve")]
    Full {
        /// The bytes that are free.
        free: u64,
        /// The bytes that are kept.
        reserve: u64,
    },
    /// The store failed. It may come back by itself.
    #[error("the journal cannot be {doing}: {source}")]
    Unavailable {
        /// What was being done, as a participle.
        doing: &'static str,
        /// What the store said.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
    /// Another process appends to it.
    #[error("{path} is in use by another process ({holder}); stop it, or ask it")]
    Locked {
        /// The journal.
        path: PathBuf,
        /// What the lock says of it.
        holder: String,
    },
    /// It was written by a newer version of this program.
    #[error("{path} has schema version {found}, this program knows {known}: run a newer version")]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is known here.
        known: u32,
    },
    /// The file is not what it should be.
    #[error("{path} is damaged or no journal: {problem}; restore a backup, or move it away to start a new one")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The file cannot be opened.
    #[error("{path} cannot be opened: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the store said.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// Something needs an `encryption_key`, and there is none.
    #[error("a secret field needs the journal's encryption_key, and none is set")]
    NoKey,
    /// The key under which something was sealed is not among those that are set.
    #[error("{what} is sealed under a key that is not set in encryption_key")]
    KeyMissing {
        /// What is sealed.
        what: &'static str,
    },
    /// Something does not open under the key that should open it.
    #[error("{what} does not open: it was changed, or belongs elsewhere")]
    Unsealed {
        /// What is sealed.
        what: &'static str,
    },
    /// There is no such entry, delivery, guarded person or rule set.
    #[error("the journal has no such {0}")]
    Unknown(&'static str),
    /// It is in a state in which this cannot be done.
    #[error("the delivery is {state}, so that this cannot be done")]
    State {
        /// The word for its state.
        state: &'static str,
    },
    /// It comes after another one that is a dead letter.
    #[error("it comes after {action} ({delivery}), which is a dead letter: retry that one, or drop it, first")]
    After {
        /// The action of the other one.
        action: String,
        /// The other one.
        delivery: super::DeliveryId,
    },
    /// A setting makes no sense.
    #[error("{0}")]
    Setting(String),
}

impl JournalError {
    /// Whether it may go away by itself, so that trying again makes sense.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy | Self::Full { .. } | Self::Unavailable { .. })
    }
}
