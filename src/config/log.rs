//! `[log]`: what is logged, and how. The logging itself is the matter of `telemetry`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::diagnostic::Problem;
use crate::base::secret::SecretRef;

/// `[log]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Log")]
pub struct Config {
    /// The form of a line. Default: `text`.
    pub format: Format,
    /// The least severe that is logged. Default: `info`.
    pub level: Level,
    /// How a line names a person. Default: `pseudonym`.
    pub person: Person,
    /// The key of the pseudonyms. Default: one that the server makes and keeps in its data directory.
    pub pseudonym_key: Option<SecretRef>,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// How much is logged: this and all that is more severe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What did not work.
    Error,
    /// What will probably not do what was meant.
    Warn,
    /// What a person who runs the server wants to know.
    #[default]
    Info,
    /// What a person who looks for a mistake wants to know.
    Debug,
    /// Everything.
    Trace,
}

/// How a line names a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Person {
    /// By a keyed hash of the person's key.
    #[default]
    Pseudonym,
    /// By the person's key itself.
    Key,
    /// Not at all.
    None,
}

impl Level {
    /// As the log knows it.
    pub fn as_level(self) -> tracing::Level {
        match self {
            Self::Error => tracing::Level::ERROR,
            Self::Warn => tracing::Level::WARN,
            Self::Info => tracing::Level::INFO,
            Self::Debug => tracing::Level::DEBUG,
            Self::Trace => tracing::Level::TRACE,
        }
    }
}

impl Config {
    /// What is wrong with values that are right in themselves.
    pub fn problems(&self) -> Vec<Problem> {
        let unused = self.pseudonym_key.is_some() && self.person != Person::Pseudonym;
        let finding = || {
            Problem::warning("unused-key", &["pseudonym_key"], "this key is not used: lines do not name pseudonyms")
                .hint("remove it, or set person = \"pseudonym\"")
        };
        unused.then(finding).into_iter().collect()
    }
}
