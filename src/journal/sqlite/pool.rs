//! Connections for reading, on threads that may block; a few at a time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connect;
use crate::journal::{BoxFuture, JournalError};

/// How many read at once, on a machine with few cores.
const CONNECTIONS: usize = 4;

/// The connections of one file.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    path: PathBuf,
    free: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn new(path: PathBuf) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let permits = Arc::new(Semaphore::new(cores.max(CONNECTIONS)));
        Self(Arc::new(Inner { path, free: Mutex::default(), permits }))
    }

    /// Does some reading. It is done to its end even if nobody waits for it any more.
    pub(super) fn read<T, F>(&self, work: F) -> BoxFuture<'static, Result<T, JournalError>>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    {
        let inner = self.0.clone();
        Box::pin(async move {
            let permit = inner.permits.clone().acquire_owned().await.map_err(|_| JournalError::Closed)?;
            let work = move || {
                let _permit = permit;
                let free = inner.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let connection = match free {
                    Some(connection) => connection,
                    None => connect::reader(&inner.path)?,
                };
                let result = work(&connection);
                inner.free.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                result
            };
            tokio::task::spawn_blocking(work).await.map_err(|_| JournalError::Closed)?
        })
    }

    /// Closes the connections; whoever still reads finishes, nobody begins.
    pub(super) fn close(&self) {
        self.0.permits.close();
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
