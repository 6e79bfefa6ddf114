//! Guards over a journal of their own, with a clock that stands still until it is moved.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use expect_test::{Expect, expect};

use super::{GuardSet, Guarding, Guards};
use crate::base::clock::Clock;
use crate::base::diagnostic::{Diagnostics, Source};
use crate::base::ids::{RequestId, new_uuid};
use crate::base::tree::{self, Node};
use crate::dialect::cymmetri;
use crate::event::{Arrival, Change, Changes, Decision, Event, FieldPath, Mapped, catalog};
use crate::journal::sqlite::{Options, SqliteJournal};
use crate::journal::{GuardAct, GuardMark, GuardedFilter, Journal, NewEntry};

const GUARD: &str = "[[guard]]\nid = \"g\"\non = \"runDeprovision\"\nmax = 2\nper = \"10m\"\n";

/// Guards at work, and what they stand on.
struct Bench {
    directory: tempfile::TempDir,
    clock: Clock,
    journal: Arc<dyn Journal>,
    set: GuardSet,
    guards: Guards,
}

fn compiled(toml: &str) -> (GuardSet, Diagnostics) {
    let mut findings = Diagnostics::default();
    let tree = tree::parse(&Arc::new(Source { name: "g.toml".into(), text: toml.into() }), &mut findings);
    let set = GuardSet::compile(tree.get("guard").and_then(Node::as_array).unwrap_or_default(), &mut findings);
    (set, findings)
}

impl Bench {
    fn new(toml: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Clock::fixed(DateTime::from_timestamp_millis(1_800_000_000_000).expect("a time"));
        Self::open(directory, clock, toml)
    }

    fn open(directory: tempfile::TempDir, clock: Clock, toml: &str) -> Self {
        let (set, findings) = compiled(toml);
        assert!(findings.is_empty(), "{findings:?}");
        let mut options = Options::new(directory.path().join("journal.db"), clock.clone());
        options.reserve = 0;
        let journal: Arc<dyn Journal> = Arc::new(SqliteJournal::open(options).expect("it opens"));
        let guards = Guards::new(journal.clone(), Duration::from_secs(60));
        guards.adopt(&set);
        Self { directory, clock, journal, set, guards }
    }

    /// The same after a restart.
    async fn again(self, toml: &str) -> Self {
        self.journal.close().await;
        drop(self.guards);
        drop(self.journal);
        let bench = Self::open(self.directory, self.clock, toml);
        bench.guards.recall(&bench.set, bench.clock.now()).await.expect("it is recalled");
        bench
    }

    fn event(&self, name: &str, login: &str, tenant: &str) -> Event {
        let token = Some(serde_json::json!({ "sub": "x", "tenantId": tenant }).into());
        let arrival = Arrival { token, received_at: self.clock.now(), request_id: RequestId::random() };
        let body = serde_json::json!({ "request": { "user": { "login": login } } });
        cymmetri::decode(catalog::find(name).expect("an event"), body.to_string().into(), arrival).expect("a body")
    }

    fn weigh(&self, event: &Event) -> Guarding {
        let decision = match event.name() {
            "runDeprovision" => Decision::Deprovision(true),
            "policyMap" => Decision::Map(Mapped::Value(1.into())),
            "preCreateUser" => {
                let change = Change::Unset(FieldPath::parse("city").expect("a path"));
                Decision::Accept(Changes::from_iter([change]))
            }
            _ => Decision::Refuse("No".into()),
        };
        self.guards.weigh(&self.set, event, &decision, Some(&"r".into()))
    }

    /// Whether a person's call is held, and kept as the recorder keeps it.
    async fn asks(&self, login: &str) -> bool {
        let event = self.event("runDeprovision", login, "t");
        let guarding = self.weigh(&event);
        self.keep(&event, &guarding).await;
        guarding.held.is_some()
    }

    async fn keep(&self, event: &Event, guarding: &Guarding) {
        let passed = guarding.passed.iter().map(|guard| GuardMark::Passed { guard: guard.clone() });
        let held = guarding.held.iter().filter_map(|held| {
            Some(GuardMark::Held {
                guard: held.guard.clone(),
                outcome: "deprovision",
                rule: held.rule.clone(),
                release_for: held.release_for,
                since: held.listed?,
            })
        });
        let (outcome, cause) = match guarding {
            Guarding { held: Some(_), .. } => ("kept", "guarded"),
            Guarding { released: true, .. } => ("deprovision", "released"),
            _ => ("deprovision", "decided"),
        };
        let entry = NewEntry {
            id: new_uuid(),
            received_at: event.received_at(),
            event: event.name(),
            person: event.person(),
            outcome,
            cause,
            rule: None,
            rule_set: [0; 32],
            took: Duration::ZERO,
            record: b"{}".to_vec(),
            repeat: None,
            idempotency: None,
            deliveries: Vec::new(),
            guards: passed.chain(held).collect(),
            sighting: None,
            awaited: true,
        };
        self.journal.append(entry).await.expect("it is kept");
    }

