//! `guard`: persons whom guards hold, and what is done about them.

use anyhow::bail;
use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;

use super::Ended;
use super::dead::reason;
use super::output::{self, Format, Table, count, time};
use super::select::OfPerson;
use super::shown::{body, by_reference};
use super::store::{self, Store};
use crate::app::Source;
use crate::app::control::protocol::{MAX_DELIVERIES, Reply, Request, ToldGuarded};
use crate::base::tree::{Node, closest};
use crate::event::catalog;
use crate::journal::sqlite::SqliteReader;
use crate::journal::{Guarded, GuardedFilter, Reader as _};

/// Shows whom guards hold, lets them pass or takes them off the list
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve guard list
  hookreeve guard release --person shreyash2 --reason 'she does leave, says HR'
  hookreeve guard release --guard mass_deprovision --reason 'the whole branch is closed, ticket 4711'
  hookreeve guard drop --all --reason 'the import was wrong'

A guard answers neutrally beyond its limit, and lists the person. Nothing is sent to the cloud by any of this: it has its
answer. A release is a pass for its next call, so that the cloud must call again; a drop leaves it at the answer that it has.

Exit status: 0 fine, 1 there was nobody to release or drop, or one could not be changed, 2 it could not be looked at.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists persons whom guards hold, the longest held first
    List(List),
    /// Gives a pass: the cloud's next call for the person is answered as the rules say
    Release(Act),
    /// Takes persons off the list, without a pass
    Drop(Act),
}

#[derive(Debug, Args)]
struct List {
    /// Only by this guard
    #[arg(long, value_name = "GUARD")]
    guard: Option<String>,

    /// Also those who have a pass that was not used yet
    #[arg(long)]
    passes: bool,

    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: usize,

    /// Shows persons in clear
    #[arg(long)]
    personal: bool,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whom").required(true).multiple(true).args(["person", "guard", "all"]))]
struct Act {
    /// This person: the login, in any case; more than once for several
    #[arg(long, visible_alias = "login", value_name = "KEY", conflicts_with = "all")]
    person: Vec<String>,

    /// Of this tenant. Needed only where several have such a person
    #[arg(long, value_name = "TENANT", requires = "person")]
    tenant: Option<String>,

    /// Of this system
    #[arg(long, value_name = "SYSTEM", default_value = catalog::USUAL_SYSTEM, hide_default_value = true,
        value_parser = PossibleValuesParser::new(catalog::systems()))]
    system: String,

    /// Whom this guard holds
    #[arg(long, value_name = "GUARD")]
    guard: Option<String>,

    /// Everybody
    #[arg(long)]
    all: bool,

    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What is said where it is done.
struct Words {
    done: &'static str,
    more: &'static str,
}

const RELEASED: Words = Words {
    done: "may pass",
    more: "Nothing is sent to the cloud: it must call again, and its next call for each is answered as the rules say.",
};

const DROPPED: Words = Words {
    done: "no longer listed, without a pass",
    more: "The cloud keeps the neutral answer that it has. Should it call again, the guard counts the person anew.",
};

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    store::with(source, |store| match &arguments.command {
        Command::List(arguments) => list(arguments, store),
        Command::Release(arguments) => {
            act(arguments, store, &RELEASED, |guarded, reason| Request::GuardRelease { guarded, reason })
        }
        Command::Drop(arguments) => {
            act(arguments, store, &DROPPED, |guarded, reason| Request::GuardDrop { guarded, reason })
        }
    })
}

fn list(arguments: &List, store: &Store<'_>) -> anyhow::Result<Ended> {
    let reader = store.reader()?;
    let filter = GuardedFilter { guard: arguments.guard.clone(), passes: arguments.passes, ..GuardedFilter::default() };
    let found = found(&filter, arguments.limit, store, &reader)?;
    if found.is_empty() {
        known_guard(arguments.guard.as_deref(), store)?;
    }
    let mut table =
        Table::new(&["GUARD", "PERSON", "EVENT", "WOULD HAVE BEEN", "BY RULE", "SINCE", "LAST CALL", "CALLS", "PASS"]);
    for guarded in &found {
        let person = person(guarded, store, &reader, arguments.personal)?;
        if arguments.format == Format::Json {
            output::print(&to_json(guarded, &person).to_string());
            continue;
        }
        table.row([
            guarded.guard.clone(),
            person,
            guarded.event.clone(),
            guarded.outcome.clone(),
            guarded.rule.clone().unwrap_or_default(),
            time(guarded.first_at),
            time(guarded.last_at),
            guarded.calls.to_string(),
            guarded.pass_until.map(|until| format!("until {}", time(until))).unwrap_or_default(),
        ]);
    }
    if arguments.format == Format::Text {
        if found.is_empty() {
            output::complain("nobody is held");
        } else {
            output::print(&table.render());
        }
    }
    Ok(Ended::Well)
}

