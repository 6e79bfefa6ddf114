//! `[journal]`: where entries are kept, for how long, and what happens while they cannot be.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::diagnostic::Problem;
use crate::base::secret::{SecretRef, SecretRefs};
use crate::base::units::{Size, Span};
use crate::event::catalog;

/// `[journal]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Journal")]
pub struct Config {
    /// Where the entries are kept: `sqlite:` and a path, relative to `[server] data_dir`. Default: `sqlite:hookreeve.db`. A
    /// change needs a restart.
    pub url: String,
    /// How long entries are kept. Default: `90d`.
    pub retention: Span,
    /// Whether a verdict waits for its record: `durable`, `relaxed` or `off`; also for each event, `{ default = "relaxed",
    /// policyMap = "off" }`. A notice, and an event that an action wants, waits in any case. Default: `relaxed`.
    pub records: Records,
    /// What of an event's body is kept: `full`, `masked` (personal fields without their values) or `none`. Default: `full`.
    pub payload: Payload,
    /// How long after an event an equal one of the same person is a repeat, which is recorded and not delivered again.
    /// Default: `60s`.
    pub repeat_window: Span,
    /// What notices are answered while the journal cannot be written: `refuse` (503, the sender may try again) or
    /// `acknowledge`; also for each event. Default: `refuse`, and `acknowledge` for preProvision.
    pub unavailable: Unavailable,
    /// The space on the disk below which no entry is taken any more, so that deliveries and upkeep go on. Default: `64MiB`.
    pub reserve: Size,
    /// The key under which payloads (each person's under a key of its own) and secret fields are sealed; several during a
    /// rotation, of which the first seals. At least 16 bytes. Default: none, payloads are in clear.
    pub encryption_key: Option<SecretRefs>,
    /// The key that makes the chain of entries proof against whoever can write the file. At least 16 bytes. Default: none.
    pub chain_key: Option<SecretRef>,
    /// For tests: how much longer each sync takes. Default: `0ms`.
    #[schemars(skip)]
    pub sync_delay: Span,
}

/// Whether a verdict waits for its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Keeping {
    /// It waits, as long as the deadline allows.
    Durable,
    /// It is recorded, but does not wait.
    #[default]
    Relaxed,
    /// It is not recorded.
    Off,
}

/// One [`Keeping`] for all events, or one for each.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Records {
    /// The same for all.
    All(Keeping),
    /// By the event's name; `default` is for those that are not named.
    Each(BTreeMap<String, Keeping>),
}

/// What of an event's body is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Payload {
    /// All but the secret fields.
    #[default]
    Full,
    /// Personal fields without their values.
    Masked,
    /// Nothing.
    None,
}

/// What a notice is answered while the journal cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shed {
    /// 503, with a time to try again.
    #[default]
    Refuse,
    /// As if it had been kept. It is lost.
    Acknowledge,
}

/// One [`Shed`] for all events, or one for each.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Unavailable {
    /// The same for all, but for preProvision.
    All(Shed),
    /// By the event's name; `default` is for those that are not named.
    Each(BTreeMap<String, Shed>),
}

/// The key of a table by event for all that it does not name.
const DEFAULT: &str = "default";

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "sqlite:hookreeve.db".to_owned(),
            retention: Span(Duration::from_secs(90 * 24 * 3600)),
            records: Records::All(Keeping::Relaxed),
            payload: Payload::Full,
            repeat_window: Span(Duration::from_secs(60)),
            unavailable: Unavailable::All(Shed::Refuse),
            reserve: Size(64 << 20),
            encryption_key: None,
            chain_key: None,
            sync_delay: Span(Duration::ZERO),
        }
    }
}

impl Records {
    /// What holds for an event.
    pub fn of(&self, event: &str) -> Keeping {
        match self {
            Self::All(keeping) => *keeping,
            Self::Each(each) => each.get(event).or_else(|| each.get(DEFAULT)).copied().unwrap_or_default(),
        }
    }
}

impl Unavailable {
    /// What holds for an event.
    pub fn of(&self, event: &str) -> Shed {
        // The cloud waits for preProvision before it does what it has begun; a refusal would stop it.
        let own = if event == "preProvision" { Shed::Acknowledge } else { Shed::Refuse };
        match self {
            Self::All(Shed::Refuse) => own,
            Self::All(Shed::Acknowledge) => Shed::Acknowledge,
            Self::Each(each) => each.get(event).or_else(|| each.get(DEFAULT)).copied().unwrap_or(own),
        }
    }
}

impl Config {
    /// The path of the SQLite file, as written; none for a url of another kind.
    pub fn sqlite_path(&self) -> Option<&str> {
        self.url.strip_prefix("sqlite:").filter(|path| !path.is_empty())
    }

    /// What is wrong with values that are right in themselves.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.sqlite_path().is_none() {
            let problem = Problem::error("journal-url", &["url"], "this version keeps its journal in SQLite only");
            problems.push(problem.hint("write `sqlite:` and a path, or leave it out for `sqlite:hookreeve.db`"));
        }
        if self.retention.0.is_zero() {
            let problem = Problem::error("zero-limit", &["retention"], "`retention` is zero: no entry would be kept");
            problems.push(problem.hint("leave it out for the default"));
        }
        let records = match &self.records {
            Records::All(_) => Vec::new(),
            Records::Each(each) => each.keys().collect(),
        };
        let unavailable = match &self.unavailable {
            Unavailable::All(_) => Vec::new(),
            Unavailable::Each(each) => each.keys().collect(),
        };
        for (key, events) in [("records", records), ("unavailable", unavailable)] {
            for event in events {
                if event != DEFAULT && catalog::find(event).is_none_or(|spec| spec.name != event) {
                    let problem =
                        Problem::error("unknown-event", &[key, event], format!("there is no event `{event}`"));
                    problems.push(problem.hint("write the name as the documents do, or `default`"));
                }
            }
        }
        problems
    }
}
