//! What is kept of a target's answer, for later actions of the same event and for whoever waits for this one.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::written::Written;
use super::{Action, Answer, Fate, Granted, Job, MAX_CAPTURED_BYTES};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::future::BoxFuture;
use crate::base::secret::Secret;
use crate::base::tree::Node;
use crate::base::way::Way;

/// How many values one action keeps, and how long their names are, in bytes.
const MAX_PARTS: usize = 32;
const MAX_NAME_BYTES: usize = 64;

/// A shorter secret is struck out only where it is all that stands there.
const MIN_PART_BYTES: usize = 4;

/// Where a value stands in an answer, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected the way to a value, \"$.data.id\", or { path = \"$.data.id\", optional = true }"
)]
pub(super) enum RawPart {
    /// The way to it.
    Way(String),
    /// The way, and what it means that nothing stands there.
    Part(RawWay),
}

/// The way to a value that need not be there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWay {
    /// The way to it.
    path: String,
    /// Whether it may be missing. Default: false.
    #[serde(default)]
    optional: bool,
}

/// What is kept, by name.
#[derive(Debug, Default)]
pub(super) struct Capture(Vec<Part>);

#[derive(Debug)]
struct Part {
    name: String,
    way: Way,
    optional: bool,
}

/// An action of whose answers something is kept.
struct Capturing {
    action: Arc<dyn Action>,
    capture: Arc<Capture>,
}

