//! Delivery: what journaled events must set off, attempted until it is done, given up in sight of everybody, or dropped by
//! somebody who says so.
//!
//! At least once, in order per person and action, with a key that stays the same from attempt to attempt. What waits, and
//! in which order, is the journal's matter; one attempt is `action`'s. Here is when, how often, how many at once, and what
//! an answer means. Of what is performed while somebody waits it is told what came of it: see [`Performances`].

mod attempt;
mod circuit;
mod lapse;
mod performances;
mod rate;
mod share;
mod verdict;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Once, PoisonError};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::action::{Action, ActionSet, Delivery, Ready};
use crate::base::clock::Clock;
use crate::base::stop::Stop;
use crate::journal::Journal;
use crate::telemetry::metrics::Metrics;

pub use performances::{Performance, Performances, Performed};

/// Attempts what the journal holds, with a worker for each action.
pub struct Deliverer {
    tools: Tools,
    workers: Mutex<HashMap<Arc<str>, Running>>,
    /// Whether it has begun to give up what nobody waits for any more.
    begun: Once,
}

/// What every worker needs.
#[derive(Clone)]
pub struct Tools {
    /// Where deliveries come from.
    pub journal: Arc<dyn Journal>,
    /// The clock.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    /// Who waits for what is performed.
    pub performances: Arc<Performances>,
    /// Owns the workers' tasks.
    pub tasks: TaskTracker,
    /// When it drains nothing new is attempted; when it aborts, attempts are dropped.
    pub stop: Stop,
}

/// An action as it is in force.
struct Current {
    limits: Delivery,
    action: Arc<dyn Action>,
}

struct Running {
    current: Arc<ArcSwap<Current>>,
    removed: CancellationToken,
}

impl Deliverer {
    /// One that has no actions yet.
    pub fn new(tools: Tools) -> Self {
        Self { tools, workers: Mutex::default(), begun: Once::new() }
    }

    /// Puts actions in force: workers of actions that are there still go on with the new ones, those of others end, and
    /// what waits for these stays in the journal.
    pub fn replace(&self, actions: &ActionSet, ready: &Ready) {
        self.begun.call_once(|| _ = self.tools.tasks.spawn(lapse::run(self.tools.clone())));
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.retain(|id, running| {
            let stays = ready.contains_key(id);
            if !stays {
                running.removed.cancel();
            }
            stays
        });
        for definition in actions {
            let Some(action) = ready.get(&definition.id) else { continue };
            let current = Arc::new(Current { limits: definition.delivery.clone(), action: action.clone() });
            if let Some(running) = workers.get(&definition.id) {
                running.current.store(current);
                // It may have been waiting as the old ones said.
                self.tools.journal.signal(&definition.id).notify_one();
                continue;
            }
            self.tools.performances.attend(&definition.id);
            let current = Arc::new(ArcSwap::new(current));
            let removed = CancellationToken::new();
            let worker = worker::Worker::new(&definition.id, current.clone(), removed.clone(), self.tools.clone());
            self.tools.tasks.spawn(worker.run());
            workers.insert(definition.id.clone(), Running { current, removed });
        }
    }

    /// Says which deliveries wait for actions that nobody has configured.
    pub async fn tell_orphans(&self) {
        let pending = match self.tools.journal.pending_actions().await {
            Ok(pending) => pending,
            Err(error) => {
                tracing::warn!(%error, "it cannot be told which actions have work waiting");
                return;
            }
        };
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        for action in pending.iter().filter(|action| !workers.contains_key(action.as_str())) {
            tracing::warn!(
                action,
                "deliveries wait for an action that is not configured: write it again, or `dead drop --pending --all --action` them"
            );
        }
    }
}
