//! `schema`: the JSON Schema of the configuration, for editors.

use clap::Args;

use super::{Ended, output};

/// Prints the JSON Schema of the configuration, for editors
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve schema > hookreeve.schema.json

Editors that read TOML by taplo take it from the first line of a file:
  #:schema ./hookreeve.schema.json")]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments) -> anyhow::Result<Ended> {
    output::print(&serde_json::to_string_pretty(&crate::config::schema())?);
    Ok(Ended::Well)
}