fn to_json(guarded: &Guarded, person: &str) -> serde_json::Value {
    json!({
        "number": guarded.number,
        "guard": guarded.guard,
        "person": person,
        "tenant": guarded.tenant,
        "event": guarded.event,
        "outcome": guarded.outcome,
        "rule": guarded.rule,
        "entry": guarded.seq,
        "since": time(guarded.first_at),
        "last_call": time(guarded.last_at),
        "calls": guarded.calls,
        "pass_until": guarded.pass_until.map(time),
    })
}

/// The same name as in lists of events, as long as the entry of the last call is there.
fn person(guarded: &Guarded, store: &Store<'_>, reader: &SqliteReader, personal: bool) -> anyhow::Result<String> {
    let entry = store.wait(reader.entry_at(guarded.seq))?;
    Ok(match entry {
        Some((entry, _)) if entry.person == guarded.person => body(&entry, store, personal).person,
        Some(_) | None => by_reference(&guarded.person),
    })
}

fn found(
    filter: &GuardedFilter,
    limit: usize,
    store: &Store<'_>,
    reader: &SqliteReader,
) -> anyhow::Result<Vec<Guarded>> {
    let mut filter = filter.clone();
    let mut found = Vec::new();
    while found.len() < limit {
        let page = store.wait(reader.guarded(filter.clone(), (limit - found.len()).min(MAX_DELIVERIES)))?;
        found.extend(page.items);
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    Ok(found)
}

/// A guard that holds nobody is one of the configuration's, or a typing error.
fn known_guard(guard: Option<&str>, store: &Store<'_>) -> anyhow::Result<()> {
    let Some(guard) = guard else { return Ok(()) };
    let entries = store.loaded.lists.get("guard").and_then(Node::as_array).unwrap_or_default();
    let names: Vec<&str> = entries.iter().filter_map(|entry| entry.get("id").and_then(Node::as_str)).collect();
    if names.contains(&guard) {
        return Ok(());
    }
    match closest(guard, &names) {
        Some(near) => bail!("there is no guard `{guard}`; did you mean `{near}`?"),
        None if names.is_empty() => bail!("there is no guard `{guard}`, nor any other"),
        None => bail!("there is no guard `{guard}`; there are {}", names.join(", ")),
    }
}

fn act(
    arguments: &Act,
    store: &Store<'_>,
    words: &Words,
    request: impl Fn(Vec<u64>, String) -> Request,
) -> anyhow::Result<Ended> {
    let reader = store.reader()?;
    let of_guard = GuardedFilter { guard: arguments.guard.clone(), ..GuardedFilter::default() };
    let mut guarded = Vec::new();
    if arguments.person.is_empty() {
        guarded = found(&of_guard, usize::MAX, store, &reader)?;
    }
    let mut missing = false;
    for key in &arguments.person {
        let of = OfPerson { person: None, tenant: arguments.tenant.clone(), system: arguments.system.clone() };
        let person = Some(of.made_out(key, store, &reader)?);
        let own = found(&GuardedFilter { person, ..of_guard.clone() }, usize::MAX, store, &reader)?;
        if own.is_empty() {
            missing = true;
            output::complain(&format!("{}: nobody of that key is held", output::harmless(key)));
        }
        guarded.extend(own);
    }
    if guarded.is_empty() {
        known_guard(arguments.guard.as_deref(), store)?;
        if !missing {
            output::complain("nobody is held");
        }
        return Ok(Ended::Findings);
    }
    let numbers: Vec<u64> = guarded.iter().map(|guarded| guarded.number).collect();
    let mut told = Vec::new();
    let requests = numbers.chunks(MAX_DELIVERIES).map(|part| request(part.to_vec(), arguments.reason.clone()));
    let server = store.change(requests, |reply| {
        if let Reply::Guarded(part) = reply {
            told.extend(part);
        }
    })?;
    let ended = tell(&told, arguments.format, words, server);
    Ok(if missing { Ended::Findings } else { ended })
}

fn tell(told: &[ToldGuarded], format: Format, words: &Words, server: bool) -> Ended {
    let failed = told.iter().filter(|told| told.error.is_some()).count();
    for told in told {
        match (format, &told.error) {
            (Format::Json, error) => output::print(
                &json!({ "number": told.guarded, "done": error.is_none(), "pass_until": told.pass_until, "error": error })
                    .to_string(),
            ),
            (Format::Text, Some(error)) => output::complain(&format!("{}: {error}", told.guarded)),
            (Format::Text, None) => {}
        }
    }
    if format == Format::Text {
        let until = told.iter().filter_map(|told| told.pass_until.as_deref()).min();
        let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
        let number = count((told.len() - failed) as u64, "person");
        let server = if server { "" } else { " (no server runs; it counts when one starts)" };
        output::print(&format!("{number}: {}{until}{server}\n{}", words.done, words.more));
    }
    if failed == 0 { Ended::Well } else { Ended::Findings }
}
