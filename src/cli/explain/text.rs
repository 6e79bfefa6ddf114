//! An explanation as a person reads it.

use std::fmt::Write as _;

use serde_json::Value;

use super::gather::{Explanation, Outcome, Rule, Shown, Side, has_rules};
use crate::cli::output::{count, harmless};
use crate::cli::shown::change_text;

/// How much of a part's source stands beside its value.
const PART: usize = 60;

pub(super) fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    head(explanation, &mut text);
    if !has_rules(&explanation.event) {
        text.push_str("\nno rule can change the answer to this event: it only tells what has happened\n");
        return text;
    }
    facts(explanation, &mut text);
    text.push_str("\nwhat the rules did\n");
    side(&explanation.then, &mut text);
    today(explanation, &mut text);
    text
}

fn head(told: &Explanation, text: &mut String) {
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{name:<10} {}", harmless(value));
        }
    };
    line("entry", &format!("{} {}", told.seq, told.id));
    let own = told.request_id.as_deref().filter(|own| *own != told.id);
    line("request id", own.unwrap_or_default());
    line("event", &told.event);
    line("received", &told.time);
    line("tenant", &told.tenant);
    line("person", &told.person);
    let repeats = told.repeat_of.map(|seq| format!("entry {seq}; nothing is delivered for it"));
    line("repeats", &repeats.unwrap_or_default());
    line("outcome", &format!("{}, {}, in {} µs", told.outcome, cause(&told.cause), told.took_us));
    if let Some(held) = &told.held {
        let rule = held.rule.as_ref().map(|rule| format!(", by rule {rule}")).unwrap_or_default();
        let fallback = if held.fallback { ", the fallback" } else { "" };
        let message = held.message.as_ref().map(|message| format!(" {message}")).unwrap_or_default();
        line("held back", &format!("{}{message}{rule}{fallback}; by guard {}", held.outcome, held.guard));
    }
    line("rule", told.rule.as_deref().unwrap_or_default());
    line("message", told.message.as_deref().unwrap_or_default());
    line("mapped to", &told.mapped.as_ref().map(ToString::to_string).unwrap_or_default());
    for change in &told.changes {
        line("change", &change_text(change));
    }
    line("reply", &told.reply.as_ref().map(ToString::to_string).unwrap_or_default());
    line("rule set", &told.rule_set);
    match (&told.request, &told.missing) {
        (Some(request), _) => {
            let pretty = serde_json::to_string_pretty(request).unwrap_or_default();
            let lines: Vec<String> = pretty.lines().map(harmless).collect();
            let _ = writeln!(text, "\nrequest {}", lines.join("\n"));
        }
        (None, Some(missing)) => _ = writeln!(text, "\nno more is known: {missing}"),
        (None, None) => {}
    }
}

fn facts(told: &Explanation, text: &mut String) {
    if !told.facts.is_empty() {
        text.push_str("\nwhat lookups found\n");
    }
    for fact in &told.facts {
        let answer = match (&fact.error, fact.found, &fact.value) {
            (Some(error), ..) => format!("failed: {error}"),
            (None, Some(true), Some(value)) => format!("found {}", written(value)),
            (None, ..) => "not found".to_owned(),
        };
        let age = match fact.age_ms {
            0..1000 => format!("{} ms old", fact.age_ms),
            _ => format!("{} s old", fact.age_ms / 1000),
        };
        let _ = writeln!(
            text,
            "  {}: {}  ({}, {age}, in {} µs)",
            harmless(&fact.lookup),
            harmless(&answer),
            fact.source,
            fact.took_us
        );
    }
}

fn cause(cause: &str) -> &str {
    match cause {
        "decided" => "as decided",
        "failed" => "as the fallback, for the handler failed",
        "out_of_time" => "as the fallback, for the time was up",
        "unverified" => "as always, for the sender was not verified",
        "guarded" => "as always, for a guard held back what was decided",
        "released" => "as decided, for somebody let the person pass its guard",
        other => other,
    }
}

fn side(side: &Side, text: &mut String) {
    if let Some(why) = &side.untold {
        let _ = writeln!(text, "  {}", harmless(&format!("values cannot be told for certain: {why}")));
    }
    if side.rules.is_empty() && side.untold.is_none() {
        text.push_str("  there was no rule on this event that did anything\n");
    }
    list(&side.rules, text);
}

fn list(rules: &[Rule], text: &mut String) {
    for (index, rule) in rules.iter().enumerate() {
        one(index + 1, rule, text);
    }
}

fn one(number: usize, rule: &Rule, text: &mut String) {
    let shadow = if rule.shadow { " (shadow)" } else { "" };
    let more = match &rule.error {
        Some(error) => format!(": {error}"),
        None if rule.changed.is_empty() => String::new(),
        None => format!(", changed {}", rule.changed.join(", ")),
    };
    let did = rule.did.replace('_', " ");
    let _ = writeln!(text, "  {number:>2}  {}{shadow}: {did}{}", harmless(&rule.id), harmless(&more));
    for part in &rule.parts {
        expression(part, text);
    }
}

fn expression(part: &Shown, text: &mut String) {
    let mut lines = part.source.lines().map(|line| harmless(line.trim_end()));
    let first = lines.next().unwrap_or_default();
    let _ = writeln!(text, "        {} = {first}", harmless(&part.key));
    lines.for_each(|line| _ = writeln!(text, "          {line}"));
    let sources: Vec<String> = part.steps.iter().map(|step| shorten(&step.part)).collect();
    let width = sources.iter().map(|source| source.chars().count()).max().unwrap_or_default();
    for (source, step) in sources.iter().zip(&part.steps) {
        let _ = writeln!(text, "          {source:<width$}  {}", value(&step.value));
    }
    if part.more > 0 {
        let _ = writeln!(text, "          and {} more", count(part.more as u64, "value"));
    }
    let _ = writeln!(text, "          => {}", value(&part.value));
}

fn value(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Value(value) => harmless(&written(value)),
        Outcome::Error(why) => harmless(&format!("error: {why}")),
    }
}

fn written(value: &Value) -> String {
    match value {
        // A mask is no text that came in.
        Value::String(text) if text == "***" => text.clone(),
        other => other.to_string(),
    }
}

/// A part of an expression on one line.
fn shorten(source: &str) -> String {
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= PART {
        return harmless(&line);
    }
    harmless(&line.chars().take(PART - 1).chain(['…']).collect::<String>())
}

fn today(told: &Explanation, text: &mut String) {
    let today = &told.today;
    let rules =
        if today.same_rules { "the configuration still has these rules" } else { "the rules have changed since" };
    let _ = writeln!(text, "\ntoday: {rules}");
    let Some(same) = today.same_answer else {
        let why = today.side.untold.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  what they would say cannot be told: {}", harmless(why));
        if !today.same_rules {
            list(&today.side.rules, text);
        }
        return;
    };
    let mut answer = today.outcome.clone().unwrap_or_default();
    if let Some(message) = &today.message {
        let _ = write!(answer, " {message}");
    }
    if let Some(rule) = &today.rule {
        let _ = write!(answer, " (rule `{rule}`)");
    }
    let _ =
        writeln!(text, "  {}: {}", if same { "they say the same" } else { "they say otherwise" }, harmless(&answer));
    for difference in &today.differences {
        let _ = writeln!(text, "  {}", harmless(difference));
    }
    if !today.same_rules && !today.differences.is_empty() {
        side(&today.side, text);
    }
}
