//! Order, retries and dead letters: what a person's lane does.

use super::*;
use crate::journal::DeliveryState::{Dead, Done, Dropped, Pending};

#[tokio::test]
async fn a_persons_events_come_in_order_also_when_attempts_fail() {
    // Each is done at its third attempt; another person's in between at once, so that the target does not count as dead.
    let script = |seen: &Seen| if seen.person == "ada" && seen.attempt < 3 { busy() } else { done() };
    let mut stage = Stage::new().action("crm", "", script);
    let mut ada = Vec::new();
    for _ in 0..4 {
        ada.push(stage.notice("ada", &["crm"]).await);
        stage.notice("bob", &["crm"]).await;
    }
    stage.start();
    let mut seen = Vec::new();
    for round in 0..12 {
        loop {
            let attempt = stage.next().await;
            if attempt.person == "ada" {
                seen.push((attempt.number, attempt.attempt, attempt.key));
                break;
            }
        }
        let number = ada[round / 3];
        stage.until(number, |delivery| usize::try_from(delivery.attempts) == Ok(round % 3 + 1)).await;
        stage.later(Duration::from_secs(60)).await;
    }
    stage.stop().await;
    let order: Vec<(u64, u32)> = seen.iter().map(|(number, attempt, _)| (*number, *attempt)).collect();
    let expected: Vec<(u64, u32)> = ada.iter().flat_map(|number| (1..=3).map(|attempt| (*number, attempt))).collect();
    assert_eq!(order, expected);
    // One key for all attempts of one delivery, and for no other's.
    let keys: HashSet<&String> = seen.iter().map(|(.., key)| key).collect();
    assert_eq!(keys.len(), 4);
    for attempts in seen.chunks(3) {
        assert!(attempts.iter().all(|(.., key)| *key == attempts[0].2), "{attempts:?}");
    }
}

#[tokio::test]
async fn a_retry_is_made_when_it_is_due_and_not_before() {
    let script = |seen: &Seen| if seen.person == "ada" && seen.attempt == 1 { busy() } else { done() };
    let mut stage = Stage::new().action("crm", "retry = { first = '1h', max_delay = '1h' }", script);
    let number = stage.notice("ada", &["crm"]).await;
    stage.start();
    assert_eq!(stage.attempts(1).await, [("ada".into(), number, 1)]);
    let waits = stage.until(number, |delivery| delivery.attempts == 1).await;
    let due = waits.due.expect("it is due");
    let wait = (due - stage.clock.now()).to_std().expect("later");
    assert_eq!((waits.state, waits.answers[0].answer.as_str()), (Pending, "HTTP 503"));
    assert!(wait <= Duration::from_secs(3600), "{wait:?}");
    if let Some(before) = wait.checked_sub(Duration::from_secs(1)) {
        stage.later(before).await;
        // What is claimed now is all that is due.
        let other = stage.notice("bob", &["crm"]).await;
        assert_eq!(stage.attempts(1).await, [("bob".into(), other, 1)]);
    }
    stage.later(Duration::from_secs(1)).await;
    assert_eq!(stage.attempts(1).await, [("ada".into(), number, 2)]);
    assert_eq!(stage.until(number, |delivery| delivery.state == Done).await.attempts, 2);
}

