//! One attempt: from what the journal holds to a job, and from its answer to a settlement on disk.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{sleep, timeout};

use super::verdict::{self, Case};
use super::{Current, Performed, Tools};
use crate::action::{self, Answer, DecisionView, Granted, Job};
use crate::base::panics::caught;
use crate::journal::{self, Claimed, DeliveryId, Fallen, Fate, Settled, Settlement};
use crate::record::Record;

/// An action ends by itself within its time-out; one that does not is ended so much later.
const GRACE: Duration = Duration::from_secs(5);
/// How long until a settlement that could not be written is tried again.
const SETTLE_AGAIN: Duration = Duration::from_millis(500);

/// What came of an attempt, for the circuit and the counts.
pub(super) struct Outcome {
    /// The answer; none where nothing could be attempted.
    pub(super) answer: Option<Answer>,
    pub(super) id: DeliveryId,
}

/// Makes an attempt and settles it.
pub(super) async fn attempt(claimed: Claimed, id: Arc<str>, current: Arc<Current>, tools: Tools) -> Outcome {
    let delivery = claimed.id;
    let began = (tools.clock.now(), tools.clock.instant());
    if claimed.attempts == 0 {
        let waited = (began.0 - claimed.created_at).to_std().unwrap_or_default();
        tools.metrics.first_attempt(waited);
    }
    let (answer, fate) = match job(&claimed, began.0) {
        Ok(job) => {
            tools.performances.is_under_way(&claimed.entry, &id, true);
            let limit = current.limits.timeout + GRACE;
            let answer = match timeout(limit, caught(|| current.action.attempt(&job))).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Answer::retry("the attempt ended in a panic"),
                Err(_) => Answer::retry("it did not end within its time-out"),
            };
            let (attempts, created_at, now) = (job.attempt, claimed.created_at, tools.clock.now());
            let case = Case { attempts, created_at, now, until: claimed.until };
            let fate = verdict::fate(&answer, &case, &current.limits.retry);
            (Some(answer), fate)
        }
        Err(fate) => (None, fate),
    };
    tell(&id, &claimed, answer.as_ref(), &fate);
    tools.metrics.attempted(&id, word(&fate));
    let took = tools.clock.instant().saturating_duration_since(began.1);
    let attempt = answer.as_ref().map(|answer| journal::Attempt {
        at: began.0,
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        answer: answer.what.clone(),
        said: answer.detail.clone(),
    });
    let performed = performed(answer.as_ref(), &fate);
    let captured = answer.as_ref().and_then(|answer| answer.captured.as_deref().cloned());
    let settlement = Settlement { fate, attempt, captured };
    if let Some(settled) = settle(delivery, settlement, &tools).await {
        // Only now, for it is on disk; what an operator has ended meanwhile did not come to this.
        match performed {
            Some(performed) if settled.counted => tools.performances.tell(&claimed.entry, &id, &performed),
            Some(_) => {}
            None => tools.performances.is_under_way(&claimed.entry, &id, false),
        }
        tell_fallen(&settled.fallen, &tools);
    }
    Outcome { answer, id: delivery }
}

/// What those hear who wait for it; none where it is tried again.
fn performed(answer: Option<&Answer>, fate: &Fate) -> Option<Performed> {
    match (fate, answer) {
        (Fate::Done, answer) => {
            let captured = answer.and_then(|answer| answer.captured.as_deref().cloned());
            Some(Performed::Done { captured: captured.unwrap_or_default() })
        }
        (Fate::Dead { reason }, Some(answer)) if answer.fate == action::Fate::Dead => {
            Some(Performed::Rejected { what: reason.clone() })
        }
        (Fate::Dead { reason } | Fate::Dropped { reason }, _) => Some(Performed::Failed { what: reason.clone() }),
        (Fate::Retry { .. } | Fate::Released, _) => None,
    }
}

/// Says, logs and counts which deliveries are dead letters without an attempt of their own.
pub(super) fn tell_fallen(fallen: &[Fallen], tools: &Tools) {
    for one in fallen {
        let (delivery, entry, action, reason) = (one.delivery, one.entry, &*one.action, &*one.reason);
        tracing::error!(action, %delivery, %entry, reason, "not delivered: it is a dead letter now");
        tools.metrics.attempted(action, "dead");
    }
    tools.performances.tell_fallen(fallen);
}

