//! The queue of what is judged once more and kept behind the reply, and its one worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{FuturesOrdered, StreamExt as _};
use tokio::sync::mpsc;

use super::{Compared, Shadow};
use crate::base::stop::Stop;
use crate::event::Event;
use crate::journal::EntryId;
use crate::judge::Judgement;
use crate::judge::recorder::Keeper;

/// How many events may wait, and with how many bytes.
const EVENTS: usize = 4096;
const BYTES: usize = 16 << 20;
/// How many are judged at once, for one may wait for a lookup; they are kept in their order.
const AT_ONCE: usize = 64;

/// The way into the queue. It outlasts every configuration.
#[derive(Clone)]
pub struct Aside {
    queue: mpsc::Sender<Late>,
    bytes: Arc<AtomicUsize>,
}

/// Who works the queue off.
pub struct Worker {
    queue: mpsc::Receiver<Late>,
    bytes: Arc<AtomicUsize>,
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
        (Self { queue: sender, bytes: bytes.clone() }, Worker { queue: receiver, bytes })
    }

    /// Queues an event, or gives it back where there is no room for it.
    pub(in crate::judge) fn push(&self, late: Late) -> Result<(), Box<Late>> {
        let size = late.event.size();
        if self.bytes.fetch_add(size, Ordering::Relaxed) + size > BYTES {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            return Err(Box::new(late));
        }
        self.queue.try_send(late).map_err(|error| {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            match error {
                mpsc::error::TrySendError::Full(late) | mpsc::error::TrySendError::Closed(late) => Box::new(late),
            }
        })
    }
}

impl Worker {
    /// Works until the server drains, and then until nothing waits any more. What comes after that has to be kept by
    /// whoever brings it.
    pub async fn run(mut self, stop: Stop) {
        let mut running = FuturesOrdered::new();
        let mut ended = false;
        while !ended || !running.is_empty() {
            tokio::select! {
                biased;
                () = stop.draining(), if !self.queue.is_closed() => self.queue.close(),
                Some(done) = running.next() => {
                    let (late, compared): (Late, Option<Compared>) = done;
                    self.bytes.fetch_sub(late.event.size(), Ordering::Relaxed);
                    late.keep(compared.as_ref());
                }
                late = self.queue.recv(), if !ended && running.len() < AT_ONCE => match late {
                    Some(late) => running.push_back(late.judge()),
                    None => ended = true,
                },
            }
        }
    }
}

impl Late {
    async fn judge(self) -> (Self, Option<Compared>) {
        let compared = self.shadow.judge(&self.event, &self.judgement).await;
        (self, compared)
    }

    fn keep(self, compared: Option<&Compared>) {
        if let Some(id) = self.id {
            let shadow = compared.map(|compared| (&*self.shadow, compared));
            // Nobody waits for it.
            drop(self.keeper.append(&self.event, &self.judgement, id, Vec::new(), Vec::new(), shadow, false));
        }
    }
}
