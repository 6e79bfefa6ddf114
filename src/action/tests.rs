//! Actions as written: what is found wrong with them, which events want them, and what the log says.

mod chains;
mod findings;

use std::collections::HashMap;
use std::ffi::OsString;

use serde_json::json;

use super::*;
use crate::base::clock::Clock;
use crate::base::diagnostic::{Diagnostics, Source};
use crate::base::ids::RequestId;
use crate::base::secret::{SecretError, SecretRef, SecretSource};
use crate::base::tree::{self, Node};
use crate::dialect::cymmetri;
use crate::event::{Arrival, catalog};
use crate::telemetry::PersonName;

/// The instant at which tests stand.
pub(super) fn clock() -> Clock {
    Clock::fixed("2026-11-21T08:30:00Z".parse().expect("a time"))
}

/// A job on the documented sample of an event.
pub(super) fn job(event: &str) -> Job {
    job_on(event, catalog::find(event).expect("an event").sample)
}

/// A job on an event with this body.
pub(super) fn job_on(event: &str, body: &str) -> Job {
    let arrival = Arrival {
        token: Some(json!({ "tenantId": "as 100" }).into()),
        received_at: clock().now(),
        request_id: RequestId::parse("r-1").expect("an id"),
    };
    let spec = catalog::find(event).expect("an event");
    let event = cymmetri::decode(spec, body.as_bytes().to_vec(), arrival).expect("an event's body");
    Job {
        event: Arc::new(event),
        facts: Facts::default(),
        entry_id: "018f0000-0000-7000-8000-000000000001".to_owned(),
        idempotency_key: "018f0000-0000-7000-8000-000000000001_a".to_owned(),
        attempt: 1,
        decision: DecisionView { outcome: "acknowledged".to_owned(), ..DecisionView::default() },
        secrets: Vec::new(),
        answers: serde_json::Map::new(),
    }
}

/// A job on an event about this person.
pub(super) fn job_about(event: &str, user: &serde_json::Value) -> Job {
    job_on(event, &json!({ "request": { "user": user } }).to_string())
}

/// The actions of a text, and what was found wrong with them.
pub(super) fn compile(toml: &str) -> (ActionSet, Diagnostics) {
    let mut findings = Diagnostics::default();
    let source = Arc::new(Source { name: "t.toml".into(), text: toml.into() });
    let tree = tree::parse(&source, &mut findings);
    assert!(findings.is_empty(), "{findings:?}");
    let entries = tree.get("action").and_then(Node::as_array).expect("actions");
    let context = Context {
        secrets: SecretFields::parse(&["user.pin"]).expect("paths"),
        lookups: vec!["hr".into()],
        ..Context::default()
    };
    let set = ActionSet::compile(entries, &context, &mut findings);
    (set, findings)
}

