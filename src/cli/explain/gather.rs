//! What an explanation is made of: the entry, what rules did then, and what they would do today. All of it is masked here,
//! so that whoever prints it cannot show too much.

use serde::Serialize;
use serde_json::Value;

use super::mask::Eyes;
use super::reply::reply;
use crate::app::RuleText;
use crate::base::ids::hex;
use crate::cli::output::time;
use crate::cli::shown::{Body, body};
use crate::cli::store::Store;
use crate::dialect::cymmetri::AcceptShape;
use crate::event::{Kind, catalog};
use crate::expr::Step;
use crate::journal::sqlite::SqliteReader;
use crate::journal::{Entry, Reader as _};
use crate::record;
use crate::retrial::{Case, Court, Untold, Verdict};
use crate::rules::{Explained, Part, RuleOutcome};

/// So many values are told of one expression: one that goes through a list makes some for each item.
const STEPS: usize = 60;

/// Why an event was answered so.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    pub(super) seq: u64,
    pub(super) id: String,
    pub(super) request_id: Option<String>,
    pub(super) event: String,
    pub(super) time: String,
    pub(super) tenant: String,
    pub(super) person: String,
    pub(super) outcome: String,
    pub(super) cause: String,
    pub(super) rule: Option<String>,
    pub(super) message: Option<String>,
    pub(super) changes: Vec<Value>,
    pub(super) mapped: Option<Value>,
    /// What a guard held back.
    pub(super) held: Option<Held>,
    pub(super) took_us: u64,
    pub(super) repeat_of: Option<u64>,
    /// The body of the event.
    pub(super) request: Option<Value>,
    /// Why there is no body.
    pub(super) missing: Option<String>,
    /// The body of the reply, without secret fields.
    pub(super) reply: Option<Value>,
    /// What lookups found.
    pub(super) facts: Vec<Told>,
    pub(super) rule_set: String,
    /// What rules did then.
    pub(super) then: Side,
    /// What today's would do.
    pub(super) today: Today,
}

/// A decision that a guard held back.
#[derive(Debug, Serialize)]
pub(super) struct Held {
    pub(super) guard: String,
    /// Whether it was the fallback.
    pub(super) fallback: bool,
    pub(super) outcome: String,
    pub(super) rule: Option<String>,
    pub(super) message: Option<String>,
}

/// What a lookup found.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub(super) lookup: String,
    pub(super) found: Option<bool>,
    pub(super) value: Option<Value>,
    pub(super) error: Option<String>,
    /// `fetched`, `cached`, `stale` or `given`.
    pub(super) source: &'static str,
    /// How old the answer was when the event came.
    pub(super) age_ms: i64,
    pub(super) took_us: u64,
}

/// What a rule set makes of the event.
#[derive(Debug, Default, Serialize)]
pub(super) struct Side {
    /// Why no values can be told.
    pub(super) untold: Option<String>,
    pub(super) rules: Vec<Rule>,
}

/// What today's rules would say.
#[derive(Debug, Default, Serialize)]
pub(super) struct Today {
    /// Whether they are the same rules.
    pub(super) same_rules: bool,
    /// Whether they would say the same; none where it cannot be told.
    pub(super) same_answer: Option<bool>,
    pub(super) outcome: Option<String>,
    pub(super) rule: Option<String>,
    pub(super) message: Option<String>,
    /// What is different, in words.
    pub(super) differences: Vec<String>,
    #[serde(flatten)]
    pub(super) side: Side,
}

/// A rule and what it did.
#[derive(Debug, Serialize)]
pub(super) struct Rule {
    #[serde(rename = "rule")]
    pub(super) id: String,
    pub(super) shadow: bool,
    /// `held`, `not_held`, `erred`, `not_reached` or `out_of_time`.
    pub(super) did: &'static str,
    pub(super) changed: Vec<String>,
    pub(super) error: Option<String>,
    pub(super) parts: Vec<Shown>,
}

/// An expression of a rule.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub(super) key: String,
    pub(super) source: String,
    #[serde(flatten)]
    pub(super) value: Outcome,
    pub(super) steps: Vec<ShownStep>,
    /// How many values are left out.
    pub(super) more: usize,
}

/// A part of an expression.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct ShownStep {
    pub(super) part: String,
    #[serde(flatten)]
    pub(super) value: Outcome,
}

/// A value, or why there is none.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Value(Value),
    Error(String),
}

