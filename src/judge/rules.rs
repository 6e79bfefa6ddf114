//! Rules as a handler.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::{BoxFuture, Cx, Handler, HandlerError};
use crate::event::{Decision, Event, KindSet};
use crate::rules::{RuleSet, Stopwatch};

/// An expression cannot be interrupted, and takes longer the more it looks at. Up to this size no rule within its bounds
/// comes near a deadline; above it rules run beside the request, which is then answered in time whatever they do.
const LARGE_EVENT_BYTES: usize = 16 * 1024;

pub(super) struct RulesHandler(Arc<RuleSet>);

impl RulesHandler {
    pub(super) fn new(rules: Arc<RuleSet>) -> Self {
        Self(rules)
    }
}

impl Handler for RulesHandler {
    fn kinds(&self) -> KindSet {
        KindSet::all()
    }

    fn handle<'a>(&'a self, event: &'a Event, cx: &'a Cx) -> BoxFuture<'a, Result<Decision, HandlerError>> {
        Box::pin(async move {
            let budget = cx.elapsed() + cx.remaining();
            let elapsed = cx.stopwatch();
            let judged = if event.size() + cx.facts().size() <= LARGE_EVENT_BYTES {
                self.0.decide(event, cx.facts(), &Stopwatch { elapsed: &elapsed, budget })
            } else {
                let (rules, event, facts) = (self.0.clone(), cx.event(), cx.facts().clone());
                spawn_blocking(move || rules.decide(&event, &facts, &Stopwatch { elapsed: &elapsed, budget }))
                    .await
                    .map_err(|error| HandlerError::with_source("the rules did not come to an end", error))?
            };
            cx.leave_trace(judged.trace, judged.rule);
            Ok(judged.decision)
        })
    }
}