/// Puts a delivery back that nobody attempted.
pub(super) async fn release(id: DeliveryId, tools: &Tools) {
    let _ = settle(id, Settlement { fate: Fate::Released, attempt: None, captured: None }, tools).await;
}

/// Until it is on disk the lane stays leased, so that nothing overtakes it. Without end but the server's: what is lost then
/// is attempted once more.
async fn settle(id: DeliveryId, settlement: Settlement, tools: &Tools) -> Option<Settled> {
    let mut said = false;
    loop {
        match tools.journal.settle(id, settlement.clone()).await {
            Ok(settled) => return Some(settled),
            Err(error) if error.is_passing() => {
                if !std::mem::replace(&mut said, true) {
                    tracing::error!(delivery = %id, %error, "what became of a delivery cannot be written, and is tried again");
                }
                sleep(SETTLE_AGAIN).await;
            }
            Err(error) => {
                tracing::error!(delivery = %id, %error, "what became of a delivery cannot be written");
                return None;
            }
        }
    }
}

/// What to attempt; or the fate of a delivery of which nothing can be attempted.
fn job(claimed: &Claimed, now: DateTime<Utc>) -> Result<Job, Fate> {
    let dead = |reason: String| Fate::Dead { reason };
    if claimed.until.is_some_and(|until| now >= until) {
        return Err(dead("its caller was answered without it".to_owned()));
    }
    let bytes = match &claimed.record {
        journal::Record::Bytes(bytes) => bytes,
        journal::Record::Forgotten => return Err(Fate::Dropped { reason: "its person was forgotten".to_owned() }),
        journal::Record::Sealed => return Err(dead("its entry is sealed under a key that is not set".to_owned())),
        journal::Record::Unread => return Err(dead("its entry was not read".to_owned())),
    };
    let record = Record::parse(bytes).map_err(|error| dead(error.to_string()))?;
    let entry_id = claimed.entry.to_string();
    let event =
        record.event(&claimed.event, claimed.received_at, &entry_id).map_err(|error| dead(error.to_string()))?;
    let secrets = claimed.secrets.iter().map(|field| match &field.value {
        Some(value) => Ok(Granted { field: field.name.clone(), json: value.clone() }),
        None => Err(dead(format!("the secret field `{}` is kept no longer", field.name))),
    });
    Ok(Job {
        secrets: secrets.collect::<Result<_, _>>()?,
        event: Arc::new(event),
        answers: claimed.answers.iter().map(|one| (one.action.clone(), one.captured.clone().into())).collect(),
        facts: record.facts(),
        idempotency_key: match &claimed.request {
            // Whoever sends a request again wants it done once.
            Some(request) => request.clone(),
            None => format!("{entry_id}-{}", claimed.id.0 % DeliveryId::PER_ENTRY),
        },
        entry_id,
        attempt: claimed.attempts.saturating_add(1),
        decision: DecisionView {
            outcome: claimed.outcome.clone(),
            rule: claimed.rule.clone(),
            message: record.message.clone(),
        },
    })
}

/// A failure is logged once, here.
fn tell(action: &str, claimed: &Claimed, answer: Option<&Answer>, fate: &Fate) {
    let (delivery, entry) = (claimed.id, claimed.entry);
    let attempt = claimed.attempts + 1;
    let what = answer.map_or("", |answer| answer.what.as_str());
    match fate {
        Fate::Done => tracing::debug!(action, %delivery, %entry, attempt, what, "delivered"),
        Fate::Retry { due } => {
            tracing::warn!(action, %delivery, %entry, attempt, what, %due, "not delivered yet, it is tried again");
        }
        Fate::Dead { reason } => {
            tracing::error!(action, %delivery, %entry, attempt, reason, "not delivered: it is a dead letter now");
        }
        Fate::Dropped { reason } => tracing::warn!(action, %delivery, %entry, reason, "not delivered: it was dropped"),
        Fate::Released => {}
    }
}

fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Done => "done",
        Fate::Retry { .. } => "retry",
        Fate::Dead { .. } => "dead",
        Fate::Dropped { .. } => "dropped",
        Fate::Released => "released",
    }
}

/// Whose trouble a failed attempt is; none where the target answered as one that is there.
pub(super) fn trouble(answer: &Answer) -> Option<action::Trouble> {
    match answer.fate {
        action::Fate::Retry { trouble, .. } => Some(trouble),
        action::Fate::Done | action::Fate::Dead => None,
    }
}
