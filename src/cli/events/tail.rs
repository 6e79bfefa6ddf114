//! `events tail`: the last events, and those that come.

use std::time::Duration;

use clap::Args;
use tokio::time::sleep;

use super::{Look, print};
use crate::cli::Ended;
use crate::cli::store::Store;
use crate::journal::sqlite::SqliteReader;
use crate::journal::{Entry, Filter, Order, Reader as _};

/// How often it is looked for new ones.
const PAUSE: Duration = Duration::from_millis(300);
/// How many are taken at once.
const PAGE: usize = 200;

/// Shows the last events, and new ones as they come
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve events tail
  hookreeve events tail -f --format json | jq -c '{event, outcome, rule}'

With -f it goes on until Ctrl-C.")]
pub(super) struct Arguments {
    /// Goes on with new ones as they come
    #[arg(short, long)]
    follow: bool,

    /// How many of those that are there are shown first
    #[arg(short = 'n', long, default_value_t = 10)]
    lines: usize,

    #[command(flatten)]
    look: Look,
}

pub(super) fn run(arguments: &Arguments, store: &Store<'_>) -> anyhow::Result<Ended> {
    let reader = store.reader()?;
    let mut last = store.wait(reader.head())?.seq;
    let filter = Filter { acts: true, after: Some(last + 1), ..Filter::default() };
    let mut entries = store.wait(newest(&reader, filter, arguments.lines))?;
    entries.reverse();
    print(&entries, store, &reader, &arguments.look, true)?;
    if !arguments.follow {
        return Ok(Ended::Well);
    }
    loop {
        let next = async {
            loop {
                let filter = Filter { acts: true, order: Order::Oldest, after: Some(last), ..Filter::default() };
                let page = reader.entries(filter, PAGE).await?;
                if !page.items.is_empty() {
                    return anyhow::Ok(page.items);
                }
                sleep(PAUSE).await;
            }
        };
        let came = store.wait(async {
            tokio::select! {
                came = next => came.map(Some),
                _ = tokio::signal::ctrl_c() => Ok(None),
            }
        })?;
        let Some(came) = came else { return Ok(Ended::Well) };
        print(&came, store, &reader, &arguments.look, false)?;
        last = came.last().map_or(last, |entry| entry.seq);
    }
}

async fn newest(reader: &SqliteReader, mut filter: Filter, limit: usize) -> anyhow::Result<Vec<Entry>> {
    let mut found = Vec::new();
    while found.len() < limit {
        let page = reader.entries(filter.clone(), limit - found.len()).await?;
        found.extend(page.items);
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    Ok(found)
}
