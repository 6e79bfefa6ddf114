//! Files of earlier versions: they are brought up to date, lose nothing, and can be read before that.

use rusqlite::Connection;

use super::{Bench, attempted, claim, draft, places, settle, silent};
use crate::journal::sqlite::SqliteReader;
use crate::journal::{DeliveryFilter, DeliveryState, Fate, Filter, Journal, Reader, Record};

/// What version 3 wrote, with its persons: four events, of which one is delivered, one waits, one has failed once and keeps a
/// sealed secret, and one is a dead letter.
const JOURNAL: &str = include_str!("version-3/journal.sql");
const PERSONS: &str = include_str!("version-3/persons.sql");

fn version_3() -> Bench {
    let bench = Bench::sealed();
    for (name, text) in [("journal.db", JOURNAL), ("journal.db-persons", PERSONS)] {
        let file = Connection::open(bench.directory.path().join(name)).expect("a file");
        file.execute_batch(text).expect("what it was made of");
    }
    bench
}

async fn states(journal: &dyn Reader) -> Vec<(DeliveryState, u32, usize)> {
    let mut states = Vec::new();
    for seq in 1..=4 {
        let (entry, deliveries) = journal.entry_at(seq).await.expect("a read").expect("an entry");
        assert!(matches!(entry.record, Record::Bytes(_)), "{entry:?}");
        let [delivery] = deliveries.as_slice() else { panic!("one delivery of entry {seq}") };
        assert!(!delivery.performed && delivery.captured.is_none() && delivery.waits_for.is_none());
        states.push((delivery.state, delivery.attempts, delivery.answers.len()));
    }
    states
}

const STATES: [(DeliveryState, u32, usize); 4] = [
    (DeliveryState::Done, 1, 1),
    (DeliveryState::Pending, 0, 0),
    (DeliveryState::Pending, 1, 1),
    (DeliveryState::Dead, 1, 1),
];

#[tokio::test]
async fn a_journal_of_version_3_is_read_as_it_is_and_then_brought_up_to_date() {
    let bench = version_3();
    let clock = &bench.clock;
    let reader = SqliteReader::open(&bench.options).expect("it opens");
    assert_eq!(states(&reader).await, STATES);
    let dead = reader.deliveries(DeliveryState::Dead, DeliveryFilter::default(), 10).await;
    assert_eq!(dead.expect("a page").items[0].reason.as_deref(), Some("HTTP 410"));
    drop(reader);
    let journal = bench.open();
    assert_eq!(states(&journal).await, STATES);
    assert_eq!(journal.counter("tickets").await.expect("a read"), 41);
    assert_eq!(journal.count("tickets", 1).await.expect("it is counted"), 42);
    assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
    // What waited goes on, with what is new beside it.
    let chain = draft("ada").to("crm").to("mail").after(&["crm"]).append(&journal, clock).await;
    let claimed = journal.claim("crm", clock.now(), places(9, 9, 9)).await.expect("a claim");
    assert_eq!(claimed.iter().map(|one| one.seq).collect::<Vec<_>>(), [2]);
    settle(&journal, &claimed[0], attempted(Fate::Done, clock, "200")).await;
    clock.advance(std::time::Duration::from_secs(5));
    let claimed = claim(&journal, "crm", clock).await;
    assert_eq!(claimed.iter().map(|one| one.seq).collect::<Vec<_>>(), [chain.seq, 3]);
    assert!(claimed[1].secrets[0].value.is_some());
    journal
        .retry(journal.deliveries(DeliveryState::Dead, DeliveryFilter::default(), 9).await.expect("a page").items[0].id)
        .await
        .expect("it is dead");
    assert_eq!(claim(&journal, "crm", clock).await[0].seq, 4);
    drop(journal);
    let journal = bench.open();
    assert_eq!(journal.entries(Filter::default(), 9).await.expect("a page").items.len(), 5, "once is enough");
}
