//! The event as JSON for other systems: what a body is where none is written, and what a program reads.
//!
//! `{"event", "id", "time", "system", "tenant", "person", "decision": {"outcome", "rule", "message"}, "request"}`; a program
//! that is granted secret fields finds them under `secrets`, and what earlier actions captured stands under `answers`. What stands in `request` are the bytes that came in.

use chrono::SecondsFormat;

use super::{Granted, Job};
use crate::base::json::{Edited, quote};
use crate::event::{Event, FieldPath};

/// The event of `job` without what stands at `hidden`, from `request` downwards.
pub(super) fn write(job: &Job, hidden: &[FieldPath], secrets: &[Granted]) -> String {
    let event = &*job.event;
    let person = event.person();
    let mut text = String::with_capacity(event.size() + 512);
    text.push('{');
    let mut member = |name: &str, value: &str| {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&quote(name));
        text.push(':');
        text.push_str(value);
    };
    member("event", &quote(event.name()));
    member("id", &quote(&job.entry_id));
    member("time", &quote(&time(event)));
    member("system", &quote(person.system));
    member("tenant", &optional(Some(person.tenant.as_str()).filter(|tenant| !tenant.is_empty())));
    member("person", &optional(Some(person.key.as_str()).filter(|_| person.known)));
    let decision = &job.decision;
    let decision = format!(
        "{{\"outcome\":{},\"rule\":{},\"message\":{}}}",
        quote(&decision.outcome),
        optional(decision.rule.as_deref()),
        optional(decision.message.as_deref())
    );
    member("decision", &decision);
    member("request", &request(event, hidden));
    if !job.answers.is_empty() {
        // Names and JSON values can always be written.
        member("answers", &serde_json::to_string(&job.answers).unwrap_or_default());
    }
    if !secrets.is_empty() {
        member("secrets", &tree_of(secrets));
    }
    text.push('}');
    text
}

/// When the event came, as RFC 3339.
pub(super) fn time(event: &Event) -> String {
    event.received_at().to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), quote)
}

fn request(event: &Event, hidden: &[FieldPath]) -> String {
    let Some(request) = event.request() else { return "{}".to_owned() };
    let mut edited = Edited::new(request);
    for path in hidden {
        edited.unset(path.names());
    }
    let mut text = String::with_capacity(request.raw().len());
    edited.write(&mut text);
    text
}

/// The fields as an object, each at its path.
fn tree_of(secrets: &[Granted]) -> String {
    let mut root = serde_json::Value::default();
    for granted in secrets {
        if let Ok(path) = FieldPath::parse(&granted.field) {
            put(&mut root, path.names(), granted.to_json());
        }
    }
    root.to_string()
}

fn put(holder: &mut serde_json::Value, path: &[String], value: serde_json::Value) {
    let Some((name, rest)) = path.split_first() else {
        *holder = value;
        return;
    };
    if !holder.is_object() {
        *holder = serde_json::Map::new().into();
    }
    if let Some(members) = holder.as_object_mut() {
        put(members.entry(name.as_str()).or_insert(serde_json::Value::Null), rest, value);
    }
}
