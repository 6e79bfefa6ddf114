//! What waits for the writer: swapped out whole, bounded, and the writer is woken only when there was nothing before.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::append::Prepared;
use super::writer::Writing;
use crate::journal::receipt::Answer;
use crate::journal::{Appended, DeliveryId, JournalError, Receipt, Settled, Settlement, receipt};

/// How much may wait, in items and bytes; what is no append may take as much again.
const ITEMS: usize = 65_536;
const BYTES: usize = 64 << 20;
/// How long what nobody waits for is gathered, and how much of it: each transaction costs as much as many entries.
const GATHER: Duration = Duration::from_millis(20);
const GATHER_ITEMS: usize = 1024;
const GATHER_BYTES: usize = 1 << 20;

/// How much is committed at once.
const BATCH_ITEMS: usize = 4096;
const BATCH_BYTES: usize = 1 << 20;

/// One piece of work for the writer.
pub(super) enum Item {
    Append(Box<Prepared>, Answer<Appended>),
    Settle(Box<Settling>, Answer<Settled>),
    Run(Box<dyn Work>),
}

/// What has become of a delivery.
pub(super) struct Settling {
    pub(super) delivery: DeliveryId,
    pub(super) settlement: Settlement,
    /// What it has captured, as it is written.
    pub(super) captured: Option<Vec<u8>>,
}

/// Any other piece of work.
pub(super) trait Work: Send {
    /// Whether it is done even when space is short.
    fn is_essential(&self) -> bool;

    /// Does it, within the batch's transaction. It may be called again if the batch failed.
    fn run(&mut self, writing: &mut Writing<'_>) -> Result<(), JournalError>;

    /// Tells whoever asked, once the batch is on disk or has failed.
    fn answer(self: Box<Self>, result: Result<(), JournalError>);
}

struct Job<T, F> {
    essential: bool,
    work: F,
    done: Option<T>,
    answer: Answer<T>,
}

/// The queue.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    items: Vec<Item>,
    bytes: usize,
    /// How many of them somebody waits for.
    awaited: usize,
    /// How long the queue must be before the writer is woken once more; only while it lingers.
    wake_at: Option<usize>,
    closed: bool,
}

/// What a wait for work ended with.
pub(super) enum Taken {
    Items(Vec<Item>),
    Nothing,
    Closed,
}

// === impl Item ===

impl Item {
    /// About how many bytes it writes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Append(prepared, _) => prepared.bytes(),
            Self::Settle(settling, _) => {
                let attempt = settling.settlement.attempt.iter();
                let texts = attempt.flat_map(|attempt| attempt.said.iter().chain([&attempt.answer]));
                256 + texts.map(String::len).sum::<usize>() + settling.captured.as_ref().map_or(0, Vec::len)
            }
            Self::Run(_) => 256,
        }
    }

    /// Whether somebody waits for it.
    fn is_awaited(&self) -> bool {
        match self {
            Self::Append(prepared, _) => prepared.awaited,
            Self::Settle(..) | Self::Run(_) => true,
        }
    }

    /// Whether it is done even when space is short.
    pub(super) fn is_essential(&self) -> bool {
        match self {
            Self::Append(..) => false,
            Self::Settle(..) => true,
            Self::Run(work) => work.is_essential(),
        }
    }

    /// Answers with a failure.
    pub(super) fn fail(self, error: JournalError) {
        match self {
            Self::Append(_, answer) => answer.send(Err(error)),
            Self::Settle(_, answer) => answer.send(Err(error)),
            Self::Run(work) => work.answer(Err(error)),
        }
    }
}

// === impl Job ===

