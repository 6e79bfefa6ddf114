//! Workers over a real journal and targets that a test plays.

mod histories;
mod lanes;
mod limits;
mod performed;
mod trouble;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::*;
use crate::action::{Answer, Context, Job};
use crate::base::diagnostic::{Diagnostics, Source};
use crate::base::future::BoxFuture;
use crate::base::tree::{self, Node};
use crate::event::Person;
use crate::journal::sqlite::{Options, SqliteJournal};
use crate::journal::{self, NewDelivery, NewEntry};

/// Only for a worker that hangs, so that its test says so.
const HANGS: Duration = Duration::from_secs(60);

/// A bound by the machine's own clock, for what moves the stage's clocks in a loop.
struct Patience(chrono::DateTime<chrono::Utc>);

impl Patience {
    fn begin() -> Self {
        Self(Clock::system().now())
    }

    fn is_over(&self) -> bool {
        (Clock::system().now() - self.0).to_std().is_ok_and(|waited| waited > HANGS)
    }
}

/// An attempt as the target saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    action: String,
    person: String,
    /// The notice's number, from 1, in the order in which all of them were sent.
    number: u64,
    attempt: u32,
    key: String,
}

/// What a target does with an attempt.
enum Play {
    Answer(Answer),
    Panic,
    /// Answers once somebody opens the gate for one attempt.
    Wait(Arc<tokio::sync::Semaphore>, Answer),
    Never,
}

type Script = dyn Fn(&Seen) -> Play + Send + Sync;

/// What all targets of a stage know together.
#[derive(Default)]
struct Log {
    attempts: Vec<Seen>,
    /// What was answered with done.
    done: HashSet<(String, u64)>,
    under_way: HashMap<String, Vec<Seen>>,
    most: usize,
    /// Two attempts of one person and action at once.
    overlaps: Vec<(Seen, Seen)>,
    /// The notices of which the second action comes after the first.
    chained: HashSet<u64>,
    /// Attempts of a second one before the first was done.
    early: Vec<Seen>,
}

/// A target that a test plays.
struct Target {
    id: String,
    script: Arc<Script>,
    log: Arc<Mutex<Log>>,
    seen: UnboundedSender<Seen>,
}

/// An attempt is under way as long as this lives, even where its future is dropped.
struct UnderWay<'a>(&'a Target, Seen);

/// A journal in a directory of its own, actions, and a deliverer that can be stopped and started again.
struct Stage {
    directory: tempfile::TempDir,
    clock: Clock,
    metrics: Metrics,
    performances: Arc<Performances>,
    toml: String,
    ready: Ready,
    scripts: HashMap<String, Arc<Script>>,
    log: Arc<Mutex<Log>>,
    sender: UnboundedSender<Seen>,
    seen: UnboundedReceiver<Seen>,
    sent: u64,
    /// The entries' numbers by the notices'.
    seqs: HashMap<u64, u64>,
    /// None only while it is opened again.
    journal: Option<Arc<SqliteJournal>>,
    running: Option<(Deliverer, Stop, TaskTracker)>,
}

// === impl Target ===

impl Action for Target {
    fn attempt<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let entry: Uuid = job.entry_id.parse().expect("an entry's name");
            let seen = Seen {
                action: self.id.clone(),
                person: job.event.person().key.clone(),
                number: u64::try_from(entry.as_u128()).expect("one of ours"),
                attempt: job.attempt,
                key: job.idempotency_key.clone(),
            };
            let _under_way = UnderWay::begin(self, &seen);
            let _ = self.seen.send(seen.clone());
            let answer = match (self.script)(&seen) {
                Play::Answer(answer) => answer,
                Play::Panic => panic!("as the test wants it"),
                Play::Wait(gate, answer) => {
                    gate.acquire().await.expect("it stays open").forget();
                    answer
                }
                Play::Never => std::future::pending().await,
            };
            if answer.fate == crate::action::Fate::Done {
                lock(&self.log).done.insert((seen.action.clone(), seen.number));
            }
            answer
        })
    }
}

