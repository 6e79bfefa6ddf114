//! What the directory costs with many people in it: filling it, asking it, opening it, and what it adds to a notice.
//!
//!     cargo bench --bench directory                     a million people, in clear and sealed
//!     cargo bench --bench directory -- 100000           as many
//!
//! Each part runs in a process of its own, so that memory is that of the part.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hookreeve::base::clock::Clock;
use hookreeve::base::ids::{RequestId, new_uuid};
use hookreeve::base::secret::Secret;
use hookreeve::dialect::cymmetri;
use hookreeve::directory::{Config, Directory, Fields, Found, Plan};
use hookreeve::event::{Arrival, Event, FieldPath, Person, catalog};
use hookreeve::journal::sqlite::{Options, SqliteJournal};
use hookreeve::journal::{Journal, NewEntry, Sighting};
use hookreeve::lookup::Sought;

/// How many are told of at once, as `directory import` does.
const PART: u64 = 500;
/// How many questions there are.
const QUESTIONS: u64 = 200_000;
/// How many notices there are of each kind.
const NOTICES: u64 = 20_000;

fn main() {
    let arguments: Vec<String> = std::env::args().filter(|argument| argument != "--bench").skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    if let [part, directory, people, sealed] = arguments.as_slice() {
        let people = people.parse().expect("a number");
        let bench = Bench { path: directory.into(), people, sealed: sealed == "sealed" };
        return match part.as_str() {
            "fill" => runtime.block_on(bench.fill()),
            "ask" => runtime.block_on(bench.ask()),
            _ => runtime.block_on(bench.tell()),
        };
    }
    let people = arguments.first().map_or("1000000", String::as_str);
    for sealed in ["clear", "sealed"] {
        println!("\n{people} people, {sealed}");
        let directory = tempfile::tempdir_in(".").expect("a directory");
        for part in ["fill", "ask", "tell"] {
            let own = std::env::current_exe().expect("a program");
            let mut command = std::process::Command::new(own);
            command.arg(part).arg(directory.path()).args([people, sealed]);
            assert!(command.status().expect("it runs").success(), "{part}");
        }
    }
}

struct Bench {
    path: std::path::PathBuf,
    people: u64,
    sealed: bool,
}

impl Bench {
    fn open(&self) -> Directoried {
        let mut options = Options::new(self.path.join("journal.db"), Clock::system());
        options.encryption_keys = if self.sealed { vec![Secret::new("a key of the operator")] } else { Vec::new() };
        let journal: Arc<dyn Journal> = Arc::new(SqliteJournal::open(options).expect("a journal"));
        let named = ["mobile", "email"].map(|name| FieldPath::parse(name).expect("a path"));
        let fields = Arc::new(Fields::new(&Config { country: Some("91".into()), ..Config::default() }, named));
        let plan = Arc::new(Plan { fields, leave_out: None });
        let directory = Directory::new(plan, journal.clone(), Clock::system(), None);
        Directoried { journal, directory }
    }

    async fn fill(&self) {
        let Directoried { journal, directory } = self.open();
        let before = bytes(&self.path);
        let start = now();
        let mut longest = Duration::ZERO;
        for part in 0..self.people / PART {
            let people = (part * PART..(part + 1) * PART).map(|number| told(&directory, number)).collect();
            let began = now();
            journal.tell_people(people).await.expect("told");
            longest = longest.max(began.elapsed());
        }
        let took = start.elapsed();
        journal.close().await;
        println!("{:<44} {:>10.0} /s", "brought in", real(self.people) / took.as_secs_f64());
        println!("{:<44} {:>10.1} ms", "  the longest part of 500", millis(longest));
        println!("{:<44} {:>10.0} bytes", "  on disk for each", real(bytes(&self.path) - before) / real(self.people));
    }

    async fn ask(&self) {
        let before = resident();
        let start = now();
        let Directoried { journal, directory } = self.open();
        directory.bring_up_to_date().await.expect("indexed");
        println!("{:<44} {:>10.1} ms", "opened", millis(start.elapsed()));
        println!("{:<44} {:>10.1} MiB", "  memory that it takes", mebi(resident() - before));
        let event = validate(0);
        let cases: [(&str, bool, &[&str], bool); 4] = [
            ("found", true, &[], false),
            ("not found", false, &[], false),
            ("not found, and held for the asker", false, &[], true),
            ("found, with the other person's login", true, &["login"], false),
        ];
        for (name, there, give, reserve) in cases {
            let give: Vec<Arc<str>> = give.iter().map(|name| Arc::from(*name)).collect();
            let mut times = Vec::new();
            for question in 0..QUESTIONS {
                let number = scattered(question) % (self.people - 1) + 1 + if there { 0 } else { self.people };
                let sought = Sought {
                    lookup: "same_mobile",
                    event: &event,
                    all: vec![("mobile".into(), mobile(number))],
                    except: vec![("login".into(), "p0".into()), ("id".into(), String::new())],
                    reserve: reserve.then_some(Duration::from_millis(50)),
                    give: &give,
                };
                let began = now();
                let found = directory.look(sought).await.expect("an answer");
                times.push(began.elapsed());
                assert_eq!(matches!(found, Found::Person(_)), there);
            }
            times.sort_unstable();
            let at = |share: usize| times[(times.len() - 1) * share / 1000].as_secs_f64() * 1e6;
            println!("{name:<44} {:>10.1} µs p50 {:>8.1} µs p99 {:>8.1} µs p99.9", at(500), at(990), at(999));
        }
        println!("{:<44} {:>10.1} MiB", "memory after all that", mebi(resident() - before));
        journal.close().await;
    }

