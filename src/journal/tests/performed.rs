//! Deliveries that somebody waits for, and requests that come again. Part of the suite of every journal.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::conformance::Opener;
use super::{Draft, attempted, claim, draft, fate, person, places, settle};
use crate::base::clock::Clock;
use crate::journal::{DeliveryId, DeliveryState, Fallen, Fate, Journal, Lapse};

fn soon(clock: &Clock) -> DateTime<Utc> {
    clock.now() + TimeDelta::seconds(10)
}

/// A person's delivery that somebody waits for.
fn performed(who: &str, clock: &Clock) -> Draft {
    draft(who).to("crm").until(soon(clock))
}

async fn state(journal: &dyn Journal, id: DeliveryId) -> (DeliveryState, Option<String>) {
    let (_, deliveries) = journal.entry_at(id.seq()).await.expect("a read").expect("an entry");
    let delivery = deliveries.into_iter().find(|delivery| delivery.id == id).expect("it is there");
    (delivery.state, delivery.reason)
}

async fn late(journal: &dyn Journal, clock: &Clock) -> Vec<DeliveryId> {
    let fallen = journal.lapse(Lapse::Late { now: clock.now() }).await.expect("they are given up");
    fallen.into_iter().map(|one| one.delivery).collect()
}

fn given_up(reason: &str) -> (DeliveryState, Option<String>) {
    (DeliveryState::Dead, Some(reason.to_owned()))
}

const LATE: &str = "its caller was answered without it";

pub(super) async fn what_somebody_waits_for_is_claimed_first(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    for number in 0..5 {
        draft(&format!("p{number}")).to("crm").append(&*journal, clock).await;
    }
    clock.advance(Duration::from_secs(1));
    let entry = performed("ada", clock).append(&*journal, clock).await;
    assert!(journal.claim("crm", clock.now(), places(0, 0, 9)).await.expect("a claim").is_empty());
    let claimed = journal.claim("crm", clock.now(), places(1, 1, 0)).await.expect("a claim");
    assert_eq!(claimed.iter().map(|one| one.seq).collect::<Vec<_>>(), [entry.seq, 1]);
    assert_eq!((claimed[0].until, claimed[1].until), (Some(soon(clock)), None));
    let retry = Fate::Retry { due: clock.now() + TimeDelta::seconds(1) };
    settle(&*journal, &claimed[0], attempted(retry, clock, "503")).await;
    assert_eq!(journal.next_due("crm").await.expect("a time"), Some(clock.now() - TimeDelta::seconds(1)));
    clock.advance(Duration::from_secs(1));
    let again = journal.claim("crm", clock.now(), places(9, 0, 0)).await.expect("a claim");
    assert_eq!(again.iter().map(|one| (one.seq, one.attempts)).collect::<Vec<_>>(), [(entry.seq, 1)]);
    let (_, deliveries) = journal.entry_at(entry.seq).await.expect("a read").expect("an entry");
    assert!(deliveries[0].performed);
}

pub(super) async fn what_nobody_has_begun_in_time_is_given_up(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let ordinary = draft("ada").to("crm").append(&*journal, clock).await;
    let begun = performed("bob", clock).append(&*journal, clock).await;
    // Ada's waits behind her first one, and has something after it.
    let entry = performed("ada", clock).to("mail").after(&["crm"]).append(&*journal, clock).await;
    let claimed = claim(&*journal, "crm", clock).await;
    assert_eq!(claimed.iter().map(|one| one.seq).collect::<Vec<_>>(), [begun.seq, ordinary.seq]);
    assert_eq!(journal.next_lapse().await.expect("a time"), Some(soon(clock)));
    assert!(late(&*journal, clock).await.is_empty(), "there is time");
    clock.advance(Duration::from_secs(10));
    assert_eq!(late(&*journal, clock).await, entry.deliveries);
    assert_eq!(state(&*journal, entry.deliveries[0]).await, given_up(LATE));
    assert_eq!(state(&*journal, entry.deliveries[1]).await, given_up("crm is a dead letter"));
    assert_eq!(journal.next_lapse().await.expect("a time"), None, "what is left is being attempted");
    // That is finished; its caller is answered, and it counts all the same.
    settle(&*journal, &claimed[0], attempted(Fate::Done, clock, "200")).await;
    assert_eq!(state(&*journal, begun.deliveries[0]).await.0, DeliveryState::Done);
    settle(&*journal, &claimed[1], attempted(Fate::Done, clock, "200")).await;
    assert!(claim(&*journal, "crm", clock).await.is_empty());
    // By hand it is delivered as any other.
    journal.retry(entry.deliveries[0]).await.expect("it is dead");
    clock.advance(Duration::from_secs(3600));
    assert!(late(&*journal, clock).await.is_empty());
    let claimed = claim(&*journal, "crm", clock).await;
    assert_eq!((claimed.len(), claimed[0].id, claimed[0].until), (1, entry.deliveries[0], None));
}

