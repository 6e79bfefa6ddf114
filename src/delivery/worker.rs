//! The worker of one action: claims what is due, as many at once as may be, and waits for what comes next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::attempt::{Outcome, attempt, release, trouble};
use super::circuit::{Circuit, Turn};
use super::lapse::give_up;
use super::rate::Pace;
use super::share::{Kind, Quota, Share, claim};
use super::{Current, Tools};
use crate::action::Trouble;
use crate::base::future::BoxFuture;
use crate::journal::{Claimed, Lapse, Places};

/// As many are claimed ahead of their attempts at most.
const MAX_AHEAD: usize = 256;
/// How long to wait after the journal could not be read.
const CLAIM_AGAIN: Duration = Duration::from_secs(1);
/// How often it is looked, while the server drains, whether anybody still waits.
const LOOK_WHILE_DRAINING: Duration = Duration::from_millis(50);

pub(super) struct Worker {
    id: Arc<str>,
    current: Arc<ArcSwap<Current>>,
    removed: CancellationToken,
    tools: Tools,
    circuit: Circuit,
    pace: Pace,
    share: Share,
    /// Claimed and not attempted yet.
    ready: VecDeque<Claimed>,
}

impl Worker {
    pub(super) fn new(id: &Arc<str>, current: Arc<ArcSwap<Current>>, removed: CancellationToken, tools: Tools) -> Self {
        Self {
            id: id.clone(),
            current,
            removed,
            tools,
            circuit: Circuit::default(),
            pace: Pace::default(),
            share: Share::default(),
            ready: VecDeque::new(),
        }
    }