impl<T, F> Work for Job<T, F>
where
    T: Send,
    F: FnMut(&mut Writing<'_>) -> Result<T, JournalError> + Send,
{
    fn is_essential(&self) -> bool {
        self.essential
    }

    fn run(&mut self, writing: &mut Writing<'_>) -> Result<(), JournalError> {
        self.done = Some((self.work)(writing)?);
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<(), JournalError>) {
        let Self { done, answer, .. } = *self;
        answer.send(result.and_then(|()| done.ok_or(JournalError::Closed)));
    }
}

// === impl Waiting ===

impl Waiting {
    /// Whether nobody waits for anything of it, and there is room for more.
    fn is_gathering(&self) -> bool {
        self.awaited == 0 && self.items.len() < GATHER_ITEMS && self.bytes < GATHER_BYTES && !self.closed
    }
}

// === impl Queue ===

impl Queue {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::default(), arrived: Condvar::new() }
    }

    /// Queues an item, or answers it with why not.
    pub(super) fn push(&self, item: Item) {
        let bytes = item.bytes();
        let allowance = if matches!(item, Item::Append(..)) { 1 } else { 2 };
        let mut waiting = self.lock();
        let refused = if waiting.closed {
            Some(JournalError::Closed)
        } else if waiting.items.len() >= allowance * ITEMS || waiting.bytes + bytes > allowance * BYTES {
            Some(JournalError::Busy)
        } else {
            None
        };
        if let Some(error) = refused {
            drop(waiting);
            return item.fail(error);
        }
        let was_gathering = waiting.is_gathering();
        waiting.bytes += bytes;
        waiting.awaited += usize::from(item.is_awaited());
        waiting.items.push(item);
        let length = waiting.items.len();
        let gathered = was_gathering && !waiting.is_gathering();
        let wake = length == 1 || gathered || waiting.wake_at.is_some_and(|at| length >= at);
        if wake {
            waiting.wake_at = None;
        }
        drop(waiting);
        if wake {
            self.arrived.notify_one();
        }
    }

    /// Queues any piece of work.
    pub(super) fn run<T, F>(&self, essential: bool, work: F) -> Receipt<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Writing<'_>) -> Result<T, JournalError> + Send + 'static,
    {
        let (answer, receipt) = receipt();
        self.push(Item::Run(Box::new(Job { essential, work, done: None, answer })));
        receipt
    }

    /// All that waits, at once; waits for the first at most `patience`.
    pub(super) fn take(&self, patience: Option<Duration>) -> Taken {
        let mut waiting = self.lock();
        while waiting.items.is_empty() {
            if waiting.closed {
                return Taken::Closed;
            }
            match patience {
                None => waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let wait = self.arrived.wait_timeout(waiting, patience);
                    let (again, timeout) = wait.unwrap_or_else(PoisonError::into_inner);
                    waiting = again;
                    if timeout.timed_out() && waiting.items.is_empty() {
                        return Taken::Nothing;
                    }
                }
            }
        }
        let gathered = self.arrived.wait_timeout_while(waiting, GATHER, |waiting| waiting.is_gathering());
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        (waiting.bytes, waiting.awaited) = (0, 0);
        Taken::Items(std::mem::take(&mut waiting.items))
    }

    /// Waits until `length` items wait, at most `patience`.
    pub(super) fn linger(&self, length: usize, patience: Duration) {
        let mut waiting = self.lock();
        if waiting.items.len() < length && !waiting.closed {
            waiting.wake_at = Some(length);
            let wait = self.arrived.wait_timeout_while(waiting, patience, |waiting| waiting.wake_at.is_some());
            let (mut again, _) = wait.unwrap_or_else(PoisonError::into_inner);
            again.wake_at = None;
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Takes nothing more in. What waits is still taken out.
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.wake_at = None;
        drop(waiting);
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parts of a queue that are committed one after the other.
pub(super) fn batches(items: Vec<Item>) -> Vec<Vec<Item>> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for item in items {
        let size = item.bytes();
        if !batch.is_empty() && (batch.len() >= BATCH_ITEMS || bytes + size > BATCH_BYTES) {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += size;
        batch.push(item);
    }
    batches.push(batch);
    batches
}
