//! What every journal must do, whatever keeps it. Each function is given an opener; a new store is a line at the end.

use std::pin::pin;
use std::time::Duration;

use chrono::TimeDelta;

use super::chains::{
    a_chain_outlives_what_is_cut_off, an_event_that_is_delivered_again_comes_after_the_newest,
    one_that_cannot_be_told_is_dead_with_those_after_it, one_that_comes_after_another_waits_and_holds_its_lane,
    one_that_two_come_before_comes_back_when_both_do, what_comes_after_a_dead_letter_is_one_too,
    what_comes_after_one_that_was_dropped_can_go_ahead_without_it, what_is_settled_late_starts_nothing,
    what_was_captured_is_kept_and_handed_to_who_comes_after,
};
use super::people::{
    a_person_leaves_the_directory_and_nothing_of_it_stays, a_persons_login_and_id_are_nobody_elses,
    many_are_told_of_at_once_and_read_in_pages, the_index_is_brought_to_other_forms,
    what_a_notice_tells_of_a_person_is_found, whoever_is_looked_for_has_all_and_nothing_that_excludes,
    whoever_was_taken_out_is_not_brought_back_by_what_is_old,
};
use super::performed::{
    a_crash_does_not_hide_what_somebody_waited_for, a_request_that_comes_again_is_not_done_again,
    a_request_that_does_nothing_repeats_only_one_that_did_nothing, a_request_that_was_not_done_is_performed_anew,
    numbers_are_given_once_and_in_order, what_nobody_has_begun_in_time_is_given_up,
    what_somebody_waits_for_is_claimed_first, while_a_target_is_left_alone_nobody_waits_for_it,
};
use super::{Bench, attempted, claim, draft, fate, person, places, says, settle, silent};
use crate::base::clock::Clock;
use crate::journal::{
    DeliveryFilter, DeliveryState, EntryId, EntryKind, Fate, Filter, Head, Health, Journal, JournalError, Order, Record,
};

/// Opens the same store again and again; what it gave before is dropped by then.
pub(super) type Opener<'a> = &'a dyn Fn() -> Box<dyn Journal>;

const RECORD: &str = r#"{"user":{"login":"x"}}"#;

async fn an_entry_is_read_back_as_it_was_appended(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let appended = draft("ada").request("{}").to("crm").append(&*journal, clock).await;
    assert_eq!((appended.seq, appended.repeat_of, appended.deliveries.len()), (1, None, 1));
    drop(journal);
    let journal = open();
    let (entry, deliveries) = journal.entry_at(1).await.expect("a read").expect("an entry");
    assert_eq!(journal.entry(entry.id).await.expect("a read").expect("an entry").0, entry);
    assert_eq!((entry.seq, entry.kind, entry.received_at), (1, EntryKind::Event, clock.now()));
    assert_eq!(
        (entry.system.as_str(), entry.tenant.as_str(), entry.event.as_str()),
        ("cymmetri", "as100", "postUpdateUser")
    );
    assert_eq!((entry.outcome.as_str(), entry.cause.as_str()), ("acknowledged", "decided"));
    assert_eq!((entry.rule.as_deref(), entry.rule_set), (Some("a rule"), [7; 32]));
    assert_eq!((entry.took, entry.repeat_of), (Duration::from_micros(120), None));
    assert_eq!(entry.record, Record::Bytes(RECORD.into()));
    let [delivery] = deliveries.as_slice() else { panic!("{deliveries:?}") };
    assert_eq!((delivery.id, delivery.action.as_str()), (appended.deliveries[0], "crm"));
    assert_eq!((delivery.state, delivery.attempts, delivery.waits), (DeliveryState::Pending, 0, false));
    assert_eq!(delivery.due, Some(clock.now()));
    assert!(journal.entry_at(2).await.expect("a read").is_none());
    let (first, last) = (EntryId::nil(), EntryId::max());
    assert_eq!(journal.names(first, last, 10).await.expect("a read"), [entry.id]);
    assert_eq!(journal.names(entry.id, entry.id, 10).await.expect("a read"), [entry.id]);
    assert!(journal.names(first, last, 0).await.expect("a read").is_empty());
    assert_eq!(journal.health(), Health::Ok);
}