pub(super) async fn a_crash_does_not_hide_what_somebody_waited_for(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let entry = performed("ada", clock).append(&*journal, clock).await;
    let tried = performed("bob", clock).append(&*journal, clock).await;
    let claimed = claim(&*journal, "crm", clock).await;
    assert_eq!(claimed.len(), 2);
    settle(&*journal, &claimed[1], attempted(Fate::Retry { due: clock.now() }, clock, "503")).await;
    drop(journal);
    let journal = open();
    clock.advance(Duration::from_secs(11));
    assert_eq!(late(&*journal, clock).await, [entry.deliveries[0], tried.deliveries[0]]);
    assert_eq!(state(&*journal, tried.deliveries[0]).await, given_up(LATE));
}

pub(super) async fn while_a_target_is_left_alone_nobody_waits_for_it(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let ordinary = draft("ada").to("crm").append(&*journal, clock).await;
    let entry = performed("ada", clock).append(&*journal, clock).await;
    let begun = performed("bob", clock).append(&*journal, clock).await;
    let elsewhere = draft("ada").to("mail").until(soon(clock)).append(&*journal, clock).await;
    let claimed = journal.claim("crm", clock.now(), places(1, 0, 0)).await.expect("a claim");
    assert_eq!(claimed[0].seq, begun.seq);
    let alone = Lapse::Action { action: "crm".into(), reason: "the target is left alone".into() };
    let fallen = journal.lapse(alone).await.expect("they are given up");
    let (entry_name, reason) =
        (journal.entry_at(entry.seq).await.expect("a read").expect("an entry").0.id, "the target is left alone");
    let expected =
        Fallen { delivery: entry.deliveries[0], entry: entry_name, action: "crm".into(), reason: reason.into() };
    assert_eq!(fallen, [expected]);
    for open in [ordinary.deliveries[0], begun.deliveries[0], elsewhere.deliveries[0]] {
        assert_eq!(state(&*journal, open).await.0, DeliveryState::Pending);
    }
    let none = Lapse::Action { action: "never".into(), reason: String::new() };
    assert!(journal.lapse(none).await.expect("there is none").is_empty());
}

pub(super) async fn a_request_that_comes_again_is_not_done_again(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let request = |who: &str, clock: &Clock| performed(who, clock).key("r-1");
    let first = request("ada", clock).append(&*journal, clock).await;
    let waits = request("ada", clock).append(&*journal, clock).await;
    assert_eq!(waits.repeat_of.map(|(seq, _)| seq), Some(first.seq), "it is on its way");
    let claimed = claim(&*journal, "crm", clock).await;
    assert_eq!(claimed.len(), 1);
    settle(&*journal, &claimed[0], attempted(Fate::Done, clock, "200")).await;
    drop(journal);
    let journal = open();
    // However much later, and whatever came in between.
    draft("ada").append(&*journal, clock).await;
    clock.advance(Duration::from_secs(30 * 24 * 3600));
    let again = request("ada", clock).append(&*journal, clock).await;
    assert_eq!((again.repeat_of, again.deliveries.len()), (Some((first.seq, claimed[0].entry)), 0));
    for other in [
        request("bob", clock),
        request("ada", clock).event("postCreateUser"),
        performed("ada", clock).key("r-2"),
        performed("ada", clock),
    ] {
        assert_eq!(other.append(&*journal, clock).await.repeat_of, None);
    }
    // Whoever is forgotten, and what was cut off, is new.
    journal.forget(&person("ada")).await.expect("it is forgotten");
    assert_eq!(request("ada", clock).append(&*journal, clock).await.repeat_of, None);
    for claimed in claim(&*journal, "crm", clock).await {
        settle(&*journal, &claimed, fate(Fate::Done)).await;
    }
    clock.advance(Duration::from_secs(91 * 24 * 3600));
    journal.retain().await.expect("it is cut");
    assert_eq!(request("bob", clock).append(&*journal, clock).await.repeat_of, None);
}

