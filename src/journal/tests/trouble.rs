//! Full disks, failing files, files that are no journals, and more work than fits.

use std::time::Duration;

use rusqlite::Connection;

use super::{Bench, attempted, claim, draft, fate, person, says, settle, silent};
use crate::journal::sqlite::{SqliteJournal, SqliteReader};
use crate::journal::{Fate, Health, Journal, JournalError, Reader};

fn opened(bench: &Bench) -> Result<(), JournalError> {
    SqliteJournal::open(bench.options.clone()).map(|_| ())
}

#[tokio::test]
async fn below_the_reserve_no_entry_is_taken_and_deliveries_go_on() {
    let mut bench = Bench::new();
    let journal = bench.open();
    draft("ada").to("crm").append(&journal, &bench.clock).await;
    draft("bob").append(&journal, &bench.clock).await;
    drop(journal);
    bench.options.reserve = u64::MAX;
    let journal = bench.open();
    let refused = draft("ada").to("crm").queue(&journal, &bench.clock).await;
    says(refused, "the journal's disk is full");
    assert!(matches!(journal.health(), Health::Full { .. }));
    let claimed = claim(&journal, "crm", &bench.clock).await;
    settle(&journal, &claimed[0], attempted(Fate::Done, &bench.clock, "200")).await;
    assert_eq!(journal.forget(&person("bob")).await.expect("it is forgotten"), 1);
    bench.clock.advance(Duration::from_secs(100 * 24 * 3600));
    assert!(journal.retain().await.expect("it is cut") > 0);
    assert!(matches!(journal.health(), Health::Full { .. }));
    drop(journal);
    bench.options.reserve = 0;
    let journal = bench.open();
    draft("ada").append(&journal, &bench.clock).await;
    assert_eq!(journal.health(), Health::Ok);
    assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
}

#[tokio::test]
async fn a_full_file_refuses_entries_and_takes_them_again_when_there_is_space() {
    let mut bench = Bench::new();
    bench.options.max_pages = Some(120);
    let journal = bench.open();
    let clock = &bench.clock;
    let mut taken = 0;
    loop {
        match draft(&format!("p{taken}")).record(&"x".repeat(2000)).queue(&journal, clock).await {
            Ok(_) => taken += 1,
            Err(error) => {
                assert!(error.is_passing(), "{error}");
                break;
            }
        }
        assert!(taken < 1000, "it never fills");
    }
    assert!(matches!(journal.health(), Health::Full { .. }));
    assert_eq!(journal.head().await.expect("a head").seq, taken);
    clock.advance(Duration::from_secs(91 * 24 * 3600));
    assert_eq!(journal.retain().await.expect("it is cut"), taken);
    let next = draft("ada").append(&journal, clock).await;
    assert_eq!(next.seq, taken + 2);
    assert_eq!(journal.health(), Health::Ok);
    assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
}

#[tokio::test]
async fn a_failing_file_is_told_and_comes_back() {
    let bench = Bench::new();
    let journal = bench.open();
    draft("ada").request("X").append(&journal, &bench.clock).await;
    let file = Connection::open(&bench.options.path).expect("a file");
    file.execute_batch("ALTER TABLE deliveries RENAME TO elsewhere").expect("a table");
    // A batch of several fails as a whole, so that what was answered is what is on disk.
    let receipts: Vec<_> = (0..3).map(|_| draft("bob").request("X").to("crm").queue(&journal, &bench.clock)).collect();
    for receipt in receipts {
        let error = receipt.await.expect_err("there is no table");
        assert!(error.is_passing(), "{error}");
    }
    let Health::Unavailable { reason, since } = journal.health() else { panic!("{:?}", journal.health()) };
    assert!(reason.contains("cannot be"), "{reason}");
    assert_eq!(since, bench.clock.now());
    file.execute_batch("ALTER TABLE elsewhere RENAME TO deliveries").expect("a table");
    let next = draft("bob").request("X").to("crm").append(&journal, &bench.clock).await;
    assert_eq!((next.seq, next.repeat_of), (2, None), "what failed is nothing to repeat");
    assert!(draft("ada").request("X").append(&journal, &bench.clock).await.repeat_of.is_some());
    assert_eq!(journal.health(), Health::Ok);
    assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
}

#[tokio::test]
async fn one_that_asks_in_vain_spoils_nothing_for_others() {
    let bench = Bench::new();
    let journal = bench.open();
    let good = draft("ada").queue(&journal, &bench.clock);
    let bad = journal.retry(crate::journal::DeliveryId(99));
    let other = journal.settle(crate::journal::DeliveryId(99), fate(Fate::Done));
    let last = draft("ada").queue(&journal, &bench.clock);
    good.await.expect("it is appended");
    says(bad.await, "no such delivery");
    says(other.await, "no such delivery");
    last.await.expect("it is appended");
    assert_eq!(journal.health(), Health::Ok);
}

#[tokio::test]
async fn more_than_may_wait_is_refused_at_once() {
    let bench = Bench::new();
    let journal = bench.open();
    let file = Connection::open(&bench.options.path).expect("a file");
    // Holds the writer up for as long as it lives.
    file.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
    let (mut receipts, mut refused) = (Vec::new(), 0);
    // The writer may have taken some, and those that wait are bounded by their bytes.
    for _ in 0..200 {
        receipts.push(draft("ada").record(&"x".repeat(1 << 20)).queue(&journal, &bench.clock));
    }
    file.execute_batch("ROLLBACK").expect("a transaction");
    for receipt in receipts {
        match receipt.await {
            Ok(_) => {}
            Err(JournalError::Busy) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!((50..200).contains(&refused), "{refused}");
    draft("ada").append(&journal, &bench.clock).await;
}

#[tokio::test]
async fn only_one_process_appends_and_others_read() {
    let bench = Bench::new();
    let journal = bench.open();
    says(opened(&bench), &format!("(process {})", std::process::id()));
    let reader = SqliteReader::open(&bench.options).expect("it opens");
    draft("ada").append(&journal, &bench.clock).await;
    assert_eq!(reader.head().await.expect("a head").seq, 1);
    let (entry, _) = reader.entry_at(1).await.expect("a read").expect("an entry");
    assert_eq!(entry, journal.entry_at(1).await.expect("a read").expect("an entry").0);
    drop(journal);
    opened(&bench).expect("the lock is free");
    let elsewhere = Bench::new();
    says(SqliteReader::open(&elsewhere.options).map(|_| ()), "cannot be opened");
}

#[tokio::test]
async fn what_is_no_journal_of_this_version_is_not_touched() {
    let bench = Bench::new();
    std::fs::write(&bench.options.path, "these are not the bytes of a journal, are they").expect("a file");
    says(opened(&bench), "is damaged or no journal");
    std::fs::remove_file(&bench.options.path).expect("a file");
    let file = Connection::open(&bench.options.path).expect("a file");
    file.execute_batch("CREATE TABLE theirs (a)").expect("a table");
    says(opened(&bench), "another program");
    drop(file);
    let bench = Bench::new();
    drop(bench.open());
    let file = Connection::open(&bench.options.path).expect("a file");
    file.pragma_update(None, "user_version", 99).expect("a version");
    says(opened(&bench), "has schema version 99");
    drop(file);
    let bench = Bench::new();
    draft("ada").append(&bench.open(), &bench.clock).await;
    let mut bytes = std::fs::read(&bench.options.path).expect("a file");
    bytes[100..3000].fill(0xff);
    std::fs::write(&bench.options.path, bytes).expect("a file");
    says(opened(&bench), "is damaged");
}
