//! How much at once, how fast, who first, and what a reload changes of that.

use tokio::sync::Semaphore;

use super::*;
use crate::journal::DeliveryState::{Done, Pending};

/// A target whose attempts end one by one, as the gate lets them.
fn gated() -> (Arc<Semaphore>, impl Fn(&Seen) -> Play + Send + Sync + 'static) {
    let gate = Arc::new(Semaphore::new(0));
    let own = gate.clone();
    (gate, move |_: &Seen| Play::Wait(own.clone(), Answer::done("HTTP 200")))
}

#[tokio::test]
async fn no_more_attempts_are_under_way_than_may_be() {
    let (gate, script) = gated();
    let mut stage = Stage::new().action("crm", "concurrency = 3", script);
    for person in 0..10 {
        stage.notice(&format!("p{person}"), &["crm"]).await;
    }
    stage.start();
    stage.attempts(3).await;
    for _ in 3..10 {
        gate.add_permits(1);
        stage.attempts(1).await;
    }
    gate.add_permits(10);
    for number in 1..=10 {
        stage.until(number, |delivery| delivery.state == Done).await;
    }
    assert_eq!(lock(&stage.log).most, 3);
}

#[tokio::test]
async fn no_more_attempts_begin_than_the_rate_allows() {
    let mut stage = Stage::new().action("crm", "rate = '2/h'", always(Answer::done("HTTP 200")));
    for person in 0..9 {
        stage.notice(&format!("p{person}"), &["crm"]).await;
    }
    stage.start();
    stage.attempts(1).await;
    for half_hours in 1..5 {
        let number = half_hours;
        stage.until(number, |delivery| delivery.state == Done).await;
        stage.later(Duration::from_secs(1000)).await;
        stage.later(Duration::from_secs(801)).await;
        stage.attempts(1).await;
    }
    stage.stop().await;
    assert_eq!(lock(&stage.log).attempts.len(), 5, "in two hours and a little");
}

#[tokio::test]
async fn a_rate_that_a_reload_raises_holds_at_once() {
    let mut stage = Stage::new().action("crm", "rate = '1/d'", always(Answer::done("HTTP 200")));
    for person in ["ada", "bob", "eve"] {
        stage.notice(person, &["crm"]).await;
    }
    stage.start();
    stage.attempts(1).await;
    stage.until(1, |delivery| delivery.state == Done).await;
    stage.put("crm", "rate = '1000/s'");
    stage.reload();
    stage.attempts(2).await;
}

#[tokio::test]
async fn first_attempts_and_retries_do_not_starve_each_other() {
    // Every second one fails the first time: never five in a row, at which the target would count as dead.
    let script = |seen: &Seen| if seen.person.starts_with("slow") && seen.attempt == 1 { busy() } else { done() };
    let mut stage = Stage::new().action("crm", "concurrency = 2", script);
    for person in 0..40 {
        stage.notice(&format!("slow{person}"), &["crm"]).await;
        stage.notice(&format!("fast{person}"), &["crm"]).await;
    }
    stage.start();
    stage.attempts(80).await;
    for number in (1..=80).step_by(2) {
        stage.until(number, |delivery| delivery.attempts == 1).await;
    }
    stage.stop().await;
    for person in 0..40 {
        stage.notice(&format!("new{person}"), &["crm"]).await;
    }
    stage.later(Duration::from_secs(10)).await;
    stage.start();
    let attempts = stage.attempts(24).await;
    let retries = attempts.iter().filter(|(.., attempt)| *attempt > 1).count();
    assert!((3..=9).contains(&retries), "{retries} of 24 are retries: {attempts:?}");
    stage.attempts(80 - 24).await;
}

#[tokio::test]
async fn what_waits_for_an_action_stays_while_it_is_removed() {
    let (gate, script) = gated();
    let mut stage = Stage::new().action("crm", "concurrency = 1", script);
    let (first, second) = (stage.notice("ada", &["crm"]).await, stage.notice("bob", &["crm"]).await);
    stage.start();
    stage.attempts(1).await;
    stage.remove("crm");
    stage.reload();
    gate.add_permits(1);
    stage.until(first, |delivery| delivery.state == Done).await;
    let third = stage.notice("eve", &["crm"]).await;
    for number in [second, third] {
        let waits = stage.deliveries(number).await.swap_remove(0);
        assert_eq!((waits.state, waits.attempts), (Pending, 0));
    }
    gate.add_permits(10);
    stage.put("crm", "");
    stage.reload();
    assert_eq!(stage.attempts(2).await, [("bob".into(), second, 1), ("eve".into(), third, 1)]);
}

#[tokio::test]
async fn a_stop_lets_attempts_finish_and_gives_the_rest_back() {
    let (gate, script) = gated();
    let mut stage = Stage::new().action("crm", "concurrency = 2", script);
    for person in 0..6 {
        stage.notice(&format!("p{person}"), &["crm"]).await;
    }
    stage.start();
    stage.attempts(2).await;
    let (_, stop, _) = stage.running.as_ref().expect("it runs");
    stop.drain();
    gate.add_permits(2);
    stage.stop().await;
    let mut states = Vec::new();
    for number in 1..=6 {
        let delivery = stage.deliveries(number).await.swap_remove(0);
        states.push((delivery.state, delivery.attempts));
    }
    assert_eq!(states, [(Done, 1), (Done, 1), (Pending, 0), (Pending, 0), (Pending, 0), (Pending, 0)]);
    // The same process could go on: nothing is held any more.
    gate.add_permits(4);
    stage.start();
    let mut numbers: Vec<u64> = stage.attempts(4).await.into_iter().map(|(_, number, _)| number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [3, 4, 5, 6]);
}

#[tokio::test]
async fn what_was_under_way_when_the_process_ended_is_attempted_again() {
    let mut stage = Stage::new().action("crm", "", |seen| if seen.person == "ada" { Play::Never } else { done() });
    let first = stage.notice("ada", &["crm"]).await;
    let key = {
        stage.start();
        stage.next().await.key
    };
    stage.crash().await;
    stage.scripts.insert("crm".into(), Arc::new(|_: &Seen| done()));
    stage.put("crm", "");
    stage.start();
    let again = stage.next().await;
    assert_eq!((again.number, again.attempt, again.key), (first, 1, key), "nothing was settled of the first one");
    stage.until(first, |delivery| delivery.state == Done).await;
}