    async fn act(&self, act: GuardAct) {
        let page = self.journal.guarded(GuardedFilter::default(), 10).await.expect("a page");
        for guarded in page.items {
            let acted = self.journal.act_on_guarded(guarded.number, act, "so").await.expect("it is done");
            self.guards.acted(&acted);
        }
    }

    fn held(&self) -> usize {
        self.guards.held().iter().map(|(_, held)| held).sum()
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn so_many_persons_pass_in_so_much_time_and_one_counts_once() {
    let bench = Bench::new(GUARD);
    assert!(!bench.asks("anna").await && !bench.asks("bob").await);
    assert!(!bench.asks("anna").await && !bench.asks("bob").await, "they are counted already");
    assert!(bench.asks("carol").await);
    assert_eq!(bench.held(), 1);
    // Anna's last call is what counts.
    bench.later(300);
    assert!(!bench.asks("anna").await);
    bench.later(301);
    assert!(!bench.asks("dora").await, "bob's is over");
    assert!(bench.asks("emil").await, "and anna's is not");
}

#[tokio::test]
async fn who_is_held_stays_so_until_somebody_says_otherwise() {
    let bench = Bench::new(GUARD);
    for login in ["anna", "bob"] {
        assert!(!bench.asks(login).await);
    }
    assert!(bench.asks("carol").await);
    bench.later(3600);
    assert!(bench.asks("carol").await, "there is room, and nobody has looked yet");
    bench.act(GuardAct::Drop).await;
    assert_eq!(bench.held(), 0);
    assert!(!bench.asks("carol").await, "she is counted like anybody else");
}

#[tokio::test]
async fn a_call_that_was_on_its_way_while_somebody_acted_puts_nobody_on_the_list_again() {
    for act in [GuardAct::Drop, GuardAct::Release] {
        let bench = Bench::new(GUARD);
        for login in ["anna", "bob", "carol"] {
            bench.asks(login).await;
        }
        let event = bench.event("runDeprovision", "carol", "t");
        // Weighed before, and written after.
        let guarding = bench.weigh(&event);
        assert!(guarding.held.is_some());
        bench.act(act).await;
        bench.keep(&event, &guarding).await;
        let list = async || bench.journal.guarded(GuardedFilter::default(), 10).await.expect("a page").items;
        assert!(list().await.is_empty() && bench.held() == 0, "{act:?}");
        // Held anew she is listed anew, in the same moment, too.
        assert_eq!(bench.asks("carol").await, act == GuardAct::Drop);
        bench.later(61);
        assert!(bench.asks("carol").await);
        let listed = list().await;
        assert_eq!((listed.len(), listed[0].calls), (1, if act == GuardAct::Drop { 2 } else { 1 }));
        let bench = bench.again(GUARD).await;
        assert_eq!(bench.held(), 1);
    }
}

#[tokio::test]
async fn a_pass_is_for_one_call_and_its_repeat_and_does_not_count() {
    let bench = Bench::new(GUARD);
    for login in ["anna", "bob", "carol", "dora"] {
        bench.asks(login).await;
    }
    bench.act(GuardAct::Release).await;
    assert!(!bench.asks("carol").await);
    bench.later(60);
    assert!(!bench.asks("carol").await, "the cloud may not have heard the answer");
    bench.later(1);
    assert!(bench.asks("carol").await, "the pass is used up, and the guard has no room");
    // Dora's was not used, and its time is over.
    bench.later(24 * 3600);
    assert!(!bench.asks("emil").await && !bench.asks("frida").await);
    assert!(bench.asks("dora").await);
}

#[tokio::test]
async fn a_restart_knows_who_was_counted_who_is_held_and_who_has_a_pass() {
    let bench = Bench::new(GUARD);
    for login in ["anna", "bob", "carol"] {
        bench.asks(login).await;
    }
    let bench = bench.again(GUARD).await;
    assert_eq!(bench.held(), 1);
    assert!(bench.asks("dora").await, "anna and bob are counted");
    assert!(!bench.asks("anna").await);
    bench.act(GuardAct::Release).await;
    let bench = bench.again(GUARD).await;
    assert!(!bench.asks("carol").await);
    let bench = bench.again(GUARD).await;
    assert!(!bench.asks("carol").await, "a repeat, also after a restart");
    bench.later(61);
    assert!(bench.asks("carol").await, "who was let pass was not counted, and the guard has no room");
    assert!(!bench.asks("dora").await, "her pass is there still");
}

#[tokio::test]
async fn two_guards_on_one_event_use_up_nothing_where_one_of_them_holds() {
    let toml = "[[guard]]\nid = \"wide\"\non = \"runDeprovision\"\nmax = 3\nper = \"10m\"\n\
        [[guard]]\nid = \"narrow\"\non = [\"runDeprovision\", \"validateUser\"]\nmax = 1\nper = \"1m\"\n";
    let bench = Bench::new(toml);
    assert!(!bench.asks("anna").await);
    assert!(bench.asks("bob").await && bench.asks("carol").await);
    bench.later(61);
    bench.act(GuardAct::Drop).await;
    assert!(!bench.asks("bob").await);
    bench.later(61);
    assert!(!bench.asks("carol").await, "neither was counted by the wide one before");
    bench.later(61);
    assert!(bench.asks("dora").await);
    let page = bench.journal.guarded(GuardedFilter::default(), 10).await.expect("a page");
    assert_eq!(page.items.iter().map(|guarded| guarded.guard.as_str()).collect::<Vec<_>>(), ["wide"]);
}

#[tokio::test]
async fn what_counts_is_what_is_not_neutral_and_events_of_a_guard_count_together() {
    let toml =
        "[[guard]]\nid = \"g\"\non = [\"validateUser\", \"policyMap\", \"preCreateUser\"]\nmax = 2\nper = \"10m\"\n";
    let bench = Bench::new(toml);
    let calm = |name, decision| bench.guards.weigh(&bench.set, &bench.event(name, "x", "t"), &decision, None);
    assert_eq!(calm("validateUser", Decision::Accept(Changes::default())), Guarding::default());
    assert_eq!(calm("policyMap", Decision::Map(Mapped::Neutral)), Guarding::default());
    assert_eq!(calm("runDeprovision", Decision::Deprovision(true)), Guarding::default(), "it has no guard");
    assert!(bench.weigh(&bench.event("validateUser", "anna", "t")).counted);
    assert!(bench.weigh(&bench.event("policyMap", "bob", "t")).counted);
    let held = bench.weigh(&bench.event("preCreateUser", "carol", "t")).held.expect("it is held");
    assert!(held.tripped && held.listed.is_some() && held.decision.outcome() == "changed");
    assert!(!bench.weigh(&bench.event("preCreateUser", "dora", "t")).held.expect("it is held").tripped);
    assert!(bench.weigh(&bench.event("preCreateUser", "anna", "t")).counted, "one person, whatever the event");
}

#[tokio::test]
async fn tenants_are_counted_apart_and_the_unknown_one_by_one() {
    let bench = Bench::new(GUARD);
    for tenant in ["a", "b"] {
        for login in ["anna", "bob"] {
            assert!(bench.weigh(&bench.event("runDeprovision", login, tenant)).counted);
        }
    }
    let held = |login| bench.weigh(&bench.event("runDeprovision", login, "a")).held;
    assert!(held("carol").is_some_and(|held| held.listed.is_some()));
    for _ in 0..2 {
        assert!(held("").is_some_and(|held| held.listed.is_none()), "nobody could recognise the next call");
    }
    assert!(bench.weigh(&bench.event("runDeprovision", "", "c")).counted);
    assert!(bench.weigh(&bench.event("runDeprovision", "", "c")).counted);
    assert!(bench.weigh(&bench.event("runDeprovision", "", "c")).held.is_some(), "two unknown are two");
}

#[tokio::test]
async fn a_guard_trips_again_once_it_was_half_empty() {
    let bench = Bench::new(GUARD);
    let tripped = |login| bench.weigh(&bench.event("runDeprovision", login, "t")).held.map(|held| held.tripped);
    assert_eq!([tripped("a"), tripped("b"), tripped("c"), tripped("d")], [None, None, Some(true), Some(false)]);
    bench.later(601);
    assert_eq!([tripped("e"), tripped("f"), tripped("g")], [None, None, Some(true)]);
}

#[tokio::test]
async fn a_share_is_of_the_persons_that_the_journal_knows() {
    let share = GUARD.replace("max = 2", "max = \"5%\"");
    let bench = Bench::new(GUARD.replace("max = 2", "max = 1000").as_str());
    for number in 0..50 {
        bench.asks(&format!("p{number}")).await;
    }
    bench.later(3600);
    let bench = bench.again(&share).await;
    // 5 % of 50, rounded up.
    for login in ["a", "b", "c"] {
        assert!(!bench.asks(login).await, "{login}");
    }
    assert!(bench.asks("d").await);
}

#[tokio::test]
async fn a_forgotten_person_is_on_no_list() {
    let bench = Bench::new(GUARD);
    for login in ["anna", "bob", "carol"] {
        bench.asks(login).await;
    }
    let event = bench.event("runDeprovision", "carol", "t");
    let reference = bench.journal.reference(event.person());
    bench.journal.forget(event.person()).await.expect("it is forgotten");
    bench.guards.forget(&reference);
    assert_eq!(bench.held(), 0);
    assert!(bench.journal.guarded(GuardedFilter::default(), 10).await.expect("a page").items.is_empty());
}

#[tokio::test]
async fn what_is_over_goes() {
    let bench = Bench::new(GUARD);
    for login in ["anna", "bob", "carol"] {
        bench.asks(login).await;
    }
    bench.act(GuardAct::Release).await;
    bench.later(24 * 3600 + 1);
    bench.guards.sweep(&bench.set, bench.clock.now());
    bench.journal.retain().await.expect("it is kept within its time");
    let all = GuardedFilter { passes: true, ..GuardedFilter::default() };
    assert!(bench.journal.guarded(all, 10).await.expect("a page").items.is_empty());
    assert!(!bench.asks("carol").await);
}

#[track_caller]
fn finds(toml: &str, expected: &Expect) {
    let (_, findings) = compiled(toml);
    let lines: Vec<_> = findings.iter().map(|finding| finding.one_line() + "\n").collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn everything_that_is_wrong_is_said_with_its_place() {
    finds(
        "[[guard]]\nid = \"a b\"\non = \"runDeprovisoin\"\nmax = 0\nper = \"0s\"\nrelease_for = \"0s\"\n\
         [[guard]]\nid = \"g\"\non = [\"postCreateUser\", \"test\"]\nmax = \"101%\"\nper = \"2d\"\n\
         [[guard]]\nid = \"g\"\non = []\nmax = 2000000\nper = \"1m\"\n\
         [[guard]]\nid = \"h\"\non = \"policyMap\"\nmax = \"x\"\nper = 5\nwhen = 'true'\n\
         [[guard]]\nid = \"i\"\non = \"policyMap\"\nmax = -1\n",
        &expect![[r#"
            g.toml:2:6: a guard's id is 1 to 64 letters, digits, `-`, `_` and `.` (it names the guard in the journal, in metrics and on the command line)
            g.toml:3:6: there is no event `runDeprovisoin` (did you mean `runDeprovision`?)
            g.toml:4:7: a guard with room for nobody would answer everybody neutrally (take the rule away, or make it a shadow)
            g.toml:5:7: `per` is between 1s and 1d (for example "10m")
            g.toml:6:15: `release_for` is between 1s and 90d (for example "24h")
            g.toml:9:7: postCreateUser wants no answer, so that a guard has nothing to hold back (events with an answer: preCreateUser, validateUser, preUpdateUser, validateUpdateUser, policyMap, runDeprovision, lumos.provision, lumos.deprovision, optimalcloud.servicenow, optimalcloud.createticket, optimalcloud.adduser, optimalcloud.modifyuser, optimalcloud.deleteuser)
            g.toml:9:25: test wants no answer, so that a guard has nothing to hold back (events with an answer: preCreateUser, validateUser, preUpdateUser, validateUpdateUser, policyMap, runDeprovision, lumos.provision, lumos.deprovision, optimalcloud.servicenow, optimalcloud.createticket, optimalcloud.adduser, optimalcloud.modifyuser, optimalcloud.deleteuser)
            g.toml:10:7: a share is at most 100% (for example "2%")
            g.toml:11:7: `per` is between 1s and 1d (for example "10m")
            g.toml:13:6: the id `g` is another guard's, first used here: g.toml:8:6 (ids are unique across all files)
            g.toml:14:6: the guard is on no event
            g.toml:15:7: a guard counts at most 1000000 persons (take a smaller number)
            g.toml:20:7: `max`: expected a number of persons, or a share of those known such as "2%"
            g.toml:21:7: `per`: expected a duration in quotes, such as "2s", found an integer
            g.toml:22:1: unknown key `when` (known keys here: id, on, max, per, release_for)
            g.toml:26:7: `max`: expected a number of persons, or a share of those known such as "2%"
        "#]],
    );
}

#[test]
fn a_guard_needs_no_more_than_it_must() {
    let (set, findings) = compiled(GUARD);
    assert!(findings.is_empty() && set.len() == 1 && !set.is_empty());
    assert_eq!(set.guards[0].release_for, Duration::from_secs(24 * 3600));
}