async fn an_append_survives_whoever_asked_for_it(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    drop(draft("ada").queue(&*journal, clock));
    let second = draft("ada").append(&*journal, clock).await;
    assert_eq!(second.seq, 2);
    assert!(journal.entry_at(1).await.expect("a read").is_some());
}

async fn entries_have_no_gaps_and_the_chain_holds(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let receipts: Vec<_> = (0..500).map(|number| draft(&format!("p{number}")).queue(&*journal, clock)).collect();
    for (number, receipt) in (1..).zip(receipts) {
        assert_eq!(receipt.await.expect("it is appended").seq, number);
    }
    let head = journal.head().await.expect("a head");
    drop(journal);
    let journal = open();
    assert_eq!(journal.head().await.expect("a head"), head);
    let report = journal.verify(Some(head), silent()).await.expect("a report");
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.entries, report.head), (500, Some(head)));
    let stats = journal.stats().await.expect("figures");
    assert_eq!((stats.entries, stats.oldest), (500, Some(clock.now())));
    assert!(stats.bytes > 50_000, "{stats:?}");
}

async fn a_repeat_is_kept_linked_and_not_delivered(open: Opener<'_>, clock: &Clock) {
    for reopen in [false, true] {
        let mut journal = open();
        let who = if reopen { "ada" } else { "bob" };
        let first = draft(who).request("X").to("crm").append(&*journal, clock).await;
        if reopen {
            drop(journal);
            journal = open();
        }
        let second = draft(who).request("X").to("crm").append(&*journal, clock).await;
        assert_eq!(second.repeat_of.map(|(seq, _)| seq), Some(first.seq));
        assert!(second.deliveries.is_empty());
        let (entry, deliveries) = journal.entry_at(second.seq).await.expect("a read").expect("an entry");
        assert_eq!((entry.repeat_of, deliveries.len()), (Some(first.seq), 0));
        // Another person's, another event's and another request are none.
        for other in [
            draft("eve").request("X"),
            draft(who).event("postCreateUser").request("X"),
            draft(who).request("Y"),
            // Y came between.
            draft(who).request("X"),
            draft(who),
            // One without a digest came between.
            draft(who).request("X"),
        ] {
            let appended = other.append(&*journal, clock).await;
            assert_eq!(appended.repeat_of, None, "entry {}", appended.seq);
        }
        clock.advance(Duration::from_secs(60));
        assert!(draft(who).request("X").append(&*journal, clock).await.repeat_of.is_some());
        clock.advance(Duration::from_secs(61));
        assert_eq!(draft(who).request("X").append(&*journal, clock).await.repeat_of, None);
        drop(journal);
        clock.advance(Duration::from_secs(3600));
    }
}

