//! Handlers that a program of its own might bind: ones that wait, and ones that fail.

use std::sync::Arc;

use hookreeve::event::{Decision, Event, Kind, KindSet};
use hookreeve::judge::{BoxFuture, Cx, Handler, HandlerError};
use tokio::sync::Semaphore;

use super::soon;

/// Holds every event until it is let through. Clones are the same gate.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    entered: Semaphore,
    opened: Semaphore,
    left: Semaphore,
}

/// Ways of not deciding.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It never comes back.
    Hang,
    /// It panics at once.
    Panic,
    /// It panics where it is polled.
    LatePanic,
    /// It never comes back, and panics when it is dropped for that.
    PanicInDrop,
    /// It gives up.
    Fail,
    /// It decides what the event cannot be answered.
    Misfit,
}

/// Always the same decision.
pub(crate) struct Decide(pub(crate) Decision);

impl Gate {
    pub(crate) fn new() -> Self {
        let semaphore = || Semaphore::new(0);
        Self(Arc::new(Inner { entered: semaphore(), opened: semaphore(), left: semaphore() }))
    }

    /// Waits until one more event is held.
    pub(crate) async fn entered(&self) {
        soon(self.0.entered.acquire()).await.unwrap().forget();
    }

    /// Lets one event through.
    pub(crate) fn open(&self) {
        self.0.opened.add_permits(1);
    }

    /// Waits until one more event is held no longer, let through or not.
    pub(crate) async fn left(&self) {
        soon(self.0.left.acquire()).await.unwrap().forget();
    }
}

impl Handler for Gate {
    fn kinds(&self) -> KindSet {
        KindSet::all()
    }

    fn handle<'a>(&'a self, event: &'a Event, _: &'a Cx) -> BoxFuture<'a, Result<Decision, HandlerError>> {
        Box::pin(async move {
            let _leaving = OnDrop(|| self.0.left.add_permits(1));
            self.0.entered.add_permits(1);
            self.0.opened.acquire().await.map_err(|_| HandlerError::new("the gate is gone"))?.forget();
            Ok(Decision::neutral(event.spec().kind))
        })
    }
}

impl Handler for Decide {
    fn kinds(&self) -> KindSet {
        let kinds = [Kind::Mutate, Kind::Verdict, Kind::Map, Kind::Decide, Kind::Notice, Kind::Probe];
        KindSet::of(&kinds.into_iter().filter(|kind| self.0.fits(*kind)).collect::<Vec<_>>())
    }

    fn handle<'a>(&'a self, _: &'a Event, _: &'a Cx) -> BoxFuture<'a, Result<Decision, HandlerError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

impl Handler for Fault {
    fn kinds(&self) -> KindSet {
        KindSet::all()
    }

    fn handle<'a>(&'a self, event: &'a Event, _: &'a Cx) -> BoxFuture<'a, Result<Decision, HandlerError>> {
        assert!(!matches!(self, Self::Panic), "as a test");
        Box::pin(async move {
            match self {
                Self::Hang => std::future::pending().await,
                Self::Panic | Self::LatePanic => panic!("as a test"),
                Self::PanicInDrop => {
                    let _last = OnDrop(|| panic!("as a test"));
                    std::future::pending().await
                }
                Self::Fail => Err(HandlerError::new("the database is down")),
                Self::Misfit => Ok(match Decision::neutral(event.spec().kind) {
                    Decision::Acknowledge => Decision::Deprovision(true),
                    _ => Decision::Acknowledge,
                }),
            }
        })
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
