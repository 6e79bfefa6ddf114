//! What the tests share: a server in one line, a client that can send anything, tokens, handlers, the log.

mod app;
pub(crate) mod handlers;
mod log;
mod samples;
pub(crate) mod tokens;
mod wire;

use std::time::Duration;

pub(crate) use app::{Builder, SECRET, TestApp};
pub(crate) use log::Follow;
pub(crate) use samples::{compact, sample, user_of};
pub(crate) use wire::{Reply, Request, read_reply, read_to_end};

/// Ends a wait that would never end; how long anything takes is no matter of these tests.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("what was waited for never came")
}