async fn of_a_lane_only_the_head_is_claimed(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let first = draft("ada").to("crm").append(&*journal, clock).await;
    let second = draft("ada").to("crm").append(&*journal, clock).await;
    let other = draft("bob").to("crm").append(&*journal, clock).await;
    draft("ada").to("mail").append(&*journal, clock).await;
    let alone = draft("ada").alone("crm").append(&*journal, clock).await;
    let claimed = claim(&*journal, "crm", clock).await;
    let ids: Vec<_> = claimed.iter().map(|claimed| claimed.seq).collect();
    assert_eq!(ids, [first.seq, other.seq, alone.seq]);
    assert_eq!(claimed[0].record, Record::Bytes(RECORD.into()));
    assert_eq!((claimed[0].event.as_str(), claimed[0].tenant.as_str()), ("postUpdateUser", "as100"));
    assert_eq!((claimed[0].attempts, claimed[0].created_at, claimed[0].first_attempt_at), (0, clock.now(), None));
    assert!(claim(&*journal, "crm", clock).await.is_empty(), "leased");
    assert_eq!(claim(&*journal, "mail", clock).await.len(), 1, "another action's lane");
    settle(&*journal, &claimed[0], attempted(Fate::Done, clock, "200")).await;
    let next = claim(&*journal, "crm", clock).await;
    assert_eq!(next.iter().map(|claimed| claimed.seq).collect::<Vec<_>>(), [second.seq]);
    let (_, deliveries) = journal.entry_at(first.seq).await.expect("a read").expect("an entry");
    assert_eq!((deliveries[0].state, deliveries[0].attempts), (DeliveryState::Done, 1));
    assert_eq!(deliveries[0].answers[0].answer, "200");
    assert_eq!(deliveries[0].answers[0].said.as_deref(), Some("in its own words"));
    assert_eq!((deliveries[0].finished_at, deliveries[0].due), (Some(clock.now()), None));
}

async fn a_retry_holds_its_lane_until_it_is_due(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let first = draft("ada").to("crm").append(&*journal, clock).await;
    draft("ada").to("crm").append(&*journal, clock).await;
    let claimed = claim(&*journal, "crm", clock).await;
    assert_eq!(journal.next_due("crm").await.expect("a time"), None, "the only lane is leased");
    let due = clock.now() + TimeDelta::seconds(5);
    settle(&*journal, &claimed[0], attempted(Fate::Retry { due }, clock, "503")).await;
    assert!(claim(&*journal, "crm", clock).await.is_empty());
    assert_eq!(journal.next_due("crm").await.expect("a time"), Some(due));
    let started = clock.now();
    clock.advance(Duration::from_secs(5));
    assert!(
        journal.claim("crm", clock.now(), places(0, 10, 0)).await.expect("a claim").is_empty(),
        "no retries were asked for"
    );
    let claimed = journal.claim("crm", clock.now(), places(0, 0, 10)).await.expect("a claim");
    assert_eq!(claimed.iter().map(|claimed| claimed.seq).collect::<Vec<_>>(), [first.seq]);
    assert_eq!((claimed[0].attempts, claimed[0].first_attempt_at), (1, Some(started)));
    settle(&*journal, &claimed[0], fate(Fate::Released)).await;
    let claimed = claim(&*journal, "crm", clock).await;
    assert_eq!((claimed.len(), claimed[0].attempts), (1, 1));
}

async fn a_dead_one_frees_its_lane_and_can_be_retried_dropped_or_skipped(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let first = draft("ada").to("crm").append(&*journal, clock).await;
    let second = draft("ada").to("crm").append(&*journal, clock).await;
    let third = draft("ada").to("crm").append(&*journal, clock).await;
    let claimed = claim(&*journal, "crm", clock).await;
    settle(&*journal, &claimed[0], attempted(Fate::Dead { reason: "410".into() }, clock, "gone")).await;
    let dead = journal.deliveries(DeliveryState::Dead, DeliveryFilter::default(), 10).await.expect("a read").items;
    assert_eq!((dead.len(), dead[0].id, dead[0].reason.as_deref()), (1, first.deliveries[0], Some("410")));
    assert_eq!(journal.stats().await.expect("figures").actions, [("crm".to_owned(), 2, 1)]);
    // The head again, before those that came later; the one that is leased finishes first.
    let second_claimed = claim(&*journal, "crm", clock).await;
    assert_eq!(second_claimed[0].seq, second.seq);
    journal.retry(first.deliveries[0]).await.expect("it is retried");
    assert!(claim(&*journal, "crm", clock).await.is_empty(), "the lane is leased");
    let due = clock.now() + TimeDelta::seconds(60);
    settle(&*journal, &second_claimed[0], attempted(Fate::Retry { due }, clock, "503")).await;
    let again = claim(&*journal, "crm", clock).await;
    assert_eq!((again.len(), again[0].seq, again[0].attempts), (1, first.seq, 0));
    settle(&*journal, &again[0], attempted(Fate::Done, clock, "200")).await;
    assert!(claim(&*journal, "crm", clock).await.is_empty(), "the second one's time has not come");
    says(journal.retry(second.deliveries[0]).await, "the delivery is pending");
    assert_eq!(journal.skip("crm", &person("ada"), "no use").await.expect("a head"), second.deliveries[0]);
    let last = claim(&*journal, "crm", clock).await;
    assert_eq!((last.len(), last[0].seq), (1, third.seq));
    journal.drop_delivery(third.deliveries[0], "not wanted").await.expect("it is dropped");
    settle(&*journal, &last[0], attempted(Fate::Done, clock, "200")).await;
    let (_, deliveries) = journal.entry_at(third.seq).await.expect("a read").expect("an entry");
    assert_eq!((deliveries[0].state, deliveries[0].reason.as_deref()), (DeliveryState::Dropped, Some("not wanted")));
    says(journal.drop_delivery(third.deliveries[0], "again").await, "the delivery is dropped");
    says(journal.skip("crm", &person("ada"), "no use").await, "no such");
    assert!(journal.pending_actions().await.expect("a read").is_empty());
}

