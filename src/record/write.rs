//! From an event and its decision to a record.

use std::fmt::Write as _;

use super::facts;
use super::mask::{MASK, masked};
use crate::base::json::{Edited, quote};
use crate::event::{Change, Decision, Event, FieldPath, Mapped};
use crate::facts::Facts;
use crate::rules::{RuleOutcome, Trace};

/// What of an event's body is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payload {
    /// All but the secret fields.
    #[default]
    Full,
    /// The names of its fields, and the values of those that tell of nobody.
    Masked,
    /// Nothing.
    None,
}

/// The record of an event and of what lookups found for it, without what stands at `secrets`, from `request` downwards.
pub fn write(
    event: &Event,
    decision: &Decision,
    trace: &Trace,
    facts: &Facts,
    secrets: &[FieldPath],
    payload: Payload,
) -> Vec<u8> {
    let mut text = String::with_capacity(event.size() + 256);
    text.push_str("{\"v\":1,\"request_id\":");
    text.push_str(&quote(event.request_id().as_str()));
    if let Some(token) = event.token_text() {
        text.push_str(",\"token\":");
        text.push_str(token);
    }
    if let Some(request) = event.request() {
        match payload {
            Payload::None => {}
            Payload::Masked => {
                text.push_str(",\"request\":");
                masked(event.spec(), request, secrets, &mut text);
                text.push_str(",\"payload\":\"masked\"");
            }
            Payload::Full => {
                text.push_str(",\"request\":");
                let mut edited = Edited::new(request);
                for secret in secrets {
                    edited.unset(secret.names());
                }
                let start = text.len();
                edited.write(&mut text);
                // What came in looks masked.
                if text[start..].contains(MASK) {
                    text.push_str(",\"payload\":\"full\"");
                }
            }
        }
    }
    decided(decision, payload, &mut text);
    facts::write(facts, payload, &mut text);
    traced(trace, &mut text);
    text.push('}');
    text.into_bytes()
}

/// What was decided, as far as the outcome's word does not say it.
pub(super) fn decided(decision: &Decision, payload: Payload, text: &mut String) {
    let value = |value: &serde_json::Value| if payload == Payload::Full { value.to_string() } else { "\"***\"".into() };
    match decision {
        Decision::Accept(changes) if !changes.is_empty() => {
            text.push_str(",\"changes\":[");
            for (index, change) in changes.iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                let _ = match change {
                    Change::Set(path, to) => {
                        write!(text, "{comma}{{\"set\":{},\"to\":{}}}", quote(&path.to_string()), value(to))
                    }
                    Change::Unset(path) => write!(text, "{comma}{{\"unset\":{}}}", quote(&path.to_string())),
                };
            }
            text.push(']');
        }
        Decision::Perform(actions) => {
            let actions: Vec<String> = actions.iter().map(|action| quote(action)).collect();
            let _ = write!(text, ",\"perform\":[{}]", actions.join(","));
        }
        Decision::Refuse(message) => _ = write!(text, ",\"message\":{}", quote(message)),
        Decision::Map(Mapped::Value(mapped)) => _ = write!(text, ",\"mapped\":{}", value(mapped)),
        Decision::Accept(_) | Decision::Map(Mapped::Neutral) | Decision::Deprovision(_) | Decision::Acknowledge => {}
    }
}

/// What rules did, apart from those that just did not hold; and how many were looked at.
fn traced(trace: &Trace, text: &mut String) {
    let mut rules = 0_usize;
    let mut reached = 0_usize;
    let mut noted = String::new();
    for rule in trace.rules() {
        rules += 1;
        let (did, more) = match rule.outcome {
            RuleOutcome::NotHeld => {
                reached += 1;
                continue;
            }
            RuleOutcome::NotReached => continue,
            RuleOutcome::Held { changed } => {
                let changed: Vec<String> = changed.iter().map(|path| quote(&path.to_string())).collect();
                (
                    "held",
                    if changed.is_empty() { String::new() } else { format!(",\"changed\":[{}]", changed.join(",")) },
                )
            }
            RuleOutcome::Erred(error) => ("erred", format!(",\"error\":{}", quote(&error.to_string()))),
            RuleOutcome::OutOfTime => ("out_of_time", String::new()),
        };
        reached += 1;
        let comma = if noted.is_empty() { "" } else { "," };
        let shadow = if rule.shadow { ",\"shadow\":true" } else { "" };
        let _ = write!(noted, "{comma}{{\"rule\":{},\"did\":\"{did}\"{shadow}{more}}}", quote(rule.id));
    }
    if rules > 0 {
        let _ = write!(text, ",\"rules\":{rules},\"reached\":{reached}");
    }
    if !noted.is_empty() {
        let _ = write!(text, ",\"trace\":[{noted}]");
    }
}
