//! What rules judge by, as text: kept by its hash beside the entries that were judged by it, and made rules of again.
//!
//! It is the configuration's own words for the rules and for what their meaning depends on, whole, whichever files they came
//! from. No secret is in it, for rules can name none.

use aws_lc_rs::digest;
use indexmap::IndexMap;
use serde::Deserialize;
use std::sync::Arc;

use crate::base::diagnostic::{Diagnostics, Severity, Source};
use crate::base::tree::{self, Node};
use crate::config::{AttributeType, Settings};
use crate::dialect::cymmetri::AcceptShape;
use crate::event::SecretFields;
use crate::lookup;
use crate::rules::{self, OnError, RuleSet};

/// What rules judge by, as text, and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleText {
    /// SHA-256 of the text.
    pub hash: [u8; 32],
    /// JSON: the parts of the configuration that a decision and its reply depend on.
    pub text: String,
}

/// The rules that a kept text means.
#[derive(Debug)]
pub struct KeptRules {
    /// The rules.
    pub rules: RuleSet,
    /// The form of an accepting reply.
    pub accept_shape: AcceptShape,
}

#[derive(Deserialize)]
struct Text {
    rule: Option<serde_json::Value>,
    attributes: Option<IndexMap<String, AttributeType>>,
    /// The ids of the lookups.
    lookups: Option<Vec<String>>,
    cymmetri: Cymmetri,
}

#[derive(Deserialize)]
struct Cymmetri {
    on_error: OnError,
    error_message: String,
    secret_fields: Vec<String>,
    #[serde(default)]
    accept_shape: AcceptShape,
}

impl RuleText {
    /// Those of a configuration's lists and sections.
    pub fn of(lists: &Node, sections: &Node, settings: &Settings) -> Self {
        let list = |name: &str| lists.get(name).map_or(serde_json::Value::Null, Node::to_json);
        let section = |name: &str| sections.get(name).map_or(serde_json::Value::Null, Node::to_json);
        let shape = sections.get("cymmetri").and_then(|cymmetri| cymmetri.get("accept_shape"));
        let cymmetri = &settings.cymmetri;
        let text = serde_json::json!({
            "rule": list("rule"),
            "attributes": section("attributes"),
            "lookups": ids(lists).iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
            "cymmetri": {
                "on_error": format!("{:?}", cymmetri.on_error).to_lowercase(),
                "error_message": cymmetri.error_message,
                "secret_fields": cymmetri.secret_fields,
                "accept_shape": shape.and_then(Node::as_str).unwrap_or("data"),
            },
        })
        .to_string();
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        Self { hash, text }
    }

    /// The rules that a kept text means to this version; or why it means none.
    pub fn compile(text: &[u8]) -> Result<KeptRules, String> {
        let text: Text = serde_json::from_slice(text).map_err(|_| "their text cannot be read".to_owned())?;
        let mut findings = Diagnostics::default();
        let tree = match text.rule.filter(|rules| !rules.is_null()) {
            Some(rules) => as_tree(&rules, &mut findings)?,
            None => None,
        };
        let entries = tree.as_ref().and_then(|tree| tree.get("rule")).and_then(Node::as_array).unwrap_or_default();
        let context = rules::Context {
            on_error: text.cymmetri.on_error,
            error_message: text.cymmetri.error_message,
            secrets: SecretFields::parse(&text.cymmetri.secret_fields).unwrap_or_default(),
            attributes: text
                .attributes
                .unwrap_or_default()
                .into_iter()
                .map(|(path, kind)| (path, kind.as_type()))
                .collect(),
            lookups: text.lookups.unwrap_or_default().into_iter().map(Into::into).collect(),
        };
        let rules = rules::compile(entries, &context, &mut findings);
        match findings.iter().find(|finding| finding.severity == Severity::Error) {
            Some(finding) => Err(finding.message.clone()),
            None => Ok(KeptRules { rules, accept_shape: text.cymmetri.accept_shape }),
        }
    }
}

