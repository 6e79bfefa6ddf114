//! Deliveries that come after others of their entry, and what these captured. Part of the suite of every journal.

use std::time::Duration;

use serde_json::json;

use super::conformance::Opener;
use super::{attempted, claim, draft, fate, person, says, settle, silent};
use crate::base::clock::Clock;
use crate::journal::{
    Captured, Claimed, Delivery, DeliveryId, DeliveryState, EarlierAnswer, Fate, Journal, Record, Settlement,
};

fn captured(value: &serde_json::Value) -> Captured {
    value.as_object().expect("an object").clone()
}

fn done_with(clock: &Clock, value: &serde_json::Value) -> Settlement {
    Settlement { captured: Some(captured(value)), ..attempted(Fate::Done, clock, "HTTP 201") }
}

fn dead(clock: &Clock) -> Settlement {
    attempted(Fate::Dead { reason: "HTTP 410".into() }, clock, "gone")
}

async fn deliveries(journal: &dyn Journal, seq: u64) -> Vec<Delivery> {
    journal.entry_at(seq).await.expect("a read").expect("an entry").1
}

/// Each delivery's state and reason.
async fn states(journal: &dyn Journal, seq: u64) -> Vec<(DeliveryState, Option<String>)> {
    deliveries(journal, seq).await.into_iter().map(|delivery| (delivery.state, delivery.reason)).collect()
}

/// The one that can be attempted.
async fn one(journal: &dyn Journal, action: &str, clock: &Clock) -> Claimed {
    let mut claimed = claim(journal, action, clock).await;
    assert_eq!(claimed.len(), 1, "{action}");
    claimed.remove(0)
}

pub(super) async fn what_was_captured_is_kept_and_handed_to_who_comes_after(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let entry = draft("ada").to("cart").to("audit").after(&["cart"]).to("submit").after(&["cart", "nobody", "audit"]);
    let entry = entry.append(&*journal, clock).await;
    assert!(claim(&*journal, "submit", clock).await.is_empty() && claim(&*journal, "audit", clock).await.is_empty());
    let cart = one(&*journal, "cart", clock).await;
    assert_eq!((cart.answers.len(), cart.until, &cart.request), (0, None, &None));
    let signal = journal.signal("audit");
    clock.advance(Duration::from_secs(60));
    let settled = settle(&*journal, &cart, done_with(clock, &json!({ "id": "c-1", "items": [1, { "n": 1.5 }] }))).await;
    assert!(settled.counted && settled.fallen.is_empty());
    signal.notified().await;
    drop(journal);
    let journal = open();
    assert!(claim(&*journal, "submit", clock).await.is_empty(), "it comes after both");
    let audit = one(&*journal, "audit", clock).await;
    let kept = captured(&json!({ "id": "c-1", "items": [1, { "n": 1.5 }] }));
    let answer = EarlierAnswer { action: "cart".into(), captured: kept.clone() };
    assert_eq!(audit.answers, std::slice::from_ref(&answer));
    assert_eq!(audit.created_at, clock.now(), "its time began when it was due");
    settle(&*journal, &audit, attempted(Fate::Done, clock, "200")).await;
    let submit = one(&*journal, "submit", clock).await;
    let nothing = EarlierAnswer { action: "audit".into(), captured: Captured::new() };
    assert_eq!(submit.answers, [answer, nothing]);
    let read = deliveries(&*journal, entry.seq).await;
    assert_eq!(read.iter().map(|one| one.captured.clone()).collect::<Vec<_>>(), [Some(kept), None, None]);
    // Whoever is forgotten leaves nothing of it.
    assert_eq!(journal.forget(&person("ada")).await.expect("it is forgotten"), 1);
    assert!(deliveries(&*journal, entry.seq).await.iter().all(|one| one.captured.is_none()));
    assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
}

pub(super) async fn one_that_comes_after_another_waits_and_holds_its_lane(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let first = draft("ada").to("cart").to("submit").after(&["cart"]).append(&*journal, clock).await;
    let second = draft("ada").to("submit").append(&*journal, clock).await;
    let alone = draft("ada").alone("cart").alone("submit").after(&["cart"]).append(&*journal, clock).await;
    let bob = draft("bob").to("submit").append(&*journal, clock).await;
    assert_eq!(one(&*journal, "submit", clock).await.seq, bob.seq, "ada's head waits");
    let read = deliveries(&*journal, first.seq).await;
    assert_eq!((read[1].waits, read[1].waits_for), (true, Some(first.deliveries[0])));
    assert_eq!((read[0].waits, read[0].waits_for), (false, None));
    assert_eq!(deliveries(&*journal, second.seq).await[0].waits_for, None, "it waits for its lane");
    let carts = claim(&*journal, "cart", clock).await;
    assert_eq!(carts.len(), 2);
    // A crash in between changes nothing.
    drop(journal);
    let journal = open();
    for cart in claim(&*journal, "cart", clock).await {
        settle(&*journal, &cart, attempted(Fate::Done, clock, "200")).await;
    }
    let mut ready: Vec<u64> = claim(&*journal, "submit", clock).await.iter().map(|claimed| claimed.seq).collect();
    ready.sort_unstable();
    assert_eq!(ready, [first.seq, alone.seq, bob.seq]);
}

