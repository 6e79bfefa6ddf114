//! The directory as lookups see it, over a journal on disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::base::diagnostic::{Diagnostics, Source};
use crate::base::ids::RequestId;
use crate::base::tree::{self, Node};
use crate::dialect::cymmetri;
use crate::event::{Arrival, Changes, SecretFields, catalog};
use crate::journal::NewEntry;
use crate::journal::sqlite::{Options, SqliteJournal};
use crate::lookup::Sought;

/// A directory over a journal in a directory of its own.
struct Bench {
    _directory: tempfile::TempDir,
    clock: Clock,
    journal: Arc<dyn Journal>,
    directory: Directory,
}

fn config(text: &str) -> Node {
    let source = Source { name: "hookreeve.toml".into(), text: text.into() };
    let mut findings = Diagnostics::default();
    let node = tree::parse(&source.into(), &mut findings);
    assert!(!findings.has_errors(), "{findings:?}");
    node
}

fn plan(text: &str, named: &[&str]) -> Plan {
    let node = config(text);
    let mut findings = Diagnostics::default();
    let read = tree::salvage::<Config>(&node, &mut findings).expect("a section").value;
    assert_eq!(read.problems(), []);
    let named = named.iter().map(|name| crate::event::FieldPath::parse(name).expect("a path"));
    let fields = Arc::new(Fields::new(&read, named));
    let secrets = SecretFields::default();
    let leave_out = node
        .get("leave_out")
        .map(|node| LeaveOut::compile(node, &secrets, &indexmap::IndexMap::new(), &mut findings).expect("a condition"));
    assert!(!findings.has_errors(), "{findings:?}");
    Plan { fields, leave_out }
}

impl Bench {
    async fn new(text: &str) -> Self {
        let bench = Self::unready(text);
        bench.directory.bring_up_to_date().await.expect("indexed");
        bench
    }

    fn unready(text: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Clock::fixed(DateTime::from_timestamp_millis(1_800_000_000_000).expect("a time"));
        let options = Options { reserve: 0, ..Options::new(directory.path().join("journal.db"), clock.clone()) };
        let journal: Arc<dyn Journal> = Arc::new(SqliteJournal::open(options).expect("it opens"));
        let plan = Arc::new(plan(text, &["mobile", "email"]));
        let people = Directory::new(plan, journal.clone(), clock.clone(), None);
        Self { _directory: directory, clock, journal, directory: people }
    }

    /// A notice that is kept.
    async fn told(&self, name: &str, user: Value) {
        let event = event(name, user);
        let appended = self.journal.append(NewEntry {
            id: crate::base::ids::new_uuid(),
            received_at: event.received_at(),
            event: event.name(),
            person: event.person(),
            outcome: "acknowledged",
            cause: "decided",
            rule: None,
            rule_set: [0; 32],
            took: Duration::ZERO,
            record: Vec::new(),
            repeat: None,
            idempotency: None,
            deliveries: Vec::new(),
            guards: Vec::new(),
            sighting: self.directory.sighting(&event),
            awaited: true,
        });
        appended.await.expect("it is kept");
        self.directory.kept(&event);
    }

    /// Whether another person has this number.
    async fn taken(&self, event: &Event, mobile: &str) -> Result<Found, String> {
        let user = event.user().expect("a user");
        let text = |name: &str| user.get(name).and_then(|text| text.as_text()?.ok()).unwrap_or_default().into_owned();
        self.directory
            .look(Sought {
                lookup: "same_mobile",
                event,
                all: vec![("mobile".into(), mobile.into())],
                except: vec![("login".into(), text("login")), ("id".into(), text("id"))],
                reserve: Some(Duration::from_secs(30)),
                give: &["login".into()],
            })
            .await
    }

    async fn asks(&self, login: &str, mobile: &str) -> Result<Found, String> {
        self.taken(&creation(login), mobile).await
    }

    /// The same of a creation that is refused afterwards.
    async fn refused(&self, login: &str, mobile: &str) {
        let event = creation(login);
        let _ = self.taken(&event, mobile).await;
        self.directory.decided(&event, &Decision::Refuse("No".into()));
    }
}

#[expect(clippy::needless_pass_by_value, reason = "who calls it writes it in place")]
fn event(name: &str, user: Value) -> Event {
    let arrival = Arrival {
        token: Some(json!({ "tenantId": "as100" }).into()),
        received_at: DateTime::UNIX_EPOCH,
        request_id: RequestId::random(),
    };
    let body = json!({ "request": { "user": user } }).to_string();
    cymmetri::decode(catalog::find(name).expect("an event"), body.into(), arrival).expect("a body")
}

