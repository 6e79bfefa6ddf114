//! Which handler decides which event.

use std::sync::Arc;

use super::Handler;
use crate::event::{Kind, catalog};

/// Handlers bound to events by name. Events without one are decided by rules.
#[derive(Clone, Default)]
pub struct Registry {
    bound: Vec<(String, Arc<dyn Handler>)>,
}

/// A handler and its event's name.
pub(crate) type Bound = (&'static str, Arc<dyn Handler>);

/// Why a handler cannot be bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// No system sends such an event.
    #[error("a handler is bound to `{0}`, and there is no such event")]
    UnknownEvent(String),
    /// The handler cannot decide this kind of event.
    #[error("the handler bound to {event} cannot decide it: the event wants a {kind:?}")]
    WrongKind {
        /// The event.
        event: &'static str,
        /// What it wants.
        kind: Kind,
    },
    /// Two handlers for one event.
    #[error("two handlers are bound to {0}")]
    Twice(&'static str),
}

impl Registry {
    /// No handler: rules decide everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds a handler to the event of that name. Whether it fits is looked at when the server starts.
    #[must_use]
    pub fn bind(mut self, event: &str, handler: impl Handler + 'static) -> Self {
        self.bound.push((event.to_owned(), Arc::new(handler)));
        self
    }

    /// The handlers by event, if all fit.
    pub(crate) fn handlers(&self) -> Result<Vec<Bound>, RegistryError> {
        let mut handlers: Vec<Bound> = Vec::new();
        for (name, handler) in &self.bound {
            let spec = catalog::find(name).ok_or_else(|| RegistryError::UnknownEvent(name.clone()))?;
            if !handler.kinds().contains(spec.kind) {
                return Err(RegistryError::WrongKind { event: spec.name, kind: spec.kind });
            }
            if handlers.iter().any(|(event, _)| *event == spec.name) {
                return Err(RegistryError::Twice(spec.name));
            }
            handlers.push((spec.name, handler.clone()));
        }
        Ok(handlers)
    }

    /// The handler that is bound to an event, where there is one.
    pub(crate) fn bound(&self, event: &str) -> Option<&dyn Handler> {
        let bound = self.bound.iter().find(|(name, _)| name.eq_ignore_ascii_case(event));
        bound.map(|(_, handler)| handler.as_ref())
    }

    /// The events that a handler is bound to.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.bound.iter().map(|(event, _)| event.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BoxFuture, Cx, HandlerError};
    use super::*;
    use crate::event::{Decision, Event, KindSet};

    struct Verdicts;

    impl Handler for Verdicts {
        fn kinds(&self) -> KindSet {
            KindSet::of(&[Kind::Verdict])
        }

        fn handle<'a>(&'a self, event: &'a Event, _: &'a Cx) -> BoxFuture<'a, Result<Decision, HandlerError>> {
            Box::pin(async { Ok(Decision::neutral(event.spec().kind)) })
        }
    }

    #[test]
    fn a_handler_that_does_not_fit_its_event_is_refused() {
        let error = |registry: Registry| registry.handlers().err();
        assert_eq!(error(Registry::new().bind("validateuser", Verdicts)), None);
        assert_eq!(
            error(Registry::new().bind("policyMap", Verdicts)),
            Some(RegistryError::WrongKind { event: "policyMap", kind: Kind::Map })
        );
        assert_eq!(error(Registry::new().bind("x", Verdicts)), Some(RegistryError::UnknownEvent("x".into())));
        let twice = Registry::new().bind("validateUser", Verdicts).bind("VALIDATEUSER", Verdicts);
        assert_eq!(error(twice), Some(RegistryError::Twice("validateUser")));
    }
}
