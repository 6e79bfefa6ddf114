//! The two signals that end a server: finish what was begun, and leave at once.

use tokio_util::sync::CancellationToken;

/// The signal to stop, in two steps. Every clone is the same signal.
#[derive(Clone, Debug)]
pub struct Stop {
    pub(crate) drain: CancellationToken,
    pub(crate) abort: CancellationToken,
}

impl Stop {
    /// A signal that nobody has given yet.
    pub fn new() -> Self {
        let abort = CancellationToken::new();
        // A child, so that aborting drains as well.
        Self { drain: abort.child_token(), abort }
    }

    /// Takes no more connections, lets requests under way finish, closes what is idle.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Drops every connection and the requests on them.
    pub fn abort(&self) {
        self.abort.cancel();
    }

    /// Waits until the server drains, for whoever streams a reply without an end.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Whether the server drains.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
