//! Verdicts judged again by today's rules: what would come out, and nothing is sent.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cli::Ended;
use crate::cli::output::{self, Format, Table, count, time};
use crate::cli::shown::body;
use crate::cli::store::Store;
use crate::journal::{Entry, Full, Record};
use crate::judge::Judge;
use crate::record;

/// How what would come out is shown.
pub(super) struct Simulation {
    pub(super) personal: bool,
    pub(super) format: Format,
}

/// What a decision comes to, as it is kept.
#[derive(PartialEq)]
struct Verdict {
    outcome: String,
    rule: Option<String>,
    message: Option<String>,
    changes: Vec<Value>,
    mapped: Option<Value>,
}

/// Judges each of these events again.
pub(super) fn run(events: &[Full], simulation: &Simulation, store: &Store<'_>) -> anyhow::Result<Ended> {
    let Some(plan) = store.plan() else { return Ok(Ended::Nothing) };
    let judge = plan.judge(store.source)?;
    let mut table = Table::new(&["TIME", "NUMBER", "EVENT", "PERSON", "WAS", "WOULD BE", "BY RULE"]);
    let (mut changed, mut untold) = (0, 0);
    for (entry, _) in events {
        let person = body(entry, store, simulation.personal).person;
        let (was, now) = match verdicts(entry, &judge, store) {
            Ok(both) => both,
            Err(why) => {
                untold += 1;
                tell_not(entry, &person, &why, simulation, &mut table);
                continue;
            }
        };
        let same = was == now;
        changed += u64::from(!same);
        if simulation.format == Format::Json {
            let side = |verdict: &Verdict| json!({ "outcome": verdict.outcome, "rule": verdict.rule, "message": verdict.message });
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
            now.rule.unwrap_or_default(),
        ]);
    }
    if simulation.format == Format::Text {
        output::print(&table.render());
        let more = if untold > 0 { format!(", {untold} cannot be told") } else { String::new() };
        let number = count(events.len() as u64, "event");
        output::print(&format!("{number} judged again, {changed} otherwise{more}; nothing was sent"));
    }
    Ok(Ended::Well)
}

/// What was decided, and what would be.
fn verdicts(entry: &Entry, judge: &Judge, store: &Store<'_>) -> Result<(Verdict, Verdict), String> {
    let bytes = match &entry.record {
        Record::Bytes(bytes) => bytes,
        Record::Forgotten => return Err("its person was forgotten".to_owned()),
        Record::Sealed => return Err("it is sealed under a key that is not set".to_owned()),
        Record::Unread => return Err("it was not read".to_owned()),
    };
    let kept = record::Record::parse(bytes).map_err(|error| error.to_string())?;
    if kept.request.is_some_and(|request| request.get().contains("\"***\"")) {
        return Err("its body was kept masked".to_owned());
    }
    let event =
        kept.event(&entry.event, entry.received_at, &entry.id.to_string()).map_err(|error| error.to_string())?;
    let event = Arc::new(event);
    // With what lookups found then: that today's sources say otherwise is no difference between rules.
    let facts = Arc::new(kept.facts());
    let judgement = store.wait(judge.judge_with(&event, facts, store.source.clock.instant()));
    let secrets = store.secrets.of(event.spec());
    // Written and read like the one that is kept, so that the two can be compared.
    let written =
        record::write(&event, &judgement.decision, &judgement.trace, &judgement.facts, &secrets, record::Payload::Full);
    let now = record::Record::parse(&written).map_err(|error| error.to_string())?;
    let rule = judgement.rule.as_deref().map(str::to_owned);
    Ok((
        verdict(entry.outcome.clone(), entry.rule.clone(), kept),
        verdict(judgement.decision.outcome().to_owned(), rule, now),
    ))
}

fn verdict(outcome: String, rule: Option<String>, record: record::Record<'_>) -> Verdict {
    Verdict { outcome, rule, message: record.message, changes: record.changes, mapped: record.mapped }
}

fn words(verdict: &Verdict) -> String {
    match &verdict.message {
        Some(message) => format!("{} {message}", verdict.outcome),
        None => verdict.outcome.clone(),
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
