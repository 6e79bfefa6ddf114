//! An event that came in as a `[[test]]`: made-up values in place of a person's, and what was decided as what is to come.
//!
//! The text is read and run again before it is given away, so that what it says of itself is true.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::compare::{Fault, differences, mapped, outcome, person};
use super::compile::Known;
use super::coverage::Coverage;
use super::made_up::MadeUp;
use super::run::{Subject, decide, sent};
use super::{TestSet, toml};
use crate::base::diagnostic::{Diagnostics, Source};
use crate::base::json::{Document, Edited};
use crate::base::tree::{self, Node};
use crate::event::{Change, Changes, Decision, Event, FieldPath, Kind, Mapped};
use crate::expr::{Expression, Scope};
use crate::facts::Facts;
use crate::rules::{Judged, Part, Witness};

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

pub(super) struct Nobody;

impl Witness for Nobody {
    fn sees<'a>(&self, _: &'a Arc<str>, _: Part<'a>, _: &'a Expression, _: &Scope<'a>) {}
}

/// A test named `id` of an event and what was decided of it.
pub fn written(id: &str, event: &Event, kept: &Kept, subject: &Subject<'_>, known: &Known<'_>) -> Written {
    let mut made_up = MadeUp::new(subject.rules, event.name());
    let spec = event.spec();
    let request = event.request().map_or_else(|| "{}".to_owned(), |request| made_up.request(spec, &[], request));
    let token = event.token_text().and_then(|token| Document::parse(token).ok());
    let token = token.map(|token| made_up.token(token.root()));
    let today = decide(subject.rules, event, &kept.facts, &Nobody);
    let mut remarks = Vec::new();
    if kept.decision.is_none() {
        remarks.push("What went out was not decided by rules: this expects what today's rules decide.".to_owned());
    }
    let decision = kept.decision.as_ref().unwrap_or(&today.decision);
    let mut expect = expectation(event, decision, &mut made_up);
    let (rule, erred, wanted) = match kept.decision {
        Some(_) => (kept.rule.clone(), kept.erred.clone(), kept.sent.clone()),
        None => {
            let errors = today.trace.errors().filter(|(rule, _)| !rule.shadow).map(|(rule, _)| rule.id.to_string());
            let sent = sent(subject.actions, event, &kept.facts, &today);
            let sent = sent.into_iter().filter(|(_, certain)| *certain).map(|(id, _)| id.to_string());
            (today.rule.as_deref().map(str::to_owned), errors.collect(), sent.collect())
        }
    };
    add(&mut expect, rule, erred, &wanted, event, subject, known, &mut remarks);
    let facts = facts(&kept.facts, known, &mut made_up, &mut remarks);
    let case = Case { id, event, request, token, facts };
    let text = case.toml(&expect);
    let faults = tried(&text, subject, known);
    if faults.is_empty() {
        return Written { text: with_remarks(&remarks, &text), passes: true };
    }
    // Values that rules compute of made-up ones need not be made up alike: a part of a word is another word.
    if same(&today, kept)
        && faults.iter().all(|fault| matches!(fault.about, "set" | "map"))
        && let Some(computed) = computed(&case, subject, known)
        && fields(&computed) == fields(&expect)
    {
        let mut again = expect.clone();
        for key in ["set", "unset", "map"] {
            again.remove(key);
        }
        for (key, value) in computed.into_iter().rev() {
            again.shift_insert(0, key, value);
        }
        let text = case.toml(&again);
        if tried(&text, subject, known).is_empty() {
            remarks.push("The values expected are those that the rules make of the made-up ones.".to_owned());
            return Written { text: with_remarks(&remarks, &text), passes: true };
        }
    }
    remarks.push(if same(&today, kept) || kept.decision.is_none() {
        "With the made-up values today's rules decide otherwise than with the real ones; change values by hand."
            .to_owned()
    } else {
        format!("Today's rules decide otherwise than was recorded: {}.", outcome_of(&today))
    });
    for fault in &faults {
        let expected =
            if fault.expected.is_empty() { String::new() } else { format!("{}, not ", fault.found.join("; ")) };
        let rest = if fault.expected.is_empty() { fault.found.join("; ") } else { fault.expected.join("; ") };
        remarks.push(format!("  {}: {expected}{rest}", fault.about));
    }
    Written { text: with_remarks(&remarks, &text), passes: false }
}

/// The fields that are changed.
fn fields(expect: &Map<String, Value>) -> (Vec<&String>, Option<&Value>) {
    (expect.get("set").and_then(Value::as_object).into_iter().flat_map(Map::keys).collect(), expect.get("unset"))
}

/// What today's rules decide, without a value of the person.
fn outcome_of(judged: &Judged) -> String {
    match &judged.decision {
        Decision::Map(Mapped::Value(_)) => "mapped otherwise".to_owned(),
        Decision::Map(Mapped::Neutral)
        | Decision::Accept(_)
        | Decision::Refuse(_)
        | Decision::Deprovision(_)
        | Decision::Acknowledge => outcome(judged),
    }
}