pub(super) async fn a_request_that_was_not_done_is_performed_anew(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let request =
        |clock: &Clock| performed("ada", clock).key("r-1").to("mail").until(soon(clock)).to("audit").after(&["crm"]);
    let first = request(clock).append(&*journal, clock).await;
    let [crm, mail] = ["crm", "mail"].map(|action| claim(&*journal, action, clock));
    let (crm, mail) = (crm.await.remove(0), mail.await.remove(0));
    settle(&*journal, &mail, attempted(Fate::Done, clock, "200")).await;
    settle(&*journal, &crm, attempted(Fate::Dead { reason: "HTTP 400".into() }, clock, "no")).await;
    let second = request(clock).append(&*journal, clock).await;
    assert_eq!((second.repeat_of, second.deliveries.len()), (None, 3));
    // One dead letter for one request: what it left undone is the new one's.
    let anew = (DeliveryState::Dropped, Some("its request came again, and is performed anew".to_owned()));
    assert_eq!(state(&*journal, first.deliveries[0]).await, anew);
    assert_eq!(state(&*journal, first.deliveries[1]).await.0, DeliveryState::Done);
    assert_eq!(state(&*journal, first.deliveries[2]).await, anew);
    // The target sees that it is the same request.
    let again = claim(&*journal, "mail", clock).await.remove(0);
    assert_eq!((again.seq, &again.request), (second.seq, &mail.request));
    assert!(mail.request.is_some() && mail.request != crm.request);
    settle(&*journal, &again, attempted(Fate::Done, clock, "200")).await;
    let again = claim(&*journal, "crm", clock).await.remove(0);
    settle(&*journal, &again, attempted(Fate::Done, clock, "200")).await;
    assert_eq!(request(clock).append(&*journal, clock).await.repeat_of.map(|(seq, _)| seq), Some(second.seq));
    // What is told of it beside may still be on its way.
    assert_eq!(claim(&*journal, "audit", clock).await[0].request, None);
}

pub(super) async fn a_request_that_does_nothing_repeats_only_one_that_did_nothing(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let told = || draft("ada").to("audit").key("r-1");
    let first = told().append(&*journal, clock).await;
    assert_eq!(told().append(&*journal, clock).await.repeat_of.map(|(seq, _)| seq), Some(first.seq));
    let second = performed("ada", clock).key("r-1").append(&*journal, clock).await;
    assert_eq!(second.repeat_of, None, "rules have come to do something");
    assert_eq!(told().append(&*journal, clock).await.repeat_of.map(|(seq, _)| seq), Some(second.seq));
}

pub(super) async fn numbers_are_given_once_and_in_order(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let mut last = 0;
    for round in 0..3 {
        let receipts: Vec<_> = (0..200)
            .map(|number| {
                // Entries in between are no matter.
                drop(draft(&format!("p{number}")).queue(&*journal, clock));
                journal.count("tickets", 1)
            })
            .collect();
        for receipt in receipts {
            let number = receipt.await.expect("it is counted");
            assert_eq!(number, last + 1, "round {round}");
            last = number;
        }
    }
    drop(journal);
    let journal = open();
    assert_eq!(journal.counter("tickets").await.expect("a read"), last);
    assert_eq!(journal.count("tickets", 1).await.expect("it is counted"), last + 1);
}
