//! Who waits for what is performed. Whoever appends an event says before which of its deliveries it waits for; the workers
//! tell what became of each, once that is on disk and never before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::journal::{Captured, DeliveryState, EntryId, Fallen, JournalError, Reader};

/// What became of a performed delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Performed {
    /// It is done.
    Done {
        /// What the action captured of the target's answer.
        captured: Captured,
    },
    /// The target said no, or what it should have been asked cannot be: no other attempt can help.
    Rejected {
        /// What happened, in a few words, without any value of the event.
        what: String,
    },
    /// It could not be done in time, or not at all: the target failed, or is left alone because it fails.
    Failed {
        /// What happened, in a few words, without any value of the event.
        what: String,
    },
    /// Nobody knows yet. What was begun is finished, and the journal has what becomes of it.
    Late,
}

/// Everybody who waits, by the entry that is waited for.
pub struct Performances(Mutex<Waiting>, Notify);

#[derive(Default)]
struct Waiting {
    waiters: HashMap<EntryId, Vec<Waiter>>,
    last: u64,
    /// The actions that somebody works for.
    attended: HashMap<Arc<str>, Attended>,
    /// When it is looked next for those whose time is over.
    looks_at: Option<DateTime<Utc>>,
}

#[derive(Default)]
struct Attended {
    workers: usize,
    /// How many deliveries are waited for that nobody has begun.
    waited_for: usize,
}

struct Waiter {
    number: u64,
    until: DateTime<Utc>,
    works: Vec<(Arc<str>, Progress)>,
    told: Arc<Notify>,
}

enum Progress {
    Waits,
    UnderWay,
    Known(Performed),
}

/// Somebody who waits for deliveries of an entry. Dropped, it waits no longer; the deliveries are made all the same.
pub struct Performance {
    performances: Arc<Performances>,
    entry: EntryId,
    number: u64,
    told: Arc<Notify>,
}

// === impl Performances ===

