//! An event that came in as a `[[test]]`: made-up values in place of a person's, and what was decided as what is to come.
//!
//! The text is read and run again before it is given away, so that what it says of itself is true.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::compare::Fault;
use super::compile::Known;
use super::coverage::Coverage;
use super::expected::{expectation, fields, outcomes};
use super::made_up::MadeUp;
use super::run::{Subject, sent};
use super::{TestSet, toml};
use crate::base::diagnostic::{Diagnostics, Source};
use crate::base::json::Document;
use crate::base::tree::{self, Node};
use crate::event::{Decision, Event};
use crate::facts::Facts;
use crate::rules::Stopwatch;

/// What was decided of an event, as it was kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The decision; none where it is not what rules decided.
    pub decision: Option<Decision>,
    /// The rule that settled it.
    pub rule: Option<String>,
    /// The rules that erred.
    pub erred: Vec<String>,
    /// The actions that wanted it.
    pub sent: Vec<String>,
    /// What lookups found.
    pub facts: Facts,
}

/// A test as text.
#[derive(Clone, Debug)]
pub struct Written {
    /// A `[[test]]` in TOML.
    pub text: String,
    /// Whether it passes with these rules.
    pub passes: bool,
}

/// A test named `id` of an event and what was decided of it.
pub fn written(id: &str, event: &Event, kept: &Kept, subject: &Subject<'_>, known: &Known<'_>) -> Written {
    let mut made_up = MadeUp::new(subject.rules, event.name());
    let mut remarks = Vec::new();
    let request = event.request().map(|request| made_up.request(event.spec(), &[], request));
    let token = event.token_text().and_then(|token| Document::parse(token).ok());
    let token = token.map(|token| made_up.token(token.root()));
    let today = today(event, &kept.facts, subject);
    let decided = if kept.decision.is_some() { kept } else { &today };
    if kept.decision.is_none() {
        remarks.push("What went out was not decided by rules: this expects what today's rules decide.".to_owned());
    }
    let expect = expectation(event, decided, subject, known, &mut made_up, &mut remarks);
    let facts = facts(&kept.facts, known, &mut made_up, &mut remarks);
    let case = Case { id, event, request: request.unwrap_or_else(|| "{}".to_owned()), token, facts };
    let text = case.toml(&expect);
    let faults = tried(&text, subject, known);
    if faults.is_empty() {
        return Written { text: with_remarks(&remarks, &text), passes: true };
    }
    let same = decided.decision == today.decision && decided.rule == today.rule;
    let about_values = faults.iter().all(|fault| matches!(fault.about, "set" | "map"));
    if same
        && about_values
        && let Some(text) = with_computed(&case, &expect, subject, known)
    {
        remarks.push("The values expected are those that the rules make of the made-up ones.".to_owned());
        return Written { text: with_remarks(&remarks, &text), passes: true };
    }
    remarks.push(if same {
        "With the made-up values the rules decide otherwise than with the real ones; change values by hand.".to_owned()
    } else {
        format!("Today's rules decide otherwise than was recorded: {}.", outcome_of(&today))
    });
    for fault in &faults {
        let (expected, found) = (fault.expected.join("; "), fault.found.join("; "));
        let not = if expected.is_empty() { String::new() } else { format!(", not {expected}") };
        remarks.push(format!("  {}: {found}{not}", fault.about));
    }
    Written { text: with_remarks(&remarks, &text), passes: false }
}

/// What today's rules decide.
fn today(event: &Event, facts: &Facts, subject: &Subject<'_>) -> Kept {
    let judged = subject.rules.decide(event, facts, &Stopwatch::stopped());
    let errors = judged.trace.errors().filter(|(rule, _)| !rule.shadow).map(|(rule, _)| rule.id.to_string());
    let sent = sent(subject.actions, event, facts, &judged).into_iter().filter(|(_, certain)| *certain);
    Kept {
        rule: judged.rule.as_deref().map(str::to_owned),
        erred: errors.collect(),
        sent: sent.map(|(id, _)| id.to_string()).collect(),
        facts: facts.clone(),
        decision: Some(judged.decision),
    }
}

/// The test with the values that the rules make of the made-up ones, where they change the same fields: a part of a word
/// is another word, so that they need not be made up alike.
fn with_computed(
    case: &Case<'_>,
    expect: &Map<String, Value>,
    subject: &Subject<'_>,
    known: &Known<'_>,
) -> Option<String> {
    let computed = computed(case, subject, known).filter(|computed| fields(computed) == fields(expect))?;
    let rest = expect.iter().filter(|(key, _)| !computed.contains_key(*key));
    let again: Map<String, Value> =
        computed.iter().chain(rest).map(|(key, value)| (key.clone(), value.clone())).collect();
    let text = case.toml(&again);
    tried(&text, subject, known).is_empty().then_some(text)
}