    async fn tell(&self) {
        let Directoried { journal, directory } = self.open();
        for (name, kind) in [
            ("a notice that tells the directory nothing", Notice::Untold),
            ("one that tells what is known", Notice::Same),
            ("one with another number", Notice::Changed),
            ("one of a new person", Notice::New),
        ] {
            for submitters in [1, 64] {
                let start = now();
                let mut done = 0;
                let total = if submitters == 1 { NOTICES / 10 } else { NOTICES };
                while done < total {
                    let receipts: Vec<_> = (done..done + submitters)
                        .map(|number| self.notice(&*journal, &directory, kind, number + submitters * 1_000_000))
                        .collect();
                    for receipt in receipts {
                        receipt.await.expect("it is kept");
                    }
                    done += submitters;
                }
                let each = start.elapsed().as_secs_f64() * 1e6 / real(done);
                println!("{:<44} {each:>10.1} µs each", format!("{name}, {submitters} at once"));
            }
        }
        journal.close().await;
    }

    fn notice(
        &self,
        journal: &dyn Journal,
        directory: &Directory,
        kind: Notice,
        number: u64,
    ) -> hookreeve::journal::Receipt<hookreeve::journal::Appended> {
        let known = scattered(number) % self.people;
        let (login, mobile) = match kind {
            Notice::Untold | Notice::Same => (known, mobile(known)),
            Notice::Changed => (known, mobile(number + 3 * self.people)),
            Notice::New => (number + self.people, mobile(number + 5 * self.people)),
        };
        let event = event(
            "postUpdateUser",
            &format!(
                r#"{{"login":"p{login}","id":"{login:024x}","mobile":"{mobile}","email":"p{login}@corp.example"}}"#
            ),
        );
        journal.append(NewEntry {
            id: new_uuid(),
            received_at: Clock::system().now(),
            event: event.name(),
            person: event.person(),
            outcome: "acknowledged",
            cause: "decided",
            rule: None,
            rule_set: [7; 32],
            took: Duration::from_micros(50),
            record: event.request().map(|request| request.raw().as_bytes().to_vec()).unwrap_or_default(),
            repeat: None,
            idempotency: None,
            deliveries: Vec::new(),
            guards: Vec::new(),
            sighting: directory.sighting(&event).filter(|_| !matches!(kind, Notice::Untold)),
            awaited: true,
        })
    }
}

#[derive(Clone, Copy)]
enum Notice {
    Untold,
    Same,
    Changed,
    New,
}

struct Directoried {
    journal: Arc<dyn Journal>,
    directory: Directory,
}

fn told(directory: &Directory, number: u64) -> (Person, Sighting) {
    let login = format!("p{number}");
    let fields = [
        ("login", login.clone()),
        ("id", format!("{number:024x}")),
        ("mobile", mobile(number)),
        ("email", format!("{login}@corp.example")),
    ];
    let fields = fields.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
    let person = Person { system: "cymmetri", tenant: "as100".into(), key: login, known: true };
    (person, Sighting::Seen(directory.fields().of_texts(&fields)))
}

/// A number of its own for each, in no order.
fn mobile(number: u64) -> String {
    format!("+91 {}", 1_000_000_000 + number * 7_919 % 8_999_999_993)
}

/// One of the numbers up to 2^64, the same each time.
fn scattered(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 1
}

fn validate(number: u64) -> Event {
    event("validateUser", &format!(r#"{{"login":"p{number}"}}"#))
}

fn event(name: &str, user: &str) -> Event {
    let arrival = Arrival {
        token: Some(serde_json::json!({ "tenantId": "as100" }).into()),
        received_at: Clock::system().now(),
        request_id: RequestId::random(),
    };
    let body = format!(r#"{{"request":{{"user":{user}}}}}"#);
    cymmetri::decode(catalog::find(name).expect("an event"), body.into(), arrival).expect("a body")
}

fn bytes(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory).expect("a directory");
    files.map(|file| file.and_then(|file| file.metadata()).map_or(0, |file| file.len())).sum()
}

/// The memory that this process has, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or_default() * 1024
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn real(number: u64) -> f64 {
    number as f64
}

fn mebi(bytes: u64) -> f64 {
    real(bytes) / f64::from(1 << 20)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::disallowed_methods, reason = "it measures this machine")]
fn now() -> Instant {
    Instant::now()
}