async fn one_of_which_nobody_can_tell_is_dead_from_the_beginning(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let mut untold = draft("ada").to("crm");
    untold.deliveries[0].dead = Some("`when` erred".into());
    let untold = untold.append(&*journal, clock).await;
    let next = draft("ada").to("crm").append(&*journal, clock).await;
    let dead = journal.deliveries(DeliveryState::Dead, DeliveryFilter::default(), 10).await.expect("a read").items;
    assert_eq!((dead.len(), dead[0].id, dead[0].reason.as_deref()), (1, untold.deliveries[0], Some("`when` erred")));
    assert_eq!((dead[0].attempts, dead[0].finished_at), (0, Some(clock.now())));
    let claimed = claim(&*journal, "crm", clock).await;
    assert_eq!((claimed.len(), claimed[0].seq), (1, next.seq), "it holds nobody up");
    settle(&*journal, &claimed[0], attempted(Fate::Done, clock, "200")).await;
    journal.retry(untold.deliveries[0]).await.expect("it is retried");
    assert_eq!(claim(&*journal, "crm", clock).await[0].seq, untold.seq);
}

async fn an_old_entry_is_delivered_again(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let first = draft("ada").to("crm").append(&*journal, clock).await;
    let second = draft("ada").to("crm").append(&*journal, clock).await;
    let claimed = claim(&*journal, "crm", clock).await;
    settle(&*journal, &claimed[0], attempted(Fate::Done, clock, "200")).await;
    let again = journal.requeue(first.seq, "crm", true, &[]).await.expect("it is queued");
    assert_ne!(again, first.deliveries[0]);
    let elsewhere = journal.requeue(first.seq, "new", false, &[]).await.expect("it is queued");
    let claimed = claim(&*journal, "crm", clock).await;
    assert_eq!(claimed.iter().map(|claimed| claimed.id).collect::<Vec<_>>(), [again], "before the later one");
    settle(&*journal, &claimed[0], attempted(Fate::Done, clock, "200")).await;
    assert_eq!(claim(&*journal, "crm", clock).await[0].seq, second.seq);
    assert_eq!(claim(&*journal, "new", clock).await[0].id, elsewhere);
    says(journal.requeue(99, "crm", true, &[]).await, "no such event");
}