    /// Works until the action is removed or the server drains; what was begun then is finished, and what somebody waits for
    /// whose request was begun is still made.
    pub(super) async fn run(mut self) {
        let signal = self.tools.journal.signal(&self.id);
        let stop = self.tools.stop.clone();
        let mut under_way: FuturesUnordered<BoxFuture<'static, Outcome>> = FuturesUnordered::new();
        loop {
            let draining = stop.is_draining();
            let mut wake = self.fill(&mut under_way, draining).await;
            if draining {
                if !self.tools.performances.await_some(&self.id) {
                    break;
                }
                // Whoever waits no longer says so to nobody.
                let soon = self.tools.clock.instant() + LOOK_WHILE_DRAINING;
                wake = wake.map_or(Some(soon), |wake| Some(wake.min(soon)));
            }
            let wake_up = async {
                match wake {
                    Some(wake) => sleep_until(wake).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.draining(), if !draining => {}
                () = self.removed.cancelled() => break,
                () = stop.abort.cancelled() => break,
                Some(outcome) = under_way.next() => self.settled(&outcome),
                () = signal.notified() => {}
                () = wake_up => {}
            }
        }
        self.tools.performances.abandon(&self.id);
        self.put_back(|_| true).await;
        let finish = async { while under_way.next().await.is_some() {} };
        stop.abort.run_until_cancelled(finish).await;
    }

    /// Begins as many attempts as may be under way; while the server drains, only of what somebody waits for. The answer is
    /// when to look again where nothing else happens; none where something will.
    async fn fill(
        &mut self,
        under_way: &mut FuturesUnordered<BoxFuture<'static, Outcome>>,
        draining: bool,
    ) -> Option<Instant> {
        let current = self.current.load_full();
        if draining {
            self.put_back(|claimed| claimed.until.is_none()).await;
        }
        loop {
            if under_way.len() >= current.limits.concurrency {
                return None;
            }
            let is_awaited = self.tools.performances.await_some(&self.id);
            let now = self.tools.clock.instant();
            if let Err(until) = self.circuit.take(now) {
                self.put_back(|_| true).await;
                if is_awaited {
                    self.give_up().await;
                }
                return until;
            }
            if let Err(next) = self.pace.take(current.limits.rate, now) {
                self.circuit.give_back(now);
                return Some(next);
            }
            if is_awaited {
                self.claim_awaited(current.limits.concurrency - under_way.len()).await;
            }
            if self.ready.is_empty() {
                let wake = if draining { Some(None) } else { self.claim(&current, under_way.len()).await };
                if let Some(wake) = wake {
                    self.circuit.give_back(now);
                    self.pace.give_back(current.limits.rate);
                    return wake;
                }
            }
            let Some(claimed) = self.ready.pop_front() else { continue };
            let attempt = attempt(claimed, self.id.clone(), current.clone(), self.tools.clone());
            under_way.push(Box::pin(attempt));
        }
    }

    /// Claims what somebody waits for, before all that is claimed already.
    async fn claim_awaited(&mut self, places: usize) {
        if self.ready.front().is_some_and(|claimed| claimed.until.is_some()) {
            return;
        }
        let places = Places { performed: places, ..Places::default() };
        match self.tools.journal.claim(&self.id, self.tools.clock.now(), places).await {
            Ok(claimed) => claimed.into_iter().rev().for_each(|claimed| self.ready.push_front(claimed)),
            Err(error) => tracing::warn!(action = &*self.id, %error, "what somebody waits for cannot be read"),
        }
    }

    /// Claims what is due. Where that is nothing, the answer is when to look again.
    async fn claim(&mut self, current: &Current, under_way: usize) -> Option<Option<Instant>> {
        let places = current.limits.concurrency.saturating_mul(2).saturating_sub(under_way).min(MAX_AHEAD);
        let quota = self.share.of(places);
        let now = self.tools.clock.now();
        let (journal, id) = (&self.tools.journal, &*self.id);
        let kind = |claimed: &Claimed| match claimed.until {
            Some(_) => Kind::Performed,
            None if claimed.attempts > 0 => Kind::Retry,
            None => Kind::Fresh,
        };
        let claimed = claim(quota, &mut self.ready, kind, |quota: Quota| {
            let Quota { fresh, retries } = quota;
            journal.claim(id, now, Places { performed: places, fresh, retries })
        });
        let due = match claimed.await {
            // Of what was claimed before it failed, too.
            _ if !self.ready.is_empty() => return None,
            Ok(()) => journal.next_due(id).await,
            Err(error) => Err(error),
        };
        match due {
            Ok(due) => {
                let wait = due.map(|due| (due - now).to_std().unwrap_or_default().max(Duration::from_millis(1)));
                Some(wait.map(|wait| self.tools.clock.instant() + wait))
            }
            Err(error) => {
                tracing::warn!(action = id, %error, "what is due cannot be read, and is looked for again");
                Some(Some(self.tools.clock.instant() + CLAIM_AGAIN))
            }
        }
    }

    /// Nobody waits for a target that is left alone.
    async fn give_up(&self) {
        let reason = "the target does not answer as it should, and is left alone for a while".to_owned();
        let given_up = give_up(&self.tools, Lapse::Action { action: self.id.clone(), reason }).await;
        if let Err(error) = given_up {
            tracing::warn!(action = &*self.id, %error, "what somebody waits for cannot be given up");
        }
    }

    /// Nothing is held back from others while the target is left alone. All at once, so that they share a write.
    async fn put_back(&mut self, which: impl Fn(&Claimed) -> bool) {
        let (back, kept): (VecDeque<_>, _) = std::mem::take(&mut self.ready).into_iter().partition(which);
        self.ready = kept;
        join_all(back.iter().map(|claimed| release(claimed.id, &self.tools))).await;
    }

    fn settled(&mut self, outcome: &Outcome) {
        let now = self.tools.clock.instant();
        let Some(answer) = &outcome.answer else {
            // Nothing was asked, so that nothing is known of the target.
            self.circuit.give_back(now);
            return;
        };
        let turn = match trouble(answer) {
            None => self.circuit.answered(),
            Some(trouble) => self.circuit.failed(trouble, now),
        };
        let action = &*self.id;
        match turn {
            Turn::None => {}
            Turn::Opened { pause } => {
                let seconds = pause.as_secs();
                let (delivery, what) = (outcome.id, &*answer.what);
                if trouble(answer) == Some(Trouble::Target) {
                    tracing::error!(action, %delivery, what, seconds, "the target wants somebody to see to it; deliveries wait, and it is asked again now and then");
                } else {
                    tracing::error!(action, %delivery, what, seconds, "the target counts as dead; deliveries wait, and it is asked again now and then");
                }
                self.tools.metrics.set_circuit(action, true);
            }
            Turn::Closed => {
                tracing::info!(action, "the target is back; deliveries go on");
                self.tools.metrics.set_circuit(action, false);
            }
        }
    }
}