impl Performances {
    /// Nobody who waits.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default(), Notify::new()))
    }

    /// From now on it is known what becomes of this entry's deliveries to these actions, which are waited for until then. To be called
    /// before the entry is appended, or nobody may hear of it.
    pub fn expect(
        self: &Arc<Self>,
        entry: EntryId,
        actions: impl IntoIterator<Item = Arc<str>>,
        until: DateTime<Utc>,
    ) -> Performance {
        let told = Arc::new(Notify::new());
        let mut waiting = self.lock();
        let waiting = &mut *waiting;
        waiting.last += 1;
        let number = waiting.last;
        let progress = |action: Arc<str>| match waiting.attended.get_mut(&action) {
            Some(attended) => {
                attended.waited_for += 1;
                (action, Progress::Waits)
            }
            None => (action, Progress::abandoned()),
        };
        let works = actions.into_iter().map(progress).collect();
        waiting.waiters.entry(entry).or_default().push(Waiter { number, until, works, told: told.clone() });
        if waiting.looks_at.is_some_and(|at| until < at) {
            waiting.looks_at = Some(until);
            self.1.notify_one();
        }
        Performance { performances: self.clone(), entry, number, told }
    }

    /// What became of the performed deliveries of an entry that is in the journal already, as far as that is known; the rest
    /// can be waited for.
    pub async fn of_earlier(self: &Arc<Self>, journal: &dyn Reader, seq: u64) -> Result<Performance, JournalError> {
        let unknown = JournalError::Unknown("event");
        let (entry, deliveries) = journal.entry_at(seq).await?.ok_or(unknown.clone())?;
        let actions = deliveries.iter().filter(|delivery| delivery.performed).map(|one| one.action.as_str().into());
        let performance = self.expect(entry.id, actions, DateTime::<Utc>::MAX_UTC);
        // What ends from now on is told; what has ended before is there by now.
        let (_, deliveries) = journal.entry_at(seq).await?.ok_or(unknown)?;
        for delivery in deliveries.into_iter().filter(|delivery| delivery.performed) {
            let known = match delivery.state {
                DeliveryState::Done => Performed::Done { captured: delivery.captured.unwrap_or_default() },
                DeliveryState::Dead | DeliveryState::Dropped => {
                    Performed::Failed { what: delivery.reason.unwrap_or_default() }
                }
                DeliveryState::Pending => continue,
            };
            self.tell(&entry.id, &delivery.action, &known);
        }
        Ok(performance)
    }

    /// Tells those who wait what became of a delivery, which is on disk.
    pub(super) fn tell(&self, entry: &EntryId, action: &str, performed: &Performed) {
        self.change(entry, action, |progress, _| {
            if !matches!(progress, Progress::Known(_)) {
                *progress = Progress::Known(performed.clone());
            }
        });
    }

    /// Tells of those that died without an attempt.
    pub(super) fn tell_fallen(&self, fallen: &[Fallen]) {
        for one in fallen {
            self.tell(&one.entry, &one.action, &Performed::Failed { what: one.reason.clone() });
        }
    }

    /// An attempt begins, or has ended with nothing.
    pub(super) fn is_under_way(&self, entry: &EntryId, action: &str, under_way: bool) {
        self.change(entry, action, |progress, is_attended| {
            if !matches!(progress, Progress::Known(_)) {
                *progress = match (under_way, is_attended) {
                    (true, _) => Progress::UnderWay,
                    (false, true) => Progress::Waits,
                    (false, false) => Progress::abandoned(),
                };
            }
        });
    }

    fn change(&self, entry: &EntryId, action: &str, change: impl Fn(&mut Progress, bool)) {
        let mut waiting = self.lock();
        let Waiting { waiters, attended, .. } = &mut *waiting;
        let mut attended = attended.get_mut(action);
        for waiter in waiters.get_mut(entry).into_iter().flatten() {
            for (_, progress) in waiter.works.iter_mut().filter(|(of, _)| **of == *action) {
                let before = progress.waits();
                change(progress, attended.is_some());
                if let Some(attended) = &mut attended {
                    attended.waited_for += usize::from(progress.waits());
                    attended.waited_for -= usize::from(before);
                }
            }
            waiter.told.notify_one();
        }
    }

    /// Somebody works for this action from now on.
    pub(super) fn attend(&self, action: &Arc<str>) {
        self.lock().attended.entry(action.clone()).or_default().workers += 1;
    }

    /// One works no longer. Where it was the last, those who wait for what was not begun wait in vain.
    pub(super) fn abandon(&self, action: &str) {
        let mut waiting = self.lock();
        let Some(attended) = waiting.attended.get_mut(action) else { return };
        attended.workers -= 1;
        if attended.workers > 0 {
            return;
        }
        waiting.attended.remove(action);
        for waiter in waiting.waiters.values_mut().flatten() {
            for (_, progress) in waiter.works.iter_mut().filter(|(of, progress)| **of == *action && progress.waits()) {
                *progress = Progress::abandoned();
            }
            waiter.told.notify_one();
        }
    }

    /// Whether a delivery to this action is waited for that nobody has begun.
    pub(super) fn await_some(&self, action: &str) -> bool {
        self.lock().attended.get(action).is_some_and(|attended| attended.waited_for > 0)
    }

    /// When to look next for those whose time is over, `latest` at the latest; the journal says so of those that it has. Of
    /// what has to be looked at sooner than that [`Performances::sooner`] tells.
    pub(super) fn looks_at(
        &self,
        journal: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        latest: DateTime<Utc>,
    ) -> DateTime<Utc> {
        let mut waiting = self.lock();
        // What is waited for may not be in the journal yet.
        let ends = waiting.waiters.values().flatten().map(|waiter| waiter.until).filter(|until| *until > now);
        let next = ends.chain(journal).min().map_or(latest, |next| next.min(latest));
        waiting.looks_at = Some(next);
        next
    }

    /// Waits until it has to be looked sooner than was said.
    pub(super) async fn sooner(&self) {
        self.1.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn abandoned() -> Self {
        let what = "nobody works for the action: the server stops, or does not have it".to_owned();
        Self::Known(Performed::Failed { what })
    }

    fn waits(&self) -> bool {
        matches!(self, Self::Waits)
    }
}

// === impl Performance ===

impl Performance {
    /// Notes the deliveries that were dead letters from the beginning, as the append told.
    pub fn note_dead(&self, dead: &[Fallen]) {
        self.performances.tell_fallen(dead);
    }

    /// Waits for all of them, at most until then. The answers are in the order in which the actions were given.
    pub async fn wait(self, until: Instant) -> Vec<(Arc<str>, Performed)> {
        // What is told in between leaves a permit, so that nothing is missed.
        while !self.is_known() && timeout_at(until, self.told.notified()).await.is_ok() {}
        let waiting = self.performances.lock();
        let performed = |(action, progress): &(Arc<str>, Progress)| {
            let performed = match progress {
                Progress::Known(performed) => performed.clone(),
                Progress::Waits | Progress::UnderWay => Performed::Late,
            };
            (action.clone(), performed)
        };
        self.own(&waiting).map(|own| own.works.iter().map(performed).collect()).unwrap_or_default()
    }