async fn first_attempts_and_retries_are_claimed_apart_the_oldest_first(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    for number in 0..20 {
        draft(&format!("p{number}")).to("crm").append(&*journal, clock).await;
        clock.advance(Duration::from_millis(1));
    }
    let claimed = journal.claim("crm", clock.now(), places(0, 10, 0)).await.expect("a claim");
    for (number, claimed) in (0..).zip(&claimed) {
        let due = clock.now() + TimeDelta::seconds(10 - number);
        settle(&*journal, claimed, attempted(Fate::Retry { due }, clock, "503")).await;
    }
    clock.advance(Duration::from_secs(20));
    let claimed = journal.claim("crm", clock.now(), places(0, 3, 3)).await.expect("a claim");
    assert_eq!(claimed.iter().map(|claimed| claimed.seq).collect::<Vec<_>>(), [11, 12, 13, 10, 9, 8]);
}

async fn a_crash_ends_leases_and_loses_nothing(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    draft("ada").to("crm").append(&*journal, clock).await;
    let claimed = claim(&*journal, "crm", clock).await;
    assert_eq!(claimed.len(), 1);
    drop(journal);
    let journal = open();
    assert_eq!(claim(&*journal, "crm", clock).await.len(), 1);
}

async fn whoever_delivers_is_woken(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let signal = journal.signal("crm");
    draft("ada").to("crm").append(&*journal, clock).await;
    draft("ada").to("crm").append(&*journal, clock).await;
    signal.notified().await;
    let claimed = claim(&*journal, "crm", clock).await;
    settle(&*journal, &claimed[0], attempted(Fate::Done, clock, "200")).await;
    signal.notified().await;
    draft("ada").to("mail").append(&*journal, clock).await;
    let mut quiet = pin!(signal.notified());
    assert!(!quiet.as_mut().enable(), "another action's work wakes nobody here");
}

async fn entries_are_found_by_filter_and_in_pages(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let start = clock.now();
    for number in 0..30 {
        let who = if number % 3 == 0 { "ada" } else { "bob" };
        let event = if number % 2 == 0 { "postUpdateUser" } else { "postCreateUser" };
        draft(who).event(event).to("crm").append(&*journal, clock).await;
        clock.advance(Duration::from_secs(60));
    }
    let claimed = claim(&*journal, "crm", clock).await;
    settle(&*journal, &claimed[1], attempted(Fate::Dead { reason: "no".into() }, clock, "410")).await;
    let found = async |filter: Filter| {
        let page = journal.entries(filter, 100).await.expect("a page");
        assert_eq!(page.next, None);
        page.items.into_iter().map(|entry| entry.seq).collect::<Vec<_>>()
    };
    assert_eq!(found(Filter::default()).await, (1..=30).rev().collect::<Vec<_>>());
    let ada = Filter { person: Some(person("ada")), order: Order::Oldest, ..Filter::default() };
    assert_eq!(found(ada).await, [1, 4, 7, 10, 13, 16, 19, 22, 25, 28]);
    let created = Filter { events: vec!["postCreateUser".into()], ..Filter::default() };
    assert_eq!(found(created).await.len(), 15);
    let since = Filter { since: Some(start + TimeDelta::seconds(25 * 60)), ..Filter::default() };
    assert_eq!(found(since).await, [30, 29, 28, 27, 26]);
    let until = Filter { until: Some(start + TimeDelta::seconds(120)), order: Order::Oldest, ..Filter::default() };
    assert_eq!(found(until).await, [1, 2]);
    assert_eq!(found(Filter { failed: true, ..Filter::default() }).await, [claimed[1].seq]);
    assert_eq!(found(Filter { action: Some("mail".into()), ..Filter::default() }).await, [0_u64; 0]);
    assert_eq!(found(Filter { outcome: Some("refused".into()), ..Filter::default() }).await, [0_u64; 0]);
    for order in [Order::Newest, Order::Oldest] {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let filter = Filter { order, after, records: true, ..Filter::default() };
            let page = journal.entries(filter, 7).await.expect("a page");
            assert!(page.items.iter().all(|entry| entry.record == Record::Bytes(RECORD.into())));
            all.extend(page.items.into_iter().map(|entry| entry.seq));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        all.sort_unstable();
        assert_eq!(all, (1..=30).collect::<Vec<_>>(), "{order:?}");
    }
    let first = journal.deliveries(DeliveryState::Pending, DeliveryFilter::default(), 20).await.expect("a page");
    let rest = DeliveryFilter { after: first.next, action: Some("crm".into()) };
    let rest = journal.deliveries(DeliveryState::Pending, rest, 20).await.expect("a page");
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (20, 9, None));
}

