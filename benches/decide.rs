//! What a decision costs inside the process: ten ordinary rules, and a thousand of which one in a hundred holds.
//!
//!     cargo bench --bench decide              nanoseconds and allocations
//!     cargo bench --bench decide -- work ten N    N decisions of ten rules, or of a `thousand`, and nothing else
//!
//! `scripts/instructions` counts the instructions of the latter and compares them with `benches/instructions.json`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hookreeve::base::clock::Clock;
use hookreeve::base::diagnostic::{Diagnostics, Source};
use hookreeve::base::ids::RequestId;
use hookreeve::base::json::Document;
use hookreeve::base::secret::{Secret, SecretError, SecretRef, SecretSource};
use hookreeve::base::tree;
use hookreeve::dialect::cymmetri::{self, AcceptShape};
use hookreeve::event::{Arrival, Event, SecretFields, catalog};
use hookreeve::expr::Type;
use hookreeve::facts::Facts;
use hookreeve::lookup::{self, LookupSet};
use hookreeve::rules::{self, OnError, RuleSet, Stopwatch};
use hookreeve::telemetry::metrics::Metrics;

const BODY: &str = r#"{"request":{"user":{"assignedGroups":["grp-staff","grp-pune"],"provisionedApps":{},"securityQuestion":{},"country":"India","firstName":"Shreyash2","lastName":"Pande2","login":"shreyash2","userType":"Employee","email":"shreyash2@corp.example","contractor":false,"age":34,"department":"Finance","source":"HR","mobile":"+91 20 5550 0100","employeeId":"E-00042"}}}"#;

/// The ten ordinary rules of `scripts/bench`, as conditions of refusal that do not hold for the body above.
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

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let ten = rules(&TEN.map(|when| format!("when = '''{when}'''\ndeny = \"Refused\"")));
    let event = event();
    let thousand: Vec<String> = (0..1000)
        .map(|number| {
            let department = if number % 100 == 0 { "Finance" } else { "Other" };
            format!(
                "when = 'user.department == \"{department}{}\"'\nset.seen = '1'",
                if number % 100 == 0 { "" } else { "s" }
            )
        })
        .collect();
    let thousand = rules(&thousand);
    if let [work, which, times] = arguments.as_slice()
        && work == "work"
    {
        let rules = if which == "ten" { &ten } else { &thousand };
        for _ in 0..times.parse::<u32>().expect("a number of decisions") {
            black_box(decide(rules, &event));
        }
        return;
    }
    println!("{:<44} {:>10} {:>12}", "", "ns", "allocations");
    row("parse the body (places, duplicates)", || _ = black_box(Document::parse(black_box(BODY))));
    row("decode the event", || _ = black_box(self::event()));
    row("decide ten rules", || _ = black_box(decide(&ten, &event)));
    row("decide a thousand rules, ten hold", || _ = black_box(decide(&thousand, &event)));
    let judged = decide(&ten, &event);
    lookups();
    row("encode the reply", || _ = black_box(cymmetri::encode(&event, &judged.decision, AcceptShape::Data)));
}

fn decide(rules: &RuleSet, event: &Event) -> rules::Judged {
    rules.decide(event, &Facts::default(), &Stopwatch { elapsed: &|| Duration::ZERO, budget: Duration::MAX })
}

/// No lookup here names one.
struct NoSecrets;

impl SecretSource for NoSecrets {
    fn resolve(&self, place: &SecretRef) -> Result<Secret, SecretError> {
        Err(SecretError::Empty(place.clone()))
    }
}

/// What an event waits for a lookup whose answer is at hand.
fn lookups() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let people: Vec<String> = (0..100_000).map(|number| format!("p{number},{number}")).collect();
    std::fs::write(path("people.csv"), format!("login,number\nshreyash2,1\n{}\n", people.join("\n"))).expect("written");
    std::fs::write(path("empty.db"), "").expect("written");
    let kept = format!(
        "type = 'sql'\nurl = 'sqlite:{}'\ncache = '1h'\ntimeout = '5s'\nparams = {{ login = 'user.login' }}\nquery = 'select 1 as one where :login > 1'",
        path("empty.db")
    );
    let rows = format!("type = 'csv'\nkey = 'login'\nfile = '{}'", path("people.csv"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (clock, metrics) = (Clock::system(), Metrics::new());
    let event = Arc::new(event());
    for (name, toml) in [("a lookup whose answer is kept", kept), ("a lookup of a row among 100,000 of a file", rows)] {
        let mut findings = Diagnostics::default();
        let text = format!("[[lookup]]\nid = 'x'\n{toml}\n");
        let tree = tree::parse(&Arc::new(Source { name: "bench".into(), text }), &mut findings);
        let entries = tree.get("lookup").and_then(|lookups| lookups.as_array()).unwrap_or_default();
        let context = lookup::Context { uses: vec![("validateUser", lookup::ids(entries))], ..Default::default() };
        let set = LookupSet::compile(entries, &context, &mut findings);
        let tools = lookup::Tools { secrets: &NoSecrets, clock: &clock, metrics: &metrics, previous: None };
        let lookups = set.prepare(&tools, &mut findings).expect("lookups");
        assert!(findings.is_empty(), "{findings:?}");
        let fetch = || runtime.block_on(lookups.fetch(&event, clock.instant() + Duration::from_secs(9)));
        assert!(fetch().iter().all(|fact| fact.answer.as_ref().is_ok_and(|answer| answer.found)), "{:?}", fetch());
        row(name, || _ = black_box(fetch()));
    }
}

fn rules(bodies: &[String]) -> RuleSet {
    let mut text = String::new();
    for (number, body) in bodies.iter().enumerate() {
        let on = if body.contains("set.") { "preCreateUser\", \"validateUser" } else { "validateUser" };
        text = format!("{text}[[rule]]\nid = \"{number}\"\non = [\"{on}\"]\n{body}\n");
    }
    let mut findings = Diagnostics::default();
    let tree = tree::parse(&Arc::new(Source { name: "bench".into(), text }), &mut findings);
    let entries = tree.get("rule").and_then(|rules| rules.as_array()).unwrap_or_default().to_vec();
    let context = rules::Context {
        on_error: OnError::Allow,
        error_message: "Unavailable".into(),
        secrets: SecretFields::default(),
        attributes: [("age", Type::Int), ("contractor", Type::Bool), ("source", Type::String), ("seen", Type::Int)]
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
    let arrival = Arrival { token: None, received_at: chrono::DateTime::UNIX_EPOCH, request_id };
    cymmetri::decode(catalog::find("validateUser").expect("an event"), BODY.into(), arrival).expect("the body")
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the time")]
fn row(name: &str, mut work: impl FnMut()) {
    work();
    let allocations = allocation_counter::measure(&mut work).count_total;
    let mut best = f64::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        let mut times = 0_u32;
        while start.elapsed() < Duration::from_millis(20) {
            for _ in 0..20 {
                work();
            }
            times += 20;
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(times));
    }
    println!("{name:<44} {best:>10.0} {allocations:>12}");
}