pub(super) fn explanation(
    entry: &Entry,
    store: &Store<'_>,
    reader: &SqliteReader,
    personal: bool,
) -> anyhow::Result<Explanation> {
    let Body { person, request, message, changes, mapped, trace, held, missing, .. } = body(entry, store, personal);
    let case = Case::open(entry);
    let eyes = catalog::find(&entry.event).map(|spec| Eyes { spec, personal });
    let text = store.wait(reader.rule_set(entry.rule_set))?;
    let kept = match text {
        Some(text) => {
            RuleText::compile(&text).map_err(|why| format!("this version cannot read the rules of then: {why}"))
        }
        None => Err("the rules of then are not in the journal".to_owned()),
    };
    let shape = kept.as_ref().map_or(AcceptShape::default(), |kept| kept.accept_shape);
    let handled = || store.source.registry.events().filter_map(catalog::find).map(|spec| spec.name).collect();
    let kept = kept.map(|kept| Court::new(kept.rules.into(), handled()));
    let mut then = side(&case, kept, eyes);
    if then.rules.is_empty() {
        then.rules.extend(trace.into_iter().map(recorded));
    }
    let plan = store.plan();
    let today = match plan {
        Some(plan) => today(&case, &plan.court(&store.source.registry), plan.rule_text.hash == entry.rule_set, eyes),
        None => Today { side: untold(&"the configuration is wrong"), ..Today::default() },
    };
    let reply = match (&case, eyes) {
        (Ok(case), Some(eyes)) => reply(case, shape, eyes, store, reader)?,
        _ => None,
    };
    Ok(Explanation {
        seq: entry.seq,
        id: entry.id.to_string(),
        request_id: case.as_ref().ok().and_then(|case| case.record().request_id.clone()),
        event: entry.event.clone(),
        time: time(entry.received_at),
        tenant: entry.tenant.clone(),
        person,
        outcome: entry.outcome.clone(),
        cause: entry.cause.clone(),
        rule: entry.rule.clone(),
        message,
        changes,
        mapped,
        held: held.map(|record::HeldNote { guard, fallback, decision }| Held {
            guard,
            fallback,
            outcome: decision.outcome,
            rule: decision.rule,
            message: decision.message,
        }),
        took_us: u64::try_from(entry.took.as_micros()).unwrap_or(u64::MAX),
        repeat_of: entry.repeat_of,
        request: request.and_then(|request| serde_json::from_str(&request).ok()),
        missing: missing.map(str::to_owned),
        reply,
        facts: case.as_ref().ok().zip(eyes).map(|(case, eyes)| facts(case, eyes)).unwrap_or_default(),
        rule_set: hex(&entry.rule_set),
        then,
        today,
    })
}

fn facts(case: &Case<'_>, eyes: Eyes) -> Vec<Told> {
    let facts = case.facts().iter().map(|fact| Told {
        lookup: fact.lookup.to_string(),
        found: fact.answer.as_ref().ok().map(|answer| answer.found),
        value: fact.answer.as_ref().ok().map(|answer| eyes.part("", answer.value.clone())),
        error: fact.answer.as_ref().err().cloned(),
        source: fact.source.as_str(),
        age_ms: (case.event().received_at() - fact.as_of).num_milliseconds().max(0),
        took_us: u64::try_from(fact.took.as_micros()).unwrap_or(u64::MAX),
    });
    facts.collect()
}

fn untold(why: &dyn std::fmt::Display) -> Side {
    Side { untold: Some(why.to_string()), rules: Vec::new() }
}

/// What these rules make of the event, with values.
fn side(case: &Result<Case<'_>, Untold>, court: Result<Court, String>, eyes: Option<Eyes>) -> Side {
    let (case, court, eyes) = match (case, court, eyes) {
        (Ok(case), Ok(court), Some(eyes)) => (case, court, eyes),
        (Err(why), ..) => return untold(&why),
        (_, Err(why), _) => return untold(&why),
        (_, _, None) => return untold(&"there is no such event any more"),
    };
    let certain = court.judge(case).err().map(|why| why.to_string());
    match court.explain(case) {
        Ok(explained) => {
            Side { untold: certain.or_else(|| disagreement(case, &explained)), rules: rules(explained, eyes) }
        }
        Err(why) => untold(&why),
    }
}

/// What the rules of then say now is what they said, unless a clock or another version had a part in it.
fn disagreement(case: &Case<'_>, explained: &Explained) -> Option<String> {
    let was = match case.recorded() {
        Ok(was) => was,
        Err(why) => return Some(why.to_string()),
    };
    let now = Verdict::of(&explained.judged);
    (!now.answers_as(&was, case.event())).then(|| {
        format!("judged again, the same rules say `{}`: another version of the program judged it then", now.outcome)
    })
}