#[tokio::test]
async fn a_poisoned_event_holds_only_its_persons_lane_and_only_until_it_is_dead() {
    let script = |seen: &Seen| if seen.number == 1 { busy() } else { done() };
    let mut stage = Stage::new().action("crm", "retry = { for = '10m', first = '1m', max_delay = '1m' }", script);
    let poisoned = stage.notice("ada", &["crm"]).await;
    let behind = stage.notice("ada", &["crm"]).await;
    stage.start();
    assert_eq!(stage.attempts(1).await, [("ada".into(), poisoned, 1)]);
    stage.until(poisoned, |delivery| delivery.attempts == 1).await;
    let mut others = 0;
    let dead = loop {
        let other = stage.notice("bob", &["crm"]).await;
        let seen = stage.next().await;
        if seen.number == behind {
            break stage.deliveries(poisoned).await.swap_remove(0);
        }
        assert!(seen.number == poisoned || seen.person == "bob", "nothing overtakes it: {seen:?}");
        stage.until(other, |delivery| delivery.state == Done).await;
        others += 1;
        assert!(others < 100, "it never dies");
        stage.later(Duration::from_secs(61)).await;
    };
    assert_eq!(dead.state, Dead, "before the next one was attempted");
    assert_eq!(dead.reason.as_deref(), Some("given up after 10m: HTTP 503"));
    assert!(others > 5, "bob's went on");
    stage.until(behind, |delivery| delivery.state == Done).await;
}

#[tokio::test]
async fn a_refused_event_is_dead_at_once_and_can_be_retried_and_dropped() {
    let gone = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_gone = gone.clone();
    let mut stage = Stage::new().action("crm", "", move |_| {
        if is_gone.load(std::sync::atomic::Ordering::Relaxed) { Play::Answer(Answer::dead("HTTP 410")) } else { done() }
    });
    let (first, second) = (stage.notice("ada", &["crm"]).await, stage.notice("ada", &["crm"]).await);
    stage.start();
    assert_eq!(stage.attempts(2).await, [("ada".into(), first, 1), ("ada".into(), second, 1)]);
    let dead = stage.until(first, |delivery| delivery.state == Dead).await;
    stage.until(second, |delivery| delivery.state == Dead).await;
    assert_eq!(dead.reason.as_deref(), Some("HTTP 410"));
    gone.store(false, std::sync::atomic::Ordering::Relaxed);
    stage.journal().retry(dead.id).await.expect("it is dead");
    assert_eq!(stage.attempts(1).await, [("ada".into(), first, 1)]);
    stage.until(first, |delivery| delivery.state == Done).await;
    let other = stage.deliveries(second).await[0].id;
    stage.journal().drop_delivery(other, "not wanted").await.expect("it is dead");
    assert_eq!(stage.deliveries(second).await[0].state, Dropped);
}

#[tokio::test]
async fn what_needs_no_order_waits_for_nothing() {
    let script = |seen: &Seen| if seen.number == 1 { busy() } else { done() };
    let mut stage = Stage::new().action("crm", "order = 'none'", script);
    // The same person, but none that the stage would call an overlap: the first has ended by then.
    let first = stage.notice_in_order("ada", &["crm"], false).await;
    stage.start();
    stage.attempts(1).await;
    stage.until(first, |delivery| delivery.attempts == 1).await;
    let second = stage.notice_in_order("ada", &["crm"], false).await;
    assert_eq!(stage.attempts(1).await, [("ada".into(), second, 1)]);
    stage.until(second, |delivery| delivery.state == Done).await;
    assert_eq!(stage.deliveries(first).await[0].state, Pending);
}

#[tokio::test]
async fn one_actions_trouble_is_not_anothers() {
    let mut stage = Stage::new().action("crm", "", always(Answer::trouble("HTTP 401"))).action(
        "audit",
        "",
        always(Answer::done("HTTP 200")),
    );
    let mut numbers = Vec::new();
    for _ in 0..3 {
        numbers.push(stage.notice("ada", &["crm", "audit"]).await);
    }
    stage.start();
    let mut audited = Vec::new();
    while audited.len() < 3 {
        let seen = stage.next().await;
        if seen.action == "audit" {
            audited.push(seen.number);
        }
    }
    assert_eq!(audited, numbers);
    stage.until_measured(r#"hookreeve_circuit_open{action="crm"} 1"#).await;
    stage.stop().await;
    for number in numbers {
        let states: Vec<_> = stage.deliveries(number).await.iter().map(|delivery| delivery.state).collect();
        assert_eq!(states, [Pending, Done]);
    }
}
