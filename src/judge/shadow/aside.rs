//! The queue of what is judged once more and kept behind the reply, and its one worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{FuturesOrdered, StreamExt as _};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Compared, Shadow};
use crate::base::panics::caught;
use crate::base::stop::Stop;
use crate::event::Event;
use crate::journal::EntryId;
use crate::judge::Judgement;
use crate::judge::recorder::{Keeper, New};

/// How many events may wait, and with how many bytes.
const EVENTS: usize = 4096;
const BYTES: usize = 16 << 20;
/// How many are judged at once, for one may wait for a lookup; they are kept in their order.
const AT_ONCE: usize = 64;

/// The way into the queue. It outlasts every configuration.
#[derive(Clone)]
pub struct Aside {
    queue: mpsc::Sender<Item>,
    bytes: Arc<AtomicUsize>,
    /// How often what waits was wanted at once. Whatever was queued before is no longer judged.
    hurries: Arc<watch::Sender<u64>>,
    /// Closed once there is no worker.
    worker: watch::Receiver<()>,
}

/// Who works the queue off.
pub struct Worker {
    queue: mpsc::Receiver<Item>,
    bytes: Arc<AtomicUsize>,
    hurries: Arc<watch::Sender<u64>>,
    _works: watch::Sender<()>,
}

/// What stands in the queue.
enum Item {
    /// An event, with the number of hurries before it.
    Late(Box<Late>, u64),
    /// Somebody who waits until all before it is kept.
    Waits(oneshot::Sender<()>),
}

/// An event whose reply is out, or is on its way.
pub(in crate::judge) struct Late {
    pub(in crate::judge) keeper: Arc<Keeper>,
    pub(in crate::judge) shadow: Arc<Shadow>,
    pub(in crate::judge) event: Arc<Event>,
    pub(in crate::judge) judgement: Arc<Judgement>,
    /// The name of its entry; none where no entry is kept of it.
    pub(in crate::judge) id: Option<EntryId>,
}

impl Aside {
    /// The two ends of a queue.
    pub fn new() -> (Self, Worker) {
        let (sender, receiver) = mpsc::channel(EVENTS);
        let bytes = Arc::new(AtomicUsize::new(0));
        let hurries = Arc::new(watch::Sender::new(0));
        let (works, worker) = watch::channel(());
        let aside = Self { queue: sender, bytes: bytes.clone(), hurries: hurries.clone(), worker };
        (aside, Worker { queue: receiver, bytes, hurries, _works: works })
    }

    /// Queues an event, or gives it back where there is no room for it.
    pub(in crate::judge) fn push(&self, late: Late) -> Result<(), Box<Late>> {
        let size = late.size();
        if self.bytes.fetch_add(size, Ordering::Relaxed) + size > BYTES {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            return Err(Box::new(late));
        }
        let Ok(place) = self.queue.try_reserve() else {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            return Err(Box::new(late));
        };
        place.send(Item::Late(Box::new(late), *self.hurries.borrow()));
        Ok(())
    }

    /// Waits until all that is queued now is on its way to the journal, unjudged where it is not judged yet.
    pub(in crate::judge) async fn hurry(&self) {
        self.hurries.send_modify(|hurries| *hurries += 1);
        let (kept, all_kept) = oneshot::channel();
        if self.queue.send(Item::Waits(kept)).await.is_ok() && all_kept.await.is_ok() {
            return;
        }
        // It ends, and keeps all that waits before it does.
        let _ = self.worker.clone().changed().await;
    }
}

impl Worker {
    /// Works until the server drains. What waits then is kept at once, unjudged where something is to be looked up for it; what comes after that has to be kept by
    /// whoever brings it.
    pub async fn run(mut self, stop: Stop) {
        let mut running = FuturesOrdered::new();
        let mut ended = false;
        while !ended || !running.is_empty() {
            tokio::select! {
                biased;
                () = stop.draining(), if !self.queue.is_closed() => self.queue.close(),
                Some(done) = running.next() => match done {
                    Done::Judged(late, compared) => {
                        self.bytes.fetch_sub(late.size(), Ordering::Relaxed);
                        late.keep(compared.as_ref());
                    }
                    // Whoever waited may have left.
                    Done::Kept(waits) => _ = waits.send(()),
                },
                item = self.queue.recv(), if !ended && running.len() < AT_ONCE => match item {
                    Some(item) => running.push_back(item.work(stop.clone(), self.hurries.subscribe())),
                    None => ended = true,
                },
            }
        }
    }
}

/// What came of an item.
enum Done {
    Judged(Box<Late>, Option<Compared>),
    Kept(oneshot::Sender<()>),
}

impl Item {
    async fn work(self, stop: Stop, mut hurries: watch::Receiver<u64>) -> Done {
        match self {
            Self::Late(late, before) => {
                let compared = tokio::select! {
                    biased;
                    // What takes no time is judged all the same.
                    () = stop.draining() => late.shadow.judge_briefly(&late.event, &late.judgement),
                    Ok(_) = hurries.wait_for(|hurries| *hurries > before) => late.shadow.left_out(&late.event),
                    // A panic costs the comparison alone.
                    judged = caught(|| late.shadow.judge(&late.event, &late.judgement)) => {
                        judged.unwrap_or_else(|_| late.shadow.left_out(&late.event))
                    }
                };
                Done::Judged(late, compared)
            }
            Self::Waits(kept) => Done::Kept(kept),
        }
    }
}

impl Late {
    /// What it takes of the room, in bytes.
    fn size(&self) -> usize {
        self.event.size() + self.judgement.facts.size()
    }

    fn keep(self, compared: Option<&Compared>) {
        if let Some(id) = self.id {
            let shadow = compared.map(|compared| (&*self.shadow, compared));
            // Nobody waits for it.
            drop(self.keeper.append(&self.event, &self.judgement, New { shadow, ..New::behind(id) }));
        }
    }
}