/// What was decided, without a value of the person.
fn outcome_of(kept: &Kept) -> String {
    let outcome = kept.decision.as_ref().map_or("unknown", Decision::outcome);
    match &kept.rule {
        Some(rule) => format!("{outcome}, by rule `{rule}`"),
        None => outcome.to_owned(),
    }
}

fn with_remarks(remarks: &[String], text: &str) -> String {
    let mut out = String::new();
    // A rule's id may be any text; a comment may not.
    for line in remarks.iter().flat_map(|remark| remark.lines()) {
        let line: String = line.chars().filter(|character| !character.is_control()).collect();
        let _ = writeln!(out, "# {line}");
    }
    out + text
}

/// What is wrong with a test, read and run.
fn tried(text: &str, subject: &Subject<'_>, known: &Known<'_>) -> Vec<Fault> {
    let mut findings = Diagnostics::default();
    let source = Arc::new(Source { name: "test".to_owned(), text: text.to_owned() });
    let tree = tree::parse(&source, &mut findings);
    let entries = tree.get("test").and_then(Node::as_array).unwrap_or_default();
    let set = TestSet::compile(entries, known, &mut findings);
    let mut faults: Vec<Fault> = findings.iter().map(|finding| Fault::of_test(finding.message.clone())).collect();
    faults.extend(set.iter().flat_map(|test| test.run(subject, &mut Coverage::default()).faults));
    faults
}

/// The outcome that the rules come to on the made-up event.
fn computed(case: &Case<'_>, subject: &Subject<'_>, known: &Known<'_>) -> Option<Map<String, Value>> {
    let text = case.toml(json!({ "erred": [] }).as_object()?);
    let mut findings = Diagnostics::default();
    let tree = tree::parse(&Arc::new(Source { name: "test".to_owned(), text }), &mut findings);
    let set = TestSet::compile(tree.get("test").and_then(Node::as_array).unwrap_or_default(), known, &mut findings);
    let test = set.iter().next()?;
    let event = test.event().ok()?;
    let judged = subject.rules.decide(&event, &test.facts, &Stopwatch::stopped());
    // Made up already.
    Some(outcomes(&event, &judged.decision, &mut |_, value| value.clone()))
}

/// What lookups found, with made-up values, a line for each.
fn facts(facts: &Facts, known: &Known<'_>, made_up: &mut MadeUp, remarks: &mut Vec<String>) -> Vec<String> {
    let mut lines = Vec::new();
    for fact in facts {
        let id = &fact.lookup;
        if !known.lookups.iter().any(|lookup| lookup.get("id").and_then(Node::as_str) == Some(id)) {
            remarks.push(format!("The lookup `{id}` that was asked is no more."));
            continue;
        }
        let said = match &fact.answer {
            Ok(answer) if answer.value.is_null() => json!({ "found": answer.found }),
            Ok(answer) => json!({ "found": answer.found, "value": made_up.any(&answer.value) }),
            Err(error) => json!({ "error": error }),
        };
        if let Ok(said) = Document::parse(said.to_string()) {
            lines.push(format!("lookup.{id} = {}\n", toml::inline_or_json(said.root())));
        }
    }
    lines
}

/// What a test gives.
struct Case<'a> {
    id: &'a str,
    event: &'a Event,
    /// With made-up values, like the token.
    request: String,
    token: Option<String>,
    /// Lines of TOML.
    facts: Vec<String>,
}

impl Case<'_> {
    fn toml(&self, expect: &Map<String, Value>) -> String {
        let now = self.event.received_at().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        let mut text = format!(
            "[[test]]\nid = {}\nevent = {}\nnow = {}\n",
            toml::text(self.id),
            toml::text(self.event.name()),
            toml::text(&now)
        );
        if let Some(token) = self.token.as_ref().and_then(|token| Document::parse(token.as_str()).ok()) {
            let _ = writeln!(text, "token = {}", toml::inline_or_json(token.root()));
        }
        text.extend(self.facts.iter().map(String::as_str));
        let expected = Document::parse(Value::from(expect.clone()).to_string());
        if let Ok(expected) = expected {
            let _ = writeln!(text, "expect = {}", toml::expectation(expected.root()));
        }
        let Ok(request) = Document::parse(self.request.as_str()) else { return text };
        let root = request.root();
        let user = root.get("user").filter(|user| user.is_object());
        let rest: Vec<_> = root.members().filter(|(key, _)| user.is_none() || !key.is("user")).collect();
        let mut blocks = match user {
            // A person alone is told as one.
            Some(user) if rest.is_empty() => vec![toml::table("user", user, |_| true)],
            Some(user) => {
                vec![toml::table("request", root, |key| !key.is("user")), toml::table("user", user, |_| true)]
            }
            None => vec![toml::table("request", root, |_| true)],
        };
        // What is a text is a key of the test itself, and stands before tables under headers of their own.
        blocks.sort_by_key(|block| block.starts_with('\n'));
        text + &blocks.concat()
    }
}
