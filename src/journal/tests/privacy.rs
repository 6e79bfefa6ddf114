//! What is not to be found: logins, secrets, and what was forgotten. The tests read the raw files.

use std::path::Path;
use std::time::Duration;

use super::{Bench, KEY, attempted, claim, draft, fate, person, says, settle, silent};
use crate::base::secret::Secret;
use crate::journal::sqlite::{SqliteReader, restore};
use crate::journal::{DeliveryState, Fate, Filter, Journal, Reader, Record};

const MARK: &str = "a-mark-that-is-found";

/// The files of a directory in which these bytes are.
fn found(directory: &Path, bytes: &[u8]) -> Vec<String> {
    let files = std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    files
        .filter(|path| std::fs::read(path).expect("a file").windows(bytes.len()).any(|window| window == bytes))
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect()
}

fn marked(size: usize) -> String {
    format!(r#"{{"user":"{MARK}{}{MARK}"}}"#, "x".repeat(size))
}

/// Entries of two persons, one of which is forgotten: in cells, overflow pages, answers, log, and a backup before.
async fn forgotten(bench: &Bench) {
    let clock = &bench.clock;
    let journal = bench.open();
    for size in [10, 3000, 30_000] {
        draft("ada").record(&marked(size)).to("crm").append(&journal, clock).await;
        draft("bob").record(r#"{"user":"another-one"}"#).to("crm").append(&journal, clock).await;
    }
    let notice = marked(10).into_bytes();
    journal
        .keep_unverified(uuid::Uuid::nil(), clock.now(), "postCreateUser", &person("ada"), notice)
        .await
        .expect("it is kept");
    let claimed = claim(&journal, "crm", clock).await;
    let retry = Fate::Retry { due: clock.now() };
    settle(&journal, &claimed[0], attempted(retry, clock, MARK)).await;
    let before = bench.directory.path().join("before.db");
    journal.backup(&before).await.expect("a backup");
    assert_eq!(journal.forget(&person("ada")).await.expect("it is forgotten"), 3);
    let after = bench.directory.path().join("after.db");
    journal.backup(&after).await.expect("a backup");
    let (entry, _) = journal.entry_at(1).await.expect("a read").expect("an entry");
    assert_eq!(entry.record, Record::Forgotten);
    let (other, _) = journal.entry_at(2).await.expect("a read").expect("an entry");
    assert_eq!(other.record, Record::Bytes(br#"{"user":"another-one"}"#.to_vec()));
    // The delivery that was in flight comes to nothing.
    settle(&journal, &claimed[1], attempted(Fate::Done, clock, "200")).await;
    assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
}

#[tokio::test]
async fn of_a_forgotten_person_not_a_byte_is_left() {
    let bench = Bench::new();
    forgotten(&bench).await;
    // What a backup before it holds in clear is not ours to take back; it is brought back without.
    assert_eq!(found(bench.directory.path(), MARK.as_bytes()), ["before.db"]);
}

#[tokio::test]
async fn with_a_key_not_even_a_backup_from_before_can_be_read() {
    let bench = Bench::sealed();
    forgotten(&bench).await;
    assert_eq!(found(bench.directory.path(), MARK.as_bytes()), [""; 0]);
    let mut options = bench.options.clone();
    options.path = bench.directory.path().join("before.db");
    std::fs::copy(bench.directory.path().join("journal.db-persons"), bench.directory.path().join("before.db-persons"))
        .expect("a copy");
    let reader = SqliteReader::open(&options).expect("it opens");
    let (entry, _) = reader.entry_at(1).await.expect("a read").expect("an entry");
    assert_eq!(entry.record, Record::Sealed, "its key is gone");
    let (other, _) = reader.entry_at(2).await.expect("a read").expect("an entry");
    assert!(matches!(other.record, Record::Bytes(_)));
}

#[tokio::test]
async fn a_restored_backup_does_not_bring_back_who_was_forgotten() {
    for bench in [Bench::new(), Bench::sealed()] {
        forgotten(&bench).await;
        let journal = bench.open();
        let lost = draft("carl").append(&journal, &bench.clock).await;
        drop(journal);
        let before = bench.directory.path().join("before.db");
        let restored = restore(&before, &bench.options).await.expect("it is restored");
        assert_eq!((restored.head.seq, restored.forgotten), (6, 3));
        let replaced = restored.replaced.expect("there was one");
        assert!(replaced.exists());
        std::fs::remove_file(&before).expect("it is there");
        assert_eq!(found(bench.directory.path(), MARK.as_bytes()), [""; 0]);
        let journal = bench.open();
        let (entry, _) = journal.entry_at(1).await.expect("a read").expect("an entry");
        assert_eq!(entry.record, Record::Forgotten);
        let (other, _) = journal.entry_at(2).await.expect("a read").expect("an entry");
        assert!(matches!(other.record, Record::Bytes(_)), "{other:?}");
        let report = journal.verify(None, silent()).await.expect("a report");
        assert!(report.is_sound(), "{report:?}");
        let bob = Filter { person: Some(person("bob")), ..Filter::default() };
        assert_eq!(journal.entries(bob, 10).await.expect("a page").items.len(), 3, "its reference is the same");
        assert!(journal.entries(Filter::default(), 10).await.expect("a page").items.len() < 10, "{}", lost.seq);
    }
}

#[tokio::test]
async fn what_a_crash_left_of_forgetting_is_carried_on() {
    let bench = Bench::sealed();
    let journal = bench.open();
    draft("ada").append(&journal, &bench.clock).await;
    let (entry, _) = journal.entry_at(1).await.expect("a read").expect("an entry");
    drop(journal);
    // As after the transaction, before the key.
    let file = rusqlite::Connection::open(&bench.options.path).expect("a file");
    file.execute("UPDATE entries SET stored = zeroblob(length(stored)) WHERE seq = 1", []).expect("an entry");
    file.execute("INSERT INTO tombstones VALUES (?1, 2, 0)", [entry.person]).expect("a tombstone");
    drop(file);
    drop(bench.open());
    let file = rusqlite::Connection::open(bench.directory.path().join("journal.db-persons")).expect("a file");
    let count =
        |of| -> i64 { file.query_row(&format!("SELECT count(*) FROM {of}"), [], |row| row.get(0)).expect("a number") };
    assert_eq!((count("keys WHERE hex(sealed) GLOB '*[^0]*'"), count("keys"), count("forgotten")), (0, 1, 1));
}

#[tokio::test]
async fn no_login_stands_in_the_journal() {
    let bench = Bench::new();
    let journal = bench.open();
    draft("countess.lovelace").request("{}").record("{}").to("crm").append(&journal, &bench.clock).await;
    drop(journal);
    assert_eq!(found(bench.directory.path(), b"lovelace"), [""; 0]);
}

#[tokio::test]
async fn a_secret_is_sealed_handed_over_and_wiped_when_its_delivery_ends() {
    let bench = Bench::sealed();
    let clock = &bench.clock;
    let journal = bench.open();
    draft("ada").to("crm").secret("passwordText", MARK).append(&journal, clock).await;
    assert_eq!(found(bench.directory.path(), MARK.as_bytes()), [""; 0]);
    let sealed = {
        let file = rusqlite::Connection::open(&bench.options.path).expect("a file");
        file.query_row("SELECT sealed FROM secrets", [], |row| row.get::<_, Vec<u8>>(0)).expect("a secret")
    };
    let claimed = claim(&journal, "crm", clock).await;
    let [field] = claimed[0].secrets.as_slice() else { panic!("one secret") };
    assert_eq!(
        (field.name.as_str(), field.value.as_ref().map(Secret::expose)),
        ("passwordText", Some(MARK.as_bytes()))
    );
    // Dead, it is kept, for a retry must work.
    settle(&journal, &claimed[0], fate(Fate::Dead { reason: "410".into() })).await;
    journal.retry(claimed[0].id).await.expect("it is dead");
    let again = claim(&journal, "crm", clock).await;
    assert!(again[0].secrets[0].value.is_some());
    settle(&journal, &again[0], fate(Fate::Done)).await;
    drop(journal);
    assert_eq!(found(bench.directory.path(), &sealed), [""; 0]);
}

#[tokio::test]
async fn a_newer_secret_supersedes_one_that_waits() {
    let bench = Bench::sealed();
    let clock = &bench.clock;
    let journal = bench.open();
    let password = |value| draft("ada").event("changePassword").to("crm").secret("passwordText", value);
    let first = password("one").append(&journal, clock).await;
    let claimed = claim(&journal, "crm", clock).await;
    let second = password("two").append(&journal, clock).await;
    let other = draft("ada").to("crm").append(&journal, clock).await;
    let third = password("three").append(&journal, clock).await;
    let state = async |seq| {
        let (_, deliveries) = journal.entry_at(seq).await.expect("a read").expect("an entry");
        (deliveries[0].state, deliveries[0].reason.clone())
    };
    assert_eq!(state(first.seq).await, (DeliveryState::Pending, None), "it is being attempted");
    assert_eq!(state(second.seq).await, (DeliveryState::Dropped, Some("superseded".into())));
    assert_eq!(state(other.seq).await.0, DeliveryState::Pending);
    settle(&journal, &claimed[0], fate(Fate::Done)).await;
    for seq in [other.seq, third.seq] {
        let claimed = claim(&journal, "crm", clock).await;
        assert_eq!(claimed[0].seq, seq);
        settle(&journal, &claimed[0], fate(Fate::Done)).await;
    }
}

#[tokio::test]
async fn a_secret_does_not_outlive_its_time() {
    let bench = Bench::sealed();
    let clock = &bench.clock;
    let journal = bench.open();
    draft("ada").to("crm").secret("passwordText", MARK).append(&journal, clock).await;
    clock.advance(Duration::from_secs(3600));
    let claimed = claim(&journal, "crm", clock).await;
    assert_eq!(claimed[0].secrets[0].name, "passwordText");
    assert!(claimed[0].secrets[0].value.is_none());
    journal.retain().await.expect("upkeep");
    let file = rusqlite::Connection::open(&bench.options.path).expect("a file");
    let left: i64 = file
        .query_row("SELECT count(*) FROM secrets WHERE hex(sealed) GLOB '*[^0]*'", [], |row| row.get(0))
        .expect("a number");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn keys_rotate() {
    let mut bench = Bench::sealed();
    let journal = bench.open();
    draft("ada").to("crm").secret("passwordText", "hunter2").append(&journal, &bench.clock).await;
    let (notice, now) = (marked(10).into_bytes(), bench.clock.now());
    let notice = journal.keep_unverified(uuid::Uuid::nil(), now, "postCreateUser", &person("ada"), notice);
    notice.await.expect("it is kept");
    drop(journal);
    bench.options.encryption_keys = vec![Secret::new("the key that comes after it"), Secret::new(KEY)];
    let journal = bench.open();
    assert_eq!(journal.rotate_keys().await.expect("they rotate"), 3);
    assert_eq!(journal.rotate_keys().await.expect("nothing to do"), 0);
    drop(journal);
    bench.options.encryption_keys.truncate(1);
    let journal = bench.open();
    let claimed = claim(&journal, "crm", &bench.clock).await;
    assert!(matches!(claimed[0].record, Record::Bytes(_)));
    assert_eq!(claimed[0].secrets[0].value.as_ref().map(Secret::expose), Some(b"hunter2".as_slice()));
    let notices = journal.unverified(0, 10).await.expect("a read");
    assert_eq!(notices[0].record, Record::Bytes(marked(10).into_bytes()));
    assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
    drop(journal);
    bench.options.encryption_keys = vec![Secret::new(KEY)];
    let journal = bench.open();
    let (entry, _) = journal.entry_at(1).await.expect("a read").expect("an entry");
    assert_eq!(entry.record, Record::Sealed);
    // Whose key cannot be had, of that person nothing can be kept; others are not held up.
    let (bad, good) = (draft("ada").queue(&journal, &bench.clock), draft("bob").queue(&journal, &bench.clock));
    says(bad.await, "a key that is not set");
    good.await.expect("it is appended");
}

#[tokio::test]
async fn a_short_key_is_refused() {
    let mut bench = Bench::new();
    bench.options.encryption_keys = vec![Secret::new("short")];
    says(
        crate::journal::sqlite::SqliteJournal::open(bench.options.clone()).map(|_| ()),
        "encryption_key has fewer than",
    );
}
