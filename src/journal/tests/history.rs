//! Random histories against a simple model: every accepted delivery ends delivered, dead or dropped, or has a time at
//! which it is due, or waits for one that has; the order of each lane holds, and nothing begins before what it comes after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{Bench, Draft, attempted, claim, draft, fate, person, silent};
use crate::journal::{Claimed, DeliveryId, DeliveryState, Fate, Filter, Journal, Lapse, Order, Reader};

#[derive(Clone, Debug)]
enum Step {
    Append { who: u8, ordered: bool, action: bool, chained: bool, performed: bool },
    Claim { action: bool },
    Settle { which: usize, how: u8 },
    Advance { seconds: u64 },
    Reopen,
    Retry { which: usize },
    Drop { which: usize, dead: bool },
    Skip { who: u8, action: bool },
    Requeue { which: usize, ordered: bool, action: bool, after: bool },
    Lapse { all: bool, action: bool },
    Forget { who: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3_u8, prop::bool::weighted(0.8), any::<bool>(), any::<bool>(), prop::bool::weighted(0.3))
            .prop_map(|(who, ordered, action, chained, performed)| {
                Step::Append { who, ordered, action, chained, performed }
            }),
        6 => any::<bool>().prop_map(|action| Step::Claim { action }),
        8 => (any::<usize>(), 0..5_u8).prop_map(|(which, how)| Step::Settle { which, how }),
        2 => (1..20_u64).prop_map(|seconds| Step::Advance { seconds }),
        1 => Just(Step::Reopen),
        2 => any::<usize>().prop_map(|which| Step::Retry { which }),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(which, dead)| Step::Drop { which, dead }),
        1 => (0..3_u8, any::<bool>()).prop_map(|(who, action)| Step::Skip { who, action }),
        1 => (any::<usize>(), any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(which, ordered, action, after)| Step::Requeue { which, ordered, action, after }),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(all, action)| Step::Lapse { all, action }),
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
    /// The one that it comes after, and whether it died with that.
    after: Option<DeliveryId>,
    fell: bool,
    until: Option<DateTime<Utc>>,
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
            .filter(|id| self.waits_for(*id).is_none())
            .map(|id| (&self.deliveries[&id], id))
            .map(|(one, id)| (one.until.is_none(), one.tried, one.due, id))
            .filter(|(.., due, _)| *due <= now)
            .collect();
        heads.sort_unstable();
        heads.into_iter().map(|(.., id)| id).collect()
    }

    /// The one that it comes after, where that has not ended.
    fn waits_for(&self, id: DeliveryId) -> Option<DeliveryId> {
        self.deliveries[&id].after.filter(|after| self.deliveries[after].state == DeliveryState::Pending)
    }

    fn followers(&self, id: DeliveryId) -> Vec<DeliveryId> {
        self.deliveries.iter().filter(|(_, one)| one.after == Some(id)).map(|(id, _)| *id).collect()
    }

    fn pick(&self, which: usize, state: DeliveryState) -> Option<DeliveryId> {
        let all: Vec<_> = self.deliveries.iter().filter(|(_, one)| one.state == state).map(|(id, _)| *id).collect();
        (!all.is_empty()).then(|| all[which % all.len()])
    }

    fn one(&mut self, id: DeliveryId) -> &mut Expected {
        self.deliveries.get_mut(&id).expect("it is known")
    }

    fn end(&mut self, id: DeliveryId, state: DeliveryState, now: DateTime<Utc>) {
        (self.one(id).state, self.one(id).fell) = (state, false);
        for follower in self.followers(id) {
            match (state, self.deliveries[&follower].state) {
                (DeliveryState::Done, DeliveryState::Pending) => self.one(follower).due = now,
                (DeliveryState::Dead | DeliveryState::Dropped, DeliveryState::Pending) => {
                    self.end(follower, DeliveryState::Dead, now);
                    self.one(follower).fell = state == DeliveryState::Dead;
                }
                (DeliveryState::Dropped, DeliveryState::Dead) => self.one(follower).fell = false,
                _ => {}
            }
        }
    }

    /// It is pending again, and so are those that died with it.
    fn pend(&mut self, id: DeliveryId, now: DateTime<Utc>) {
        let one = self.one(id);
        (one.state, one.due, one.tried, one.fell, one.until) = (DeliveryState::Pending, now, false, false, None);
        for follower in self.followers(id) {
            if self.deliveries[&follower].state == DeliveryState::Dead && self.deliveries[&follower].fell {
                self.pend(follower, now);
            }
        }
    }

    /// Those that somebody waits for and nobody attempts.
    fn awaited(&self) -> Vec<DeliveryId> {
        let awaited = self.deliveries.iter().filter(|(id, one)| {
            one.state == DeliveryState::Pending
                && one.until.is_some()
                && self.leased.values().all(|leased| leased != *id)
        });
        awaited.map(|(id, _)| *id).collect()
    }

    fn pending(&self) -> BTreeSet<DeliveryId> {
        let pending = self.deliveries.iter().filter(|(_, one)| one.state == DeliveryState::Pending);
        pending.map(|(id, _)| *id).collect()
    }

    fn newest(&self, seq: u64, action: bool) -> Option<DeliveryId> {
        self.deliveries.iter().rfind(|(id, one)| id.seq() == seq && one.action == action).map(|(id, _)| *id)
    }

    fn release(&mut self, id: DeliveryId) {
        self.leased.retain(|_, leased| *leased != id);
    }

    fn add(&mut self, id: DeliveryId, action: bool, who: (u8, u32), ordered: bool, due: DateTime<Utc>) {
        let lane = if ordered { Lane::Of(who.0, who.1) } else { Lane::Alone(id) };
        let state = DeliveryState::Pending;
        let (tried, after, fell, until) = (false, None, false, None);
        self.deliveries.insert(id, Expected { action, lane, entry: who, state, due, tried, after, fell, until });
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
            Step::Append { who, ordered, action, chained, performed } => {
                let until = clock.now() + TimeDelta::seconds(8);
                let to = |draft: Draft, action| {
                    let draft = if ordered { draft.to(name(action)) } else { draft.alone(name(action)) };
                    if performed { draft.until(until) } else { draft }
                };
                let mut draft = to(draft(&key(who)), action);
                if chained {
                    draft = to(draft, !action).after(&[name(action)]);
                }
                let appended = draft.append(&journal, clock).await;
                let own = (who, model.generations[usize::from(who)]);
                model.entries.insert(appended.seq, own);
                for (id, action) in appended.deliveries.iter().zip([action, !action]) {
                    model.add(*id, action, own, ordered, clock.now());
                    model.one(*id).until = Some(until).filter(|_| performed);
                }
                if let [first, second] = appended.deliveries[..] {
                    model.one(second).after = Some(first);
                }
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
                if model.deliveries[&claimed.id].state == DeliveryState::Pending {
                    match chosen {
                        Fate::Done => model.end(claimed.id, DeliveryState::Done, clock.now()),
                        Fate::Dead { .. } => model.end(claimed.id, DeliveryState::Dead, clock.now()),
                        Fate::Dropped { .. } => model.end(claimed.id, DeliveryState::Dropped, clock.now()),
                        Fate::Retry { due } => (model.one(claimed.id).due, model.one(claimed.id).tried) = (due, true),
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
                    let dead = |after: &DeliveryId| model.deliveries[after].state == DeliveryState::Dead;
                    let refused = model.deliveries[&id].after.as_ref().is_some_and(dead);
                    assert_eq!(journal.retry(id).await.is_err(), refused);
                    if !refused {
                        model.pend(id, clock.now());
                    }
                }
            }
            Step::Drop { which, dead } => {
                let state = if dead { DeliveryState::Dead } else { DeliveryState::Pending };
                if let Some(id) = model.pick(which, state) {
                    journal.drop_delivery(id, "a person").await.expect("it has not ended");
                    model.end(id, DeliveryState::Dropped, clock.now());
                }
            }
            Step::Lapse { all, action } => {
                let (lapse, wanted) = if all {
                    let lapse = Lapse::Action { action: name(action).into(), reason: "left alone".into() };
                    (lapse, model.awaited().into_iter().filter(|id| model.deliveries[id].action == action).collect())
                } else {
                    let late = |id: &DeliveryId| model.deliveries[id].until.is_some_and(|until| until <= clock.now());
                    (Lapse::Late { now: clock.now() }, model.awaited().into_iter().filter(late).collect::<Vec<_>>())
                };
                let fallen = journal.lapse(lapse).await.expect("they are given up");
                let mut before: BTreeSet<DeliveryId> = model.pending();
                for id in wanted {
                    if model.deliveries[&id].state == DeliveryState::Pending {
                        model.end(id, DeliveryState::Dead, clock.now());
                    }
                }
                before.retain(|id| model.deliveries[id].state == DeliveryState::Dead);
                assert_eq!(fallen.into_iter().map(|one| one.delivery).collect::<BTreeSet<_>>(), before);
            }
            Step::Skip { who, action } => {
                let head = model.head(action, Lane::Of(who, model.generations[usize::from(who)]));
                let skipped = journal.skip(name(action), &person(&key(who)), "no use").await;
                assert_eq!(skipped.ok(), head);
                if let Some(id) = head {
                    model.end(id, DeliveryState::Dropped, clock.now());
                }
            }
            Step::Requeue { which, ordered, action, after } => {
                let live: Vec<_> = model.entries.iter().map(|(seq, own)| (*seq, *own)).collect();
                if !live.is_empty() {
                    let (seq, own) = live[which % live.len()];
                    let after: Vec<Arc<str>> = if after { vec![name(!action).into()] } else { Vec::new() };
                    let earlier = if after.is_empty() { None } else { model.newest(seq, !action) };
                    let dead = earlier.is_some_and(|id| model.deliveries[&id].state == DeliveryState::Dead);
                    let requeued = journal.requeue(seq, name(action), ordered, &after).await;
                    assert_eq!(requeued.is_err(), dead);
                    if let Ok(id) = requeued {
                        model.add(id, action, own, ordered, clock.now());
                        model.one(id).after = earlier;
                    }
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
            let is_pending = expected.state == DeliveryState::Pending;
            let waits_for = model.waits_for(delivery.id).filter(|_| is_pending);
            assert_eq!(delivery.waits_for, waits_for);
            assert_eq!(delivery.waits, is_pending && (head != Some(delivery.id) || waits_for.is_some()));
            seen += 1;
        }
    }
    assert_eq!(seen, model.deliveries.len());
    assert!(journal.verify(None, silent()).await.expect("a report").is_sound());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_goes_as_the_model_says(steps in prop::collection::vec(step(), 1..70)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(play(steps));
    }
}
