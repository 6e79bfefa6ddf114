//! Checkpoints, out of the writer's way: a thread of its own brings the log into the file while the writer goes on.
//!
//! Such a checkpoint never catches up with a busy writer, so that the log would grow for ever. Where it has grown long,
//! the writer finishes the little that is left between two batches; then the log begins anew.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

/// After how many pages of the log, of 4 KiB, a checkpoint is worth its sync. What counts are pages, not what was asked
/// for: an entry that is committed alone fills twenty times its size.
const PAGES: u32 = 8192;

/// What writer and thread tell each other.
#[derive(Default)]
pub(super) struct Checkpoint {
    state: Mutex<State>,
    wanted: Condvar,
    restart: AtomicBool,
}

#[derive(Default)]
struct State {
    /// How long the log is, and how long it was at the last checkpoint.
    pages: u32,
    done: u32,
    closed: bool,
}

impl State {
    fn is_long(&self) -> bool {
        self.pages.saturating_sub(self.done) >= PAGES
    }
}

impl Checkpoint {
    /// So many pages are in the log, after a commit.
    pub(super) fn reached(&self, pages: u32) {
        let mut state = self.lock();
        if pages < state.pages {
            // It has begun anew.
            state.done = 0;
        }
        state.pages = pages;
        let wanted = state.is_long();
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
                while !state.is_long() && !state.closed {
                    state = self.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                if state.closed {
                    return;
                }
                state.done = state.pages;
            }
            match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
                Ok(()) => self.restart.store(true, Ordering::Relaxed),
                Err(error) => tracing::warn!(%error, "the journal's log could not be brought into its file"),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