/// The ids of the lookups. The rest of a lookup is not kept: an address may hold what nobody is to read here.
fn ids(lists: &Node) -> Vec<Arc<str>> {
    lookup::ids(lists.get("lookup").and_then(Node::as_array).unwrap_or_default())
}

/// The rules as they are read from a file. On one line, so that no key changes its place.
fn as_tree(rules: &serde_json::Value, findings: &mut Diagnostics) -> Result<Option<Node>, String> {
    let rules = toml::Value::try_from(rules).map_err(|_| "their text cannot be read".to_owned())?;
    let source = Source { name: "kept rules".into(), text: format!("rule = {rules}\n") };
    Ok(Some(tree::parse(&Arc::new(source), findings)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;
    use crate::event::Decision;
    use crate::facts::Facts;
    use crate::judge::Registry;
    use crate::rules::Stopwatch;

    #[test]
    fn kept_rules_judge_as_those_of_the_configuration_do() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hookreeve.toml");
        let text = r#"
            cymmetri = { accept_shape = "empty", secret_fields = ["user.pin"], auth.jwt = { secret = { env = "S" } } }
            attributes = { "user.costCentre" = "string" }
            [[rule]]
            id = "first"
            on = ["preCreateUser", "validateUser"]
            unset = ["nickName"]
            [rule.set]
            zebra = '"z"'
            address.city = '"Pune"'
            Apple = 'text(user.?costCentre)'
            [[rule]]
            id = "second"
            on = "validateUser"
            when = 'user.login == "x"'
            deny = "No"
        "#;
        std::fs::write(&path, text).unwrap();
        let loaded =
            crate::config::load(Some(&path), &Environment::new([("S", "a secret that is long enough, I think")]));
        let (plan, findings) = crate::app::plan(&loaded, &Registry::new(), None);
        let plan = plan.unwrap_or_else(|| panic!("{findings:?}"));
        let kept = RuleText::compile(plan.rule_text.text.as_bytes()).expect("rules");
        assert_eq!(kept.accept_shape, AcceptShape::Empty);
        for user in [r#"{"login":"x"}"#, r#"{"login":"y","costCentre":"K","nickName":"n"}"#] {
            for name in ["validateUser", "preCreateUser"] {
                let arrival = crate::event::Arrival {
                    token: None,
                    received_at: chrono::DateTime::UNIX_EPOCH,
                    request_id: crate::base::ids::RequestId::random(),
                };
                let spec = crate::event::catalog::find(name).unwrap();
                let body = format!("{{\"request\":{{\"user\":{user}}}}}").into_bytes();
                let event = crate::dialect::cymmetri::decode(spec, body, arrival).unwrap();
                let (now, then) = (
                    plan.rules.decide(&event, &Facts::default(), &Stopwatch::stopped()),
                    kept.rules.decide(&event, &Facts::default(), &Stopwatch::stopped()),
                );
                assert_eq!(now.decision, then.decision);
                assert_eq!(now.rule, then.rule);
                assert_ne!(now.decision, Decision::neutral(spec.kind));
            }
        }
    }

    #[test]
    fn a_text_that_this_version_does_not_understand_is_an_error() {
        let rules = |rule: &str| {
            format!(
                r#"{{"rule":[{rule}],"attributes":null,"cymmetri":{{"on_error":"allow","error_message":"E","secret_fields":[]}}}}"#
            )
        };
        assert!(RuleText::compile(b"{}").is_err());
        let unknown = rules(r#"{"id":"r","on":"validateUser","dance":true}"#);
        let why = RuleText::compile(unknown.as_bytes()).unwrap_err();
        assert!(why.contains("dance"), "{why}");
        assert!(RuleText::compile(rules("").as_bytes()).is_ok_and(|kept| kept.rules.is_empty()));
    }
}
