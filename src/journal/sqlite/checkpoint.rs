//! Checkpoints, out of the writer's way: a thread of its own brings the log into the file while the writer goes on.
//!
//! Such a checkpoint never catches up with a busy writer, so that the log would grow for ever. Where it has grown long,
//! the writer finishes the little that is left between two batches; then the log begins anew.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

/// After how many bytes of entries a checkpoint is worth its sync.
const BYTES: usize = 8 << 20;

/// From how many pages on the log is long.
const LONG: i64 = 8192;

/// What writer and thread tell each other.
#[derive(Default)]
pub(super) struct Checkpoint {
    state: Mutex<State>,
    wanted: Condvar,
    restart: AtomicBool,
}

#[derive(Default)]
struct State {
    bytes: usize,
    closed: bool,
}

impl Checkpoint {
    /// So much was written.
    pub(super) fn wrote(&self, bytes: usize) {
        let mut state = self.lock();
        state.bytes += bytes;
        let wanted = state.bytes >= BYTES;
        drop(state);
        if wanted {
            self.wanted.notify_one();
        }
    }

    /// Whether the writer is to finish a checkpoint. It is told once.
    pub(super) fn wants_restart(&self) -> bool {
        self.restart.swap(false, Ordering::Relaxed)
    }

    /// Ends the thread.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wanted.notify_one();
    }

    /// The thread.
    pub(super) fn run(&self, connection: &Connection) {
        loop {
            {
                let mut state = self.lock();
                while state.bytes < BYTES && !state.closed {
                    state = self.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                if state.closed {
                    return;
                }
                state.bytes = 0;
            }
            match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(1)) {
                Ok(pages) => self.restart.store(pages >= LONG, Ordering::Relaxed),
                Err(error) => tracing::warn!(%error, "the journal's log could not be brought into its file"),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