fn creation(login: &str) -> Event {
    event("validateUser", json!({ "login": login }))
}

#[tokio::test]
async fn a_number_that_somebody_has_is_found_however_it_is_written() {
    let bench = Bench::new("country = \"91\"").await;
    bench.told("postCreateUser", json!({ "login": "Ada", "mobile": "+91 98200 12345" })).await;
    let Ok(Found::Person(value)) = bench.asks("bob", "098200-12345").await else { panic!("she has it") };
    assert_eq!(value["login"], "Ada");
    assert!(value["person"].as_str().is_some_and(|reference| reference.starts_with("ref-")), "{value}");
    assert_eq!(bench.asks("bob", "98200 12346").await, Ok(Found::Nobody));
    assert_eq!(bench.asks("bob", " ").await, Ok(Found::Nobody), "nobody has nothing");
    let update = event("validateUpdateUser", json!({ "login": "ada.k", "id": "7" }));
    assert!(matches!(bench.taken(&update, "9820012345").await, Ok(Found::Person(_))));
    assert_eq!(bench.asks("ADA", "9820012345").await, Ok(Found::Nobody), "it is her own");
    bench.told("postUpdateUser", json!({ "login": "Ada", "id": "7", "mobile": 9_820_012_345_u64 })).await;
    assert_eq!(bench.taken(&update, "9820012345").await, Ok(Found::Nobody), "the same id is the same person");
}

#[tokio::test]
async fn what_a_person_gives_up_is_free() {
    let bench = Bench::new("").await;
    for (user, taken) in [
        (json!({ "login": "ada", "mobile": "1" }), true),
        (json!({ "login": "ada", "mobile": "2" }), false),
        (json!({ "login": "ada", "mobile": "1" }), true),
        (json!({ "login": "ada", "mobile": null }), false),
        (json!({ "login": "ada", "mobile": "1" }), true),
        (json!({ "login": "ada" }), false),
    ] {
        bench.told("postUpdateUser", user.clone()).await;
        let question = creation("bob");
        assert_eq!(matches!(bench.taken(&question, "1").await, Ok(Found::Person(_))), taken, "{user}");
        bench.directory.decided(&question, &Decision::Refuse("No".into()));
    }
    let bench = Bench::new("missing = \"kept\"").await;
    bench.told("postCreateUser", json!({ "login": "ada", "mobile": "1" })).await;
    bench.told("postUpdateUser", json!({ "login": "ada" })).await;
    assert!(matches!(bench.asks("bob", "1").await, Ok(Found::Person(_))));
}

#[tokio::test]
async fn whoever_leaves_is_taken_out_and_not_taken_in() {
    let bench = Bench::new("leave_out = 'text(user.?status) == \"INACTIVE\"'").await;
    bench.told("postCreateUser", json!({ "login": "ada", "mobile": "1", "status": "ACTIVE" })).await;
    assert!(matches!(bench.asks("bob", "1").await, Ok(Found::Person(_))));
    bench.told("postUpdateUser", json!({ "login": "ada", "mobile": "1", "status": "INACTIVE" })).await;
    assert_eq!(bench.asks("bob", "1").await, Ok(Found::Nobody));
    bench.told("postCreateUser", json!({ "login": "eve", "mobile": "3", "status": "INACTIVE" })).await;
    assert_eq!(bench.asks("bob", "3").await, Ok(Found::Nobody));
    // Where it errs she stays, rather than that a number is given away twice.
    bench.told("postUpdateUser", json!({ "login": "ada", "mobile": "1", "status": [1] })).await;
    assert!(matches!(bench.asks("kim", "1").await, Ok(Found::Person(_) | Found::Reserved)));
}

#[tokio::test]
async fn of_two_creations_on_their_way_only_one_passes() {
    let bench = Bench::new("").await;
    assert_eq!(bench.asks("ada", "1").await, Ok(Found::Nobody));
    assert_eq!(bench.asks("bob", "01").await, Ok(Found::Reserved));
    assert_eq!(bench.asks("ada", "1").await, Ok(Found::Nobody), "the cloud asks again");
    assert_eq!(bench.asks("bob", "2").await, Ok(Found::Nobody));
    // A refusal gives it back.
    bench.directory.decided(&creation("ada"), &Decision::Accept(Changes::default()));
    assert_eq!(bench.asks("bob", "1").await, Ok(Found::Reserved));
    bench.refused("ada", "1").await;
    assert_eq!(bench.asks("bob", "1").await, Ok(Found::Nobody));
    // So does the end of its time.
    assert_eq!(bench.asks("eve", "1").await, Ok(Found::Reserved));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(30)).await;
    tokio::time::resume();
    assert_eq!(bench.asks("eve", "1").await, Ok(Found::Nobody));
    // Once she is there she is found in the journal.
    bench.told("postCreateUser", json!({ "login": "eve", "mobile": "1" })).await;
    assert!(matches!(bench.asks("bob", "1").await, Ok(Found::Person(_))));
    // Whoever found somebody holds nothing.
    bench.told("postUpdateUser", json!({ "login": "eve", "mobile": "5" })).await;
    assert_eq!(bench.asks("kim", "1").await, Ok(Found::Nobody));
}

