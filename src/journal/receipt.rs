//! The answer to a write that is already on its way.
//!
//! A batch of writes is answered at once, by a thread that is none of the runtime's. To wake a task from there costs a
//! system call each time, and on a busy core a switch to the task that was woken. So the writer wakes one of those who
//! wait, and whoever first looks at an answer of the batch wakes all the others, from inside the runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::JournalError;

/// What a write gives back at once. Awaiting it tells when the write is on disk; dropping it changes nothing, the write
/// is done all the same.
#[derive(Debug)]
#[must_use = "only an awaited receipt tells whether the write is on disk"]
pub struct Receipt<T>(Arc<Slot<T>>);

/// The other end of a [`Receipt`]. Dropped without a word it answers that the journal is closed.
#[derive(Debug)]
pub struct Answer<T>(Arc<Slot<T>>);

/// Those who wait for answers of one batch, but for the one who was woken.
#[derive(Debug, Default)]
pub struct Bell(Mutex<Vec<Waker>>);

/// Answers that are given together.
pub struct Round<'a> {
    bell: &'a Arc<Bell>,
    /// Held until all are given, so that whoever rings does it for all of them.
    waiting: MutexGuard<'a, Vec<Waker>>,
}

#[derive(Debug)]
struct Slot<T>(Mutex<State<T>>);

#[derive(Debug)]
enum State<T> {
    Waiting(Option<Waker>),
    Known(Result<T, JournalError>, Option<Arc<Bell>>),
    /// The answer was taken, or nobody wants it.
    Over,
}

/// A receipt and whoever answers it.
pub fn receipt<T>() -> (Answer<T>, Receipt<T>) {
    let slot = Arc::new(Slot(Mutex::new(State::Waiting(None))));
    (Answer(slot.clone()), Receipt(slot))
}

// === impl Slot ===

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the answer there. Who waits for it is to be woken.
    fn answer(&self, result: Result<T, JournalError>, bell: Option<Arc<Bell>>) -> Option<Waker> {
        let mut state = self.lock();
        let State::Waiting(waker) = &mut *state else { return None };
        let waker = waker.take();
        *state = State::Known(result, bell);
        waker
    }
}

// === impl Receipt ===

impl<T> Receipt<T> {
    /// One whose answer is known already.
    pub fn known(result: Result<T, JournalError>) -> Self {
        Self(Arc::new(Slot(Mutex::new(State::Known(result, None)))))
    }
}

impl<T> Future for Receipt<T> {
    type Output = Result<T, JournalError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.lock();
        if let State::Waiting(waker) = &mut *state {
            match waker {
                Some(waker) => waker.clone_from(context.waker()),
                None => *waker = Some(context.waker().clone()),
            }
            return Poll::Pending;
        }
        let known = std::mem::replace(&mut *state, State::Over);
        drop(state);
        let State::Known(result, bell) = known else { return Poll::Ready(Err(JournalError::Closed)) };
        if let Some(bell) = bell {
            bell.ring();
        }
        Poll::Ready(result)
    }
}

impl<T> Drop for Receipt<T> {
    fn drop(&mut self) {
        let left = std::mem::replace(&mut *self.0.lock(), State::Over);
        // Who was woken may leave without a look at the answer.
        if let State::Known(_, Some(bell)) = left {
            bell.ring();
        }
    }
}

// === impl Answer ===

impl<T> Answer<T> {
    /// Answers. Nobody may be waiting any more.
    pub fn send(self, result: Result<T, JournalError>) {
        self.0.answer(result, None).into_iter().for_each(Waker::wake);
    }

    /// Answers as one of many.
    pub fn send_in(self, round: &mut Round<'_>, result: Result<T, JournalError>) {
        round.waiting.extend(self.0.answer(result, Some(round.bell.clone())));
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        self.0.answer(Err(JournalError::Closed), None).into_iter().for_each(Waker::wake);
    }
}

// === impl Bell ===

impl Bell {
    /// Gives answers together.
    pub fn round(self: &Arc<Self>) -> Round<'_> {
        Round { bell: self, waiting: self.lock() }
    }

    /// Wakes all who still wait.
    pub fn ring(&self) {
        let waiting = std::mem::take(&mut *self.lock());
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether all who waited were woken.
    pub fn has_rung(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Round ===

impl Round<'_> {
    /// Ends the round: one is woken, and wakes the others.
    pub fn end(mut self) {
        let first = self.waiting.pop();
        drop(self);
        first.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Three who wait, after a round in which all were answered.
    fn answered() -> (Vec<Receipt<usize>>, Vec<Arc<Counted>>, Arc<Bell>) {
        let (answers, mut receipts): (Vec<_>, Vec<_>) = (0..3).map(|_| receipt()).unzip();
        let waking: Vec<Arc<Counted>> = (0..3).map(|_| Arc::default()).collect();
        for (receipt, waking) in receipts.iter_mut().zip(&waking) {
            assert!(look(receipt, waking).is_pending());
        }
        let bell = Arc::new(Bell::default());
        let mut round = bell.round();
        for (number, answer) in answers.into_iter().enumerate() {
            answer.send_in(&mut round, Ok(number));
        }
        round.end();
        (receipts, waking, bell)
    }

    fn look(receipt: &mut Receipt<usize>, waking: &Arc<Counted>) -> Poll<Result<usize, JournalError>> {
        Pin::new(receipt).poll(&mut Context::from_waker(&Waker::from(waking.clone())))
    }

    fn woken(waking: &[Arc<Counted>]) -> Vec<usize> {
        waking.iter().map(|waking| waking.0.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn one_is_woken_and_wakes_the_others() {
        let (mut receipts, waking, bell) = answered();
        assert_eq!((woken(&waking), bell.has_rung()), (vec![0, 0, 1], false));
        assert!(matches!(look(&mut receipts[2], &waking[2]), Poll::Ready(Ok(2))));
        assert_eq!((woken(&waking), bell.has_rung()), (vec![1, 1, 1], true));
        assert!(matches!(look(&mut receipts[0], &waking[0]), Poll::Ready(Ok(0))));
        assert_eq!(woken(&waking), [1, 1, 1]);
    }

    #[test]
    fn who_comes_by_before_the_one_that_was_woken_wakes_the_others_too() {
        let (mut receipts, waking, _) = answered();
        assert!(matches!(look(&mut receipts[1], &waking[1]), Poll::Ready(Ok(1))));
        assert_eq!(woken(&waking), [1, 1, 1]);
    }

    #[test]
    fn who_leaves_without_a_look_wakes_the_others_all_the_same() {
        let (mut receipts, waking, _) = answered();
        drop(receipts.pop());
        assert_eq!(woken(&waking), [1, 1, 1]);
    }

    #[test]
    fn an_answer_that_is_dropped_says_that_the_journal_is_closed() {
        let (answer, mut receipt) = receipt::<usize>();
        let waking = Arc::default();
        assert!(look(&mut receipt, &waking).is_pending());
        drop(answer);
        assert_eq!(waking.0.load(Ordering::Relaxed), 1);
        assert!(matches!(look(&mut receipt, &waking), Poll::Ready(Err(JournalError::Closed))));
    }
}