async fn answers_are_bounded_and_the_last_ones_stay(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    draft("ada").to("crm").append(&*journal, clock).await;
    for number in 0..8 {
        let claimed = claim(&*journal, "crm", clock).await;
        let answer = format!("{number} {}", "ä".repeat(2000));
        settle(&*journal, &claimed[0], attempted(Fate::Retry { due: clock.now() }, clock, &answer)).await;
    }
    let (_, deliveries) = journal.entry_at(1).await.expect("a read").expect("an entry");
    assert_eq!(deliveries[0].attempts, 8);
    let starts: Vec<_> = deliveries[0].answers.iter().map(|attempt| &attempt.answer[..1]).collect();
    assert_eq!(starts, ["3", "4", "5", "6", "7"]);
    assert!(deliveries[0].answers.iter().all(|attempt| attempt.answer.len() <= 1024));
}

async fn a_forgotten_person_is_gone_and_the_chain_holds(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let first = draft("ada").request("X").to("crm").append(&*journal, clock).await;
    draft("bob").to("crm").append(&*journal, clock).await;
    draft("ada").to("crm").append(&*journal, clock).await;
    assert_eq!(journal.forget(&person("ada")).await.expect("it is forgotten"), 2);
    let (entry, deliveries) = journal.entry_at(first.seq).await.expect("a read").expect("an entry");
    assert_eq!(entry.record, Record::Forgotten);
    assert_eq!((deliveries[0].state, deliveries[0].reason.as_deref()), (DeliveryState::Dropped, Some("forgotten")));
    let ada = Filter { person: Some(person("ada")), ..Filter::default() };
    assert!(journal.entries(ada.clone(), 10).await.expect("a page").items.is_empty());
    assert_eq!(claim(&*journal, "crm", clock).await.len(), 1, "bob's");
    let report = journal.verify(None, silent()).await.expect("a report");
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.forgotten, 2);
    let acts = journal.entries(Filter { acts: true, ..Filter::default() }, 1).await.expect("a page");
    assert_eq!(acts.items[0].kind, EntryKind::Tombstone);
    // Whoever comes back is somebody new, and can be forgotten again.
    let back = draft("ada").request("X").to("crm").append(&*journal, clock).await;
    assert_eq!(back.repeat_of, None);
    drop(journal);
    let journal = open();
    let page = journal.entries(ada, 10).await.expect("a page");
    assert_eq!(page.items.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [back.seq]);
    assert_ne!(page.items[0].person, entry.person, "nothing links the two");
    assert_eq!(journal.forget(&person("ada")).await.expect("it is forgotten"), 1);
    assert_eq!(journal.forget(&person("nobody")).await.expect("nothing to do"), 0);
    assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
}

async fn what_is_too_old_is_cut_and_the_chain_holds(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    for number in 0..1200 {
        let receipt = draft(&format!("p{number}")).queue(&*journal, clock);
        if number == 1199 {
            receipt.await.expect("it is appended");
        }
    }
    let waits = draft("ada").to("crm").append(&*journal, clock).await;
    draft("bob").append(&*journal, clock).await;
    assert_eq!(journal.retain().await.expect("nothing to do"), 0);
    clock.advance(Duration::from_secs(91 * 24 * 3600));
    draft("eve").append(&*journal, clock).await;
    assert_eq!(journal.retain().await.expect("it is cut"), 1200);
    let oldest = journal.entries(Filter { order: Order::Oldest, ..Filter::default() }, 1).await.expect("a page");
    assert_eq!(oldest.items[0].seq, waits.seq, "a delivery waits for it");
    let report = journal.verify(None, silent()).await.expect("a report");
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.cut, 1200);
    let claimed = claim(&*journal, "crm", clock).await;
    settle(&*journal, &claimed[0], attempted(Fate::Done, clock, "200")).await;
    assert_eq!(journal.retain().await.expect("it is cut"), 2);
    drop(journal);
    let journal = open();
    let report = journal.verify(None, silent()).await.expect("a report");
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.cut, report.entries), (1202, 3), "eve's and two cuts");
    assert_eq!(journal.retain().await.expect("nothing to do"), 0);
    assert_eq!(draft("eve").append(&*journal, clock).await.seq, 1206);
}

