//! `dead`: dead letters, and persons whose deliveries wait behind one that does not get through.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::json;

use super::Ended;
use super::output::{self, Format, Table, count, time};
use super::select::{OfPerson, known_action};
use super::shown::{body, delivery_json, last_answer, what};
use super::store::{self, Store};
use crate::app::Source;
use crate::app::control::protocol::{Id, MAX_DELIVERIES, Reply, Request, Told, Whom};
use crate::journal::sqlite::SqliteReader;
use crate::journal::{Delivery, DeliveryFilter, DeliveryId, DeliveryState, Reader as _};

/// Shows dead letters, tries them again or drops them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve dead list --action tell-crm
  hookreeve dead retry 1042.0 1043.0
  hookreeve dead retry --action tell-crm --all
  hookreeve dead drop 1042.0 --reason 'entered by hand'
  hookreeve dead skip --action tell-crm --person shreyash2 --reason 'the CRM refuses this one'

A dead letter holds nobody up; a delivery that is tried again and again holds up its own person's later ones, and `skip`
frees these at once. Without a server the change is made at once, and deliveries wait until one runs.

Exit status: 0 fine, 1 there was none, or one could not be changed, 2 it could not be looked at.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists dead letters, the oldest first
    List(List),
    /// Makes dead letters wait for delivery again, due at once, under the same idempotency key
    Retry(Chosen),
    /// Drops dead letters; the journal keeps why
    Drop(Drop),
    /// Drops what a person's later deliveries wait for; these go on at once
    Skip(Skip),
}

#[derive(Debug, Args)]
struct List {
    /// Only to this action
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,

    /// Those that still wait instead, with when they are due
    #[arg(long)]
    pending: bool,

    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: usize,