pub(super) async fn what_comes_after_a_dead_letter_is_one_too(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let chain = || draft("ada").to("cart").to("submit").after(&["cart"]).to("mail").after(&["submit"]);
    let first = chain().append(&*journal, clock).await;
    let behind = draft("ada").to("submit").append(&*journal, clock).await;
    let cart = one(&*journal, "cart", clock).await;
    let settled = settle(&*journal, &cart, dead(clock)).await;
    let fell: Vec<_> = settled.fallen.iter().map(|one| (one.delivery, &*one.action, &*one.reason)).collect();
    let [_, submit, mail] = first.deliveries[..] else { panic!("three deliveries") };
    assert_eq!(fell, [(submit, "submit", "cart is a dead letter"), (mail, "mail", "submit is a dead letter")]);
    assert_eq!(settled.fallen[0].entry, cart.entry);
    assert_eq!(one(&*journal, "submit", clock).await.seq, behind.seq, "their lanes go on");
    let after = journal.retry(submit).await.expect_err("the first is dead");
    assert_eq!(
        after.to_string(),
        format!("it comes after cart ({}), which is a dead letter: retry that one, or drop it, first", cart.id)
    );
    // With the first one the whole chain comes back, and waits as before.
    journal.retry(cart.id).await.expect("it is dead");
    journal.retry(submit).await.expect("it is on its way already");
    assert!(states(&*journal, first.seq).await.iter().all(|state| *state == (DeliveryState::Pending, None)));
    assert!(claim(&*journal, "mail", clock).await.is_empty());
    settle(&*journal, &one(&*journal, "cart", clock).await, attempted(Fate::Done, clock, "200")).await;
    // The second dies by itself, and takes only those along that come after it.
    let behind = claim(&*journal, "submit", clock).await;
    assert!(behind.is_empty(), "the lane is leased");
    drop(journal);
    let journal = open();
    let claimed = one(&*journal, "submit", clock).await;
    assert_eq!(claimed.id, submit);
    settle(&*journal, &claimed, dead(clock)).await;
    let dead_letter = |reason: &str| (DeliveryState::Dead, Some(reason.to_owned()));
    assert_eq!(
        states(&*journal, first.seq).await,
        [(DeliveryState::Done, None), dead_letter("HTTP 410"), dead_letter("submit is a dead letter")]
    );
}

pub(super) async fn what_comes_after_one_that_was_dropped_can_go_ahead_without_it(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let chain = || draft("ada").to("cart").to("submit").after(&["cart"]);
    for died_before in [false, true] {
        let entry = chain().append(&*journal, clock).await;
        let [cart, submit] = entry.deliveries[..] else { panic!("two deliveries") };
        if died_before {
            settle(&*journal, &one(&*journal, "cart", clock).await, dead(clock)).await;
        }
        journal.drop_delivery(cart, "made by hand").await.expect("it is dropped");
        assert_eq!(
            states(&*journal, entry.seq).await,
            [
                (DeliveryState::Dropped, Some("made by hand".to_owned())),
                (DeliveryState::Dead, Some("cart was dropped".to_owned()))
            ]
        );
        journal.retry(submit).await.expect("nothing is in its way");
        let claimed = one(&*journal, "submit", clock).await;
        assert_eq!((claimed.id, claimed.answers.len()), (submit, 0));
        settle(&*journal, &claimed, attempted(Fate::Done, clock, "200")).await;
    }
    // What waits in a lane is skipped as any other.
    let entry = chain().append(&*journal, clock).await;
    assert_eq!(journal.skip("submit", &person("ada"), "no use").await.expect("a head"), entry.deliveries[1]);
    settle(&*journal, &one(&*journal, "cart", clock).await, attempted(Fate::Done, clock, "200")).await;
    assert!(claim(&*journal, "submit", clock).await.is_empty());
}

pub(super) async fn one_that_two_come_before_comes_back_when_both_do(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let entry = draft("ada").to("a").to("b").to("c").after(&["a", "b"]).append(&*journal, clock).await;
    let [a, b, c] = entry.deliveries[..] else { panic!("three deliveries") };
    for action in ["a", "b"] {
        settle(&*journal, &one(&*journal, action, clock).await, dead(clock)).await;
    }
    journal.retry(a).await.expect("it is dead");
    let state = |states: Vec<(DeliveryState, Option<String>)>| states[2].clone();
    assert_eq!(
        state(states(&*journal, entry.seq).await),
        (DeliveryState::Dead, Some("b is a dead letter".to_owned())),
        "it says now what is in its way"
    );
    journal.retry(b).await.expect("it is dead");
    assert_eq!(state(states(&*journal, entry.seq).await), (DeliveryState::Pending, None));
    for action in ["a", "b"] {
        settle(&*journal, &one(&*journal, action, clock).await, attempted(Fate::Done, clock, "200")).await;
    }
    assert_eq!(one(&*journal, "c", clock).await.id, c);
}

