//! What a record says beside the decision: what a guard held back, and what rules decided that are only tried.

use std::fmt::Write as _;

use serde::Deserialize;

use super::Payload;
use super::write::decided;
use crate::base::json::quote;
use crate::event::Decision;
use crate::rules::Judged;

/// What a guard held back: `"held":{"guard":…,"outcome":…}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct HeldNote {
    /// The guard.
    pub guard: String,
    /// Whether that was the fallback, which no rule decided.
    #[serde(default)]
    pub fallback: bool,
    /// What would have been answered.
    #[serde(flatten)]
    pub decision: DecisionNote,
}

/// A decision that is not the one that was answered.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct DecisionNote {
    /// In one word.
    pub outcome: String,
    /// The rule that settled it.
    pub rule: Option<String>,
    /// What a refusal says.
    pub message: Option<String>,
    /// The changes, as in the record.
    #[serde(default)]
    pub changes: Vec<serde_json::Value>,
    /// What the attribute is mapped to.
    pub mapped: Option<serde_json::Value>,
    /// The actions that are performed.
    #[serde(default)]
    pub perform: Vec<String>,
}

/// What the shadow file's rules decided: `"shadow":{"rules":…}`, and more where that differs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ShadowNote {
    /// The beginning of their hash.
    pub rules: String,
    /// How it differs, in one word; none where it does not.
    pub difference: Option<String>,
    /// What they decided, where that differs.
    #[serde(flatten)]
    pub decision: Option<DecisionNote>,
    /// The rules that erred, where it differs.
    #[serde(default)]
    pub errors: Vec<ErrorNote>,
}

/// A rule that erred.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ErrorNote {
    /// Its id.
    pub rule: String,
    /// Why.
    pub error: String,
}

/// Adds to a record what rules of this name decided, and how that differs, in one word.
pub fn shadowed(record: &mut Vec<u8>, rules: &str, difference: Option<&str>, judged: &Judged, payload: Payload) {
    let mut text = format!(",\"shadow\":{{\"rules\":\"{rules}\"");
    if let Some(difference) = difference {
        let _ = write!(text, ",\"difference\":\"{difference}\"");
        decision_note(&judged.decision, judged.rule.as_deref(), payload, &mut text);
        let errors: Vec<String> = judged
            .trace
            .errors()
            .map(|(rule, error)| format!("{{\"rule\":{},\"error\":{}}}", quote(rule.id), quote(&error.to_string())))
            .collect();
        if !errors.is_empty() {
            let _ = write!(text, ",\"errors\":[{}]", errors.join(","));
        }
    }
    text.push('}');
    add(record, &text);
}

/// Adds to a record what a guard held back.
pub fn held_back(
    record: &mut Vec<u8>,
    guard: &str,
    (decision, rule): (&Decision, Option<&str>),
    fallback: bool,
    payload: Payload,
) {
    let mut text = format!(",\"held\":{{\"guard\":{}", quote(guard));
    if fallback {
        text.push_str(",\"fallback\":true");
    }
    decision_note(decision, rule, payload, &mut text);
    text.push('}');
    add(record, &text);
}

fn decision_note(decision: &Decision, rule: Option<&str>, payload: Payload, text: &mut String) {
    let _ = write!(text, ",\"outcome\":\"{}\"", decision.outcome());
    if let Some(rule) = rule {
        let _ = write!(text, ",\"rule\":{}", quote(rule));
    }
    decided(decision, payload, text);
}

/// Members at the end of a record, which is an object with members before them.
fn add(record: &mut Vec<u8>, members: &str) {
    if record.pop_if(|last| *last == b'}').is_some() {
        record.extend_from_slice(members.as_bytes());
        record.push(b'}');
    }
}
