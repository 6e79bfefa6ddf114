//! `events`: what came in, what was decided, and what became of what it set off.

mod fields;
mod show;
mod tail;
mod to_test;

use clap::{Args, Subcommand};

use super::Ended;
use super::output::{self, Format, Table, time};
use super::select::Selection;
use super::shown::{body, entry_json, states, what};
use super::store::{self, Store};
use crate::app::Source;
use crate::journal::sqlite::SqliteReader;
use crate::journal::{Entry, EntryKind, Reader as _};

/// How many are listed where nobody says how many.
const LIMIT: usize = 50;

/// Shows what came in, what was decided, what was delivered
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  hookreeve events --person shreyash2                everything about a person, the oldest first
  hookreeve events list --since 2h --outcome refused
  hookreeve events list --failed --action tell-crm --format json | jq .id
  hookreeve events show 1042                         or an id from the log, or how one begins
  hookreeve events tail -f
  hookreeve events fields validateUser               which fields the cloud really sends
  hookreeve events to-test 1042                      as a test of the rules, with made-up values

Persons are named as in the log. It reads beside a server that runs.

Exit status: 0 fine, 1 no such entry, 2 it could not be looked at."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists events, the newest first
    List(List),
    Show(show::Arguments),
    Tail(tail::Arguments),
    Fields(fields::Arguments),
    ToTest(to_test::Arguments),
}

/// Lists events
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    selection: Selection,

    /// At most so many
    #[arg(long, default_value_t = LIMIT)]
    limit: usize,

    #[command(flatten)]
    look: Look,
}

/// How entries are shown
#[derive(Debug, Args)]
pub(super) struct Look {
    /// Shows in clear what tells of a person
    #[arg(long)]
    pub(super) personal: bool,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    store::with(source, |store| match &arguments.command {
        // A person's history is read from its beginning.
        None => list(&arguments.list, store, arguments.list.selection.person.person.is_some()),
        Some(Command::List(arguments)) => list(arguments, store, false),
        Some(Command::Show(arguments)) => show::run(arguments, store),
        Some(Command::Tail(arguments)) => tail::run(arguments, store),
        Some(Command::Fields(arguments)) => fields::run(arguments, store),
        Some(Command::ToTest(arguments)) => to_test::run(arguments, store),
    })
}

fn list(arguments: &List, store: &Store<'_>, oldest_first: bool) -> anyhow::Result<Ended> {
    let reader = store.reader()?;
    let mut wanted = arguments.selection.made_out(store, &reader)?;
    // Of a person, what the journal itself did is told, too.
    wanted.filter.acts = oldest_first;
    let mut entries = store.wait(wanted.entries(&reader, arguments.limit))?;
    if oldest_first {
        entries.reverse();
    }
    if entries.is_empty() && arguments.look.format == Format::Text {
        output::complain("nothing matches");
    }
    print(&entries, store, &reader, &arguments.look, true)?;
    Ok(Ended::Well)
}

/// Prints entries, each with how far its deliveries are.
fn print(
    entries: &[Entry],
    store: &Store<'_>,
    reader: &SqliteReader,
    look: &Look,
    headings: bool,
) -> anyhow::Result<()> {
    let mut table = Table::new(&["TIME", "NUMBER", "ID", "EVENT", "OUTCOME", "RULE", "PERSON", "DELIVERIES"]);
    for entry in entries {
        // Retention may have been faster.
        let Some((entry, deliveries)) = store.wait(reader.entry_at(entry.seq))? else { continue };
        let person = body(&entry, store, look.personal).person;
        if look.format == Format::Json {
            output::print(&entry_json(&entry, &person, &deliveries, look.personal).to_string());
            continue;
        }
        let repeats = entry.repeat_of.map(|earlier| format!("repeats {earlier}"));
        table.row([
            time(entry.received_at),
            entry.seq.to_string(),
            entry.id.to_string(),
            what(&entry).to_owned(),
            if entry.kind == EntryKind::Event { entry.outcome.clone() } else { String::new() },
            entry.rule.clone().unwrap_or_default(),
            person,
            repeats.unwrap_or_else(|| states(&deliveries)),
        ]);
    }
    let text = table.render();
    let rows = if headings { text.as_str() } else { text.split_once('\n').map_or("", |(_, rows)| rows) };
    if !rows.is_empty() {
        output::print(rows);
    }
    Ok(())
}
