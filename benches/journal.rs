//! What a durable append costs, beside the least that it could: a raw file that many write to and one thread syncs.
//!
//!     cargo bench --bench journal              rates at 16, 64 and 256 submitters, with and without slower syncs
//!     cargo bench --bench journal -- backlog   the same with a million deliveries pending, and how long that takes to open

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use hookreeve::base::clock::Clock;
use hookreeve::event::Person;
use hookreeve::journal::sqlite::{Options, SqliteJournal};
use hookreeve::journal::{Journal, NewDelivery, NewEntry, Places, Reader};
use tokio::sync::oneshot;

/// A record as the server writes it: the event of `benches/decide.rs` with its decision and a short trace.
const RECORD: &str = r#"{"request":{"user":{"assignedGroups":["grp-staff","grp-pune"],"provisionedApps":{},"securityQuestion":{},"country":"India","firstName":"Shreyash2","lastName":"Pande2","login":"shreyash2","userType":"Employee","email":"shreyash2@corp.example","contractor":false,"age":34,"department":"Finance","source":"HR","mobile":"+91 20 5550 0100","employeeId":"E-00042"}},"decision":{"outcome":"acknowledged"},"trace":[["corporate-email",false],["display-name",true]],"request_id":"01936d1e-7b6a-7c3e-9f0a-0d6c0a3c8f11"}"#;

/// How many persons there are.
const PERSONS: u64 = 10_000;

/// How many pairs of runs there are, and how long a run is.
const ROUNDS: usize = 3;
const RUN: Duration = Duration::from_millis(1500);

fn main() {
    let backlog = std::env::args().any(|argument| argument == "backlog");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    println!("{:<28} {:>10} {:>10} {:>8} {:>12} {:>12}", "", "journal/s", "raw/s", "ratio", "p99 ms", "raw p99 ms");
    for delay in [Duration::ZERO, Duration::from_millis(1)] {
        for submitters in [1, 16, 64, 256] {
            runtime.block_on(compare(submitters, delay, backlog));
        }
    }
}

async fn compare(submitters: usize, delay: Duration, backlog: bool) {
    let directory = tempfile::tempdir_in(".").expect("a directory");
    let journal = Arc::new(open(directory.path(), delay));
    if backlog {
        fill(&journal).await;
    }
    let raw = Raw::new(&directory.path().join("raw"), delay);
    let (mut ratios, mut rates, mut raws, mut late, mut raw_late) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let own = journal.clone();
        let ours = run(submitters, move |number| {
            let journal = own.clone();
            async move { append(&*journal, number, false).await }
        })
        .await;
        let own = raw.clone();
        let theirs = run(submitters, move |_| {
            let raw = own.clone();
            async move { raw.append(RECORD.as_bytes()).await }
        })
        .await;
        ratios.push(ours.0 / theirs.0);
        rates.push(ours.0);
        raws.push(theirs.0);
        late.push(ours.1);
        raw_late.push(theirs.1);
    }
    let name = format!("{submitters} submitters, +{} ms", delay.as_millis());
    println!(
        "{name:<28} {:>10.0} {:>10.0} {:>8.2} {:>12.2} {:>12.2}",
        median(rates),
        median(raws),
        median(ratios),
        median(late),
        median(raw_late)
    );
    raw.stop();
    let stats = journal.stats().await.expect("figures");
    journal.close().await;
    if submitters == 64 && delay.is_zero() && !backlog {
        let bytes = std::fs::metadata(directory.path().join("journal.db")).map_or(0, |file| file.len());
        println!(
            "{:<28} {:>10.0} bytes in the file, of a record of {}",
            "one entry",
            number(bytes) / number(stats.entries),
            RECORD.len()
        );
    }
    if backlog {
        drop(journal);
        let start = now();
        let journal = open(directory.path(), delay);
        println!("{:<28} {:>10.1} ms with {} entries", "open", start.elapsed().as_secs_f64() * 1e3, stats.entries);
        let start = now();
        let claimed = journal
            .claim("crm", Clock::system().now(), Places { performed: 0, fresh: 64, retries: 64 })
            .await
            .expect("a claim");
        println!("{:<28} {:>10.1} ms for {}", "claim", start.elapsed().as_secs_f64() * 1e3, claimed.len());
    }
}

fn open(directory: &Path, delay: Duration) -> SqliteJournal {
    let mut options = Options::new(directory.join("journal.db"), Clock::system());
    options.sync_delay = delay;
    SqliteJournal::open(options).expect("a journal")
}

