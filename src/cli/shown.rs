//! Entries and deliveries as commands show them: persons by the name that logs use, bodies masked unless asked otherwise.

use serde_json::{Value, json};

use super::output::{count, time};
use super::store::Store;
use crate::base::json::Document;
use crate::event::catalog;
use crate::facts::{Answer, Fact, FactSource, Facts};
use crate::journal::{Attempt, Delivery, DeliveryState, Entry, EntryKind, Record, Reference};
use crate::record::{self, DecisionNote, shown};

/// What stands for a value that is not shown.
const MASK: &str = "***";

/// What an entry says, made out once.
pub(super) struct Body {
    /// How its person is named; empty where it has none.
    pub(super) person: String,
    /// What came in, as JSON.
    pub(super) request: Option<String>,
    /// What a refusal said.
    pub(super) message: Option<String>,
    /// The changes that were made.
    pub(super) changes: Vec<Value>,
    /// What the attribute was mapped to.
    pub(super) mapped: Option<Value>,
    /// What lookups found.
    pub(super) facts: Facts,
    /// How many rules there were on the event, and how many were reached.
    pub(super) rules: (usize, usize),
    /// What rules did.
    pub(super) trace: Vec<record::RuleNote>,
    /// What a guard held back.
    pub(super) held: Option<record::HeldNote>,
    /// What the shadow file's rules decided.
    pub(super) shadow: Option<record::ShadowNote>,
    /// Why somebody did something about a person whom a guard held.
    pub(super) reason: Option<String>,
    /// Why the rest is not there.
    pub(super) missing: Option<&'static str>,
}

/// What an entry says. `personal` shows in clear what the catalogue calls personal.
pub(super) fn body(entry: &Entry, store: &Store<'_>, personal: bool) -> Body {
    let nothing = |missing| Body {
        person: reference(entry),
        request: None,
        message: None,
        changes: Vec::new(),
        mapped: None,
        facts: Facts::default(),
        rules: (0, 0),
        trace: Vec::new(),
        held: None,
        shadow: None,
        reason: None,
        missing,
    };
    let bytes = match &entry.record {
        Record::Bytes(bytes) if entry.kind == EntryKind::Event => bytes,
        Record::Bytes(bytes) => return Body { reason: reason(entry, bytes), ..nothing(None) },
        Record::Unread => return nothing(None),
        Record::Forgotten => {
            return Body { person: "(forgotten)".to_owned(), ..nothing(Some("its person was forgotten")) };
        }
        Record::Sealed => return nothing(Some("it is sealed under a key that is not set in [journal] encryption_key")),
    };
    let Ok(record) = record::Record::parse(bytes) else { return nothing(Some("its record cannot be read")) };
    let request = record.request.map(|raw| raw.get().to_owned());
    let request = request.and_then(|raw| Document::parse(raw).ok()).map(|document| {
        catalog::find(&entry.event)
            .map_or_else(|| "{}".to_owned(), |spec| shown(spec, document.root(), &store.secrets.of(spec), personal))
    });
    let facts = record.facts().iter().map(|fact| masked_fact(fact, personal)).collect();
    let masked = |mut change: Value| {
        if !personal && let Some(to) = change.get_mut("to") {
            *to = MASK.into();
        }
        change
    };
    Body {
        person: person(entry, &record, store, personal),
        missing: request.is_none().then_some("its body was not kept"),
        request,
        message: record.message,
        changes: record.changes.into_iter().map(masked).collect(),
        mapped: record.mapped.map(|mapped| if personal { mapped } else { MASK.into() }),
        facts,
        rules: (record.rules, record.reached),
        trace: record.trace,
        held: record.held.map(|mut held| {
            conceal(&mut held.decision, personal);
            held
        }),
        shadow: record.shadow.map(|mut shadow| {
            shadow.decision.iter_mut().for_each(|decision| conceal(decision, personal));
            shadow
        }),
        reason: None,
    }
}

