//! The journal of a server: opened, and kept within its time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::base::clock::Clock;
use crate::base::diagnostic::{Diagnostic, Problem};
use crate::base::ids::hex;
use crate::config::{Loaded, Settings};
use crate::http::listener::Stop;
use crate::journal::sqlite::{Options, SqliteJournal};
use crate::journal::{Journal, JournalError};

/// How often it is looked whether entries are older than they may get.
const RETENTION_PAUSE: Duration = Duration::from_secs(60);
/// How often the head is told to the log, so that a tail that was cut off shows.
const HEAD_PAUSE: Duration = Duration::from_secs(3600);

/// Where the journal is and how it is kept.
pub fn options(loaded: &Loaded, settings: &Settings, clock: Clock) -> Result<Options, Diagnostic> {
    Options::of(&settings.journal, &settings.server.data_dir, &loaded.secrets(), clock)
        .map_err(|error| problem(loaded, &error))
}

/// Opens the journal to append to it.
pub(super) fn open(loaded: &Loaded, settings: &Settings, clock: Clock) -> Result<Arc<dyn Journal>, Diagnostic> {
    let journal = SqliteJournal::open(options(loaded, settings, clock)?).map_err(|error| problem(loaded, &error))?;
    Ok(Arc::new(journal))
}

fn problem(loaded: &Loaded, error: &JournalError) -> Diagnostic {
    loaded.locate(Problem::error("journal", &["journal", "url"], error.to_string()))
}

/// Keeps the journal within its time and tells its head, until the server drains.
pub(super) async fn keep(journal: Arc<dyn Journal>, stop: Stop) {
    let retain = async {
        loop {
            // One part after the other: the writer has other work.
            match journal.retain().await {
                Ok(0) => sleep(RETENTION_PAUSE).await,
                Ok(entries) => tracing::debug!(entries, "entries are older than the retention and were cut off"),
                Err(error) => {
                    tracing::warn!(%error, "old entries cannot be cut off");
                    sleep(RETENTION_PAUSE).await;
                }
            }
        }
    };
    let tell = async {
        loop {
            sleep(HEAD_PAUSE).await;
            if let Ok(head) = journal.head().await {
                tracing::info!(seq = head.seq, hash = hex(&head.hash), "the journal's head");
            }
        }
    };
    tokio::select! {
        () = stop.draining() => {}
        () = retain => {}
        () = tell => {}
    }
}