impl<'a> UnderWay<'a> {
    fn begin(target: &'a Target, seen: &Seen) -> Self {
        let mut log = lock(&target.log);
        let log = &mut *log;
        log.attempts.push(seen.clone());
        let is_second = seen.action == "audit" && log.chained.contains(&seen.number);
        if is_second && !log.done.contains(&("crm".to_owned(), seen.number)) {
            log.early.push(seen.clone());
        }
        let under_way = log.under_way.entry(target.id.clone()).or_default();
        let same = under_way.iter().find(|other| other.person == seen.person);
        log.overlaps.extend(same.map(|other| (other.clone(), seen.clone())));
        under_way.push(seen.clone());
        log.most = log.most.max(under_way.len());
        Self(target, seen.clone())
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(under_way) = lock(&self.0.log).under_way.get_mut(&self.0.id) {
            under_way.retain(|other| *other != self.1);
        }
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Always the same answer.
fn always(answer: Answer) -> impl Fn(&Seen) -> Play + Send + Sync + 'static {
    move |_| Play::Answer(answer.clone())
}

fn done() -> Play {
    Play::Answer(Answer::done("HTTP 200"))
}

fn busy() -> Play {
    Play::Answer(Answer::retry("HTTP 503"))
}

// === impl Stage ===

impl Stage {
    /// An empty journal, and nobody who delivers.
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Clock::fixed("2026-11-21T08:30:00Z".parse().expect("a time"));
        let (sender, seen) = unbounded_channel();
        let journal = Some(Arc::new(open(&directory, &clock)));
        Self {
            directory,
            clock,
            metrics: Metrics::new(),
            performances: Performances::new(),
            toml: String::new(),
            ready: Ready::new(),
            scripts: HashMap::new(),
            log: Arc::default(),
            sender,
            seen,
            sent: 0,
            seqs: HashMap::new(),
            journal,
            running: None,
        }
    }

    fn journal(&self) -> &Arc<SqliteJournal> {
        self.journal.as_ref().expect("it is open")
    }

    /// One more action with these settings, whose target plays this.
    fn action(mut self, id: &str, settings: &str, script: impl Fn(&Seen) -> Play + Send + Sync + 'static) -> Self {
        self.scripts.insert(id.to_owned(), Arc::new(script));
        self.put(id, settings);
        self
    }

    /// Puts an action with other settings in its place.
    fn put(&mut self, id: &str, settings: &str) {
        self.remove(id);
        let table = format!("[[action]]\nid = '{id}'\non = 'postUpdateUser'\ntype = 'log'\n{settings}\n#\n");
        self.toml.push_str(&table);
        let target = Target {
            id: id.to_owned(),
            script: self.scripts[id].clone(),
            log: self.log.clone(),
            seen: self.sender.clone(),
        };
        self.ready.insert(id.into(), Arc::new(target));
    }

    fn remove(&mut self, id: &str) {
        let named = format!("id = '{id}'");
        let kept = self.toml.split_inclusive("#\n").filter(|action| !action.contains(&named));
        self.toml = kept.collect();
        self.ready.shift_remove(id);
    }

    /// Puts the actions in force as they are now.
    fn reload(&self) {
        let (deliverer, ..) = self.running.as_ref().expect("it runs");
        let mut findings = Diagnostics::default();
        let source = Arc::new(Source { name: "t.toml".into(), text: self.toml.as_str().into() });
        let tree = tree::parse(&source, &mut findings);
        let entries = tree.get("action").and_then(Node::as_array).unwrap_or_default();
        let actions = ActionSet::compile(entries, &Context::default(), &mut findings);
        assert!(!findings.has_errors(), "{findings:?}");
        deliverer.replace(&actions, &self.ready);
    }

