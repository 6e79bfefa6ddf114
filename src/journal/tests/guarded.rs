//! Persons whom guards hold: kept with their entry, and what is done about them is in the chain.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Bench, FIRST_VERSION, draft, person, says, silent};
use crate::journal::{EntryKind, Filter, GuardAct, GuardMark, Guarded, GuardedFilter, Journal, Reader, Record};

fn held(guard: &str, since: DateTime<Utc>) -> GuardMark {
    GuardMark::Held {
        guard: guard.into(),
        outcome: "deprovision",
        rule: Some("leavers".into()),
        release_for: Duration::from_secs(3600),
        since,
    }
}

async fn list(journal: &dyn Journal, passes: bool) -> Vec<Guarded> {
    let filter = GuardedFilter { passes, ..GuardedFilter::default() };
    journal.guarded(filter, 100).await.expect("a page").items
}

async fn acts(journal: &dyn Journal) -> Vec<(EntryKind, Record)> {
    let filter = Filter { acts: true, records: true, ..Filter::default() };
    let page = journal.entries(filter, 100).await.expect("a page");
    let acts = page.items.into_iter().filter(|entry| entry.kind != EntryKind::Event);
    acts.map(|entry| (entry.kind, entry.record)).collect()
}

#[tokio::test]
async fn who_is_held_is_listed_once_and_every_act_has_its_reason_in_the_chain() {
    for bench in [Bench::new(), Bench::sealed()] {
        let (clock, journal) = (&bench.clock, bench.open());
        let first = clock.now() + Duration::from_secs(1);
        for (login, since) in [("ada", first), ("bob", first + Duration::from_secs(1)), ("ada", first)] {
            clock.advance(Duration::from_secs(1));
            draft(login).guards(vec![held("g", since)]).append(&journal, clock).await;
        }
        draft("ada").guards(vec![held("h", clock.now())]).append(&journal, clock).await;
        let all = list(&journal, false).await;
        let seen: Vec<_> = all.iter().map(|one| (one.guard.as_str(), one.seq, one.calls)).collect();
        assert_eq!(seen, [("g", 3, 2), ("g", 2, 1), ("h", 4, 1)]);
        assert_eq!((all[0].outcome.as_str(), all[0].rule.as_deref()), ("deprovision", Some("leavers")));
        assert_eq!(
            (all[0].first_at, all[0].last_at, all[0].pass_until),
            (all[1].first_at - Duration::from_secs(1), clock.now(), None)
        );
        assert_eq!((all[0].event.as_str(), all[0].tenant.as_str()), ("postUpdateUser", "as100"));
        assert_eq!(all[0].person, journal.reference(&person("ada")));
        let of = GuardedFilter { guard: Some("g".into()), person: Some(person("bob")), ..GuardedFilter::default() };
        let page = journal.guarded(of, 1).await.expect("a page");
        assert_eq!(page.items.iter().map(|one| one.number).collect::<Vec<_>>(), [all[1].number]);
        let released =
            journal.act_on_guarded(all[0].number, GuardAct::Release, "she leaves").await.expect("it is done");
        assert_eq!(released.pass_until, Some(clock.now() + Duration::from_secs(3600)));
        assert_eq!((released.person, released.guard.as_str()), (all[0].person, "g"));
        let dropped = journal.act_on_guarded(all[1].number, GuardAct::Drop, "he does not").await.expect("it is done");
        assert_eq!(dropped.pass_until, None);
        for number in [all[0].number, all[1].number, 99] {
            says(journal.act_on_guarded(number, GuardAct::Drop, "again").await, "no such person whom a guard holds");
        }
        assert_eq!(list(&journal, false).await.len(), 1, "the other guard's");
        assert_eq!(list(&journal, true).await.len(), 2, "and the pass");
        // A call that was on its way takes no pass back, puts nobody on the list again, and the next one uses the pass up.
        draft("ada").guards(vec![held("g", first)]).append(&journal, clock).await;
        assert_eq!(list(&journal, true).await[0].pass_until, released.pass_until);
        draft("bob").guards(vec![held("g", first + Duration::from_secs(1))]).append(&journal, clock).await;
        assert_eq!(list(&journal, true).await.len(), 2);
        draft("ada").guards(vec![GuardMark::Passed { guard: "g".into() }]).append(&journal, clock).await;
        assert_eq!(list(&journal, true).await.len(), 1);
        let words = |reason: &str| {
            Record::Bytes(format!(r#"{{"guard":"g","event":"postUpdateUser","reason":"{reason}"}}"#).into_bytes())
        };
        let expected = [(EntryKind::GuardDrop, words("he does not")), (EntryKind::GuardRelease, words("she leaves"))];
        assert_eq!(acts(&journal).await, expected);
        drop(journal);
        let journal = bench.open();
        assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
        assert_eq!(list(&journal, true).await.len(), 1);
        // What was said about a person goes with the person.
        assert_eq!(journal.forget(&person("ada")).await.expect("it is forgotten"), 6);
        assert!(list(&journal, true).await.is_empty());
        assert_eq!(acts(&journal).await[2].1, Record::Forgotten);
        assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
    }
}

#[tokio::test]
async fn persons_are_counted_once_and_nobody_is_none() {
    let bench = Bench::new();
    let journal = bench.open();
    assert_eq!(journal.persons_known().await.expect("a number"), 0);
    for number in 0..200 {
        draft(&format!("p{}", number % 100)).append(&journal, &bench.clock).await;
    }
    let mut nobody = draft("x");
    nobody.person.known = false;
    nobody.guards(vec![held("g", bench.clock.now())]).append(&journal, &bench.clock).await;
    assert_eq!(journal.persons_known().await.expect("a number"), 100);
    assert!(list(&journal, true).await.is_empty(), "nobody could recognise the next call of nobody");
}

#[tokio::test]
async fn a_journal_of_before_gets_the_table() {
    let bench = Bench::new();
    drop(bench.open());
    let file = rusqlite::Connection::open(&bench.options.path).expect("it opens");
    file.execute_batch(FIRST_VERSION).expect("as it was before");
    drop(file);
    let journal = bench.open();
    let first = bench.clock.now();
    draft("ada").guards(vec![held("g", first)]).append(&journal, &bench.clock).await;
    assert_eq!(list(&journal, false).await.len(), 1);
    // What was done about an earlier time says nothing of this one, and is not remembered for ever.
    let number = list(&journal, false).await[0].number;
    journal.act_on_guarded(number, GuardAct::Drop, "so").await.expect("it is done");
    let again = first + Duration::from_micros(1);
    draft("ada").guards(vec![held("g", again)]).append(&journal, &bench.clock).await;
    let listed = list(&journal, false).await;
    assert_eq!((listed.len(), listed[0].calls, listed[0].first_at), (1, 1, again));
    assert_ne!(listed[0].number, number, "whoever has the old number acts on nobody");
    journal.act_on_guarded(listed[0].number, GuardAct::Drop, "so").await.expect("it is done");
    bench.clock.advance(Duration::from_secs(3601));
    journal.retain().await.expect("it is kept within its time");
    drop(journal);
    let file = rusqlite::Connection::open(&bench.options.path).expect("it opens");
    let rows: u64 = file.query_row("SELECT count(*) FROM guarded", [], |row| row.get(0)).expect("a number");
    assert_eq!(rows, 0);
}
