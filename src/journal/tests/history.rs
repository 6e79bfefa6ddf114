//! Random histories against a simple model: every accepted delivery ends delivered, dead or dropped, or has a time at
//! which it is due; and the order of each lane holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{Bench, attempted, claim, draft, fate, person, silent};
use crate::journal::{Claimed, DeliveryId, DeliveryState, Fate, Filter, Journal, Order, Reader};

#[derive(Clone, Debug)]
enum Step {
    Append { who: u8, ordered: bool, action: bool },
    Claim { action: bool },
    Settle { which: usize, how: u8 },
    Advance { seconds: u64 },
    Reopen,
    Retry { which: usize },
    Drop { which: usize },
    Skip { who: u8, action: bool },
    Requeue { which: usize, ordered: bool, action: bool },
    Forget { who: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3_u8, prop::bool::weighted(0.8), any::<bool>())
            .prop_map(|(who, ordered, action)| Step::Append { who, ordered, action }),
        6 => any::<bool>().prop_map(|action| Step::Claim { action }),
        8 => (any::<usize>(), 0..5_u8).prop_map(|(which, how)| Step::Settle { which, how }),
        2 => (1..20_u64).prop_map(|seconds| Step::Advance { seconds }),
        1 => Just(Step::Reopen),
        2 => any::<usize>().prop_map(|which| Step::Retry { which }),
        1 => any::<usize>().prop_map(|which| Step::Drop { which }),
        1 => (0..3_u8, any::<bool>()).prop_map(|(who, action)| Step::Skip { who, action }),
        1 => (any::<usize>(), any::<bool>(), any::<bool>())
            .prop_map(|(which, ordered, action)| Step::Requeue { which, ordered, action }),
        1 => (0..3_u8).prop_map(|who| Step::Forget { who }),
    ]
}

/// A lane: the person with its generation, or the delivery itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Of(u8, u32),
    Alone(DeliveryId),
}

#[derive(Clone, Debug)]
struct Expected {
    action: bool,
    lane: Lane,
    entry: (u8, u32),
    state: DeliveryState,
    due: DateTime<Utc>,
    tried: bool,
}

#[derive(Default)]
struct Model {
    deliveries: BTreeMap<DeliveryId, Expected>,
    entries: BTreeMap<u64, (u8, u32)>,
    generations: [u32; 3],
    leased: BTreeMap<(bool, Lane), DeliveryId>,
}

impl Model {
    fn head(&self, action: bool, lane: Lane) -> Option<DeliveryId> {
        let mut all = self.deliveries.iter();
        all.find(|(_, one)| one.action == action && one.lane == lane && one.state == DeliveryState::Pending)
            .map(|(id, _)| *id)
    }

    /// What a claim without limits gives, first attempts and then retries.
    fn due(&self, action: bool, now: DateTime<Utc>) -> Vec<DeliveryId> {
        let lanes: BTreeSet<Lane> =
            self.deliveries.values().filter(|one| one.action == action).map(|one| one.lane).collect();
        let free = lanes.into_iter().filter(|lane| !self.leased.contains_key(&(action, *lane)));
        let mut heads: Vec<_> = free
            .filter_map(|lane| self.head(action, lane))
            .map(|id| (self.deliveries[&id].tried, self.deliveries[&id].due, id))
            .filter(|(_, due, _)| *due <= now)
            .collect();
        heads.sort_unstable();
        heads.into_iter().map(|(_, _, id)| id).collect()
    }

    fn pick(&self, which: usize, state: DeliveryState) -> Option<DeliveryId> {
        let all: Vec<_> = self.deliveries.iter().filter(|(_, one)| one.state == state).map(|(id, _)| *id).collect();
        (!all.is_empty()).then(|| all[which % all.len()])
    }

    fn end(&mut self, id: DeliveryId, state: DeliveryState) {
        self.deliveries.get_mut(&id).expect("it is known").state = state;
    }

    fn release(&mut self, id: DeliveryId) {
        self.leased.retain(|_, leased| *leased != id);
    }

    fn add(&mut self, id: DeliveryId, action: bool, who: (u8, u32), ordered: bool, due: DateTime<Utc>) {
        let lane = if ordered { Lane::Of(who.0, who.1) } else { Lane::Alone(id) };
        let state = DeliveryState::Pending;
        self.deliveries.insert(id, Expected { action, lane, entry: who, state, due, tried: false });
    }
}

const fn name(action: bool) -> &'static str {
    if action { "crm" } else { "mail" }
}

fn key(who: u8) -> String {
    format!("person {who}")
}

