//! `explain`: why an event was answered so: each rule with the values that it saw, and what today's rules would say.

mod gather;
mod mask;
mod reply;
mod text;

use clap::Args;

use super::Ended;
use super::output::{self, Format, harmless};
use super::store;
use super::{events::Look, select};
use crate::app::Source;
use crate::journal::EntryKind;

/// Tells why: each rule with the values that it saw, the reply, and what today's rules would say
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve explain 1042
  hookreeve explain 01a1ff67-1160 --personal
  hookreeve explain 1042 --format json | jq '.then.rules[] | select(.did == \"held\")'

The rules are those that judged the event, kept by their hash, whatever the configuration says today. Values that tell of \
a person are shown as \"***\" unless --personal is given; secret fields are not kept and never shown. It reads beside a \
server that runs.

Exit status: 0 fine, 1 no such event, 2 it could not be looked at.")]
pub(super) struct Arguments {
    /// Its number, its id, or how its id begins
    #[arg(value_name = "ID")]
    id: String,

    #[command(flatten)]
    look: Look,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    store::with(source, |store| {
        let reader = store.reader()?;
        let Some((entry, _)) = store.wait(select::entry(&reader, &arguments.id))? else {
            output::complain(&format!("there is no entry {}", harmless(&arguments.id)));
            return Ok(Ended::Findings);
        };
        if entry.kind != EntryKind::Event {
            output::complain(&format!("entry {} is no event: the journal itself made it", entry.seq));
            return Ok(Ended::Findings);
        }
        let explanation = gather::explanation(&entry, store, &reader, arguments.look.personal)?;
        output::print(&match arguments.look.format {
            Format::Text => text::text(&explanation),
            Format::Json => serde_json::to_string(&explanation)?,
        });
        Ok(Ended::Well)
    })
}