    /// Shows persons in clear, and what targets said
    #[arg(long)]
    personal: bool,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct Chosen {
    /// Which, as `dead list` names them
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all", value_parser = id)]
    ids: Vec<Id>,

    /// All of them, or all to the action
    #[arg(long)]
    all: bool,

    /// Only to this action
    #[arg(long, value_name = "ACTION", requires = "all")]
    action: Option<String>,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct Drop {
    #[command(flatten)]
    chosen: Chosen,

    /// With --all: those that still wait, too, for an action that is gone
    #[arg(long, requires = "all", requires = "action")]
    pending: bool,

    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
}

#[derive(Debug, Args)]
struct Skip {
    /// The action
    #[arg(long, value_name = "ACTION")]
    action: String,

    #[command(flatten)]
    person: OfPerson,

    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

fn id(text: &str) -> Result<Id, String> {
    let id = DeliveryId::parse(text).map(Id);
    id.ok_or_else(|| "a delivery is named like 1042.0, the entry's number and which of its deliveries".to_owned())
}

/// Why, as somebody types it.
pub(super) fn reason(text: &str) -> Result<String, String> {
    const LONGEST: usize = 200;
    match text.trim() {
        "" => Err("it says nothing".to_owned()),
        text if text.len() > LONGEST => Err(format!("it is longer than {LONGEST} bytes")),
        text => Ok(text.to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    store::with(source, |store| match &arguments.command {
        Command::List(arguments) => list(arguments, store),
        Command::Retry(chosen) => {
            let ids = ids(chosen, &[DeliveryState::Dead], store)?;
            change(store, &ids, chosen.format, "wait for delivery again", |deliveries| Request::Retry { deliveries })
        }
        Command::Drop(arguments) => {
            let states = [DeliveryState::Dead, DeliveryState::Pending];
            let ids = ids(&arguments.chosen, if arguments.pending { &states } else { &states[..1] }, store)?;
            change(store, &ids, arguments.chosen.format, "dropped", |deliveries| Request::Drop {
                deliveries,
                reason: arguments.reason.clone(),
            })
        }
        Command::Skip(arguments) => skip(arguments, store),
    })
}

fn list(arguments: &List, store: &Store<'_>) -> anyhow::Result<Ended> {
    let reader = store.reader()?;
    if let Some(action) = &arguments.action {
        known_action(action, store, &reader)?;
    }
    let state = if arguments.pending { DeliveryState::Pending } else { DeliveryState::Dead };
    let found = found(state, arguments.action.clone(), arguments.limit, store, &reader, |delivery| delivery)?;
    let mut table = Table::new(&["ID", "ACTION", "EVENT", "RECEIVED", "PERSON", "TRIED", "SINCE", "LAST ANSWER"]);
    for delivery in &found {
        let Some((entry, _)) = store.wait(reader.entry_at(delivery.id.seq()))? else { continue };
        let person = body(&entry, store, arguments.personal).person;
        if arguments.format == Format::Json {
            let mut all = delivery_json(delivery, arguments.personal);
            all["event"] = json!(entry.event);
            all["entry"] = json!(entry.id.to_string());
            all["received"] = json!(time(entry.received_at));
            all["person"] = json!(person);
            output::print(&all.to_string());
            continue;
        }
        let since = match delivery.due {
            Some(_) if delivery.waits => "waits".to_owned(),
            Some(due) => format!("due {}", time(due)),
            None => delivery.finished_at.map(time).unwrap_or_default(),
        };
        table.row([
            delivery.id.to_string(),
            delivery.action.clone(),
            what(&entry).to_owned(),
            time(entry.received_at),
            person,
            delivery.attempts.to_string(),
            since,
            last_answer(delivery, arguments.personal),
        ]);
    }
    if arguments.format == Format::Text {
        if found.is_empty() {
            output::complain(if arguments.pending { "nothing waits" } else { "there are no dead letters" });
        } else {
            output::print(&table.render());
        }
    }
    Ok(Ended::Well)
}

/// What is wanted of deliveries in a state, the oldest first. Of each no more is held, for there may be many.
fn found<T>(
    state: DeliveryState,
    action: Option<String>,
    limit: usize,
    store: &Store<'_>,
    reader: &SqliteReader,
    of: impl Fn(Delivery) -> T,
) -> anyhow::Result<Vec<T>> {
    let mut filter = DeliveryFilter { action, after: None };
    let mut found = Vec::new();
    while found.len() < limit {
        let page = store.wait(reader.deliveries(state, filter.clone(), (limit - found.len()).min(MAX_DELIVERIES)))?;
        found.extend(page.items.into_iter().map(&of));
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    Ok(found)
}

fn ids(chosen: &Chosen, states: &[DeliveryState], store: &Store<'_>) -> anyhow::Result<Vec<Id>> {
    if !chosen.all {
        return Ok(chosen.ids.clone());
    }
    let reader = store.reader()?;
    if let Some(action) = &chosen.action {
        known_action(action, store, &reader)?;
    }
    let mut ids = Vec::new();
    for state in states {
        let action = chosen.action.clone();
        ids.extend(found(*state, action, usize::MAX, store, &reader, |delivery| Id(delivery.id))?);
    }
    Ok(ids)
}

/// Has it done, part by part, and tells each that could not be done.
fn change(
    store: &Store<'_>,
    ids: &[Id],
    format: Format,
    done: &str,
    request: impl Fn(Vec<Id>) -> Request,
) -> anyhow::Result<Ended> {
    if ids.is_empty() {
        output::complain("there is none");
        return Ok(Ended::Findings);
    }
    let requests = ids.chunks(MAX_DELIVERIES).map(|part| request(part.to_vec()));
    let mut told = Vec::new();
    let server = store.change(requests, |reply| {
        if let Reply::Deliveries(part) = reply {
            told.extend(part);
        }
    })?;
    Ok(tell(&told, format, done, server))
}

/// Tells what came of deliveries.
pub(super) fn tell(told: &[Told], format: Format, done: &str, server: bool) -> Ended {
    let failed = told.iter().filter(|told| told.error.is_some()).count();
    for told in told {
        match (format, &told.error) {
            (Format::Json, error) => output::print(
                &json!({ "id": told.delivery.0.to_string(), "done": error.is_none(), "error": error }).to_string(),
            ),
            (Format::Text, Some(error)) => output::complain(&format!("{}: {error}", told.delivery.0)),
            (Format::Text, None) => {}
        }
    }
    if format == Format::Text {
        let text = format!("{}: {done}", count((told.len() - failed) as u64, "delivery"));
        output::print(&if server { text } else { format!("{text} (no server runs; one that starts goes on)") });
    }
    if failed == 0 { Ended::Well } else { Ended::Findings }
}

fn skip(arguments: &Skip, store: &Store<'_>) -> anyhow::Result<Ended> {
    let Some(key) = &arguments.person.person else { bail!("say whose deliveries wait with --person") };
    let reader = store.reader()?;
    known_action(&arguments.action, store, &reader)?;
    let person = Whom::from(&arguments.person.made_out(key, store, &reader)?);
    let request = Request::Skip { action: arguments.action.clone(), person, reason: arguments.reason.clone() };
    store.change([request], |reply| {
        let Reply::Skipped { delivery } = reply else { return };
        match arguments.format {
            Format::Text => output::print(&format!("{} was dropped; what waited behind it goes on", delivery.0)),
            Format::Json => output::print(&json!({ "skipped": delivery.0.to_string() }).to_string()),
        }
    })?;
    Ok(Ended::Well)
}
