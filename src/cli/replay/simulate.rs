//! Verdicts judged again by today's rules: what would come out, and nothing is sent.

use serde_json::{Value, json};

use crate::cli::Ended;
use crate::cli::output::{self, Format, Table, count, time};
use crate::cli::shown::body;
use crate::cli::store::Store;
use crate::journal::{Entry, Full};
use crate::retrial::{Case, Verdict};

/// How what would come out is shown.
pub(super) struct Simulation {
    pub(super) personal: bool,
    pub(super) format: Format,
}

/// Judges each of these events again.
pub(super) fn run(events: &[Full], simulation: &Simulation, store: &Store<'_>) -> Ended {
    let Some(plan) = store.plan() else { return Ended::Nothing };
    let court = plan.court(&store.source.registry);
    let mut table = Table::new(&["TIME", "NUMBER", "EVENT", "PERSON", "WAS", "WOULD BE", "BY RULE"]);
    let (mut changed, mut untold) = (0, 0);
    for (entry, _) in events {
        let person = body(entry, store, simulation.personal).person;
        let judged = Case::open(entry).and_then(|case| court.judge(&case).map(|judged| (case, judged)));
        let (case, judged) = match judged {
            Ok(judged) => judged,
            Err(why) => {
                untold += 1;
                tell_not(entry, &person, &why.to_string(), simulation, &mut table);
                continue;
            }
        };
        // Also where the answer was a fallback: the same decision may come of it.
        let (was, now) = (case.answered(), Verdict::of(&judged));
        let same = now.differences(&was, case.event()).is_empty();
        changed += u64::from(!same);
        if simulation.format == Format::Json {
            let side = |verdict: &Verdict<'_>| json!({ "outcome": verdict.outcome, "rule": verdict.rule, "message": verdict.message });
            let mut row = head(entry, &person);
            (row["was"], row["now"], row["same"]) = (side(&was), side(&now), same.into());
            output::print(&row.to_string());
            continue;
        }
        let would = match (same, was.outcome == now.outcome) {
            (true, _) => "the same".to_owned(),
            (false, true) => format!("{}, otherwise", words(&now)),
            (false, false) => words(&now),
        };
        table.row([
            time(entry.received_at),
            entry.seq.to_string(),
            entry.event.clone(),
            person,
            words(&was),
            would,
            now.rule.unwrap_or_default().to_owned(),
        ]);
    }
    if simulation.format == Format::Text {
        output::print(&table.render());
        let more = if untold > 0 { format!(", {untold} cannot be told") } else { String::new() };
        let number = count(events.len() as u64, "event");
        output::print(&format!("{number} judged again, {changed} otherwise{more}; nothing was sent"));
    }
    Ended::Well
}

fn words(verdict: &Verdict<'_>) -> String {
    match verdict.message {
        Some(message) => format!("{} {message}", verdict.outcome),
        None => verdict.outcome.to_owned(),
    }
}

fn head(entry: &Entry, person: &str) -> Value {
    json!({
        "seq": entry.seq,
        "id": entry.id.to_string(),
        "time": time(entry.received_at),
        "event": entry.event,
        "person": person,
    })
}

fn tell_not(entry: &Entry, person: &str, why: &str, simulation: &Simulation, table: &mut Table) {
    match simulation.format {
        Format::Json => {
            let mut row = head(entry, person);
            row["unknown"] = why.into();
            output::print(&row.to_string());
        }
        Format::Text => table.row([
            time(entry.received_at),
            entry.seq.to_string(),
            entry.event.clone(),
            person.to_owned(),
            entry.outcome.clone(),
            format!("cannot be told: {why}"),
            String::new(),
        ]),
    }
}
