//! What a shadow file costs a verdict: keeping an event that nobody waits for, without a shadow and with one of ten rules.
//!
//!     cargo bench --bench shadow
//!
//! The first two rows are what is done before the reply; the third is what is done behind it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hookreeve::action::ActionSet;
use hookreeve::base::clock::Clock;
use hookreeve::base::diagnostic::{Diagnostics, Source};
use hookreeve::base::ids::{RequestId, new_uuid};
use hookreeve::base::stop::Stop;
use hookreeve::base::tree;
use hookreeve::dialect::cymmetri;
use hookreeve::event::{Arrival, Event, SecretFields, catalog};
use hookreeve::expr::Type;
use hookreeve::journal::sqlite::{Options, SqliteJournal};
use hookreeve::journal::{self, Journal};
use hookreeve::judge::{Aside, Asked, Judge, Judgement, Recorder, Registry, Settings, Shadow, Timing};
use hookreeve::rules::{self, OnError, RuleSet};
use hookreeve::telemetry::metrics::Metrics;

/// The body and the ten rules of `benches/decide.rs`.
const BODY: &str = r#"{"request":{"user":{"assignedGroups":["grp-staff","grp-pune"],"provisionedApps":{},"securityQuestion":{},"country":"India","firstName":"Shreyash2","lastName":"Pande2","login":"shreyash2","userType":"Employee","email":"shreyash2@corp.example","contractor":false,"age":34,"department":"Finance","source":"HR","mobile":"+91 20 5550 0100","employeeId":"E-00042"}}}"#;
const TEN: [&str; 10] = [
    r#"!(user.email.endsWith("@corp.example") || user.contractor)"#,
    "size(user.firstName) > 64 || size(user.lastName) > 64",
    "!re(user.login, '^[a-z][a-z0-9._-]{2,31}$')",
    r#"!(user.country in ["India", "Germany", "France", "Japan", "Brazil"])"#,
    "!(user.age >= 18)",
    r#"!user.assignedGroups.all(group, group.startsWith("grp-"))"#,
    r#""grp-blocked" in user.assignedGroups"#,
    r#"!(text(user.?firstName) != "" && text(user.?lastName) != "")"#,
    r#"!(user.source in ["HR", "PORTAL", "IMPORT", "API"])"#,
    r#"!(user.department == "Sales" || user.source == "HR")"#,
];

/// How many events there are in a round, fewer than may wait; and how many rounds.
const EVENTS: u32 = 2000;
const DEADLINE: Duration = Duration::from_secs(2);
const ROUNDS: usize = 15;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure());
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the time")]
async fn measure() {
    let clock = Clock::system();
    let rules = Arc::new(rules());
    let settings = Settings { on_error: OnError::Allow, error_message: "Unavailable".into() };
    let judge = Judge::try_new(settings, rules.clone(), &Registry::new(), clock.clone()).expect("no handlers");
    let event = Arc::new(event());
    let judgement = judge.judge(&event, Timing { received: clock.instant(), deadline: DEADLINE }).await;
    let (mut plain, mut shadowed, mut behind) = (f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = open(&directory, &clock);
        plain = plain.min(before_the_reply(&recorder(&journal), &event, &judgement).await);
        journal.close().await;
        let directory = tempfile::tempdir().expect("a directory");
        let journal = open(&directory, &clock);
        let (aside, worker) = Aside::new();
        let shadow = Shadow::new(rules.clone(), &[0; 32], Vec::new(), clock.clone(), Metrics::new());
        let recorder = recorder(&journal).with_shadow(Some(shadow), &aside);
        shadowed = shadowed.min(before_the_reply(&recorder, &event, &judgement).await);
        let stop = Stop::new();
        stop.drain();
        let begun = Instant::now();
        worker.run(stop).await;
        behind = behind.min(begun.elapsed().as_secs_f64() * 1e9 / f64::from(EVENTS));
        journal.close().await;
    }
    println!("{:<52} {:>8}", "", "ns");
    println!("{:<52} {plain:>8.0}", "before the reply: keep a verdict, no shadow");
    println!("{:<52} {shadowed:>8.0}", "before the reply: hand it to the shadow's queue");
    println!("{:<52} {behind:>8.0}", "behind the reply: judge it by ten rules and keep it");
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the time")]
async fn before_the_reply(recorder: &Recorder, event: &Arc<Event>, judgement: &Judgement) -> f64 {
    let begun = Instant::now();
    for _ in 0..EVENTS {
        let timing = Timing { received: tokio::time::Instant::now(), deadline: DEADLINE };
        let asked = Asked { id: new_uuid(), same_as: None, until: event.received_at() };
        recorder.record(event, judgement, timing, &asked).await;
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(EVENTS)
}

fn open(directory: &tempfile::TempDir, clock: &Clock) -> Arc<dyn Journal> {
    let options = Options::new(directory.path().join("journal.db"), clock.clone());
    Arc::new(SqliteJournal::open(options).expect("it opens"))
}

fn recorder(journal: &Arc<dyn Journal>) -> Recorder {
    let (config, actions) = (journal::Config::default(), Arc::new(ActionSet::default()));
    Recorder::new(journal.clone(), config, actions, None, &SecretFields::default(), [0; 32])
}

fn rules() -> RuleSet {
    let rule = |(number, when): (usize, &&str)| {
        format!("[[rule]]\nid = \"{number}\"\non = \"validateUser\"\nwhen = '''{when}'''\ndeny = \"Refused\"\n")
    };
    let text = TEN.iter().enumerate().map(rule).collect();
    let mut findings = Diagnostics::default();
    let tree = tree::parse(&Arc::new(Source { name: "bench".into(), text }), &mut findings);
    let entries = tree.get("rule").and_then(|rules| rules.as_array()).unwrap_or_default().to_vec();
    let context = rules::Context {
        on_error: OnError::Allow,
        error_message: "Unavailable".into(),
        secrets: SecretFields::default(),
        attributes: [("age", Type::Int), ("contractor", Type::Bool), ("source", Type::String)]
            .map(|(name, kind)| (format!("user.{name}"), kind))
            .into(),
        lookups: Vec::new(),
    };
    let rules = rules::compile(&entries, &context, &mut findings);
    assert!(findings.is_empty(), "{findings:?}");
    rules
}

fn event() -> Event {
    let request_id = RequestId::parse("bench").expect("an id");
    let arrival = Arrival { token: None, received_at: Clock::system().now(), request_id };
    cymmetri::decode(catalog::find("validateUser").expect("an event"), BODY.into(), arrival).expect("the body")
}