/// Secrets by the names of their variables.
pub(super) struct Secrets(HashMap<&'static str, String>);

impl SecretSource for Secrets {
    fn resolve(&self, place: &SecretRef) -> Result<Secret, SecretError> {
        let SecretRef::Env(name) = place else { panic!("no files here") };
        self.0.get(name.as_str()).map(|text| Secret::new(text.as_str())).ok_or(SecretError::Unset(name.clone()))
    }
}

/// Makes actions ready, with these secrets.
pub(super) fn prepare(set: &ActionSet, secrets: &[(&'static str, &str)]) -> Result<Ready, Diagnostics> {
    let secrets = Secrets(secrets.iter().map(|(name, text)| (*name, (*text).to_owned())).collect());
    let variable = |name: &str| (name == "SHOWN").then(|| OsString::from("shown"));
    set.prepare(&Tools { secrets: &secrets, variable: &variable, clock: &clock(), person: &PersonName::None })
}

/// The one action of a text, ready.
#[track_caller]
pub(super) fn ready(toml: &str, secrets: &[(&'static str, &str)]) -> Arc<dyn Action> {
    let (set, findings) = compile(&format!("[[action]]\nid = 'a'\n{toml}"));
    assert!(!findings.has_errors(), "{findings:?}");
    let ready = prepare(&set, secrets).unwrap_or_else(|findings| panic!("{findings:?}"));
    ready.get("a").expect("the action").clone()
}

#[test]
fn what_a_target_says_is_one_bounded_line_without_controls() {
    let answer = Answer::dead("x".repeat(500)).with_detail("a\r\nb\u{1b}[31m\u{202e}c\0é".as_bytes());
    assert_eq!(answer.what.len(), MAX_WHAT_BYTES);
    assert_eq!(answer.detail.as_deref(), Some("a  b[31mcé"));
    let long = Answer::dead("x").with_detail("é".repeat(2000).as_bytes());
    assert_eq!(long.detail.map(|detail| detail.len()), Some(MAX_DETAIL_BYTES));
    assert_eq!(Answer::dead("x").with_detail(b" \n").detail, None);
}

#[test]
fn an_event_wants_the_actions_whose_condition_holds() {
    let (set, findings) = compile(
        r#"
        [[action]]
        id = "all"
        on = ["postCreateUser", "postUpdateUser"]
        type = "log"
        [[action]]
        id = "employees"
        on = "postCreateUser"
        when = 'user.userType == "Employee"'
        type = "log"
        [[action]]
        id = "deprovisioned"
        on = "runDeprovision"
        when = 'decision.outcome == "deprovision" && decision.rule == "leavers"'
        type = "log"
        [[action]]
        id = "refused"
        on = "validateUser"
        decision = "refused"
        when = 'decision.message == "EmailRequired"'
        type = "log"
        "#,
    );
    assert!(findings.is_empty(), "{findings:?}");
    let wanted = |event: &str, user: serde_json::Value, decision: DecisionView| {
        let job = job_about(event, &user);
        let wanted = set.wanted(&job.event, &job.facts, &decision);
        wanted
            .into_iter()
            .map(|(action, verdict)| match verdict {
                Ok(()) => action.id.to_string(),
                Err(error) => format!("{}: {error}", action.id),
            })
            .collect::<Vec<_>>()
    };
    let none = DecisionView::of(&Decision::Acknowledge, None);
    let refused = |message: &str| DecisionView::of(&Decision::Refuse(message.into()), Some("r"));
    assert_eq!(wanted("postCreateUser", json!({ "userType": "Employee" }), none.clone()), ["all", "employees"]);
    assert_eq!(wanted("postCreateUser", json!({ "userType": "Guest" }), none.clone()), ["all"]);
    assert_eq!(
        wanted("postCreateUser", json!({ "login": "x" }), none.clone()),
        ["all", "employees: the field `userType` is missing"]
    );
    assert_eq!(wanted("postUpdateUser", json!({}), none.clone()), ["all"]);
    let gone = DecisionView::of(&Decision::Deprovision(true), Some("leavers"));
    assert_eq!(wanted("runDeprovision", json!({}), gone), ["deprovisioned"]);
    let kept = DecisionView::of(&Decision::Deprovision(false), None);
    assert_eq!(wanted("runDeprovision", json!({}), kept), [""; 0]);
    assert_eq!(wanted("validateUser", json!({}), refused("EmailRequired")), ["refused"]);
    assert_eq!(wanted("validateUser", json!({}), refused("Other")), [""; 0]);
    let accepted = DecisionView::of(&Decision::Accept(crate::event::Changes::default()), None);
    assert_eq!(wanted("validateUser", json!({}), accepted), [""; 0]);
    assert!(set.follows("validateUser") && !set.follows("policyMap"));
    let job = job_about("postCreateUser", &json!({ "userType": "Guest" }));
    assert_eq!(set.wants("employees", &job.event, &job.facts, &none), Some(Ok(false)));
    assert_eq!(set.wants("refused", &job.event, &job.facts, &none), None);
}

#[test]
fn granted_fields_are_taken_as_they_stand() {
    let (set, findings) = compile(
        "[[action]]\nid = 'a'\non = ['changePassword', 'postUpdateUser']\ntype = 'command'\nargv = ['true']\n\
         secrets = ['passwordText', 'user.password', 'request.user.pin']\nsecret_ttl = '1h'",
    );
    assert!(findings.is_empty(), "{findings:?}");
    let grant = &set.find("a").expect("an action").grant;
    assert_eq!(grant.ttl, Duration::from_secs(3600));
    let job = job_on("changePassword", r#"{"request":{"passwordText":"h\u0075nter\"2","user":{"pin":1.50}}}"#);
    let taken = grant.take(&job.event);
    let shown: Vec<_> = taken.iter().map(|granted| (granted.field.as_str(), granted.json.expose())).collect();
    assert_eq!(shown, [("passwordText", &br#""h\u0075nter\"2""#[..]), ("user.pin", b"1.50")]);
}

#[tokio::test]
async fn a_log_action_is_done_with_its_line() {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(written.clone())
        .finish();
    let action = ready("on = 'postCreateUser'\ntype = 'log'\nlevel = 'warn'\nmessage = 'a new person'", &[]);
    {
        let _guard = tracing::subscriber::set_default(subscriber);
        assert_eq!(action.attempt(&job("postCreateUser")).await, Answer::done("logged"));
    }
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert_eq!(
        text.trim(),
        "WARN a new person action=\"a\" event=\"postCreateUser\" \
         entry=\"018f0000-0000-7000-8000-000000000001\" outcome=\"acknowledged\""
    );
}

/// What a log writes.
#[derive(Clone, Default)]
struct Written(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Written {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The blocks of documents about actions that are configurations.
fn documented() -> Vec<String> {
    let texts = [include_str!("../../docs/actions.md"), include_str!("../../docs/systems/idhub.md")];
    let blocks = texts.iter().flat_map(|text| text.split("```toml\n").skip(1));
    blocks.filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

#[test]
fn every_documented_action_is_correct() {
    assert!(documented().len() > 8);
    for toml in documented() {
        let (set, findings) = compile(&toml);
        assert!(findings.is_empty() && !set.is_empty(), "{toml}\n{findings:?}");
    }
}

#[test]
fn every_key_is_documented() {
    let text = include_str!("../../docs/actions.md");
    let schema = schema(&mut schemars::SchemaGenerator::default()).to_value();
    let keys = schema["properties"].as_object().expect("keys");
    assert!(keys.len() > 30, "{}", keys.len());
    for key in keys.keys() {
        assert!(text.contains(&format!("`{key}")) || text.contains(&format!("\n{key} = ")), "{key}");
    }
}
