//! The answer to a write that is already on its way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::JournalError;

/// What a write gives back at once. Awaiting it tells when the write is on disk; dropping it changes nothing, the write
/// is done all the same.
#[derive(Debug)]
#[must_use = "only an awaited receipt tells whether the write is on disk"]
pub struct Receipt<T>(State<T>);

/// The other end of a [`Receipt`].
#[derive(Debug)]
pub struct Answer<T>(oneshot::Sender<Result<T, JournalError>>);

#[derive(Debug)]
enum State<T> {
    Waiting(oneshot::Receiver<Result<T, JournalError>>),
    Known(Option<Result<T, JournalError>>),
}

/// A receipt and whoever answers it.
pub fn receipt<T>() -> (Answer<T>, Receipt<T>) {
    let (sender, receiver) = oneshot::channel();
    (Answer(sender), Receipt(State::Waiting(receiver)))
}

impl<T> Receipt<T> {
    /// One whose answer is known already.
    pub fn known(result: Result<T, JournalError>) -> Self {
        Self(State::Known(Some(result)))
    }
}

impl<T: Unpin> Future for Receipt<T> {
    type Output = Result<T, JournalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Waiting(receiver) => {
                Pin::new(receiver).poll(context).map(|answer| answer.unwrap_or(Err(JournalError::Closed)))
            }
            State::Known(result) => Poll::Ready(result.take().unwrap_or(Err(JournalError::Closed))),
        }
    }
}

impl<T> Answer<T> {
    /// Answers. Nobody may be waiting any more.
    pub fn send(self, result: Result<T, JournalError>) {
        let _ = self.0.send(result);
    }
}
