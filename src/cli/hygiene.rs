//! `hygiene`: rules that never or always hold, that others shadow, or that read what no longer arrives; and how the events'
//! fields drift.

mod find;
mod print;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::Args;

use super::Ended;
use super::output::{self, Format, Ticker};
use super::select::{Selection, When};
use super::store::{self, Store};
use crate::app::Source;
use crate::journal::sqlite::SqliteReader;
use crate::journal::{Filter, Order, Reader as _};
use crate::retrial::{Census, Sweep, sweep};

/// Shows rules that never or always hold, are shadowed, or read what no longer arrives; and fields that drift
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve hygiene --since 30d
  hookreeve hygiene --event validateUser --late 3d --format json

The rules of the configuration judge the kept events again. Fields are told by name and type, never by value: those that \
are new of late, that stopped to arrive, or have another type than before. What is late is the last quarter of the time, \
or --late.

Exit status: 0 nothing to say, 1 something was found, 2 it could not be looked at.")]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,

    /// What counts as late: from how long ago, a day or a time on
    #[arg(long, value_name = "7d|2026-11-21|TIME")]
    late: Option<When>,

    /// Does not say how far it is
    #[arg(long)]
    quiet: bool,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The time that was looked at.
struct Window {
    from: DateTime<Utc>,
    late_from: DateTime<Utc>,
    to: DateTime<Utc>,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    let mut outcome = Ended::Nothing;
    store::with(source, |store| {
        outcome = look(arguments, store)?;
        Ok(Ended::Well)
    })?;
    Ok(outcome)
}

fn look(arguments: &Arguments, store: &Store<'_>) -> anyhow::Result<Ended> {
    let reader = store.reader()?;
    let Some(plan) = store.plan() else { return Ok(Ended::Nothing) };
    let wanted = arguments.selection.made_out(store, &reader)?;
    let Some(window) = window(arguments, &wanted.filter, store, &reader)? else {
        output::complain("nothing matches");
        return Ok(Ended::Nothing);
    };
    let court = plan.court(&store.source.registry);
    let ticker = if arguments.quiet { Ticker::silent() } else { Ticker::new() };
    let counted = sweep(
        &Sweep {
            reader: &reader,
            filter: wanted.filter.clone(),
            runtime: store.handle(),
            threads: None,
            progress: &|done, all| ticker.tell_of(done, all),
        },
        || Census::new(window.late_from),
        |census, entry| {
            if wanted.is_of_tenant(entry) {
                census.note(entry, &court);
            }
        },
    );
    ticker.end();
    let mut census = Census::new(window.late_from);
    counted.context("the journal cannot be read")?.into_iter().for_each(|part| census.add(part));
    let found = find::findings(&census, &court, &plan.reads(&store.loaded));
    print::print(&found, &census, &window, arguments.format);
    Ok(if found.is_empty() { Ended::Well } else { Ended::Findings })
}

/// From the first to the last event that is meant; none where there is none.
fn window(
    arguments: &Arguments,
    filter: &Filter,
    store: &Store<'_>,
    reader: &SqliteReader,
) -> anyhow::Result<Option<Window>> {
    let end = |order| {
        store.wait(async {
            let mut filter = Filter { order, ..filter.clone() };
            loop {
                let page = reader.entries(filter.clone(), 1).await?;
                match (page.items.first(), page.next) {
                    (Some(entry), _) => return anyhow::Ok(Some(entry.received_at)),
                    (None, Some(next)) => filter.after = Some(next),
                    (None, None) => return Ok(None),
                }
            }
        })
    };
    let (Some(from), Some(to)) = (end(Order::Oldest)?, end(Order::Newest)?) else { return Ok(None) };
    let late_from = match arguments.late {
        Some(late) => late.before(store.source.clock.now()),
        None => to - (to - from) / 4,
    };
    Ok(Some(Window { from, late_from, to }))
}