async fn notices_rule_sets_and_counters_are_kept(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let id = uuid::Uuid::from_bytes([9; 16]);
    for number in 0..3 {
        let record = format!("{{\"n\":{number}}}").into_bytes();
        journal.keep_unverified(id, clock.now(), "postCreateUser", &person("ada"), record).await.expect("it is kept");
    }
    journal.keep_rule_set([7; 32], b"rules".to_vec()).await.expect("it is kept");
    assert_eq!(journal.count("tickets", 2).await.expect("counted"), 2);
    assert_eq!(journal.count("tickets", 3).await.expect("counted"), 5);
    drop(journal);
    let journal = open();
    let notices = journal.unverified(0, 2).await.expect("a read");
    assert_eq!(
        notices.iter().map(|notice| notice.record.clone()).collect::<Vec<_>>(),
        [Record::Bytes(b"{\"n\":0}".to_vec()), Record::Bytes(b"{\"n\":1}".to_vec())]
    );
    assert_eq!(journal.remove_unverified(notices[1].number).await.expect("removed"), 2);
    let rest = journal.unverified(notices[1].number, 10).await.expect("a read");
    assert_eq!((rest.len(), rest[0].event.as_str(), rest[0].received_at), (1, "postCreateUser", clock.now()));
    assert_eq!(journal.forget(&person("ada")).await.expect("it is forgotten"), 0);
    assert_eq!(journal.stats().await.expect("figures").unverified, 0);
    assert_eq!(journal.rule_set([7; 32]).await.expect("a read"), Some(b"rules".to_vec()));
    assert_eq!(journal.rule_set([8; 32]).await.expect("a read"), None);
    assert_eq!(journal.counter("tickets").await.expect("a read"), 5);
    assert_eq!(journal.counter("other").await.expect("a read"), 0);
}

async fn a_cut_off_tail_shows_against_a_head(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    draft("ada").append(&*journal, clock).await;
    let head = journal.head().await.expect("a head");
    assert_eq!(Head::parse(&head.to_string()), Some(head));
    for (against, words) in
        [(Head { seq: 5, ..head }, "its tail was cut off"), (Head { hash: [1; 32], ..head }, "another journal")]
    {
        let report = journal.verify(Some(against), silent()).await.expect("a report");
        assert!(report.findings.iter().any(|finding| finding.to_string().contains(words)), "{report:?}");
        assert!(!report.is_sound());
    }
}

async fn a_secret_is_refused_without_a_key(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let receipt = draft("ada").to("crm").secret("passwordText", "hunter2").queue(&*journal, clock);
    says(receipt.await, "encryption_key");
    assert_eq!(journal.head().await.expect("a head").seq, 0);
}

async fn a_closed_journal_says_so(open: Opener<'_>, clock: &Clock) {
    let journal = open();
    let queued = draft("ada").queue(&*journal, clock);
    journal.close().await;
    queued.await.expect("what was queued is written");
    let error = draft("ada").queue(&*journal, clock).await.expect_err("it is closed");
    assert!(matches!(error, JournalError::Closed), "{error}");
}

macro_rules! suite {
    ($store:ident, $bench:expr, [$($test:ident),* $(,)?]) => {
        mod $store {
            use super::*;

            $(
                #[tokio::test]
                async fn $test() {
                    let bench: Bench = $bench;
                    super::$test(&|| Box::new(bench.open()), &bench.clock).await;
                }
            )*
        }
    };
}

