//! What holds after every history: of notices, chains, what somebody waits for, answers, time, crashes, reloads and what an
//! operator does.

use proptest::prelude::*;

use super::*;
use crate::action;
use crate::journal::DeliveryState::{Dead, Done, Dropped, Pending};
use crate::journal::{DeliveryFilter, DeliveryId, JournalError};

const ACTIONS: [&str; 2] = ["crm", "audit"];
const PERSONS: [&str; 4] = ["ada", "bob", "eve", "joe"];
const SETTINGS: &str = "concurrency = 3\nretry = { for = '2h', first = '5s', max_delay = '10m' }";

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Notice {
        person: usize,
        actions: usize,
    },
    /// One of which the second action comes after the first.
    Chain {
        person: usize,
        awaited: bool,
    },
    /// Somebody waits for what an action does.
    Perform {
        person: usize,
        action: usize,
        patience: u64,
    },
    Later {
        seconds: u64,
    },
    /// The server ends as it should, and another one begins.
    Restart,
    /// The server is killed, and another one begins.
    Crash,
    Remove {
        action: usize,
    },
    Return {
        action: usize,
    },
    /// An operator has a dead one tried again, or drops one, or the first of a lane.
    Retry {
        which: usize,
    },
    Drop {
        which: usize,
        state: journal::DeliveryState,
    },
    Skip {
        person: usize,
        action: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..PERSONS.len(), 1..4_usize).prop_map(|(person, actions)| Step::Notice { person, actions }),
        6 => (0..PERSONS.len(), any::<bool>()).prop_map(|(person, awaited)| Step::Chain { person, awaited }),
        4 => (0..PERSONS.len(), 0..ACTIONS.len(), 1..600_u64)
            .prop_map(|(person, action, patience)| Step::Perform { person, action, patience }),
        4 => (1..1200_u64).prop_map(|seconds| Step::Later { seconds }),
        1 => (3600..9000_u64).prop_map(|seconds| Step::Later { seconds }),
        1 => Just(Step::Restart),
        2 => Just(Step::Crash),
        1 => (0..ACTIONS.len()).prop_map(|action| Step::Remove { action }),
        2 => (0..ACTIONS.len()).prop_map(|action| Step::Return { action }),
        2 => any::<usize>().prop_map(|which| Step::Retry { which }),
        1 => (any::<usize>(), prop_oneof![Just(Pending), Just(Dead)])
            .prop_map(|(which, state)| Step::Drop { which, state }),
        1 => (0..PERSONS.len(), 0..ACTIONS.len()).prop_map(|(person, action)| Step::Skip { person, action }),
    ]
}

/// What a target does, the same at each run: chance is the seed's.
fn answer(seed: u64, seen: &Seen) -> Play {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    (seed, &seen.action, seen.number, seen.attempt).hash(&mut hasher);
    match hasher.finish() % 100 {
        0..50 => done(),
        50..75 => busy(),
        75..80 => Play::Answer(Answer::trouble("HTTP 401")),
        80..85 => {
            let after = Some(Duration::from_secs(400));
            let fate = action::Fate::Retry { after, trouble: action::Trouble::Plain };
            Play::Answer(Answer::new(fate, "HTTP 429"))
        }
        85..92 => Play::Answer(Answer::dead("HTTP 410")),
        92..95 => Play::Never,
        _ => Play::Panic,
    }
}

/// A history under way.
struct History {
    stage: Stage,
    /// By notice: whom it is about, and the actions that want it.
    wanted: Vec<(&'static str, Vec<&'static str>)>,
    /// Those that an operator has tried again.
    retried: HashSet<(String, u64)>,
    numbers: HashMap<u64, u64>,
}

impl History {
    fn begin(seed: u64) -> Self {
        let mut stage = Stage::new();
        for id in ACTIONS {
            stage = stage.action(id, SETTINGS, move |seen| answer(seed, seen));
        }
        stage.start();
        Self { stage, wanted: Vec::new(), retried: HashSet::new(), numbers: HashMap::new() }
    }

    async fn some_delivery(&self, state: journal::DeliveryState, which: usize) -> Option<journal::Delivery> {
        let journal: &dyn Journal = &**self.stage.journal();
        let page = journal.deliveries(state, DeliveryFilter::default(), 1000).await.expect("a page");
        let count = page.items.len();
        page.items.into_iter().nth(which.checked_rem(count)?)
    }

    fn number(&self, delivery: DeliveryId) -> u64 {
        self.numbers[&delivery.seq()]
    }