#[expect(clippy::too_many_lines, reason = "one arm for each step reads best in one place")]
async fn play(steps: Vec<Step>) {
    let bench = Bench::new();
    let clock = &bench.clock;
    let mut journal = bench.open();
    let mut model = Model::default();
    let mut held: Vec<Claimed> = Vec::new();
    for step in steps {
        match step {
            Step::Append { who, ordered, action } => {
                let draft = draft(&key(who));
                let draft = if ordered { draft.to(name(action)) } else { draft.alone(name(action)) };
                let appended = draft.append(&journal, clock).await;
                let own = (who, model.generations[usize::from(who)]);
                model.entries.insert(appended.seq, own);
                model.add(appended.deliveries[0], action, own, ordered, clock.now());
            }
            Step::Claim { action } => {
                let claimed = claim(&journal, name(action), clock).await;
                let ids: Vec<_> = claimed.iter().map(|claimed| claimed.id).collect();
                assert_eq!(ids, model.due(action, clock.now()));
                for id in ids {
                    model.leased.insert((action, model.deliveries[&id].lane), id);
                }
                held.extend(claimed);
            }
            Step::Settle { which, how } if !held.is_empty() => {
                let claimed = held.swap_remove(which % held.len());
                let due = clock.now() + TimeDelta::seconds(5);
                let fates = [
                    Fate::Done,
                    Fate::Retry { due },
                    Fate::Dead { reason: "410".into() },
                    Fate::Dropped { reason: "a rule".into() },
                    Fate::Released,
                ];
                let chosen = fates[usize::from(how)].clone();
                let settlement = if chosen == Fate::Released {
                    fate(chosen.clone())
                } else {
                    attempted(chosen.clone(), clock, "an answer")
                };
                journal.settle(claimed.id, settlement).await.expect("it is settled");
                model.release(claimed.id);
                let expected = model.deliveries.get_mut(&claimed.id).expect("it is known");
                if expected.state == DeliveryState::Pending {
                    match chosen {
                        Fate::Done => expected.state = DeliveryState::Done,
                        Fate::Dead { .. } => expected.state = DeliveryState::Dead,
                        Fate::Dropped { .. } => expected.state = DeliveryState::Dropped,
                        Fate::Retry { due } => (expected.due, expected.tried) = (due, true),
                        Fate::Released => {}
                    }
                }
            }
            Step::Advance { seconds } => clock.advance(Duration::from_secs(seconds)),
            Step::Reopen => {
                drop(journal);
                held.clear();
                model.leased.clear();
                journal = bench.open();
            }
            Step::Retry { which } => {
                if let Some(id) = model.pick(which, DeliveryState::Dead) {
                    journal.retry(id).await.expect("it is dead");
                    let expected = model.deliveries.get_mut(&id).expect("it is known");
                    expected.state = DeliveryState::Pending;
                    (expected.due, expected.tried) = (clock.now(), false);
                }
            }
            Step::Drop { which } => {
                if let Some(id) = model.pick(which, DeliveryState::Pending) {
                    journal.drop_delivery(id, "a person").await.expect("it is pending");
                    model.end(id, DeliveryState::Dropped);
                }
            }
            Step::Skip { who, action } => {
                let head = model.head(action, Lane::Of(who, model.generations[usize::from(who)]));
                let skipped = journal.skip(name(action), &person(&key(who)), "no use").await;
                assert_eq!(skipped.ok(), head);
                if let Some(id) = head {
                    model.end(id, DeliveryState::Dropped);
                }
            }
            Step::Requeue { which, ordered, action } => {
                let live: Vec<_> = model.entries.iter().map(|(seq, own)| (*seq, *own)).collect();
                if !live.is_empty() {
                    let (seq, own) = live[which % live.len()];
                    let id = journal.requeue(seq, name(action), ordered, &[]).await.expect("it is an event");
                    model.add(id, action, own, ordered, clock.now());
                }
            }
            Step::Forget { who } => {
                journal.forget(&person(&key(who))).await.expect("it is forgotten");
                let generation = &mut model.generations[usize::from(who)];
                for expected in model.deliveries.values_mut() {
                    let open = matches!(expected.state, DeliveryState::Pending | DeliveryState::Dead);
                    if open && expected.entry == (who, *generation) {
                        expected.state = DeliveryState::Dropped;
                    }
                }
                model.entries.retain(|_, own| *own != (who, *generation));
                *generation += 1;
            }
            Step::Settle { .. } => {}
        }
    }
    // What is in the file is what the model says.
    let filter = Filter { order: Order::Oldest, ..Filter::default() };
    let mut seen = 0;
    for entry in journal.entries(filter, 1000).await.expect("a page").items {
        let (_, deliveries) = journal.entry_at(entry.seq).await.expect("a read").expect("an entry");
        for delivery in deliveries {
            let expected = &model.deliveries[&delivery.id];
            assert_eq!(delivery.state, expected.state, "{}", delivery.id);
            assert_eq!(delivery.due, Some(expected.due).filter(|_| expected.state == DeliveryState::Pending));
            let head = model.head(expected.action, expected.lane);
            assert_eq!(delivery.waits, expected.state == DeliveryState::Pending && head != Some(delivery.id));
            seen += 1;
        }
    }
    assert_eq!(seen, model.deliveries.len());
    assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_goes_as_the_model_says(steps in prop::collection::vec(step(), 1..70)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(play(steps));
    }
}