suite!(
    plain,
    Bench::new(),
    [
        an_entry_is_read_back_as_it_was_appended,
        an_append_survives_whoever_asked_for_it,
        entries_have_no_gaps_and_the_chain_holds,
        a_repeat_is_kept_linked_and_not_delivered,
        of_a_lane_only_the_head_is_claimed,
        a_retry_holds_its_lane_until_it_is_due,
        a_dead_one_frees_its_lane_and_can_be_retried_dropped_or_skipped,
        one_of_which_nobody_can_tell_is_dead_from_the_beginning,
        an_old_entry_is_delivered_again,
        first_attempts_and_retries_are_claimed_apart_the_oldest_first,
        a_crash_ends_leases_and_loses_nothing,
        whoever_delivers_is_woken,
        entries_are_found_by_filter_and_in_pages,
        answers_are_bounded_and_the_last_ones_stay,
        a_forgotten_person_is_gone_and_the_chain_holds,
        what_is_too_old_is_cut_and_the_chain_holds,
        notices_rule_sets_and_counters_are_kept,
        a_cut_off_tail_shows_against_a_head,
        a_secret_is_refused_without_a_key,
        a_closed_journal_says_so,
        what_a_notice_tells_of_a_person_is_found,
        whoever_is_looked_for_has_all_and_nothing_that_excludes,
        a_person_leaves_the_directory_and_nothing_of_it_stays,
        many_are_told_of_at_once_and_read_in_pages,
        a_persons_login_and_id_are_nobody_elses,
        what_was_captured_is_kept_and_handed_to_who_comes_after,
        one_that_comes_after_another_waits_and_holds_its_lane,
        what_comes_after_a_dead_letter_is_one_too,
        what_comes_after_one_that_was_dropped_can_go_ahead_without_it,
        one_that_two_come_before_comes_back_when_both_do,
        one_that_cannot_be_told_is_dead_with_those_after_it,
        an_event_that_is_delivered_again_comes_after_the_newest,
        what_is_settled_late_starts_nothing,
        a_chain_outlives_what_is_cut_off,
        what_somebody_waits_for_is_claimed_first,
        what_nobody_has_begun_in_time_is_given_up,
        a_crash_does_not_hide_what_somebody_waited_for,
        while_a_target_is_left_alone_nobody_waits_for_it,
        a_request_that_comes_again_is_not_done_again,
        a_request_that_was_not_done_is_performed_anew,
        a_request_that_does_nothing_repeats_only_one_that_did_nothing,
        numbers_are_given_once_and_in_order,
        whoever_was_taken_out_is_not_brought_back_by_what_is_old,
        the_index_is_brought_to_other_forms,
    ]
);

suite!(
    sealed,
    Bench::sealed(),
    [
        an_entry_is_read_back_as_it_was_appended,
        entries_have_no_gaps_and_the_chain_holds,
        a_repeat_is_kept_linked_and_not_delivered,
        of_a_lane_only_the_head_is_claimed,
        entries_are_found_by_filter_and_in_pages,
        a_forgotten_person_is_gone_and_the_chain_holds,
        what_is_too_old_is_cut_and_the_chain_holds,
        notices_rule_sets_and_counters_are_kept,
        what_a_notice_tells_of_a_person_is_found,
        whoever_is_looked_for_has_all_and_nothing_that_excludes,
        a_person_leaves_the_directory_and_nothing_of_it_stays,
        many_are_told_of_at_once_and_read_in_pages,
        a_persons_login_and_id_are_nobody_elses,
        what_was_captured_is_kept_and_handed_to_who_comes_after,
        a_chain_outlives_what_is_cut_off,
        a_request_that_comes_again_is_not_done_again,
        whoever_was_taken_out_is_not_brought_back_by_what_is_old,
        the_index_is_brought_to_other_forms,
    ]
);
