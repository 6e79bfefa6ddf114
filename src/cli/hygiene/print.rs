//! What was found, for people and for programs.

use serde_json::{Value, json};

use super::Window;
use super::find::Findings;
use crate::cli::output::{self, Format, Table, count, time};
use crate::retrial::{Census, Drift, Drifted};

pub(super) fn print(found: &Findings, census: &Census, window: &Window, format: Format) {
    match format {
        Format::Json => output::print(&json(found, census, window).to_string()),
        Format::Text => text(found, census, window),
    }
}

fn text(found: &Findings, census: &Census, window: &Window) {
    let unknown = census.unknown;
    let more = if unknown > 0 { format!("; {unknown} cannot be judged again") } else { String::new() };
    let (events, from, to) = (count(census.events, "event"), time(window.from), time(window.to));
    output::print(&format!("{events} looked at, from {from} to {to}{more}"));
    if found.is_empty() {
        output::print("nothing to say");
        return;
    }
    let mut rules = Table::new(&["RULE", "EVENTS", "HELD", "WOULD HAVE HELD", "ERRED", "FINDING"]);
    for (rule, finding, count) in &found.rules {
        let numbers = [count.events, count.held, count.shadowed, count.erred].map(|number| number.to_string());
        rules.row([rule.clone()].into_iter().chain(numbers).chain([finding.words().to_owned()]));
    }
    section(&rules);
    let mut reads = Table::new(&["RULE", "READS", "OF", "FINDING"]);
    for unread in &found.reads {
        let finding = if unread.stopped { "it stopped to arrive" } else { "it was in no event" };
        reads.row([unread.rule.clone(), unread.field.clone(), unread.event.to_owned(), finding.to_owned()]);
    }
    section(&reads);
    if !found.drifts.is_empty() {
        output::print(&format!("\nfields before and after {}", time(window.late_from)));
    }
    let mut drifts = Table::new(&["EVENT", "FIELD", "BEFORE", "AFTER", "FINDING"]);
    for (event, drift) in &found.drifts {
        let share = |(times, of): (u64, u64)| format!("{times} of {of}");
        let finding = match &drift.how {
            Drifted::New => "new".to_owned(),
            Drifted::Vanished => "vanished".to_owned(),
            Drifted::Retyped { was, is } => format!("was {}, now also {}", was.join(" "), is.join(" ")),
        };
        let field = drift.field.clone();
        drifts.row([(*event).to_owned(), field, share(drift.before), share(drift.late), finding]);
    }
    let table = drifts.render();
    if !table.is_empty() {
        output::print(&table);
    }
}

fn section(table: &Table) {
    let text = table.render();
    if !text.is_empty() {
        output::print(&format!("\n{text}"));
    }
}

fn json(found: &Findings, census: &Census, window: &Window) -> Value {
    let rules = found.rules.iter().map(|(rule, finding, count)| {
        json!({
            "rule": rule,
            "finding": finding.as_str(),
            "events": count.events,
            "held": count.held,
            "shadowed": count.shadowed,
            "erred": count.erred,
        })
    });
    let reads = found.reads.iter().map(|unread| {
        let finding = if unread.stopped { "stopped" } else { "never" };
        json!({ "rule": unread.rule, "event": unread.event, "field": unread.field, "finding": finding })
    });
    let drifts = found.drifts.iter().map(|(event, drift)| drift_json(event, drift));
    json!({
        "events": census.events,
        "unknown": census.unknown,
        "from": time(window.from),
        "late_from": time(window.late_from),
        "to": time(window.to),
        "rules": rules.collect::<Vec<_>>(),
        "reads": reads.collect::<Vec<_>>(),
        "fields": drifts.collect::<Vec<_>>(),
    })
}

fn drift_json(event: &str, drift: &Drift) -> Value {
    let (finding, was, is): (_, &[&str], &[&str]) = match &drift.how {
        Drifted::New => ("new", &[], &[]),
        Drifted::Vanished => ("vanished", &[], &[]),
        Drifted::Retyped { was, is } => ("retyped", was, is),
    };
    let share = |(times, of): (u64, u64)| json!({ "events": times, "of": of });
    json!({
        "event": event,
        "field": drift.field,
        "finding": finding,
        "before": share(drift.before),
        "late": share(drift.late),
        "was": was,
        "is": is,
    })
}
