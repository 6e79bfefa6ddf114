//! The journal of a server: opened, given the rule sets that its entries name, kept within its time.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use tokio::time::sleep;

use crate::base::clock::Clock;
use crate::base::diagnostic::{Diagnostic, Problem};
use crate::base::ids::hex;
use crate::base::tree::Node;
use crate::config::{Loaded, Settings};
use crate::http::listener::Stop;
use crate::journal::sqlite::{Options, SqliteJournal};
use crate::journal::{Journal, JournalError};

/// How often it is looked whether entries are older than they may get.
const RETENTION_PAUSE: Duration = Duration::from_secs(60);
/// How often the head is told to the log, so that a tail that was cut off shows.
const HEAD_PAUSE: Duration = Duration::from_secs(3600);

/// What rules judge by, as text, and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleText {
    /// SHA-256 of the text.
    pub hash: [u8; 32],
    /// JSON: the parts of the configuration that a decision depends on.
    pub text: String,
}

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

impl RuleText {
    /// Those of a configuration's lists and sections.
    pub fn of(lists: &Node, sections: &Node, settings: &Settings) -> Self {
        let list = |name: &str| lists.get(name).map_or(serde_json::Value::Null, Node::to_json);
        let section = |name: &str| sections.get(name).map_or(serde_json::Value::Null, Node::to_json);
        let cymmetri = &settings.cymmetri;
        let text = serde_json::json!({
            "rule": list("rule"),
            "attributes": section("attributes"),
            "cymmetri": {
                "on_error": format!("{:?}", cymmetri.on_error).to_lowercase(),
                "error_message": cymmetri.error_message,
                "secret_fields": cymmetri.secret_fields,
            },
        })
        .to_string();
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        Self { hash, text }
    }
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