    /// Begins to deliver.
    fn start(&mut self) {
        let (stop, tasks) = (Stop::new(), TaskTracker::new());
        let deliverer = Deliverer::new(Tools {
            journal: self.journal().clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            performances: self.performances.clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        self.running = Some((deliverer, stop, tasks));
        self.reload();
    }

    /// Stops to deliver: attempts under way end first.
    async fn stop(&mut self) {
        let Some((_, stop, tasks)) = self.running.take() else { return };
        stop.drain();
        tasks.close();
        timeout(HANGS, tasks.wait()).await.expect("the workers end");
    }

    /// Ends as a process is killed: what is under way is dropped. Then the journal is opened again.
    async fn crash(&mut self) {
        self.end(Duration::ZERO).await;
    }

    /// Ends, with so much time for what is under way. Then the journal is opened again.
    async fn end(&mut self, patience: Duration) {
        if let Some((_, stop, tasks)) = self.running.take() {
            if !patience.is_zero() {
                stop.drain();
                tasks.close();
                let _ = timeout(patience, tasks.wait()).await;
            }
            stop.abort();
            tasks.close();
            timeout(HANGS, tasks.wait()).await.expect("the workers end");
        }
        self.journal().close().await;
        // The lock goes with the last of them.
        drop(self.journal.take());
        self.journal = Some(Arc::new(open(&self.directory, &self.clock)));
    }

    /// A notice about a person that these actions want. Answers its number, once it is on disk.
    async fn notice(&mut self, person: &str, actions: &[&str]) -> u64 {
        self.notice_in_order(person, actions, true).await
    }

    async fn notice_in_order(&mut self, person: &str, actions: &[&str], ordered: bool) -> u64 {
        let deliveries = actions.iter().map(|action| NewDelivery { ordered, ..to(action) }).collect();
        self.append(person, deliveries, None).await.0
    }

    /// Somebody waits so long for what these actions do for a person.
    async fn perform(&mut self, person: &str, actions: &[&str], patience: Duration) -> (u64, Performance) {
        let until = self.clock.now() + patience;
        let deliveries = actions.iter().map(|action| NewDelivery { until: Some(until), ..to(action) }).collect();
        let entry = Uuid::from_u128((self.sent + 1).into());
        let performance = self.performances.expect(entry, actions.iter().map(|action| (*action).into()), until);
        let (number, appended) = self.append(person, deliveries, None).await;
        performance.note_dead(&appended.dead);
        (number, performance)
    }

    /// An entry about a person with these deliveries and, where it has one, its request's name.
    async fn append(
        &mut self,
        person: &str,
        deliveries: Vec<NewDelivery>,
        request: Option<&str>,
    ) -> (u64, journal::Appended) {
        self.sent += 1;
        let number = self.sent;
        let appended = self.journal().append(NewEntry {
            id: Uuid::from_u128(number.into()),
            received_at: self.clock.now(),
            event: "postUpdateUser",
            person: &whom(person),
            outcome: "acknowledged",
            cause: "decided",
            rule: None,
            rule_set: [7; 32],
            took: Duration::ZERO,
            record: format!(r#"{{"v":1,"request":{{"user":{{"login":"{person}"}}}}}}"#).into_bytes(),
            repeat: None,
            idempotency: request.map(str::as_bytes),
            deliveries,
            guards: Vec::new(),
            sighting: None,
            awaited: true,
        });
        let appended = appended.await.expect("it is appended");
        self.seqs.insert(number, appended.seq);
        (number, appended)
    }

    /// The next attempt, whatever it is.
    async fn next(&mut self) -> Seen {
        match timeout(HANGS, self.seen.recv()).await {
            Ok(seen) => seen.expect("a sender is left"),
            Err(elapsed) => panic!("{elapsed}: nothing more is attempted after {:?}", lock(&self.log).attempts),
        }
    }

    /// The next attempts, as person, number and attempt.
    async fn attempts(&mut self, count: usize) -> Vec<(String, u64, u32)> {
        let mut attempts = Vec::new();
        for _ in 0..count {
            let seen = self.next().await;
            attempts.push((seen.person, seen.number, seen.attempt));
        }
        attempts
    }

    /// Moves both clocks on and has everybody look.
    async fn later(&self, by: Duration) {
        self.clock.advance(by);
        tokio::time::pause();
        tokio::time::advance(by).await;
        tokio::time::resume();
        for id in self.ready.keys() {
            self.journal().signal(id).notify_one();
        }
    }

    /// What the journal says of a notice's deliveries.
    async fn deliveries(&self, number: u64) -> Vec<journal::Delivery> {
        let journal: &dyn Journal = &**self.journal();
        journal.entry_at(self.seqs[&number]).await.expect("a read").expect("an entry").1
    }

    /// Waits until the journal says so of a notice's one delivery.
    async fn until(&self, number: u64, holds: impl Fn(&journal::Delivery) -> bool) -> journal::Delivery {
        let begun = self.clock.instant();
        loop {
            let delivery = self.deliveries(number).await.swap_remove(0);
            if holds(&delivery) {
                return delivery;
            }
            assert!(begun.elapsed() < HANGS, "{delivery:?}");
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the metrics have a line.
    async fn until_measured(&self, line: &str) {
        let begun = self.clock.instant();
        while !self.metrics.encode().lines().any(|written| written == line) {
            assert!(begun.elapsed() < HANGS, "{line} in\n{}", self.metrics.encode());
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(lock(&self.log).overlaps, [], "two of one person at once");
        }
    }
}

/// A delivery to this action, in its person's order.
fn to(action: &str) -> NewDelivery {
    NewDelivery {
        action: action.into(),
        ordered: true,
        secrets: Vec::new(),
        secret_ttl: Duration::from_secs(3600),
        dead: None,
        after: Vec::new(),
        until: None,
    }
}

fn whom(key: &str) -> Person {
    Person { system: "cymmetri", tenant: String::new(), key: key.into(), known: true }
}

fn open(directory: &tempfile::TempDir, clock: &Clock) -> SqliteJournal {
    let mut options = Options::new(directory.path().join("journal.db"), clock.clone());
    options.reserve = 0;
    SqliteJournal::open(options).expect("it opens")
}
