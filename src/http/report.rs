//! What is told of an event once it is decided: its line in the log, and the numbers.

use super::receive::Active;
use crate::event::{Event, Kind, Performance};
use crate::journal::Appended;
use crate::judge::{Cause, HeldBack, Judgement, Recorded};
use crate::telemetry::metrics::Metrics;

/// The line and the numbers of one event.
pub(super) fn report(
    metrics: &Metrics,
    active: &Active,
    event: &Event,
    judgement: &Judgement,
    recorded: &Recorded,
    performance: &Performance,
) {
    let (outcome, cause) = (judgement.decision.outcome(), judgement.cause.as_str());
    metrics.answered(event.name(), outcome, cause, judgement.took);
    let request_id = event.request_id();
    for (rule, error) in judgement.trace.errors() {
        metrics.rule_erred();
        tracing::warn!(%request_id, event = event.name(), rule = &**rule.id, shadow = rule.shadow, %error, "a rule erred");
    }
    for rule in judgement.trace.shadows() {
        metrics.shadow_rule_held(rule.id);
        tracing::info!(%request_id, event = event.name(), rule = &**rule.id, "a shadow rule holds");
    }
    // The key of an event without a person is the request's id, which stands there already.
    let person = if event.person().known { active.person.of(&event.person().key) } else { String::new() };
    tracing::info!(
        %request_id,
        event = event.name(),
        outcome,
        cause,
        rule = decisive(judgement),
        duration_us = u64::try_from(judgement.took.as_micros()).unwrap_or(u64::MAX),
        person,
        tenant = event.person().tenant,
        record = recorded.as_str(),
        performed = (event.spec().kind == Kind::Perform).then(|| performance.as_str()),
        "event"
    );
    if event.spec().kind == Kind::Perform {
        metrics.performed(event.name(), performance.as_str());
    }
    metrics.recorded(event.name(), recorded.as_str());
    match recorded {
        Recorded::Lost { why, deliveries } => {
            tracing::error!(%request_id, event = event.name(), why, deliveries, "answered without a record");
        }
        Recorded::Refused { why } => {
            tracing::error!(%request_id, event = event.name(), why, "refused for want of a record: it is to be sent again");
        }
        Recorded::Kept { appended: Appended { repeat_of: Some((_, earlier)), .. }, .. } => {
            tracing::info!(%request_id, event = event.name(), %earlier, "a repeat, which is not delivered again");
        }
        Recorded::Kept { .. } | Recorded::Queued { .. } | Recorded::Off => {}
    }
    if let Some(held) = &judgement.guarding.held {
        report_held(metrics, event, held, matches!(recorded, Recorded::Kept { .. }));
    }
    tracing::debug!(%request_id, trace = ?judgement.trace, "what the rules did");
    if judgement.cause == Cause::Unverified && event.spec().kind == Kind::Notice {
        tracing::warn!(%request_id, event = event.name(), "an unverified notice was acknowledged and set aside");
    }
}

/// What a guard has held back.
fn report_held(metrics: &Metrics, event: &Event, held: &HeldBack, kept: bool) {
    let (request_id, guard) = (event.request_id(), &*held.guard);
    let (cause, listed) = (held.cause.as_str(), held.listed.is_some());
    metrics.held_back(guard, event.name(), cause, held.tripped);
    if held.tripped {
        tracing::error!(
            %request_id, event = event.name(), guard,
            "a guard has tripped: persons beyond its limit are answered neutrally and held; see `hookreeve guard list`"
        );
    }
    let outcome = held.decision.outcome();
    let rule = held.rule.as_deref().unwrap_or_default();
    tracing::info!(%request_id, event = event.name(), guard, outcome, cause, rule, listed, "held back by a guard");
    if listed && !kept {
        tracing::error!(%request_id, guard, "a person is held, but not listed on disk: a restart will not know of it");
    }
}

/// The rule that settled it, or else those that changed something.
fn decisive(judgement: &Judgement) -> String {
    match &judgement.rule {
        Some(rule) => rule.to_string(),
        None => judgement.trace.changers().map(|rule| &**rule.id).collect::<Vec<_>>().join(", "),
    }
}
