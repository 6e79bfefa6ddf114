//! What somebody waits for: begun at once, told once it is on disk, given up when its time is over.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::*;
use crate::journal::Captured;
use crate::journal::DeliveryState::{Dead, Done, Pending};

const PATIENCE: Duration = Duration::from_secs(10);

/// So long a test waits for an answer that must come by itself.
fn hangs() -> Instant {
    Clock::system().instant() + HANGS
}

fn captured() -> Captured {
    json!({ "ticket": 7 }).as_object().expect("an object").clone()
}

fn ticket() -> Play {
    Play::Answer(Answer::done("HTTP 200").with_captured(captured()))
}

fn failed(what: &str) -> Performed {
    Performed::Failed { what: what.to_owned() }
}

fn only(answers: Vec<(Arc<str>, Performed)>) -> Performed {
    let [(_, performed)] = <[_; 1]>::try_from(answers).expect("one answer");
    performed
}

#[tokio::test]
async fn whoever_waits_gets_what_was_captured_once_it_is_on_disk() {
    let mut stage = Stage::new().action("crm", "", |_| ticket()).action("audit", "", always(Answer::dead("HTTP 410")));
    stage.start();
    let (number, performance) = stage.perform("ada", &["crm", "audit"], PATIENCE).await;
    let answers = performance.wait(hangs()).await;
    // Nothing is waited for here: it was on disk before anybody was told.
    let states: Vec<_> = stage.deliveries(number).await.into_iter().map(|one| (one.state, one.captured)).collect();
    assert_eq!(states, [(Done, Some(captured())), (Dead, None)]);
    let expected = [Performed::Done { captured: captured() }, Performed::Rejected { what: "HTTP 410".into() }];
    assert_eq!(answers, ["crm", "audit"].map(Arc::from).into_iter().zip(expected).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failed_attempt_is_made_again_as_long_as_somebody_waits() {
    let script = |seen: &Seen| if seen.attempt < 3 { busy() } else { done() };
    let mut stage = Stage::new().action("crm", "retry = { first = '1h' }", script);
    stage.start();
    let (number, performance) = stage.perform("ada", &["crm"], PATIENCE).await;
    for attempt in 1..3 {
        assert_eq!(stage.attempts(1).await, [("ada".into(), number, attempt)]);
        stage.until(number, |delivery| delivery.attempts == attempt).await;
        stage.later(Duration::from_secs(2)).await;
    }
    assert_eq!(only(performance.wait(hangs()).await), Performed::Done { captured: Captured::new() });
    let (number, performance) = stage.perform("bob", &["crm"], Duration::from_millis(1)).await;
    let answer = only(performance.wait(hangs()).await);
    assert_eq!(answer, failed("HTTP 503, and its caller does not wait for another attempt"));
    assert_eq!(stage.deliveries(number).await[0].state, Dead);
}

#[tokio::test]
async fn what_is_late_is_finished_and_kept_and_not_tried_again() {
    let gate = Arc::new(Semaphore::new(0));
    let play = gate.clone();
    let script = move |seen: &Seen| {
        let answer = if seen.number == 1 { Answer::done("HTTP 200") } else { Answer::retry("HTTP 503") };
        Play::Wait(play.clone(), answer)
    };
    let mut stage = Stage::new().action("crm", "timeout = '1m'", script);
    stage.start();
    let (well, first) = stage.perform("ada", &["crm"], PATIENCE).await;
    let (badly, second) = stage.perform("bob", &["crm"], PATIENCE).await;
    stage.attempts(2).await;
    let now = Clock::system().instant();
    assert_eq!(only(first.wait(now).await), Performed::Late);
    assert_eq!(only(second.wait(now).await), Performed::Late);
    stage.later(PATIENCE).await;
    gate.add_permits(2);
    stage.until(well, |delivery| delivery.state == Done).await;
    let dead = stage.until(badly, |delivery| delivery.state == Dead).await;
    assert_eq!(dead.reason.as_deref(), Some("HTTP 503, and its caller was answered meanwhile"));
    gate.add_permits(1);
    // By hand it is tried as any other.
    stage.journal().retry(dead.id).await.expect("it is dead");
    stage.until(badly, |delivery| delivery.attempts == 1 && delivery.state == Pending).await;
}

#[tokio::test]
async fn what_nobody_has_begun_in_time_is_given_up() {
    let gate = Arc::new(Semaphore::new(0));
    let play = gate.clone();
    let script = move |_: &Seen| Play::Wait(play.clone(), Answer::done("HTTP 200"));
    let mut stage = Stage::new().action("crm", "concurrency = 1\ntimeout = '1m'", script);
    stage.start();
    let first = stage.notice("ada", &["crm"]).await;
    stage.attempts(1).await;
    let (number, performance) = stage.perform("bob", &["crm"], PATIENCE).await;
    stage.later(PATIENCE).await;
    let dead = stage.until(number, |delivery| delivery.state == Dead).await;
    assert_eq!((dead.reason.as_deref(), dead.attempts), (Some("its caller was answered without it"), 0));
    assert_eq!(only(performance.wait(hangs()).await), failed("its caller was answered without it"));
    gate.add_permits(1);
    stage.until(first, |delivery| delivery.state == Done).await;
    assert_eq!(lock(&stage.log).attempts.len(), 1);
}

#[tokio::test]
async fn what_somebody_waits_for_comes_before_all_that_waits() {
    let gate = Arc::new(Semaphore::new(0));
    let play = gate.clone();
    let script = move |_: &Seen| Play::Wait(play.clone(), Answer::done("HTTP 200"));
    let mut stage = Stage::new().action("crm", "concurrency = 1", script);
    for person in 0..10 {
        stage.notice(&format!("p{person}"), &["crm"]).await;
    }
    stage.start();
    stage.attempts(1).await;
    let (number, performance) = stage.perform("ada", &["crm"], PATIENCE).await;
    gate.add_permits(1);
    assert_eq!(stage.attempts(1).await, [("ada".into(), number, 1)]);
    gate.add_permits(20);
    assert_eq!(only(performance.wait(hangs()).await), Performed::Done { captured: Captured::new() });
}

#[tokio::test]
async fn nobody_waits_for_a_target_that_is_left_alone() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = down.clone();
    let script = move |_: &Seen| {
        if is_down.load(Ordering::Relaxed) { Play::Answer(Answer::trouble("HTTP 401")) } else { done() }
    };
    let mut stage = Stage::new().action("crm", "concurrency = 1", script);
    stage.start();
    let alone = failed("the target does not answer as it should, and is left alone for a while");
    // The one that finds it out, and the next, whose attempt is not even made.
    for _ in 0..2 {
        let (number, performance) = stage.perform("ada", &["crm"], PATIENCE).await;
        assert_eq!(only(performance.wait(hangs()).await), alone);
        assert_eq!(stage.deliveries(number).await[0].state, Dead);
    }
    assert_eq!(lock(&stage.log).attempts.len(), 1);
    // When it is asked again it may be with what somebody waits for.
    down.store(false, Ordering::Relaxed);
    stage.later(Duration::from_secs(60)).await;
    let (_, performance) = stage.perform("ada", &["crm"], PATIENCE).await;
    assert_eq!(only(performance.wait(hangs()).await), Performed::Done { captured: Captured::new() });
}

#[tokio::test]
async fn one_that_comes_after_another_is_performed_as_soon_as_that_is_done() {
    let script = |seen: &Seen| if seen.person == "eve" { Play::Answer(Answer::dead("HTTP 400")) } else { ticket() };
    let mut stage = Stage::new().action("cart", "", script).action("submit", "", |_| done());
    stage.start();
    for person in ["ada", "eve"] {
        let until = Some(stage.clock.now() + PATIENCE);
        let entry = Uuid::from_u128((stage.sent + 1).into());
        let actions: [Arc<str>; 2] = ["cart".into(), "submit".into()];
        let performance = stage.performances.expect(entry, actions.clone(), stage.clock.now() + PATIENCE);
        let cart = NewDelivery { until, ..to("cart") };
        let submit = NewDelivery { until, after: vec!["cart".into()], ..to("submit") };
        stage.append(person, vec![cart, submit], None).await;
        let answers: Vec<_> = performance.wait(hangs()).await.into_iter().map(|(_, performed)| performed).collect();
        if person == "ada" {
            let nothing = Performed::Done { captured: Captured::new() };
            assert_eq!(answers, [Performed::Done { captured: captured() }, nothing]);
        } else {
            assert_eq!(answers, [Performed::Rejected { what: "HTTP 400".into() }, failed("cart is a dead letter")]);
        }
    }
}

#[tokio::test]
async fn a_request_that_comes_again_hears_what_the_first_came_to() {
    let gate = Arc::new(Semaphore::new(0));
    let play = gate.clone();
    let slow = move |_: &Seen| Play::Wait(play.clone(), Answer::done("HTTP 200"));
    let mut stage = Stage::new().action("crm", "", |_| ticket()).action("audit", "timeout = '1m'", slow);
    stage.start();
    let request = |stage: &Stage| {
        let until = Some(stage.clock.now() + PATIENCE);
        ["crm", "audit"].map(|action| NewDelivery { until, ..to(action) }).into()
    };
    let deliveries = request(&stage);
    let (number, first) = stage.append("ada", deliveries, Some("r-1")).await;
    stage.attempts(2).await;
    stage.until(number, |delivery| delivery.state == Done).await;
    let deliveries = request(&stage);
    let (_, again) = stage.append("ada", deliveries, Some("r-1")).await;
    assert_eq!(again.repeat_of.map(|(seq, _)| seq), Some(first.seq));
    let journal = stage.journal().clone();
    let earlier = async || stage.performances.of_earlier(&*journal, first.seq).await.expect("it is there");
    let done = Performed::Done { captured: captured() };
    let answers = earlier().await.wait(Clock::system().instant()).await;
    assert_eq!(answers, [("crm".into(), done.clone()), ("audit".into(), Performed::Late)]);
    let waits = earlier().await;
    gate.add_permits(1);
    let nothing = Performed::Done { captured: Captured::new() };
    assert_eq!(waits.wait(hangs()).await, [("crm".into(), done), ("audit".into(), nothing)]);
    // Both attempts had a name that is the request's own.
    let keys: HashSet<String> = lock(&stage.log).attempts.iter().map(|seen| seen.key.clone()).collect();
    assert_eq!(keys.len(), 2);
}

#[tokio::test]
async fn a_server_that_stops_still_performs_what_somebody_waits_for() {
    let gate = Arc::new(Semaphore::new(0));
    let play = gate.clone();
    let script = move |seen: &Seen| {
        if seen.person == "ada" { Play::Wait(play.clone(), Answer::done("HTTP 200")) } else { done() }
    };
    let mut stage = Stage::new().action("crm", "concurrency = 1", script);
    stage.start();
    stage.notice("ada", &["crm"]).await;
    stage.attempts(1).await;
    let ordinary = stage.notice("joe", &["crm"]).await;
    let (number, performance) = stage.perform("bob", &["crm"], PATIENCE).await;
    stage.running.as_ref().expect("it runs").1.drain();
    gate.add_permits(1);
    assert_eq!(only(performance.wait(hangs()).await), Performed::Done { captured: Captured::new() });
    stage.stop().await;
    assert_eq!(stage.deliveries(number).await[0].state, Done);
    assert_eq!(stage.deliveries(ordinary).await[0].state, Pending, "nothing else is begun");
    let (_, performance) = stage.perform("eve", &["crm"], PATIENCE).await;
    assert!(matches!(only(performance.wait(hangs()).await), Performed::Failed { .. }), "nobody works any more");
}

#[tokio::test]
async fn what_somebody_waited_for_before_a_crash_is_given_up_or_made_in_time() {
    let mut stage = Stage::new().action("crm", "", |seen| if seen.person == "ada" { Play::Never } else { done() });
    stage.start();
    let (late, _gone) = stage.perform("ada", &["crm"], PATIENCE).await;
    stage.attempts(1).await;
    stage.crash().await;
    stage.later(PATIENCE).await;
    let (soon, _gone) = stage.perform("bob", &["crm"], PATIENCE).await;
    stage.start();
    let dead = stage.until(late, |delivery| delivery.state == Dead).await;
    assert_eq!(dead.reason.as_deref(), Some("its caller was answered without it"));
    stage.until(soon, |delivery| delivery.state == Done).await;
    assert_eq!(lock(&stage.log).attempts.len(), 2);
}
