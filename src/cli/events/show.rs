//! `events show`: one entry with all that is known of it.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::Look;
use crate::cli::Ended;
use crate::cli::output::{self, Format, harmless, time};
use crate::cli::select;
use crate::cli::shown::{Body, answer, body, captured, change_text, entry_json, fact_json, fact_text, progress, what};
use crate::cli::store::Store;
use crate::journal::{Delivery, Entry};
use crate::record::{DecisionNote, RuleNote};

/// Shows an event: what came in, what each rule did, each attempt to deliver
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve events show 1042
  hookreeve events show 01a1ff67-1160 --personal
  hookreeve events show 1042 1043 1044 --format json")]
pub(super) struct Arguments {
    /// Its number, its id, or how its id begins; several for several events
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,

    #[command(flatten)]
    look: Look,
}

pub(super) fn run(arguments: &Arguments, store: &Store<'_>) -> anyhow::Result<Ended> {
    let reader = store.reader()?;
    let personal = arguments.look.personal;
    let mut ended = Ended::Well;
    for (index, id) in arguments.ids.iter().enumerate() {
        let Some((entry, deliveries)) = store.wait(select::entry(&reader, id))? else {
            output::complain(&format!("there is no entry {}", harmless(id)));
            ended = Ended::Findings;
            continue;
        };
        let body = body(&entry, store, personal);
        match arguments.look.format {
            Format::Text if index > 0 => output::print(&format!("\n{}", text(&entry, &body, &deliveries, personal))),
            Format::Text => output::print(&text(&entry, &body, &deliveries, personal)),
            Format::Json => output::print(&json_of(&entry, &body, &deliveries, personal).to_string()),
        }
    }
    Ok(ended)
}

fn json_of(entry: &Entry, body: &Body, deliveries: &[Delivery], personal: bool) -> Value {
    let mut all = entry_json(entry, &body.person, deliveries, personal);
    for (index, delivery) in deliveries.iter().enumerate() {
        all["deliveries"][index]["captured"] = captured(delivery, personal);
    }
    let request: Option<Value> = body.request.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let trace = body.trace.iter().map(|note| {
        json!({ "rule": note.rule, "did": note.did, "shadow": note.shadow, "changed": note.changed, "error": note.error })
    });
    all["request"] = json!(request);
    all["missing"] = json!(body.missing);
    all["facts"] = body.facts.iter().map(fact_json).collect();
    all["decision"] = json!({
        "outcome": entry.outcome,
        "cause": entry.cause,
        "rule": entry.rule,
        "message": body.message,
        "changes": body.changes,
        "mapped": body.mapped,
        "rule_set": crate::base::ids::hex(&entry.rule_set),
        "rules": body.rules.0,
        "reached": body.rules.1,
        "trace": trace.collect::<Vec<_>>(),
    });
    all["held"] =
        json!(body.held.as_ref().map(|held| json!({ "guard": held.guard, "decision": decision(&held.decision) })));
    all["shadow"] = json!(body.shadow.as_ref().map(|shadow| json!({
        "rules": shadow.rules,
        "difference": shadow.difference,
        "decision": shadow.decision.as_ref().map(decision),
        "errors": shadow.errors.iter().map(|erred| json!({ "rule": erred.rule, "error": erred.error })).collect::<Vec<_>>(),
    })));
    all["reason"] = json!(body.reason);
    all
}

fn decision(note: &DecisionNote) -> Value {
    json!({
        "outcome": note.outcome,
        "rule": note.rule,
        "message": note.message,
        "changes": note.changes,
        "mapped": note.mapped,
    })
}

/// A decision that is not the one that was answered, for people.
fn decision_text(note: &DecisionNote) -> String {
    let mut text = note.outcome.clone();
    if let Some(message) = &note.message {
        let _ = write!(text, " {message}");
    }
    if let Some(mapped) = &note.mapped {
        let _ = write!(text, " to {mapped}");
    }
    if !note.changes.is_empty() {
        let _ = write!(text, " ({})", note.changes.iter().map(change_text).collect::<Vec<_>>().join(", "));
    }
    if let Some(rule) = &note.rule {
        let _ = write!(text, ", by rule {rule}");
    }
    text
}

