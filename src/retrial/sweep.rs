//! Going through kept events on all cores, in bounded memory: each thread takes a stretch of the journal, reads it page by
//! page, and keeps what it makes of it to itself until the end.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use tokio::runtime::Handle;

use crate::journal::{Entry, Filter, JournalError, Order, Reader};

/// How many entries a thread takes on at once.
const STRETCH: u64 = 2048;

/// How many records a thread holds at once.
const PAGE: usize = 64;

/// What is gone through, and how.
pub struct Sweep<'a> {
    /// The journal.
    pub reader: &'a dyn Reader,
    /// Which entries. Their records are read; the order is nobody's.
    pub filter: Filter,
    /// What the reader's futures are waited for with.
    pub runtime: &'a Handle,
    /// How many threads; none: as many as there are cores.
    pub threads: Option<NonZero<usize>>,
    /// Hears how many numbers of how many are done, now and then.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// What all threads share.
struct Stretches {
    first: u64,
    last: u64,
    next: AtomicU64,
    done: AtomicU64,
    failed: AtomicBool,
}

/// Gives every entry to `each`, with what the thread has made of those before; answers what each thread has made.
pub fn sweep<T: Send>(
    sweep: &Sweep<'_>,
    start: impl Fn() -> T + Sync,
    each: impl Fn(&mut T, &Entry) + Sync,
) -> Result<Vec<T>, JournalError> {
    let edge = |order| sweep.runtime.block_on(edge(sweep.reader, &sweep.filter, order));
    let (Some(first), Some(last)) = (edge(Order::Oldest)?, edge(Order::Newest)?) else { return Ok(Vec::new()) };
    let stretches =
        Stretches { first, last, next: AtomicU64::new(first), done: AtomicU64::new(0), failed: AtomicBool::new(false) };
    let threads = sweep.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZero::get);
    let work = || {
        let mut made = start();
        let outcome = stretches.work(sweep, &mut |entry| each(&mut made, entry));
        if outcome.is_err() {
            stretches.failed.store(true, Ordering::Relaxed);
        }
        outcome.map(|()| made)
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut made = vec![work()];
        for other in others {
            // A panic is ours, and goes on where it would have without threads.
            made.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        made.into_iter().collect()
    })
}

impl Stretches {
    fn work(&self, sweep: &Sweep<'_>, each: &mut dyn FnMut(&Entry)) -> Result<(), JournalError> {
        while !self.failed.load(Ordering::Relaxed) {
            let start = self.next.fetch_add(STRETCH, Ordering::Relaxed);
            if start > self.last {
                break;
            }
            let end = (start + STRETCH - 1).min(self.last);
            let mut filter = Filter {
                records: true,
                order: Order::Oldest,
                after: Some(start.saturating_sub(1)),
                up_to: Some(end),
                ..sweep.filter.clone()
            };
            loop {
                let page = sweep.runtime.block_on(sweep.reader.entries(filter.clone(), PAGE))?;
                page.items.iter().for_each(&mut *each);
                match page.next {
                    Some(next) => filter.after = Some(next),
                    None => break,
                }
            }
            let done = self.done.fetch_add(end - start + 1, Ordering::Relaxed) + end - start + 1;
            (sweep.progress)(done, self.last - self.first + 1);
        }
        Ok(())
    }
}

/// The number of the first entry that is wanted, from one end.
async fn edge(reader: &dyn Reader, filter: &Filter, order: Order) -> Result<Option<u64>, JournalError> {
    let mut filter = Filter { order, records: false, ..filter.clone() };
    loop {
        let page = reader.entries(filter.clone(), 1).await?;
        match (page.items.first(), page.next) {
            (Some(entry), _) => return Ok(Some(entry.seq)),
            (None, Some(next)) => filter.after = Some(next),
            (None, None) => return Ok(None),
        }
    }
}
