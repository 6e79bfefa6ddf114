//! `events fields`: which fields the cloud really sends, with types and how often, and never a value.

use std::collections::BTreeMap;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use crate::base::json::Document;
use crate::cli::Ended;
use crate::cli::output::{self, Format, Table};
use crate::cli::select::When;
use crate::cli::store::Store;
use crate::event::catalog;
use crate::journal::{Filter, Order, Reader as _, Record};
use crate::record::{self, Fields, MAX_FIELDS};

/// How many entries are read at once.
const PAGE: usize = 200;

/// Shows which fields the cloud really sends, with types and how often; never a value
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve events fields validateUser
  hookreeve events fields --since 7d --format json

A field that is not listed is one that neither the catalogue nor [attributes] has: declare it there, and rules on it are
checked. Values of entries that are kept masked have the type `masked`.")]
pub(super) struct Arguments {
    /// Only of this event
    #[arg(value_name = "EVENT", value_parser = PossibleValuesParser::new(catalog::names()), ignore_case = true)]
    event: Option<String>,

    /// Received at this time or later
    #[arg(long, value_name = "2h|2026-11-21|TIME")]
    since: Option<When>,

    /// Looks at so many events at most, the newest
    #[arg(long, default_value_t = 10_000)]
    limit: usize,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, store: &Store<'_>) -> anyhow::Result<Ended> {
    let reader = store.reader()?;
    let since = arguments.since.map(|when| when.before(store.source.clock.now()));
    let events = arguments.event.iter().filter_map(|name| catalog::find(name)).map(|spec| spec.name.to_owned());
    let mut filter =
        Filter { events: events.collect(), since, records: true, order: Order::Newest, ..Filter::default() };
    let (mut looked_at, mut unread) = (0, 0_u64);
    let mut seen: BTreeMap<String, Fields> = BTreeMap::new();
    while looked_at < arguments.limit {
        let page = store.wait(reader.entries(filter.clone(), PAGE.min(arguments.limit - looked_at)))?;
        looked_at += page.items.len();
        for entry in page.items {
            let Record::Bytes(bytes) = &entry.record else {
                unread += 1;
                continue;
            };
            let request =
                record::Record::parse(bytes).ok().and_then(|record| record.request.map(|raw| raw.get().to_owned()));
            match request.and_then(|raw| Document::parse(raw).ok()) {
                Some(document) => seen.entry(entry.event).or_default().note(document.root()),
                None => unread += 1,
            }
        }
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    print(&seen, store, arguments.format);
    if arguments.format == Format::Text {
        let told: u64 = seen.values().map(|seen| seen.events).sum();
        let more = if unread > 0 { format!("; of {unread} the body is not there") } else { String::new() };
        output::complain(&format!("{} looked at{more}", output::count(told, "event")));
    }
    Ok(Ended::Well)
}

fn print(seen: &BTreeMap<String, Fields>, store: &Store<'_>, format: Format) {
    let mut table = Table::new(&["EVENT", "FIELD", "TYPE", "IN", "LISTED"]);
    for (event, seen) in seen {
        let spec = catalog::find(event);
        for (path, field) in &seen.fields {
            let plain = path.trim_end_matches("[]");
            let listed = spec.is_some_and(|spec| spec.fields.iter().any(|field| field.path == plain))
                || store.settings.attributes.keys().any(|own| own.trim_start_matches("request.") == plain)
                || path.ends_with("[]");
            let types: Vec<&str> = field.types.keys().copied().collect();
            match format {
                Format::Text => table.row([
                    event.clone(),
                    path.clone(),
                    types.join(" "),
                    format!("{}%", field.events * 100 / seen.events.max(1)),
                    if listed { "yes" } else { "no" }.to_owned(),
                ]),
                Format::Json => output::print(
                    &json!({
                        "event": event,
                        "field": path,
                        "types": field.types,
                        "events": field.events,
                        "of": seen.events,
                        "listed": listed,
                    })
                    .to_string(),
                ),
            }
        }
        if seen.more && format == Format::Text {
            output::complain(&format!("{event} has more than {MAX_FIELDS} fields; the rest is left out"));
        }
    }
    let text = table.render();
    if !text.is_empty() {
        output::print(&text);
    }
}
