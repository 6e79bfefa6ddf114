//! Lookups against what they look into: files, servers, databases.

mod csv;
mod findings;
mod frame;
mod http;
mod postgres;
mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::base::clock::Clock;
use crate::base::diagnostic::{Diagnostics, Source as Text};
use crate::base::ids::RequestId;
use crate::base::secret::{Secret, SecretError, SecretRef, SecretSource};
use crate::base::tree::{self, Node};
use crate::dialect::cymmetri;
use crate::event::{Arrival, catalog};
use crate::facts::Fact;
use crate::telemetry::metrics::Metrics;

/// One secret for every place.
struct Only(&'static str);

impl SecretSource for Only {
    fn resolve(&self, _: &SecretRef) -> Result<Secret, SecretError> {
        Ok(Secret::new(self.0.as_bytes()))
    }
}

fn clock() -> Clock {
    Clock::fixed("2026-11-21T08:30:00Z".parse().expect("a time"))
}

fn event(user: &serde_json::Value) -> Arc<Event> {
    let arrival =
        Arrival { token: None, received_at: clock().now(), request_id: RequestId::parse("r-1").expect("an id") };
    let spec = catalog::find("validateUser").expect("an event");
    let body = json!({ "request": { "user": user } }).to_string();
    Arc::new(cymmetri::decode(spec, body.into_bytes(), arrival).expect("an event's body"))
}

/// The lookups of a text, all of which validateUser needs, and what was found wrong with them.
fn compile(toml: &str) -> (LookupSet, Diagnostics) {
    let mut findings = Diagnostics::default();
    let source = Arc::new(Text { name: "t.toml".into(), text: toml.into() });
    let tree = tree::parse(&source, &mut findings);
    assert!(findings.is_empty(), "{findings:?}");
    let entries = tree.get("lookup").and_then(Node::as_array).expect("lookups");
    let context = Context {
        secrets: SecretFields::parse(&["user.pin"]).expect("paths"),
        uses: vec![("validateUser", ids(entries))],
        ..Context::default()
    };
    let set = LookupSet::compile(entries, &context, &mut findings);
    (set, findings)
}

/// What is wrong with lookups once they are made ready, and those that are.
fn prepare(toml: &str, secret: &'static str, previous: Option<&Lookups>) -> (Option<Lookups>, Diagnostics) {
    let (set, findings) = compile(toml);
    assert!(!findings.has_errors(), "{}", said(&findings));
    let (clock, metrics, mut findings) = (clock(), Metrics::new(), Diagnostics::default());
    let tools = Tools { secrets: &Only(secret), clock: &clock, metrics: &metrics, previous };
    let ready = set.prepare(&tools, &mut findings);
    (ready, findings)
}

#[track_caller]
fn ready(toml: &str) -> Lookups {
    let (ready, findings) = prepare(toml, "hunter2hunter2", None);
    ready.unwrap_or_else(|| panic!("{}", said(&findings)))
}

fn said(findings: &Diagnostics) -> String {
    findings.iter().map(|finding| finding.one_line() + "\n").collect()
}

/// What the only lookup comes to for a person, within five seconds.
async fn ask(lookups: &Lookups, user: serde_json::Value) -> Fact {
    let deadline = clock().instant() + Duration::from_secs(5);
    let facts = lookups.fetch(&event(&user), deadline).await;
    facts.iter().next().expect("a fact").clone()
}

/// The same in words.
async fn told(lookups: &Lookups, user: serde_json::Value) -> String {
    match ask(lookups, user).await.answer {
        Ok(Answer { found: false, .. }) => "not found".to_owned(),
        Ok(Answer { value, .. }) => value.to_string(),
        Err(why) => format!("failed: {why}"),
    }
}