fn today(case: &Result<Case<'_>, Untold>, court: &Court, same_rules: bool, eyes: Option<Eyes>) -> Today {
    let (case, eyes) = match (case, eyes) {
        (Ok(case), Some(eyes)) => (case, eyes),
        (Err(why), _) => return Today { same_rules, side: untold(&why), ..Today::default() },
        (Ok(_), None) => {
            return Today { same_rules, side: untold(&"there is no such event any more"), ..Today::default() };
        }
    };
    let explained = match court.explain(case) {
        Ok(explained) => explained,
        Err(why) => return Today { same_rules, side: untold(&why), ..Today::default() },
    };
    if let Err(why) = court.judge(case) {
        let side = Side { rules: rules(explained, eyes), ..untold(&why) };
        return Today { same_rules, side, ..Today::default() };
    }
    let now = Verdict::of(&explained.judged);
    // What a guard held back is what the rules had decided.
    let was = case.recorded().unwrap_or_else(|_| case.answered());
    let differences = now.differences(&was, case.event());
    let differences = differences.iter().map(|difference| match difference.rule.as_str() {
        "" => difference.kind.words().to_owned(),
        rule => format!("{} (rule `{rule}`)", difference.kind.words()),
    });
    Today {
        same_rules,
        same_answer: Some(now.answers_as(&was, case.event())),
        outcome: Some(now.outcome.to_owned()),
        rule: now.rule.map(str::to_owned),
        message: now.message.map(str::to_owned),
        differences: differences.collect(),
        side: Side { untold: None, rules: rules(explained, eyes) },
    }
}

fn rules(explained: Explained, eyes: Eyes) -> Vec<Rule> {
    let mut parts = explained.rules.into_iter();
    let rules = explained.judged.trace.rules().map(|rule| {
        let (did, changed, error) = match rule.outcome {
            RuleOutcome::Held { changed } => ("held", changed.iter().map(ToString::to_string).collect(), None),
            RuleOutcome::NotHeld => ("not_held", Vec::new(), None),
            RuleOutcome::Erred(error) => ("erred", Vec::new(), Some(error.to_string())),
            RuleOutcome::NotReached => ("not_reached", Vec::new(), None),
            RuleOutcome::OutOfTime => ("out_of_time", Vec::new(), None),
        };
        let parts = parts.next().unwrap_or_default();
        Rule {
            id: rule.id.to_string(),
            shadow: rule.shadow,
            did,
            changed,
            error,
            parts: parts.into_iter().map(|part| shown(part, eyes)).collect(),
        }
    });
    rules.collect()
}

/// What the record itself says of a rule.
fn recorded(note: crate::record::RuleNote) -> Rule {
    let did = match note.did.as_str() {
        "held" => "held",
        "erred" => "erred",
        _ => "out_of_time",
    };
    Rule { id: note.rule, shadow: note.shadow, did, changed: note.changed, error: note.error, parts: Vec::new() }
}

fn shown(part: Part, eyes: Eyes) -> Shown {
    let Part { key, source, value, steps } = part;
    let mut told: Vec<ShownStep> = Vec::new();
    let mut more = 0;
    for Step { span, value } in steps {
        let text = source.get(span).unwrap_or_default();
        // The whole is told above; a literal says itself what it is.
        if text.trim() == source.trim() || value.as_ref().is_ok_and(|value| is_literal(text, value)) {
            continue;
        }
        let step = ShownStep { part: text.to_owned(), value: outcome(text, value, eyes) };
        if told.contains(&step) {
            continue;
        }
        if told.len() == STEPS {
            more += 1;
            continue;
        }
        told.push(step);
    }
    Shown { value: outcome(&source, value, eyes), key, source, steps: told, more }
}

fn outcome(source: &str, value: Result<Value, String>, eyes: Eyes) -> Outcome {
    match value {
        Ok(value) => Outcome::Value(eyes.part(source, value)),
        Err(why) => Outcome::Error(why),
    }
}

fn is_literal(source: &str, value: &Value) -> bool {
    let bare = |text: &str| -> String {
        text.chars().filter(|character| !character.is_whitespace()).map(|c| if c == '\'' { '"' } else { c }).collect()
    };
    bare(source) == bare(&value.to_string())
}

/// Whether rules can have a part in an event of this name.
pub(super) fn has_rules(event: &str) -> bool {
    catalog::find(event).is_some_and(|spec| !matches!(spec.kind, Kind::Notice | Kind::Probe))
}
