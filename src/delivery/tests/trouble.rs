//! Dead targets, panics, attempts without an end, and a journal that cannot be written.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::journal::DeliveryState::{Done, Pending};

#[tokio::test]
async fn a_dead_target_is_left_alone_and_then_asked_with_one_event() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = down.clone();
    let script = move |_: &Seen| if is_down.load(Ordering::Relaxed) { busy() } else { done() };
    let mut stage = Stage::new().action("crm", "concurrency = 1", script);
    for person in 0..20 {
        stage.notice(&format!("p{person}"), &["crm"]).await;
    }
    stage.start();
    stage.attempts(5).await;
    stage.until_measured(r#"hookreeve_circuit_open{action="crm"} 1"#).await;
    // However long it waits: each time the pause is over one event is tried, and no more.
    let (mut pauses, patience) = (0, Patience::begin());
    for _ in 0..6 {
        while stage.seen.try_recv().is_err() {
            pauses += 1;
            assert!(!patience.is_over(), "it is not asked again");
            stage.later(Duration::from_secs(60)).await;
            // While it is looked up, the worker runs.
            stage.deliveries(1).await;
        }
    }
    let attempts = lock(&stage.log).attempts.len();
    assert!((11..=5 + pauses).contains(&attempts), "{attempts} attempts after {pauses} pauses");
    down.store(false, Ordering::Relaxed);
    // The target is asked once more, and then everything goes on, as it is due.
    let patience = Patience::begin();
    let mut left: HashSet<u64> = (1..=20).collect();
    while !left.is_empty() {
        stage.later(Duration::from_secs(60)).await;
        for number in left.clone() {
            if stage.deliveries(number).await[0].state == Done {
                left.remove(&number);
            }
        }
        assert!(!patience.is_over(), "{left:?} are left");
    }
    stage.until_measured(r#"hookreeve_circuit_open{action="crm"} 0"#).await;
}

#[tokio::test]
async fn a_target_that_wants_somebody_is_asked_no_more_at_once() {
    let mut stage = Stage::new().action("crm", "concurrency = 1", always(Answer::trouble("HTTP 401")));
    for person in 0..5 {
        stage.notice(&format!("p{person}"), &["crm"]).await;
    }
    stage.start();
    stage.attempts(1).await;
    stage.until_measured(r#"hookreeve_circuit_open{action="crm"} 1"#).await;
    stage.stop().await;
    assert_eq!(lock(&stage.log).attempts.len(), 1);
}

#[tokio::test]
async fn an_action_that_panics_is_tried_again() {
    let mut stage = Stage::new().action("crm", "", |seen| if seen.attempt == 1 { Play::Panic } else { done() });
    let number = stage.notice("ada", &["crm"]).await;
    stage.start();
    stage.attempts(1).await;
    let waits = stage.until(number, |delivery| delivery.attempts == 1).await;
    assert_eq!((waits.state, waits.answers[0].answer.as_str()), (Pending, "the attempt ended in a panic"));
    stage.later(Duration::from_secs(5)).await;
    assert_eq!(stage.attempts(1).await, [("ada".into(), number, 2)]);
    stage.until(number, |delivery| delivery.state == Done).await;
}

#[tokio::test]
async fn an_attempt_without_an_end_is_ended_and_made_again() {
    let script = |seen: &Seen| if seen.attempt == 1 { Play::Never } else { done() };
    let mut stage = Stage::new().action("crm", "timeout = '10s'", script);
    let number = stage.notice("ada", &["crm"]).await;
    stage.start();
    stage.attempts(1).await;
    stage.later(Duration::from_secs(16)).await;
    let waits = stage.until(number, |delivery| delivery.attempts == 1).await;
    assert_eq!(waits.answers[0].answer, "it did not end within its time-out");
    stage.later(Duration::from_secs(5)).await;
    assert_eq!(stage.attempts(1).await, [("ada".into(), number, 2)]);
}

#[tokio::test]
async fn a_settlement_that_cannot_be_written_is_tried_until_it_can_and_nothing_overtakes_it() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let own = gate.clone();
    let script = move |_: &Seen| Play::Wait(own.clone(), Answer::done("HTTP 200"));
    let mut stage = Stage::new().action("crm", "", script);
    let (first, second) = (stage.notice("ada", &["crm"]).await, stage.notice("ada", &["crm"]).await);
    stage.start();
    stage.attempts(1).await;
    // While the table has another name, nothing that ends can be written.
    let file = rusqlite::Connection::open(stage.directory.path().join("journal.db")).expect("a file");
    file.execute_batch("ALTER TABLE deliveries RENAME TO elsewhere").expect("a name");
    gate.add_permits(2);
    while stage.journal().health() == journal::Health::Ok {
        tokio::task::yield_now().await;
    }
    file.execute_batch("ALTER TABLE elsewhere RENAME TO deliveries").expect("a name");
    assert_eq!(stage.attempts(1).await, [("ada".into(), second, 1)]);
    for number in [first, second] {
        assert_eq!(stage.until(number, |delivery| delivery.state == Done).await.attempts, 1);
    }
}
