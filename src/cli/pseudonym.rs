//! `pseudonym`: the name that log lines use for a person.

use anyhow::Context as _;
use clap::Args;

use super::{Ended, output};
use crate::app::{Source, read_pseudonym_key};
use crate::base::secret::SecretSource as _;
use crate::event::Person;
use crate::telemetry::Pseudonyms;

/// Prints the name that log lines use for a person
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve pseudonym shreyash2
  journalctl -u hookreeve | grep \"$(hookreeve pseudonym shreyash2)\"")]
pub(super) struct Arguments {
    /// The person's login, in any case
    login: String,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    let loaded = source.load();
    let Some(settings) = &loaded.settings else { return Ok(output::complain_of(&loaded.findings, source)) };
    let key = if let Some(place) = &settings.log.pseudonym_key {
        loaded.secrets().resolve(place)?
    } else {
        let data_dir = &settings.server.data_dir;
        read_pseudonym_key(data_dir).with_context(|| {
            format!("{} has no key of pseudonyms yet: a server makes it when it starts", data_dir.display())
        })?
    };
    output::print(&Pseudonyms::new(&key).of(&Person::normal_key(&arguments.login)));
    Ok(Ended::Well)
}