#[tokio::test]
async fn only_what_asks_whether_something_may_be_reserves() {
    let bench = Bench::new("").await;
    for name in ["policyMap", "postCreateUser", "runDeprovision"] {
        assert_eq!(bench.taken(&event(name, json!({ "login": "ada" })), "1").await, Ok(Found::Nobody), "{name}");
    }
    assert_eq!(bench.asks("bob", "1").await, Ok(Found::Nobody));
    // Somebody without a name cannot be known again.
    assert_eq!(bench.taken(&event("validateUser", json!({})), "7").await, Ok(Found::Nobody));
    assert_eq!(bench.asks("ada", "7").await, Ok(Found::Nobody));
    assert_eq!(bench.taken(&event("validateUser", json!({})), "7").await, Ok(Found::Reserved));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_exactly_one_passes() {
    let bench = Arc::new(Bench::new("").await);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let bench = bench.clone();
        tasks.spawn(async move { bench.asks(&format!("p{number}"), "1").await });
    }
    let outcomes = tasks.join_all().await;
    let passed = outcomes.iter().filter(|outcome| **outcome == Ok(Found::Nobody)).count();
    assert_eq!(passed, 1, "{outcomes:?}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_asked_is_an_error() {
    let bench = Bench::new("").await;
    bench.journal.close().await;
    assert!(bench.asks("ada", "1").await.is_err_and(|error| !error.contains("ada")));
    // She may pass all the same, and so holds it.
    assert_eq!(bench.asks("bob", "1").await, Ok(Found::Reserved));
    let event = creation("ada");
    let other = bench.directory.look(Sought {
        lookup: "x",
        event: &event,
        all: vec![("city".into(), "Pune".into())],
        except: Vec::new(),
        reserve: None,
        give: &[],
    });
    assert_eq!(other.await, Err("the directory does not keep `city`".into()));
}

#[tokio::test]
async fn a_changed_country_is_a_changed_index() {
    let bench = Bench::new("").await;
    bench.told("postCreateUser", json!({ "login": "ada", "mobile": "+91 9820012345" })).await;
    assert_eq!(bench.asks("bob", "9820012345").await, Ok(Found::Nobody));
    let plan = Arc::new(plan("country = \"91\"", &["mobile", "email"]));
    let changed = Directory::new(plan, bench.journal.clone(), bench.clock.clone(), Some(&bench.directory));
    let bench = Bench { directory: changed, ..bench };
    // Nothing is answered before it is known whether it is right.
    let question = creation("bob");
    let mut waiting = std::pin::pin!(bench.taken(&question, "9820012345"));
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    bench.directory.bring_up_to_date().await.expect("indexed");
    assert!(matches!(waiting.await, Ok(Found::Person(_))));
}

#[tokio::test]
async fn a_notice_or_a_refusal_releases_only_what_it_was_about() {
    let bench = Bench::new("").await;
    assert_eq!(bench.asks("ada", "1").await, Ok(Found::Nobody));
    bench.told("postUpdateUser", json!({ "login": "ada", "mobile": "2" })).await;
    assert_eq!(bench.asks("bob", "1").await, Ok(Found::Reserved), "the notice was about another number");
    bench.refused("ada", "3").await;
    assert_eq!(bench.asks("bob", "1").await, Ok(Found::Reserved), "and so was the refusal");
    assert_eq!(bench.asks("bob", "3").await, Ok(Found::Nobody));
    bench.told("postUpdateUser", json!({ "login": "ada", "mobile": "1" })).await;
    bench.told("postUpdateUser", json!({ "login": "ada", "mobile": "2" })).await;
    assert_eq!(bench.asks("bob", "1").await, Ok(Found::Nobody));
    // Forgotten is forgotten.
    assert_eq!(bench.asks("eve", "9").await, Ok(Found::Nobody));
    bench.directory.forget(creation("eve").person());
    assert_eq!(bench.asks("bob", "9").await, Ok(Found::Nobody));
}

#[tokio::test]
async fn nobody_is_refused_because_of_herself_under_another_login() {
    let bench = Bench::new("").await;
    let before = event("validateUpdateUser", json!({ "login": "ada", "id": "7" }));
    let after = event("validateUpdateUser", json!({ "login": "ada.k", "id": "7" }));
    assert_eq!(bench.taken(&before, "1").await, Ok(Found::Nobody));
    assert_eq!(bench.taken(&after, "1").await, Ok(Found::Nobody));
    assert_eq!(bench.asks("bob", "1").await, Ok(Found::Reserved));
}

#[tokio::test]
async fn what_one_lookup_holds_another_over_the_same_fields_sees() {
    let bench = Bench::new("").await;
    assert_eq!(bench.asks("ada", "1").await, Ok(Found::Nobody));
    let event = creation("bob");
    let sought = Sought {
        lookup: "mobile_on_update",
        event: &event,
        all: vec![("mobile".into(), "1".into())],
        except: Vec::new(),
        reserve: Some(Duration::from_secs(30)),
        give: &[],
    };
    assert_eq!(bench.directory.look(sought).await, Ok(Found::Reserved));
}

#[tokio::test]
async fn a_field_that_is_not_known_of_everybody_answers_nobody_of_nobody() {
    let bench = Bench::new("").await;
    bench.told("postCreateUser", json!({ "login": "ada", "mobile": "1" })).await;
    let without = Arc::new(plan("", &["email"]));
    let without = Directory::new(without, bench.journal.clone(), bench.clock.clone(), Some(&bench.directory));
    without.bring_up_to_date().await.expect("indexed");
    let again = Arc::new(plan("", &["email", "mobile", "city"]));
    let again = Directory::new(again, bench.journal.clone(), bench.clock.clone(), Some(&without));
    again.bring_up_to_date().await.expect("indexed");
    let bench = Bench { directory: again, ..bench };
    let refused = bench.asks("bob", "1").await;
    assert!(
        refused.as_ref().is_err_and(|why| why.starts_with("`mobile` is not known of everybody yet")),
        "{refused:?}"
    );
    bench.directory.complete(vec!["mobile".into()]).await.expect("it is known");
    assert!(matches!(bench.asks("bob", "1").await, Ok(Found::Person(_))), "what was known is known still");
    let unready = bench.journal.unready_people(bench.directory.fields().forms()).await.expect("a look");
    assert_eq!(unready, ["city".into()], "it stays so after a start");
}

#[test]
fn fields_are_those_that_are_named_and_login_and_id() {
    let plan = plan(
        "country = \"91\"\n[fields]\n\"user.contact.number\" = \"phone\"\n\"user.login\" = \"text\"",
        &["mobile", "email", "email", "a\\.b"],
    );
    let forms: Vec<(String, String)> =
        plan.fields.forms().into_iter().map(|form| (form.name.to_string(), form.form.to_string())).collect();
    let pair = |name: &str, form: &str| (name.to_owned(), form.to_owned());
    assert_eq!(
        forms,
        [
            pair("contact.number", "phone 91/10"),
            pair("login", "text"),
            pair("mobile", "phone 91/10"),
            pair("email", "mail"),
            pair("a\\.b", "text"),
            pair("id", "text"),
        ]
    );
    let event =
        event("postCreateUser", json!({ "login": "Ada", "contact": { "number": "0981" }, "a.b": true, "id": 7 }));
    let Some(Sighting::Seen(told)) = plan.sighting(&event) else { panic!("she is seen") };
    let told: BTreeMap<&str, (&str, &str)> =
        told.iter().map(|field| (&*field.key.name, (field.value.as_str(), field.key.normal.as_str()))).collect();
    assert_eq!(told["contact.number"], ("0981", "981"));
    assert_eq!((told["login"], told["id"]), (("Ada", "ada"), ("7", "7")));
    assert_eq!((told["a\\.b"], told["mobile"]), (("", ""), ("", "")));
}

#[test]
fn what_is_wrong_with_the_section_is_said() {
    let config = Config {
        fields: [("mobile".to_owned(), Kind::Phone)].into_iter().collect(),
        country: Some("+91".into()),
        national_digits: 2,
        ..Config::default()
    };
    let said: Vec<String> = config.problems().into_iter().map(|problem| problem.message).collect();
    assert_eq!(
        said,
        [
            "a field of the directory starts with `user.`",
            "a country's code is 1 to 3 digits",
            "a phone number has 4 to 15 digits"
        ]
    );
}
