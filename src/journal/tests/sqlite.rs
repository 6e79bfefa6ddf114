//! What only the journal in SQLite can be asked: crashes, as copies of its files, and backups.

use std::path::Path;

use super::{Bench, claim, draft, person, says, silent};
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Filter, Journal as _, Order, Reader};

/// The files as they are now, as a crash would leave them.
fn crash(bench: &Bench, to: &Path) {
    for suffix in ["", "-wal", "-persons", "-persons-wal"] {
        let name = format!("journal.db{suffix}");
        let from = bench.directory.path().join(&name);
        if from.exists() {
            std::fs::copy(from, to.join(name)).expect("a copy");
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    for bench in [Bench::new(), Bench::sealed()] {
        let journal = bench.open();
        let mut acknowledged = 0;
        for round in 0..10 {
            let receipts: Vec<_> =
                (0..20).map(|number| draft(&format!("p{number}")).to("crm").queue(&journal, &bench.clock)).collect();
            for receipt in receipts.into_iter().take(15) {
                acknowledged = receipt.await.expect("it is appended").seq;
            }
            let elsewhere = Bench::new();
            crash(&bench, elsewhere.directory.path());
            let mut options = bench.options.clone();
            options.path = elsewhere.options.path.clone();
            let copy = SqliteJournal::open(options).expect("it opens");
            let head = copy.head().await.expect("a head");
            assert!(head.seq >= acknowledged, "round {round}: {head} of {acknowledged}");
            let report = copy.verify(None, silent()).await.expect("a report");
            assert!(report.is_sound(), "{report:?}");
            let claimed = claim(&copy, "crm", &bench.clock).await;
            assert_eq!(claimed.len(), 20, "each lane has its head");
            draft("ada").append(&copy, &bench.clock).await;
        }
    }
}

#[tokio::test]
async fn a_torn_log_is_read_as_far_as_it_is_whole() {
    let bench = Bench::new();
    let journal = bench.open();
    for number in 0..12 {
        draft(&format!("p{number}")).to("crm").append(&journal, &bench.clock).await;
    }
    let log = std::fs::read(bench.directory.path().join("journal.db-wal")).expect("a log");
    let (mut last, mut skipped) = (u64::MAX, 0);
    for length in (1..40).map(|part| log.len() - part * log.len() / 50) {
        let elsewhere = Bench::new();
        crash(&bench, elsewhere.directory.path());
        let mut torn = log.clone();
        torn.truncate(length);
        // The last bytes are anything.
        torn[length - 10..].fill(0xee);
        std::fs::write(elsewhere.directory.path().join("journal.db-wal"), torn).expect("a log");
        let Ok(copy) = SqliteJournal::open(elsewhere.options.clone()) else {
            // The tables themselves were in what is gone; nothing was acknowledged before they were on disk.
            continue;
        };
        let report = copy.verify(None, silent()).await.expect("a report");
        assert!(report.is_sound(), "{report:?}");
        let seq = report.head.expect("a head").seq;
        skipped += report.found;
        assert!(seq <= last);
        last = seq;
        assert_eq!(claim(&copy, "crm", &bench.clock).await.len() as u64, seq, "an entry comes with its delivery");
    }
    assert!(last < 12);
    assert!(skipped > 10, "it is told: {skipped}");
}

#[tokio::test]
async fn a_backup_is_made_while_entries_come_in() {
    let bench = Bench::new();
    let journal = bench.open();
    let receipts: Vec<_> = (0..300).map(|number| draft(&format!("p{number}")).queue(&journal, &bench.clock)).collect();
    let path = bench.directory.path().join("backup.db");
    let head = journal.backup(&path).await.expect("a backup");
    for receipt in receipts {
        receipt.await.expect("it is appended");
    }
    says(journal.backup(&path).await, "cannot be opened");
    let elsewhere = Bench::new();
    std::fs::copy(&path, &elsewhere.options.path).expect("a copy");
    let copy = elsewhere.open();
    let report = copy.verify(None, silent()).await.expect("a report");
    assert!(report.is_sound() && report.head == Some(head), "{report:?}");
    let items = copy.entries(Filter { order: Order::Oldest, ..Filter::default() }, 1000).await.expect("a page").items;
    assert_eq!(items.len() as u64, head.seq);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::sealed();
    let journal = bench.open();
    draft("ada").append(&journal, &bench.clock).await;
    journal.backup(&bench.directory.path().join("backup.db")).await.expect("a backup");
    for entry in std::fs::read_dir(bench.directory.path()).expect("a directory") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("a file").permissions().mode();
        let name = entry.file_name();
        // What the lock says is no secret.
        assert!(mode.trailing_zeros() >= 6 || name.to_string_lossy().ends_with(".lock"), "{name:?}: {mode:o}");
    }
}

#[tokio::test]
async fn a_person_is_found_in_every_block_of_entries() {
    let bench = Bench::new();
    let journal = bench.open();
    let mut last = None;
    for number in 0..9000 {
        let who = if number % 3000 == 100 { "ada".to_owned() } else { format!("p{number}") };
        last = Some(draft(&who).request("X").queue(&journal, &bench.clock));
    }
    last.expect("there is one").await.expect("it is appended");
    let found = async |order, after| {
        let filter = Filter { person: Some(person("ada")), order, after, ..Filter::default() };
        let items = journal.entries(filter, 2).await.expect("a page").items;
        items.into_iter().map(|entry| (entry.seq, entry.repeat_of)).collect::<Vec<_>>()
    };
    assert_eq!(found(Order::Oldest, None).await, [(101, None), (3101, Some(101))]);
    assert_eq!(found(Order::Newest, None).await, [(6101, Some(3101)), (3101, Some(101))]);
    assert_eq!(found(Order::Newest, Some(3101)).await, [(101, None)]);
    let file = rusqlite::Connection::open(&bench.options.path).expect("a file");
    let plan: String = file
        .query_row("EXPLAIN QUERY PLAN SELECT seq FROM entries WHERE seq / 4096 = 1 AND bucket = 2", [], |row| {
            row.get(3)
        })
        .expect("a plan");
    assert!(plan.contains("entries_person"), "{plan}");
    assert_eq!(journal.forget(&person("ada")).await.expect("it is forgotten"), 3);
}

#[tokio::test]
async fn the_log_stays_short_also_where_each_commit_is_small() {
    let bench = Bench::new();
    let journal = bench.open();
    let log = bench.directory.path().join("journal.db-wal");
    let mut longest = 0;
    for number in 0..2000 {
        draft(&format!("p{number}")).to("crm").append(&journal, &bench.clock).await;
        longest = longest.max(std::fs::metadata(&log).map_or(0, |file| file.len()));
    }
    assert!(longest < 48 << 20, "{longest} bytes");
}
