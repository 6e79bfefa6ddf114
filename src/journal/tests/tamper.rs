//! What a verification finds.

use rusqlite::Connection;

use super::{Bench, draft, person, silent};
use crate::base::secret::Secret;
use crate::journal::{Finding, Journal, Reader, Report};

/// Ten entries of three persons, of whom one is forgotten.
async fn written(bench: &Bench) {
    let journal = bench.open();
    for number in 0..9 {
        draft(["ada", "bob", "eve"][number % 3]).append(&journal, &bench.clock).await;
    }
    journal.forget(&person("eve")).await.expect("it is forgotten");
}

async fn report(bench: &Bench) -> Report {
    bench.open().verify(None, silent()).await.expect("a report")
}

async fn findings(change: &str) -> Vec<Finding> {
    let bench = Bench::new();
    written(&bench).await;
    assert_eq!(report(&bench).await.findings, []);
    let file = Connection::open(&bench.options.path).expect("a file");
    file.execute_batch(change).expect(change);
    drop(file);
    report(&bench).await.findings
}

#[tokio::test]
async fn every_change_of_a_header_is_found() {
    for column in [
        "id = x'00112233445566778899aabbccddeeff'",
        "at = at + 1",
        "kind = 2",
        "system = 'other'",
        "tenant = ''",
        "event = 'postDeleteUser'",
        "person = x'00112233445566778899aabbccddeeff'",
        "outcome = 'refused'",
        "cause = 'failed'",
        "rule = NULL",
        "took = 1",
        "repeat_of = 1",
        "hash = zeroblob(32)",
    ] {
        let found = findings(&format!("UPDATE entries SET {column} WHERE seq = 4")).await;
        assert!(found.contains(&Finding::Header(4)), "{column}: {found:?}");
    }
    let found = findings("UPDATE rule_sets SET hash = zeroblob(31) WHERE hash <> zeroblob(32)").await;
    assert!(found.contains(&Finding::Header(1)), "{found:?}");
    let found = findings("UPDATE entries SET digest = zeroblob(32) WHERE seq = 4").await;
    assert_eq!(found, [Finding::Header(4), Finding::Payload(4)]);
}

#[tokio::test]
async fn a_payload_that_changed_or_went_is_found() {
    assert_eq!(findings("UPDATE entries SET stored = x'0200' WHERE seq = 4").await, [Finding::Payload(4)]);
    assert_eq!(findings("UPDATE entries SET stored = NULL WHERE seq = 4").await, [Finding::Missing(4)]);
    // A tombstone that is not in the chain excuses nothing.
    let forged = "UPDATE entries SET stored = NULL WHERE seq = 4;
                  INSERT INTO tombstones SELECT person, seq + 1, 1 FROM entries WHERE seq = 4";
    assert_eq!(findings(forged).await, [Finding::Missing(4)]);
}

#[tokio::test]
async fn missing_and_moved_entries_are_found() {
    assert_eq!(findings("DELETE FROM entries WHERE seq IN (4, 5)").await, [Finding::Gap(4, 5)]);
    assert_eq!(findings("DELETE FROM entries WHERE seq < 4").await, [Finding::Prefix(4)]);
    let moved = "UPDATE entries SET seq = 99 WHERE seq = 4; UPDATE entries SET seq = 4 WHERE seq = 5;
                 UPDATE entries SET seq = 5 WHERE seq = 99";
    let found = findings(moved).await;
    assert!(found.contains(&Finding::Header(4)) && found.contains(&Finding::Header(5)), "{found:?}");
    // A cut that the chain does not bear out.
    let forged = "DELETE FROM entries WHERE seq < 4;
                  INSERT INTO meta SELECT 'cut', CAST('3:' || lower(hex(zeroblob(32))) AS BLOB)";
    let found = findings(forged).await;
    assert!(found.contains(&Finding::Prefix(4)), "{found:?}");
}

#[tokio::test]
async fn with_a_key_nobody_without_it_can_write_the_chain() {
    let mut bench = Bench::new();
    written(&bench).await;
    // All of it, as whoever can write the file but has no key could have made it.
    bench.options.chain_key = Some(Secret::new("the key of the chain"));
    let report = report(&bench).await;
    assert_eq!(report.found, report.entries);
    assert!(report.findings.iter().all(|finding| matches!(finding, Finding::Header(_))));
    let keyed = Bench { options: bench.options.clone(), ..Bench::new() };
    let mut keyed = keyed;
    keyed.options.path = keyed.directory.path().join("keyed.db");
    written(&keyed).await;
    assert!(self::report(&keyed).await.is_sound());
    keyed.options.chain_key = Some(Secret::new("another key of a chain"));
    assert!(!self::report(&keyed).await.is_sound());
}

#[tokio::test]
async fn a_cut_off_tail_shows_against_a_head() {
    let bench = Bench::new();
    let journal = bench.open();
    for _ in 0..9 {
        draft("ada").append(&journal, &bench.clock).await;
    }
    let head = journal.head().await.expect("a head");
    drop(journal);
    let file = Connection::open(&bench.options.path).expect("a file");
    file.execute("DELETE FROM entries WHERE seq > 6", []).expect("entries");
    drop(file);
    let journal = bench.open();
    assert!(journal.verify(None, silent()).await.expect("a report").is_sound(), "the chain itself is whole");
    let report = journal.verify(Some(head), silent()).await.expect("a report");
    assert_eq!(report.findings, [Finding::Tail { found: 6, expected: head.seq }]);
}
