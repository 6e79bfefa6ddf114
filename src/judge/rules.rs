//! Rules as a handler.

use std::sync::Arc;

use super::{BoxFuture, Cx, Handler, HandlerError};
use crate::event::{Decision, Event, KindSet};
use crate::rules::{RuleSet, Stopwatch};

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
            let elapsed = || cx.elapsed();
            let watch = Stopwatch { elapsed: &elapsed, budget: cx.elapsed() + cx.remaining() };
            let judged = self.0.decide(event, &watch);
            cx.leave_trace(judged.trace, judged.rule);
            Ok(judged.decision)
        })
    }
}
