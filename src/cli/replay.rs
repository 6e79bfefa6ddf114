//! `replay`: delivers events again, and judges verdicts again without telling anybody.

mod simulate;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use self::simulate::Simulation;
use super::Ended;
use super::dead::tell;
use super::output::{self, Format, Table, count, harmless, time};
use super::select::{self, Selection};
use super::shown::body;
use super::store::{self, Store};
use crate::app::Source;
use crate::app::control::protocol::{Again, Id, MAX_DELIVERIES, Reply, Request};
use crate::event::{Kind, catalog};
use crate::journal::sqlite::SqliteReader;
use crate::journal::{Delivery, DeliveryState, Entry, EntryKind, Full, Order, Reader as _, Record};

/// Delivers events again
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[command(after_help = "\
Examples:
  hookreeve replay --action tell-crm --since 2h --failed --dry-run
  hookreeve replay --action tell-crm --since 2h --failed
  hookreeve replay 1042 1043 --again
  hookreeve replay --event validateUser --since 7d       what today's rules would say
  hookreeve replay --unverified                          after `unverified = \"observe\"`

What was delivered or dropped is left out unless --again says otherwise; what still waits is left as it is. A dead letter \
is tried again under its idempotency key, anything else under a new one. Only notices are delivered: other events are \
judged again by the rules of the configuration, and nothing is sent.

Exit status: 0 fine, 1 nothing matched, or something could not be done, 2 it could not be looked at.")]
pub(super) struct Arguments {
    /// These entries: numbers, ids, or how ids begin
    #[arg(value_name = "ID", conflicts_with_all = ["event", "person", "outcome", "since", "until", "failed"])]
    ids: Vec<String>,

    #[command(flatten)]
    selection: Selection,

    /// At most so many events, the oldest
    #[arg(long, default_value_t = 10_000)]
    limit: usize,

    /// Delivers once more what was delivered or dropped
    #[arg(long)]
    again: bool,

    /// Brings in as events the notices that were set aside because their sender was not verified
    #[arg(long, conflicts_with_all = ["ids", "event", "person", "tenant", "outcome", "since", "until", "failed", "action", "again"])]
    unverified: bool,

    /// Only tells what would be done
    #[arg(long)]
    dry_run: bool,

    /// Shows persons in clear
    #[arg(long)]
    personal: bool,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What is to be done about an event and one action.
enum Step {
    Retry(Id),
    Again(Again),
    LeaveOut(&'static str),
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    store::with(source, |store| {
        if arguments.unverified {
            return unverified(arguments, store);
        }
        let reader = store.reader()?;
        let events = chosen(arguments, store, &reader)?;
        if events.is_empty() {
            output::complain("nothing matches");
            return Ok(Ended::Findings);
        }
        let (notices, verdicts): (Vec<Full>, Vec<Full>) = events.into_iter().partition(|(entry, _)| is_notice(entry));
        let judged = if verdicts.is_empty() { Ended::Well } else { simulate::run(&verdicts, &look(arguments), store) };
        if notices.is_empty() {
            return Ok(judged);
        }
        deliver(arguments, store, &notices)
    })
}

fn look(arguments: &Arguments) -> Simulation {
    Simulation { personal: arguments.personal, format: arguments.format }
}

/// The events that are meant, the oldest first.
fn chosen(arguments: &Arguments, store: &Store<'_>, reader: &SqliteReader) -> anyhow::Result<Vec<Full>> {
    let mut found = Vec::new();
    if !arguments.ids.is_empty() {
        if let Some(action) = &arguments.selection.action {
            select::known_action(action, store, reader)?;
        }
        for id in &arguments.ids {
            match store.wait(select::entry(reader, id))? {
                Some(full) if full.0.kind == EntryKind::Event => found.push(full),
                Some(_) => bail!("entry {} is no event", harmless(id)),
                None => bail!("there is no entry {}", harmless(id)),
            }
        }
        found.sort_by_key(|(entry, _)| entry.seq);
        found.dedup_by_key(|(entry, _)| entry.seq);
        return Ok(found);
    }
    if arguments.selection.is_empty() {
        bail!("say which events: ids, or filters such as --since 2h, --action ACTION, --failed");
    }
    let mut wanted = arguments.selection.made_out(store, reader)?;
    wanted.filter.order = Order::Oldest;
    for entry in store.wait(wanted.entries(reader, arguments.limit))? {
        found.extend(store.wait(reader.entry_at(entry.seq))?);
    }
    Ok(found)
}

fn is_notice(entry: &Entry) -> bool {
    catalog::find(&entry.event).is_some_and(|spec| spec.kind == Kind::Notice)
}

fn deliver(arguments: &Arguments, store: &Store<'_>, notices: &[Full]) -> anyhow::Result<Ended> {
    let mut table = Table::new(&["TIME", "NUMBER", "EVENT", "PERSON", "ACTION", "STATE", "NOW"]);
    let (mut retries, mut agains) = (Vec::new(), Vec::new());
    for (entry, deliveries) in notices {
        let person = body(entry, store, arguments.personal).person;
        for (delivery, step) in steps(arguments, entry, deliveries) {
            let state = delivery.state.as_str();
            let does = match &step {
                Step::Retry(_) => "is tried again",
                Step::Again(_) => "is delivered again",
                Step::LeaveOut(why) => why,
            };
            if arguments.format == Format::Json && arguments.dry_run {
                output::print(&row_json(entry, &person, delivery, &step, does).to_string());
            }
            let cells = [entry.seq.to_string(), entry.event.clone(), person.clone(), delivery.action.clone()];
            let cells = std::iter::once(time(entry.received_at)).chain(cells);
            table.row(cells.chain([state.to_owned(), does.to_owned()]));
            match step {
                Step::Retry(id) => retries.push(id),
                Step::Again(again) => agains.push(again),
                Step::LeaveOut(_) => {}
            }
        }
    }
    let number = (retries.len() + agains.len()) as u64;
    if arguments.format == Format::Text {
        output::print(&table.render());
    }
    if arguments.dry_run {
        if arguments.format == Format::Text {
            output::print(&format!("{} would be made", count(number, "delivery")));
        }
        return Ok(Ended::Well);
    }
    if number == 0 {
        output::complain("there is nothing to deliver again");
        return Ok(Ended::Findings);
    }
    let retries = retries.chunks(MAX_DELIVERIES).map(|part| Request::Retry { deliveries: part.to_vec() });
    let agains = agains.chunks(MAX_DELIVERIES).map(|part| Request::Replay { deliveries: part.to_vec() });
    let mut told = Vec::new();
    let server = store.change(retries.chain(agains), |reply| {
        if let Reply::Deliveries(part) = reply {
            told.extend(part);
        }
    })?;
    Ok(tell(&told, arguments.format, "on the way again", server))
}

/// What is to be done about each action that the event went to: the last delivery there counts.
fn steps<'a>(arguments: &Arguments, entry: &Entry, deliveries: &'a [Delivery]) -> Vec<(&'a Delivery, Step)> {
    let mut last: Vec<&Delivery> = Vec::new();
    for delivery in deliveries {
        if arguments.selection.action.as_ref().is_some_and(|action| *action != delivery.action) {
            continue;
        }
        last.retain(|earlier| earlier.action != delivery.action);
        last.push(delivery);
    }
    last.into_iter().map(|delivery| (delivery, step(arguments, entry, deliveries, delivery))).collect()
}

fn step(arguments: &Arguments, entry: &Entry, all: &[Delivery], delivery: &Delivery) -> Step {
    let again = || Step::Again(Again { seq: entry.seq, action: delivery.action.clone() });
    let mut same = all.iter().filter(|other| other.action == delivery.action);
    let arrived = same.any(|other| other.state == DeliveryState::Done);
    match (&entry.record, delivery.state) {
        (Record::Forgotten, _) => Step::LeaveOut("left out: its person was forgotten"),
        (_, DeliveryState::Pending) => Step::LeaveOut("left as it is: it waits already"),
        (_, DeliveryState::Done | DeliveryState::Dropped) if arguments.again => again(),
        (_, DeliveryState::Dead) if arrived && !arguments.again => Step::LeaveOut("left out: delivered before"),
        (_, DeliveryState::Dead) => Step::Retry(Id(delivery.id)),
        (_, DeliveryState::Done) => Step::LeaveOut("left out: delivered"),
        (_, DeliveryState::Dropped) if arrived => Step::LeaveOut("left out: delivered before"),
        (_, DeliveryState::Dropped) => Step::LeaveOut("left out: dropped"),
    }
}

fn row_json(entry: &Entry, person: &str, delivery: &Delivery, step: &Step, does: &str) -> Value {
    json!({
        "seq": entry.seq,
        "id": entry.id.to_string(),
        "time": time(entry.received_at),
        "event": entry.event,
        "person": person,
        "action": delivery.action,
        "delivery": delivery.id.to_string(),
        "state": delivery.state.as_str(),
        "delivers": !matches!(step, Step::LeaveOut(_)),
        "now": does,
    })
}

fn unverified(arguments: &Arguments, store: &Store<'_>) -> anyhow::Result<Ended> {
    const PAGE: usize = 500;
    let reader = store.reader()?;
    let mut table = Table::new(&["TIME", "ID", "EVENT"]);
    let (mut number, mut last) = (0, 0);
    loop {
        let page = store.wait(reader.unverified(last, PAGE))?;
        for notice in &page {
            let (at, id) = (time(notice.received_at), notice.id.to_string());
            match arguments.format {
                Format::Text => table.row([at, id, notice.event.clone()]),
                Format::Json if arguments.dry_run => {
                    output::print(&json!({ "time": at, "id": id, "event": notice.event }).to_string());
                }
                Format::Json => {}
            }
        }
        number += page.len() as u64;
        match page.last() {
            Some(notice) => last = notice.number,
            None => break,
        }
    }
    if number == 0 {
        output::complain("there are no unverified notices");
        return Ok(Ended::Findings);
    }
    if arguments.format == Format::Text {
        output::print(&table.render());
    }
    if arguments.dry_run {
        if arguments.format == Format::Text {
            output::print(&format!("{} would be brought in", count(number, "notice")));
        }
        return Ok(Ended::Well);
    }
    store.change([Request::Admit { up_to: last }], |reply| {
        let Reply::Admitted(admitted) = reply else { return };
        output::print(&match arguments.format {
            Format::Json => json!(admitted).to_string(),
            Format::Text => format!(
                "{} brought in, {} set off, {}, {} no event that is known",
                count(admitted.events, "event"),
                count(admitted.deliveries, "delivery"),
                count(admitted.repeats, "repeat"),
                admitted.unreadable
            ),
        });
    })?;
    Ok(Ended::Well)
}