    async fn take(&mut self, step: &Step) {
        let stage = &mut self.stage;
        match step {
            Step::Notice { person, actions } => {
                let wanted: Vec<_> = ACTIONS
                    .into_iter()
                    .enumerate()
                    .filter(|(at, _)| actions >> at & 1 == 1)
                    .map(|(_, id)| id)
                    .collect();
                let number = stage.notice(PERSONS[*person], &wanted).await;
                self.numbers.insert(stage.seqs[&number], number);
                self.wanted.push((PERSONS[*person], wanted));
            }
            Step::Chain { person, awaited } => {
                let until = awaited.then(|| stage.clock.now() + chrono::TimeDelta::seconds(10));
                let [first, second] = ACTIONS;
                let deliveries = vec![
                    NewDelivery { until, ..to(first) },
                    NewDelivery { until, after: vec![first.into()], ..to(second) },
                ];
                let (number, _) = stage.append(PERSONS[*person], deliveries, None).await;
                self.numbers.insert(stage.seqs[&number], number);
                self.wanted.push((PERSONS[*person], ACTIONS.into()));
                lock(&stage.log).chained.insert(number);
            }
            Step::Perform { person, action, patience } => {
                let actions = [ACTIONS[*action]];
                let (number, _) = stage.perform(PERSONS[*person], &actions, Duration::from_secs(*patience)).await;
                self.numbers.insert(stage.seqs[&number], number);
                self.wanted.push((PERSONS[*person], actions.into()));
            }
            Step::Later { seconds } => stage.later(Duration::from_secs(*seconds)).await,
            Step::Restart => {
                // Those that never end are dropped.
                stage.end(Duration::from_millis(20)).await;
                stage.start();
            }
            Step::Crash => {
                stage.crash().await;
                stage.start();
            }
            Step::Remove { action } => {
                stage.remove(ACTIONS[*action]);
                stage.reload();
            }
            Step::Return { action } => {
                stage.put(ACTIONS[*action], SETTINGS);
                stage.reload();
            }
            Step::Retry { which } => {
                if let Some(dead) = self.some_delivery(Dead, *which).await {
                    // With it those come back that died because of it; by itself none can whose first is dead.
                    let number = self.number(dead.id);
                    self.retried.extend(ACTIONS.map(|action| (action.to_owned(), number)));
                    match self.stage.journal().retry(dead.id).await {
                        Ok(()) | Err(JournalError::After { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            Step::Drop { which, state } => {
                if let Some(one) = self.some_delivery(*state, *which).await {
                    // It may have ended meanwhile.
                    let _ = self.stage.journal().drop_delivery(one.id, "not wanted").await;
                }
            }
            Step::Skip { person, action } => {
                // There may be nothing to skip.
                let _ = stage.journal().skip(ACTIONS[*action], &whom(PERSONS[*person]), "no use").await;
            }
        }
    }

    /// Every delivery that was promised, as the journal has it.
    async fn all(&self) -> Vec<(u64, &'static str, Vec<journal::Delivery>)> {
        let mut all = Vec::new();
        for (number, (person, wanted)) in (1..).zip(&self.wanted) {
            let deliveries = self.stage.deliveries(number).await;
            let actions: Vec<&str> = deliveries.iter().map(|delivery| &*delivery.action).collect();
            assert_eq!(actions, *wanted, "of notice {number}");
            all.push((number, *person, deliveries));
        }
        all
    }

    /// What is accepted has ended, or has a due time, or waits for one that has.
    async fn nothing_is_forgotten(&self) {
        let mut heads = HashSet::new();
        for (number, person, deliveries) in self.all().await {
            for delivery in &deliveries {
                if delivery.state != Pending {
                    assert!(delivery.finished_at.is_some(), "{delivery:?}");
                    continue;
                }
                assert!(delivery.due.is_some(), "{delivery:?}");
                let lane = (person, delivery.action.clone());
                // The oldest of a lane is the one that can be attempted, and no other; unless it comes after one that is pending.
                let waits = !heads.insert(lane) || delivery.waits_for.is_some();
                assert_eq!(delivery.waits, waits, "notice {number}: {delivery:?}");
                let pending = |id: &DeliveryId| deliveries.iter().any(|one| one.id == *id && one.state == Pending);
                assert!(delivery.waits_for.is_none_or(|id| pending(&id)), "notice {number}: {delivery:?}");
            }
        }
    }

    /// From now on every target answers with done, and everything comes to its end.
    async fn ends_well(&mut self) {
        self.stage.crash().await;
        for id in ACTIONS {
            self.stage.scripts.insert(id.to_owned(), Arc::new(|_: &Seen| done()));
            self.stage.put(id, SETTINGS);
        }
        self.stage.start();
        // How often it has to be looked is the machine's matter.
        let patience = Patience::begin();
        while !self.stage.journal().pending_actions().await.expect("a read").is_empty() {
            self.stage.later(Duration::from_secs(1800)).await;
            assert!(!patience.is_over(), "{:?}", self.all().await);
        }
        self.stage.stop().await;
        for (number, _, deliveries) in self.all().await {
            for delivery in deliveries {
                let was_done = lock(&self.stage.log).done.contains(&(delivery.action.clone(), number));
                match delivery.state {
                    Done => assert!(was_done, "done, and the target never said so: {delivery:?}"),
                    Dead | Dropped => assert!(delivery.reason.is_some(), "{delivery:?}"),
                    Pending => panic!("{delivery:?}"),
                }
            }
        }
    }

    /// Nothing was begun before what it comes after was done, but where somebody had dropped that.
    async fn nothing_was_early(&self) {
        let early = lock(&self.stage.log).early.clone();
        for seen in early {
            let first = self.stage.deliveries(seen.number).await.swap_remove(0);
            assert_eq!(first.state, Dropped, "{seen:?}");
        }
    }

    /// Nothing was begun before what came earlier in its lane had ended, but what somebody had tried again.
    fn was_in_order(&self) {
        let mut latest: HashMap<(&str, &str), u64> = HashMap::new();
        let log = lock(&self.stage.log);
        for seen in &log.attempts {
            let latest = latest.entry((&seen.action, &seen.person)).or_default();
            let again = self.retried.contains(&(seen.action.clone(), seen.number));
            assert!(seen.number >= *latest || again, "{seen:?} after {latest}: {:#?}", log.attempts);
            *latest = seen.number.max(*latest);
        }
    }
}

fn cases() -> ProptestConfig {
    let usual = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    ProptestConfig { cases: usual.cases / 4, ..usual }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_accepted_event_ends_or_has_a_due_time(seed: u64, steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut history = History::begin(seed);
            for step in &steps {
                history.take(step).await;
            }
            history.stage.crash().await;
            history.nothing_is_forgotten().await;
            history.ends_well().await;
            history.was_in_order();
            history.nothing_was_early().await;
        });
    }
}