/// What is said of a person whom a guard held, as `guard: reason`.
fn reason(entry: &Entry, words: &[u8]) -> Option<String> {
    if !matches!(entry.kind, EntryKind::GuardRelease | EntryKind::GuardDrop) {
        return None;
    }
    let words: Value = serde_json::from_slice(words).ok()?;
    Some(format!("{}, {}: {}", words["guard"].as_str()?, words["event"].as_str()?, words["reason"].as_str()?))
}

/// Takes out of a decision what tells of a person.
fn conceal(decision: &mut DecisionNote, personal: bool) {
    if personal {
        return;
    }
    for to in decision.changes.iter_mut().filter_map(|change| change.get_mut("to")) {
        *to = MASK.into();
    }
    decision.mapped = decision.mapped.take().map(|_| MASK.into());
}

/// What a lookup found: personal data may stand in it.
fn masked_fact(fact: &Fact, personal: bool) -> Fact {
    let mut fact = fact.clone();
    if let Ok(answer) = &mut fact.answer
        && !personal
        && !answer.value.is_null()
    {
        answer.value = MASK.into();
    }
    fact
}

/// What a lookup found, for programs.
pub(super) fn fact_json(fact: &Fact) -> Value {
    let mut all = json!({
        "lookup": &*fact.lookup,
        "source": fact.source.as_str(),
        "as_of": time(fact.as_of),
        "took_us": u64::try_from(fact.took.as_micros()).unwrap_or(u64::MAX),
    });
    match &fact.answer {
        Ok(answer) => (all["found"], all["value"]) = (answer.found.into(), answer.value.clone()),
        Err(error) => all["error"] = error.as_str().into(),
    }
    all
}

/// What a lookup found, for people.
pub(super) fn fact_text(fact: &Fact) -> String {
    let what = match &fact.answer {
        Ok(Answer { found: false, .. }) => "not found".to_owned(),
        Ok(Answer { value, .. }) => format!("found {value}"),
        Err(error) => format!("failed: {error}"),
    };
    let age = match fact.source {
        FactSource::Cached | FactSource::Stale => format!(", {} of {}", fact.source.as_str(), time(fact.as_of)),
        FactSource::Fetched | FactSource::Given => String::new(),
    };
    format!("{}: {what}{age}, {} µs", fact.lookup, fact.took.as_micros())
}

/// The person of an entry: the same name as in the log, where its record tells whom it is about.
fn person(entry: &Entry, record: &record::Record<'_>, store: &Store<'_>, personal: bool) -> String {
    match record.event(&entry.event, entry.received_at, &entry.id.to_string()) {
        Ok(event) if !event.person().known => String::new(),
        Ok(event) if event.person().key != MASK => {
            let key = &event.person().key;
            if personal { key.clone() } else { store.names.of(key) }
        }
        Ok(_) | Err(_) => reference(entry),
    }
}

/// What the journal itself calls the person.
fn reference(entry: &Entry) -> String {
    if entry.person == [0; 16] { String::new() } else { by_reference(&entry.person) }
}

/// What the journal itself calls a person.
pub(super) fn by_reference(person: &Reference) -> String {
    format!("ref-{}", crate::base::ids::hex(&person[..6]))
}

/// The event's name, or what the journal itself did.
pub(super) fn what(entry: &Entry) -> &str {
    if entry.kind == EntryKind::Event { &entry.event } else { entry.kind.as_str() }
}

/// `2 done, 1 dead`
pub(super) fn states(deliveries: &[Delivery]) -> String {
    let states = [DeliveryState::Done, DeliveryState::Pending, DeliveryState::Dead, DeliveryState::Dropped];
    let number = |state| deliveries.iter().filter(|delivery| delivery.state == state).count();
    let parts: Vec<String> = states
        .into_iter()
        .map(|state| (number(state), state))
        .filter(|(number, _)| *number > 0)
        .map(|(number, state)| format!("{number} {}", state.as_str()))
        .collect();
    parts.join(", ")
}

