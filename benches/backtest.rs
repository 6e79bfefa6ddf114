//! How many kept events a second are judged again by ten ordinary rules, and what of that is reading and what judging.
//!
//!     cargo bench --bench backtest               300,000 events, on one thread and on all cores
//!     cargo bench --bench backtest -- 50000      fewer
//!
//! The journal is filled as the server fills it: the event of `benches/decide.rs` with a token, decided by the ten rules.
//! Each row is the best of five rounds over a journal that the system has in its memory.

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hookreeve::base::clock::Clock;
use hookreeve::base::diagnostic::{Diagnostics, Source};
use hookreeve::base::ids::{RequestId, new_uuid};
use hookreeve::base::secret::Secret;
use hookreeve::base::tree;
use hookreeve::dialect::cymmetri;
use hookreeve::event::{Arrival, Event, SecretFields, Token, catalog};
use hookreeve::expr::Type;
use hookreeve::facts::Facts;
use hookreeve::journal::sqlite::{Options, SqliteJournal, SqliteReader};
use hookreeve::journal::{Entry, Filter, Journal, NewEntry};
use hookreeve::record::{self, Payload};
use hookreeve::retrial::{Case, Court, Sweep, Tally, sweep};
use hookreeve::rules::{self, OnError, RuleSet, Stopwatch};

/// The ten ordinary rules of `scripts/bench`, as conditions of refusal that do not hold for the event.
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

const ROUNDS: usize = 5;

fn main() {
    let events = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(300_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let rules = Arc::new(ten());
    let court = Court::new(rules.clone(), Vec::new());
    for keys in [Vec::new(), vec![Secret::new("an encryption key of an operator")]] {
        let directory = tempfile::tempdir_in(".").expect("a directory");
        let sealed = if keys.is_empty() { "" } else { ", sealed" };
        let mut options = Options::new(directory.path().join("journal.db"), Clock::system());
        options.encryption_keys = keys;
        runtime.block_on(fill(&options, &rules, events));
        let bytes = size(directory.path());
        println!("{events} events in {} MiB{sealed}", bytes >> 20);
        let reader = SqliteReader::open(&options).expect("a journal");
        let row = |name: &str, threads: Option<usize>, each: &(dyn Fn(&mut Tally, &Entry) + Sync)| {
            let took = (0..ROUNDS).map(|_| {
                let start = now();
                let made = sweep(
                    &Sweep {
                        reader: &reader,
                        filter: Filter::default(),
                        runtime: runtime.handle(),
                        threads: threads.and_then(NonZero::new),
                        progress: &|_, _| {},
                    },
                    || Tally::new(3),
                    each,
                );
                let events: u64 = made.expect("it can be read").iter().map(|tally| tally.events).sum();
                (start.elapsed(), events)
            });
            let (took, events) = took.min().expect("a round");
            let cores = threads.or_else(|| std::thread::available_parallelism().ok().map(NonZero::get)).unwrap_or(1);
            let rate = number(events) / took.as_secs_f64();
            println!("{name:<34} {rate:>10.0} events/s {:>10.0} per core", rate / number(cores as u64));
        };
        row("read, 1 thread", Some(1), &|tally, _| tally.events += 1);
        row("read and open, 1 thread", Some(1), &|tally, entry| {
            assert!(Case::open(entry).is_ok());
            tally.events += 1;
        });
        row("backtest, 1 thread", Some(1), &|tally, entry| tally.note(entry, &court, None, None));
        row("backtest, all cores", None, &|tally, entry| tally.note(entry, &court, None, None));
    }
}

fn ten() -> RuleSet {
    let rule = |(number, when): (usize, &&str)| {
        format!("[[rule]]\nid = \"{number}\"\non = \"validateUser\"\nwhen = '''{when}'''\ndeny = \"Refused\"\n")
    };
    let rules = TEN.iter().enumerate().map(rule).collect::<Vec<_>>().concat();
    let mut findings = Diagnostics::default();
    let tree = tree::parse(&Arc::new(Source { name: "bench".into(), text: rules }), &mut findings);
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

fn event(number: u64) -> Event {
    let body = format!(
        r#"{{"request":{{"user":{{"assignedGroups":["grp-staff","grp-pune"],"provisionedApps":{{}},"securityQuestion":{{}},"country":"India","firstName":"Shreyash2","lastName":"Pande2","login":"person{number}","userType":"Employee","email":"person{number}@corp.example","contractor":false,"age":34,"department":"Finance","source":"HR","mobile":"+91 20 5550 0100","employeeId":"E-00042"}}}}}}"#
    );
    let token = r#"{"sub":"admin","iss":"cymmetri","tenantId":"as100","iat":1800000000,"exp":1800003600}"#;
    let arrival = Arrival {
        token: Some(Token::new(token.to_owned(), Some("as100".to_owned()))),
        received_at: Clock::system().now(),
        request_id: RequestId::random(),
    };
    cymmetri::decode(catalog::find("validateUser").expect("an event"), body.into(), arrival).expect("the body")
}

async fn fill(options: &Options, rules: &RuleSet, events: u64) {
    let journal = SqliteJournal::open(options.clone()).expect("a journal");
    let secrets = SecretFields::default();
    let mut number = 0;
    while number < events {
        let mut receipts = Vec::new();
        while receipts.len() < 1000 && number < events {
            // As many persons as there are events for thirty.
            let event = event(number / 30);
            let judged = rules.decide(&event, &Facts::default(), &Stopwatch::stopped());
            let secrets = secrets.of(event.spec());
            receipts.push(journal.append(NewEntry {
                id: new_uuid(),
                received_at: event.received_at(),
                event: event.name(),
                person: event.person(),
                outcome: judged.decision.outcome(),
                cause: "decided",
                rule: judged.rule.clone(),
                rule_set: [7; 32],
                took: Duration::from_micros(80),
                record: record::write(
                    &event,
                    &judged.decision,
                    &judged.trace,
                    &Facts::default(),
                    &secrets,
                    Payload::Full,
                ),
                repeat: None,
                idempotency: None,
                deliveries: Vec::new(),
                guards: Vec::new(),
                sighting: None,
                awaited: false,
            }));
            number += 1;
        }
        for receipt in receipts {
            receipt.await.expect("it is appended");
        }
    }
    journal.close().await;
}

fn size(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory).expect("a directory");
    files.filter_map(Result::ok).filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

fn number(whole: u64) -> f64 {
    u32::try_from(whole).map_or(f64::INFINITY, f64::from)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the time")]
fn now() -> Instant {
    Instant::now()
}