/// The names of what an action keeps, whether or not the rest of its table is right.
pub(super) fn names(entry: &Node) -> Vec<String> {
    let table = entry.get("capture").and_then(Node::as_table);
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

/// Strikes out of a value what it repeats of these secrets.
pub(super) fn conceal(value: &mut Json, secrets: &[Secret]) {
    let struck = |text: &str| {
        let mut text = text.to_owned();
        for secret in secrets.iter().filter_map(|secret| std::str::from_utf8(secret.expose()).ok()) {
            if text == secret {
                text = "…".to_owned();
            } else if secret.len() >= MIN_PART_BYTES {
                text = text.replace(secret, "…");
            }
        }
        text
    };
    match value {
        Json::String(text) => *text = struck(text),
        Json::Number(number) => {
            let text = number.to_string();
            if struck(&text) != text {
                *value = "…".into();
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| conceal(item, secrets)),
        Json::Object(members) => members.values_mut().for_each(|member| conceal(member, secrets)),
        Json::Null | Json::Bool(_) => {}
    }
}

impl Capture {
    /// Checks the key `capture` of a table. What is wrong goes to `findings`.
    pub(super) fn compile(written: &Written<'_>, findings: &mut Diagnostics) -> Self {
        let parts = &written.raw.capture;
        let table = written.entry.get("capture");
        if parts.len() > MAX_PARTS {
            let message = format!("an action keeps at most {MAX_PARTS} values of an answer");
            findings.push(Diagnostic::error("action-capture", message).at(written.place("capture")));
        }
        let mut kept = Vec::new();
        for (name, part) in parts {
            let place = table.and_then(|table| table.entry(name)).map_or(written.place("capture"), |entry| &entry.key);
            let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && name.starts_with(|first: char| !first.is_ascii_digit())
                && name.len() <= MAX_NAME_BYTES;
            if !is_name {
                let message = format!("`{name}` is no name for a value");
                let finding = Diagnostic::error("action-capture", message).at(place);
                findings.push(finding.hint("a letter, then letters, digits and `_`"));
            }
            let (path, optional) = match part {
                RawPart::Way(path) => (path, false),
                RawPart::Part(RawWay { path, optional }) => (path, *optional),
            };
            match Way::parse(path) {
                Ok(way) => kept.push(Part { name: name.clone(), way, optional }),
                Err(why) => {
                    let finding = Diagnostic::error("action-capture", why).at(place);
                    findings.push(finding.hint("such as \"$.data.0.id\"; `$` is the whole answer"));
                }
            }
        }
        Self(kept)
    }

    /// An action of whose answers this is kept.
    pub(super) fn of(self: &Arc<Self>, action: Arc<dyn Action>) -> Arc<dyn Action> {
        if self.0.is_empty() { action } else { Arc::new(Capturing { action, capture: self.clone() }) }
    }

    /// What is kept of what a target said; the error says in a few words what is wrong with that.
    fn take(&self, said: Option<&Json>, secrets: &[Secret]) -> Result<Map<String, Json>, String> {
        let mut kept = Map::new();
        for Part { name, way, optional } in &self.0 {
            match (said.and_then(|said| way.find(said)), said) {
                (Some(value), _) => {
                    let mut value = value.clone();
                    conceal(&mut value, secrets);
                    kept.insert(name.clone(), value);
                }
                (None, _) if *optional => {}
                (None, Some(_)) => return Err(format!("`{name}` is not in the answer")),
                (None, None) => return Err(format!("the answer is no JSON with `{name}` in it")),
            }
        }
        if Json::Object(kept.clone()).to_string().len() > MAX_CAPTURED_BYTES {
            return Err(format!("what `capture` keeps is larger than {} KiB", MAX_CAPTURED_BYTES >> 10));
        }
        Ok(kept)
    }
}

impl Action for Capturing {
    fn attempt<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let mut answer = self.action.attempt(job).await;
            let said = answer.said.take();
            if answer.fate != Fate::Done {
                return answer;
            }
            let secrets: Vec<Secret> = job.secrets.iter().filter_map(Granted::to_text).collect();
            match self.capture.take(said.as_deref(), &secrets) {
                Ok(captured) => answer.with_captured(captured),
                // It has done what it has done: to do it once more is for somebody who has looked at it.
                Err(why) => Answer::dead(format!("{}, but {why}", answer.what)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn capture(parts: &[(&str, &str, bool)]) -> Capture {
        let part = |(name, way, optional): &(&str, &str, bool)| Part {
            name: (*name).to_owned(),
            way: Way::parse(way).expect("a way"),
            optional: *optional,
        };
        Capture(parts.iter().map(part).collect())
    }

    #[test]
    fn what_is_there_is_kept_and_what_is_not_is_said() {
        let said = json!({ "data": [{ "id": 7 }], "none": null, "all": "x".repeat(20_000) });
        let take = |parts: &[(&str, &str, bool)], said: Option<&Json>| capture(parts).take(said, &[]);
        let kept = json!({ "id": 7, "list": [{ "id": 7 }] });
        let parts = [("id", "$.data.0.id", false), ("list", "$.data", false), ("none", "$.none", true)];
        assert_eq!(take(&parts, Some(&said)).map(Json::Object), Ok(kept));
        for (parts, said, why) in [
            (&[("id", "$.id", false)], Some(&said), "`id` is not in the answer"),
            (&[("id", "$.none", false)], Some(&said), "`id` is not in the answer"),
            (&[("id", "$.id", false)], None, "the answer is no JSON with `id` in it"),
            (&[("all", "$.all", false)], Some(&said), "what `capture` keeps is larger than 16 KiB"),
        ] {
            assert_eq!(take(parts, said).err().as_deref(), Some(why));
        }
        assert_eq!(take(&[("id", "$.id", true)], None), Ok(Map::new()));
    }

    #[test]
    fn a_secret_that_a_target_repeats_is_struck_out() {
        let secrets = [Secret::new("hunter2"), Secret::new("77"), Secret::new("")];
        let mut said = json!({ "a": ["hunter2", "it is hunter2!"], "b": { "c": 77, "d": "77", "e": "1774" }, "f": 7 });
        conceal(&mut said, &secrets);
        assert_eq!(said, json!({ "a": ["…", "it is …!"], "b": { "c": "…", "d": "…", "e": "1774" }, "f": 7 }));
    }
}