pub(super) async fn one_that_cannot_be_told_is_dead_with_those_after_it(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let mut entry = draft("ada").to("cart").to("submit").after(&["cart"]);
    entry.deliveries[0].dead = Some("`when` erred".into());
    let entry = entry.append(&*journal, clock).await;
    let told: Vec<_> = entry.dead.iter().map(|one| (one.delivery, &*one.reason)).collect();
    assert_eq!(told, [(entry.deliveries[0], "`when` erred"), (entry.deliveries[1], "cart is a dead letter")]);
    journal.retry(entry.deliveries[0]).await.expect("it is dead");
    settle(&*journal, &one(&*journal, "cart", clock).await, attempted(Fate::Done, clock, "200")).await;
    assert_eq!(one(&*journal, "submit", clock).await.id, entry.deliveries[1]);
}

pub(super) async fn an_event_that_is_delivered_again_comes_after_the_newest(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let entry = draft("ada").to("cart").to("submit").after(&["cart"]).append(&*journal, clock).await;
    settle(&*journal, &one(&*journal, "cart", clock).await, done_with(clock, &json!({ "id": 1 }))).await;
    settle(&*journal, &one(&*journal, "submit", clock).await, attempted(Fate::Done, clock, "200")).await;
    let after = ["cart".into(), "never".into()];
    let requeue = async |action: &str| {
        let after = if action == "submit" { &after[..] } else { &[] };
        journal.requeue(entry.seq, action, true, after).await
    };
    let alone = requeue("submit").await.expect("it is queued");
    let claimed = one(&*journal, "submit", clock).await;
    assert_eq!((claimed.id, claimed.answers[0].captured["id"].as_u64()), (alone, Some(1)), "what was captured then");
    settle(&*journal, &claimed, attempted(Fate::Done, clock, "200")).await;
    requeue("cart").await.expect("it is queued");
    let again = requeue("submit").await.expect("it is queued");
    assert!(claim(&*journal, "submit", clock).await.is_empty(), "it waits for the new one");
    settle(&*journal, &one(&*journal, "cart", clock).await, done_with(clock, &json!({ "id": 2 }))).await;
    let claimed = one(&*journal, "submit", clock).await;
    assert_eq!((claimed.id, claimed.answers[0].captured["id"].as_u64()), (again, Some(2)));
    settle(&*journal, &claimed, attempted(Fate::Done, clock, "200")).await;
    let cart = requeue("cart").await.expect("it is queued");
    settle(&*journal, &one(&*journal, "cart", clock).await, dead(clock)).await;
    says(requeue("submit").await, &format!("it comes after cart ({cart}), which is a dead letter"));
}

pub(super) async fn what_is_settled_late_starts_nothing(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let entry = draft("ada").to("cart").to("submit").after(&["cart"]).append(&*journal, clock).await;
    let cart = one(&*journal, "cart", clock).await;
    journal.drop_delivery(cart.id, "not wanted").await.expect("it is dropped");
    let settled = settle(&*journal, &cart, done_with(clock, &json!({ "id": 1 }))).await;
    assert!(!settled.counted);
    let read = deliveries(&*journal, entry.seq).await;
    assert_eq!((read[0].state, &read[0].captured, read[1].state), (DeliveryState::Dropped, &None, DeliveryState::Dead));
    assert!(claim(&*journal, "submit", clock).await.is_empty());
}

pub(super) async fn a_chain_outlives_what_is_cut_off(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let old = draft("ada").to("cart").append(&*journal, clock).await;
    settle(&*journal, &one(&*journal, "cart", clock).await, done_with(clock, &json!({ "id": 1 }))).await;
    let entry = draft("bob").to("cart").to("submit").after(&["cart"]).append(&*journal, clock).await;
    settle(&*journal, &one(&*journal, "cart", clock).await, done_with(clock, &json!({ "id": 2 }))).await;
    clock.advance(Duration::from_secs(91 * 24 * 3600));
    assert_eq!(journal.retain().await.expect("it is cut"), old.seq);
    assert!(journal.entry_at(old.seq).await.expect("a read").is_none());
    let submit = one(&*journal, "submit", clock).await;
    assert_eq!(submit.answers[0].captured["id"].as_u64(), Some(2));
    assert!(matches!(submit.record, Record::Bytes(_)));
    settle(&*journal, &submit, fate(Fate::Done)).await;
    assert_eq!(submit.id, DeliveryId(entry.deliveries[0].0 + 1));
}