async fn fill(journal: &SqliteJournal) {
    let start = now();
    for part in 0..1000 {
        let receipts: Vec<_> = (0..1000).map(|number| queue(journal, part * 1000 + number, true)).collect();
        for receipt in receipts {
            receipt.await.expect("it is appended");
        }
    }
    println!("{:<28} {:>10.0}/s", "a million with deliveries", 1e6 / start.elapsed().as_secs_f64());
}

fn queue(
    journal: &dyn Journal,
    number: u64,
    deliver: bool,
) -> hookreeve::journal::Receipt<hookreeve::journal::Appended> {
    let person = Person {
        system: "cymmetri",
        tenant: "as100".to_owned(),
        key: format!("person{}", number % PERSONS),
        known: true,
    };
    let delivery = || NewDelivery {
        action: "crm".into(),
        ordered: true,
        secrets: Vec::new(),
        secret_ttl: Duration::from_secs(3600),
        dead: None,
        after: Vec::new(),
        until: None,
    };
    journal.append(NewEntry {
        id: id(),
        received_at: Clock::system().now(),
        event: "postUpdateUser",
        person: &person,
        outcome: "acknowledged",
        cause: "decided",
        rule: None,
        rule_set: [7; 32],
        took: Duration::from_micros(80),
        record: RECORD.as_bytes().to_vec(),
        // Another number each time, so that nothing is a repeat.
        repeat: Some(number.to_string().as_bytes()),
        idempotency: None,
        deliveries: if deliver { vec![delivery()] } else { Vec::new() },
        guards: Vec::new(),
        sighting: None,
        awaited: true,
    })
}

#[expect(clippy::disallowed_methods, reason = "a benchmark makes its own ids")]
fn id() -> uuid::Uuid {
    uuid::Uuid::now_v7()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures the time")]
fn now() -> Instant {
    Instant::now()
}

async fn append(journal: &dyn Journal, number: u64, deliver: bool) {
    queue(journal, number, deliver).await.expect("it is appended");
}

/// How often per second `work` was done by so many at once, and the 99th percentile of its time in milliseconds.
#[expect(clippy::disallowed_methods, reason = "a benchmark has no tracker")]
async fn run<F, W>(submitters: usize, work: F) -> (f64, f64)
where
    F: Fn(u64) -> W + Clone + Send + 'static,
    W: Future<Output = ()> + Send,
{
    let start = now();
    let tasks: Vec<_> = (0..submitters as u64)
        .map(|submitter| {
            let work = work.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                let mut number = submitter * 7919;
                while start.elapsed() < RUN {
                    let begun = now();
                    work(number).await;
                    times.push(begun.elapsed());
                    number += 104_729;
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("it ran"));
    }
    let rate = number(times.len()) / start.elapsed().as_secs_f64();
    times.sort_unstable();
    (rate, times[times.len() * 99 / 100].as_secs_f64() * 1e3)
}

fn number(number: impl TryInto<u32>) -> f64 {
    f64::from(number.try_into().unwrap_or(u32::MAX))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A file that is appended to in groups, each with one sync.
struct Raw {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    items: Vec<(Vec<u8>, oneshot::Sender<()>)>,
    stopped: bool,
}

impl Raw {
    fn new(path: &Path, delay: Duration) -> Arc<Self> {
        let mut file = File::create(path).expect("a file");
        let raw = Arc::new(Self { waiting: Mutex::default(), arrived: Condvar::new() });
        let own = raw.clone();
        std::thread::spawn(move || {
            loop {
                let mut waiting = own.waiting.lock().expect("no panic");
                while waiting.items.is_empty() && !waiting.stopped {
                    waiting = own.arrived.wait(waiting).expect("no panic");
                }
                if waiting.stopped {
                    return;
                }
                let items = std::mem::take(&mut waiting.items);
                drop(waiting);
                let bytes: Vec<u8> = items.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
                file.write_all(&bytes).and_then(|()| file.sync_data()).expect("it is written");
                if !delay.is_zero() {
                    std::thread::sleep(delay);
                }
                for (_, done) in items {
                    let _ = done.send(());
                }
            }
        });
        raw
    }

    async fn append(&self, bytes: &[u8]) {
        let (done, wait) = oneshot::channel();
        let first = {
            let mut waiting = self.waiting.lock().expect("no panic");
            waiting.items.push((bytes.to_vec(), done));
            waiting.items.len() == 1
        };
        if first {
            self.arrived.notify_one();
        }
        wait.await.expect("it is written");
    }

    fn stop(&self) {
        self.waiting.lock().expect("no panic").stopped = true;
        self.arrived.notify_one();
    }
}
