//! `reload`: has a server that runs read its configuration again, and says what came of it.

use clap::Args;

use super::output::{self, count};
use super::store;
use super::{Ended, output::harmless};
use crate::app::Source;
use crate::app::control::Access;
use crate::app::control::protocol::{Reply, Request};

/// Has the server that runs read its configuration again
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve reload
  hookreeve reload --force          although [reload] says that it refuses too many

The server does so by itself when a file changes, and on SIGHUP; this waits and says what came of it. A configuration with \
errors is not taken, whatever --force says.

Exit status: 0 it is in force, 1 it is not taken, 2 no server could be asked.")]
pub(super) struct Arguments {
    /// Takes it although it would newly refuse more than [reload] allows
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    store::with(source, |store| {
        store.wait(async {
            let access = Access::server(source, &store.settings).await?;
            match access.try_ask(Request::Reload { force: arguments.force }, None, &|_| {}).await? {
                Reply::Reloaded { rules, said } => {
                    for line in &said {
                        output::print(&harmless(line));
                    }
                    output::print(&format!("the configuration is in force, with {}", count(rules as u64, "rule")));
                    Ok(Ended::Well)
                }
                Reply::Failed { message } => {
                    for line in message.lines() {
                        output::complain(&harmless(line));
                    }
                    Ok(Ended::Findings)
                }
                _ => anyhow::bail!("the server answers in words of another version"),
            }
        })
    })
}