    fn is_known(&self) -> bool {
        let waiting = self.performances.lock();
        self.own(&waiting)
            .is_none_or(|own| own.works.iter().all(|(_, progress)| matches!(progress, Progress::Known(_))))
    }

    fn own<'a>(&self, waiting: &'a Waiting) -> Option<&'a Waiter> {
        waiting.waiters.get(&self.entry)?.iter().find(|waiter| waiter.number == self.number)
    }
}

impl Drop for Performance {
    fn drop(&mut self) {
        let mut waiting = self.performances.lock();
        let Waiting { waiters, attended, .. } = &mut *waiting;
        let Some(all) = waiters.get_mut(&self.entry) else { return };
        for waiter in all.extract_if(.., |waiter| waiter.number == self.number) {
            for (action, _) in waiter.works.iter().filter(|(_, progress)| progress.waits()) {
                attended.entry(action.clone()).and_modify(|attended| attended.waited_for -= 1);
            }
        }
        if all.is_empty() {
            waiters.remove(&self.entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::base::clock::Clock;

    fn entry(number: u128) -> EntryId {
        EntryId::from_u128(number)
    }

    fn now() -> Instant {
        Clock::system().instant()
    }

    fn done() -> Performed {
        Performed::Done { captured: Captured::new() }
    }

    fn attended() -> (Arc<Performances>, DateTime<Utc>) {
        let performances = Performances::new();
        for action in ["crm", "mail"] {
            performances.attend(&action.into());
        }
        (performances, Clock::system().now())
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_hears_of_its_own_and_of_nothing_else() {
        let (performances, until) = attended();
        let first = performances.expect(entry(1), ["crm".into(), "mail".into()], until);
        let second = performances.expect(entry(1), ["mail".into()], until);
        let other = performances.expect(entry(2), ["mail".into()], until);
        assert!(performances.await_some("crm") && performances.await_some("mail"));
        performances.is_under_way(&entry(1), "crm", true);
        assert!(!performances.await_some("crm"));
        performances.is_under_way(&entry(1), "crm", false);
        assert!(performances.await_some("crm"));
        performances.tell(&entry(1), "mail", &done());
        performances.tell(&entry(3), "mail", &done());
        assert_eq!(second.wait(now()).await, [("mail".into(), done())]);
        let soon = now() + std::time::Duration::from_secs(10);
        assert_eq!(first.wait(soon).await, [("crm".into(), Performed::Late), ("mail".into(), done())]);
        assert_eq!(now(), soon);
        assert!(!performances.await_some("crm") && performances.await_some("mail"));
        drop(other);
        let waiting = performances.lock();
        assert!(waiting.waiters.is_empty() && waiting.attended.values().all(|attended| attended.waited_for == 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_woken_by_the_last_answer() {
        let (performances, until) = attended();
        let performance = performances.expect(entry(1), ["crm".into(), "mail".into()], until);
        let late = now() + std::time::Duration::from_secs(3600);
        let wait = TaskTracker::new().spawn(performance.wait(late));
        for action in ["mail", "crm"] {
            tokio::task::yield_now().await;
            assert!(!wait.is_finished());
            performances.tell(&entry(1), action, &done());
            performances.tell(&entry(1), action, &Performed::Late);
        }
        assert_eq!(wait.await.expect("it ends"), [("crm".into(), done()), ("mail".into(), done())]);
    }

    #[tokio::test]
    async fn for_what_nobody_works_nobody_waits() {
        let (performances, until) = attended();
        let crm = performances.expect(entry(1), ["crm".into()], until);
        performances.abandon("crm");
        let again = performances.expect(entry(2), ["crm".into(), "never".into()], until);
        let late = now() + std::time::Duration::from_secs(3600);
        assert!(matches!(&crm.wait(late).await[..], [(_, Performed::Failed { .. })]));
        let both = again.wait(late).await;
        assert!(both.len() == 2 && both.iter().all(|(_, performed)| matches!(performed, Performed::Failed { .. })));
    }

    #[tokio::test]
    async fn it_is_looked_again_when_the_first_is_late() {
        let (performances, now) = attended();
        let at = |seconds| now + TimeDelta::seconds(seconds);
        let first = performances.expect(entry(1), ["crm".into()], at(10));
        assert_eq!(performances.looks_at(Some(at(20)), now, at(60)), at(10));
        let second = performances.expect(entry(2), ["crm".into()], at(5));
        // It does not wait: the word is there.
        performances.sooner().await;
        drop((first, second));
        assert_eq!(performances.looks_at(Some(at(20)), now, at(60)), at(20));
        assert_eq!(performances.looks_at(None, now, at(60)), at(60));
    }
}