fn text(entry: &Entry, body: &Body, deliveries: &[Delivery], personal: bool) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{name:<10} {}", harmless(value));
        }
    };
    line("entry", &format!("{} {}", entry.seq, entry.id));
    line("event", what(entry));
    line("received", &time(entry.received_at));
    line("system", &entry.system);
    line("tenant", &entry.tenant);
    line("person", &body.person);
    line(
        "repeats",
        &entry.repeat_of.map(|seq| format!("entry {seq}; nothing is delivered for it")).unwrap_or_default(),
    );
    if !entry.outcome.is_empty() {
        line("outcome", &format!("{} ({}) in {} µs", entry.outcome, entry.cause, entry.took.as_micros()));
    }
    line("rule", entry.rule.as_deref().unwrap_or_default());
    line("message", body.message.as_deref().unwrap_or_default());
    line("mapped to", &body.mapped.as_ref().map(ToString::to_string).unwrap_or_default());
    for change in &body.changes {
        line("change", &change_text(change));
    }
    if let Some(held) = &body.held {
        line("held", &format!("by the guard {}; it would have been {}", held.guard, decision_text(&held.decision)));
    }
    if let Some((shadow, difference)) =
        body.shadow.as_ref().and_then(|shadow| Some((shadow, shadow.difference.as_ref()?)))
    {
        let would = shadow.decision.as_ref().map(decision_text).unwrap_or_default();
        line("shadow", &format!("{}: {would}", difference.replace('_', " ")));
        for erred in &shadow.errors {
            line("", &format!("{} erred: {}", erred.rule, erred.error));
        }
    }
    line("reason", body.reason.as_deref().unwrap_or_default());
    if !body.facts.is_empty() {
        let _ = writeln!(text, "\nlookups");
        for fact in &body.facts {
            let _ = writeln!(text, "  {}", harmless(&fact_text(fact)));
        }
    }
    if body.rules.0 > 0 {
        let _ = writeln!(text, "\n{} of {} rules were reached", body.rules.1, body.rules.0);
        for note in &body.trace {
            let _ = writeln!(text, "  {}", harmless(&note_text(note)));
        }
    }
    if let Some(request) = &body.request {
        let pretty = serde_json::from_str::<Value>(request).and_then(|value| serde_json::to_string_pretty(&value));
        // Line by line, for the breaks between them are ours.
        let lines: Vec<String> = pretty.as_deref().unwrap_or(request).lines().map(harmless).collect();
        let _ = writeln!(text, "\nrequest {}", lines.join("\n"));
    }
    if let Some(missing) = body.missing {
        let _ = writeln!(text, "\nno more is known: {missing}");
    }
    for delivery in deliveries {
        let _ = writeln!(text, "\ndelivery {} to {}: {}", delivery.id, delivery.action, harmless(&progress(delivery)));
        for attempt in &delivery.answers {
            let answer = harmless(&answer(attempt, personal));
            let _ = writeln!(text, "  {}  {} ms  {answer}", time(attempt.at), attempt.took_ms);
        }
        if let Value::Object(captured) = captured(delivery, personal) {
            for (name, value) in captured {
                let _ = writeln!(text, "  captured {name} = {}", harmless(&value.to_string()));
            }
        }
    }
    text
}

fn note_text(note: &RuleNote) -> String {
    let shadow = if note.shadow { " (shadow)" } else { "" };
    let more = match &note.error {
        Some(error) => format!(": {error}"),
        None if note.changed.is_empty() => String::new(),
        None => format!(", changed {}", note.changed.join(", ")),
    };
    format!("{}{shadow}: {}{more}", note.rule, note.did.replace('_', " "))
}
