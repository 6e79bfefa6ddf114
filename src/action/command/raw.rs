//! The keys of an action of type command, as written.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// The keys that are this type's own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::action) struct RawCommand {
    /// The program and what it is called with.
    #[serde(default)]
    pub(super) argv: Vec<String>,
    /// Variables of the server's environment that it sees.
    #[serde(default)]
    pub(super) env: Vec<String>,
    /// The directory that it runs in. Default: `/`.
    #[schemars(extend("format" = "directory"))]
    pub(super) dir: Option<PathBuf>,
    /// Exit codes that count as done beside 0.
    #[serde(default)]
    pub(super) done: Vec<u16>,
    /// Exit codes that no further attempt can help.
    #[serde(default)]
    pub(super) dead: Vec<u16>,
}
