//! A source that fails is left alone for a moment, as long as there is an old answer to give: not every event has to wait
//! anew for one that is down, and one that struggles is not asked by all of them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long it is left alone.
const REST: Duration = Duration::from_secs(1);
/// After so many failures in a row: one alone may be the fault of what was asked.
const IN_A_ROW: u32 = 2;

/// How a source is doing.
#[derive(Debug, Default)]
pub(super) struct Rest(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failed: u32,
    until: Option<Instant>,
}

impl Rest {
    /// Whether whoever has an old answer is to take that. Once the time is over one asker tries, and the others still take it.
    pub(super) fn is_on(&self, now: Instant) -> bool {
        let mut state = self.lock();
        match state.until {
            Some(until) if now < until => true,
            Some(_) => {
                state.until = Some(now + REST);
                false
            }
            None => false,
        }
    }

    /// It has answered.
    pub(super) fn answered(&self) {
        *self.lock() = State::default();
    }

    /// It has failed; it did not answer at all where it was `silent`.
    pub(super) fn failed(&self, silent: bool, now: Instant) {
        let mut state = self.lock();
        state.failed = state.failed.saturating_add(1);
        if silent || state.failed >= IN_A_ROW {
            state.until = Some(now + REST);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