/// Whether today's rules decide as was decided.
fn same(today: &Judged, kept: &Kept) -> bool {
    kept.decision.as_ref() == Some(&today.decision) && kept.rule.as_deref() == today.rule.as_deref()
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
    let judged = decide(subject.rules, &event, &test.facts, &Nobody);
    // Made up already.
    Some(outcomes(&event, &judged.decision, &mut |_, value| value.clone()))
}

/// What was decided as an expectation, with its values made up alike.
fn expectation(event: &Event, decision: &Decision, made_up: &mut MadeUp) -> Map<String, Value> {
    outcomes(event, decision, &mut |path, value| match path {
        Some(path) => {
            let path: Vec<&str> = std::iter::once("user").chain(path.iter().map(String::as_str)).collect();
            made_up.value(event.spec(), &path, value)
        }
        None => made_up.any(value),
    })
}

type Dress<'d> = dyn FnMut(Option<&[String]>, &Value) -> Value + 'd;

fn outcomes(event: &Event, decision: &Decision, dress: &mut Dress<'_>) -> Map<String, Value> {
    let mut expect = Map::new();
    match decision {
        Decision::Accept(changes) => {
            let (set, unset) = net(event, changes, dress);
            if event.spec().kind == Kind::Verdict {
                expect.insert("accept".into(), true.into());
            }
            // Also where nothing was changed: that is something to expect.
            expect.insert("set".into(), set.into());
            if !unset.is_empty() {
                expect.insert("unset".into(), unset.into());
            }
        }
        Decision::Refuse(message) => _ = expect.insert("deny".into(), message.as_str().into()),
        Decision::Map(Mapped::Value(value)) => _ = expect.insert("map".into(), dress(None, value)),
        Decision::Deprovision(truth) => _ = expect.insert("deprovision".into(), (*truth).into()),
        Decision::Map(Mapped::Neutral) => {
            let value = mapped(event, decision).unwrap_or(Value::Null);
            expect.insert("map".into(), dress(None, &value));
        }
        Decision::Acknowledge => {}
    }
    expect
}

/// The fields that are not what they were, by path; and those that are gone.
fn net(event: &Event, changes: &Changes, dress: &mut Dress<'_>) -> (Map<String, Value>, Vec<Value>) {
    let (mut set, mut unset) = (Map::new(), Vec::new());
    let Some(user) = event.user() else { return (set, unset) };
    let before = person(&Edited::new(user));
    let after = changes.apply(user).map_or(Value::Null, |edited| person(&edited));
    differences(Some(&before), Some(&after), &mut Vec::new(), &mut |path, _, after| {
        let name = FieldPath::of(path).to_string();
        match after {
            Some(value) => _ = set.insert(name, dress(Some(path), value)),
            None => unset.push(name.into()),
        }
    });
    (set, unset)
}

/// The rest of what was decided, as far as today's configuration knows of it.
#[expect(clippy::too_many_arguments, reason = "the parts of one expectation, put together in one place")]
fn add(
    expect: &mut Map<String, Value>,
    rule: Option<String>,
    erred: Vec<String>,
    wanted: &[String],
    event: &Event,
    subject: &Subject<'_>,
    known: &Known<'_>,
    remarks: &mut Vec<String>,
) {
    let on_event = |id: &String| subject.rules.outlines().any(|rule| rule.event == event.name() && **rule.id == **id);
    match rule {
        Some(rule) if on_event(&rule) => _ = expect.insert("rule".into(), rule.into()),
        Some(rule) => remarks.push(format!("The rule `{rule}` that decided it is no more.")),
        None => {}
    }
    if erred.iter().any(|id| !on_event(id)) {
        remarks.push("A rule that erred is no more.".to_owned());
    } else if !erred.is_empty() {
        expect.insert("erred".into(), erred.into());
    }
    let is_there =
        |id: &&String| known.actions.iter().any(|action| action.get("id").and_then(Node::as_str) == Some(id));
    let (there, gone): (Vec<&String>, Vec<&String>) = wanted.iter().partition(is_there);
    if subject.actions.follows(event.name()) {
        expect.insert("actions".into(), there.into_iter().cloned().collect());
    }
    for id in gone {
        remarks.push(format!("The action `{id}` that followed it is no more."));
    }
    if expect.is_empty() {
        // Nothing was decided, by no rule: that no rule errs is all that can be expected.
        expect.insert("erred".into(), Value::Array(Vec::new()));
    }
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

/// The changes of a decision that was kept as `{"set": path, "to": value}` and `{"unset": path}`.
pub fn kept_changes(changes: &[Value]) -> Option<Changes> {
    changes
        .iter()
        .map(|change| {
            let path = |key: &str| change.get(key).and_then(Value::as_str).and_then(|path| FieldPath::parse(path).ok());
            match (path("set"), path("unset")) {
                (Some(path), _) => Some(Change::Set(path, change.get("to")?.clone())),
                (_, Some(path)) => Some(Change::Unset(path)),
                (None, None) => None,
            }
        })
        .collect()
}