/// The header of an entry, for programs.
pub(super) fn entry_json(entry: &Entry, person: &str, deliveries: &[Delivery], personal: bool) -> Value {
    json!({
        "seq": entry.seq,
        "id": entry.id.to_string(),
        "time": time(entry.received_at),
        "kind": entry.kind.as_str(),
        "system": entry.system,
        "tenant": entry.tenant,
        "event": entry.event,
        "person": person,
        "outcome": entry.outcome,
        "cause": entry.cause,
        "rule": entry.rule,
        "took_us": u64::try_from(entry.took.as_micros()).unwrap_or(u64::MAX),
        "repeat_of": entry.repeat_of,
        "deliveries": deliveries.iter().map(|delivery| delivery_json(delivery, personal)).collect::<Vec<_>>(),
    })
}

/// A delivery, for programs.
pub(super) fn delivery_json(delivery: &Delivery, personal: bool) -> Value {
    let answer = |attempt: &Attempt| {
        let said = said(attempt, personal);
        json!({ "at": time(attempt.at), "took_ms": attempt.took_ms, "answer": attempt.answer, "said": said })
    };
    let answers: Vec<Value> = delivery.answers.iter().map(answer).collect();
    json!({
        "id": delivery.id.to_string(),
        "action": delivery.action,
        "state": delivery.state.as_str(),
        "waits": delivery.waits,
        "waits_for": delivery.waits_for.map(|other| other.to_string()),
        "performed": delivery.performed,
        "attempts": delivery.attempts,
        "created": time(delivery.created_at),
        "first_attempt": delivery.first_attempt_at.map(time),
        "due": delivery.due.map(time),
        "finished": delivery.finished_at.map(time),
        "reason": delivery.reason,
        "answers": answers,
        "captured": captured(delivery, false),
    })
}

/// What was kept of a target's answer, masked unless asked otherwise.
pub(super) fn captured(delivery: &Delivery, personal: bool) -> Value {
    let Some(captured) = &delivery.captured else { return Value::Null };
    let shown = captured.iter().map(|(name, value)| {
        let value = if personal { value.clone() } else { MASK.into() };
        (name.clone(), value)
    });
    shown.collect()
}

/// How far a delivery is, for people.
pub(super) fn progress(delivery: &Delivery) -> String {
    let mut text = delivery.state.as_str().to_owned();
    if let Some(other) = delivery.waits_for {
        text = format!("{text}, after {other}");
    } else if delivery.waits {
        text.push_str(", behind an earlier one of its person");
    } else if let Some(due) = delivery.due {
        text = format!("{text}, due {}", time(due));
    }
    if let Some(finished) = delivery.finished_at {
        text = format!("{text} {}", time(finished));
    }
    if delivery.attempts > 0 {
        text = format!("{text}, {}", count(u64::from(delivery.attempts), "attempt"));
    }
    if delivery.performed {
        text.push_str(", performed while its caller waited");
    }
    if let Some(reason) = &delivery.reason {
        text = format!("{text}: {reason}");
    }
    text
}

/// A change, for people.
pub(super) fn change_text(change: &Value) -> String {
    match (change.get("set").and_then(Value::as_str), change.get("unset").and_then(Value::as_str)) {
        (Some(path), _) => format!("{path} = {}", change.get("to").unwrap_or(&Value::Null)),
        (_, Some(path)) => format!("{path} is taken away"),
        (None, None) => change.to_string(),
    }
}

/// What the target said in its own words, which may repeat what it was told of a person.
fn said(attempt: &Attempt, personal: bool) -> Option<&str> {
    attempt.said.as_deref().map(|said| if personal { said } else { MASK })
}

/// What came of an attempt, for people.
pub(super) fn answer(attempt: &Attempt, personal: bool) -> String {
    match said(attempt, personal) {
        Some(said) => format!("{}: {said}", attempt.answer),
        None => attempt.answer.clone(),
    }
}

/// What the target said last.
pub(super) fn last_answer(delivery: &Delivery, personal: bool) -> String {
    let last = delivery.answers.last().map(|attempt| answer(attempt, personal));
    shorten(last.as_deref().or(delivery.reason.as_deref()).unwrap_or_default())
}

/// As much as fits in a column.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        text.chars().take(LONGEST - 1).chain(['…']).collect()
    }
}
