//! What is kept of an event, and whether its reply waits for that.
//!
//! A notice, and an event that an action wants or a guard holds, is answered once its entry is on disk. A verdict waits as
//! `[journal] records` says, and never past its deadline: then it goes out unrecorded, which is counted. Where nobody waits
//! and a shadow judges, too, the entry is made behind the reply.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::timeout_at;

use super::shadow::{Compared, Late};
use super::{Aside, Cause, Guarding, Judgement, Shadow, Timing};
use crate::action::{ActionSet, DecisionView, Definition, Order};
use crate::base::ids::new_uuid;
use crate::directory::Directory;
use crate::event::{Decision, Event, FieldPath, Kind, SecretFields, catalog};
use crate::facts::Facts;
use crate::journal::{
    self, Appended, EntryId, GuardMark, Journal, JournalError, Keeping, NewDelivery, NewEntry, Receipt, Shed,
};
use crate::record;
use crate::rules::Trace;

/// So long before the deadline a verdict no longer waits for its entry.
const MARGIN: Duration = Duration::from_millis(25);

/// Keeps events.
pub struct Recorder {
    keeper: Arc<Keeper>,
    shadow: Option<Arc<Shadow>>,
    /// What of this and of earlier configurations is still to be kept.
    aside: Option<Aside>,
}

/// What makes entries of events.
pub(super) struct Keeper {
    journal: Arc<dyn Journal>,
    config: journal::Config,
    actions: Arc<ActionSet>,
    directory: Option<Arc<Directory>>,
    rule_set: [u8; 32],
    /// The secret fields of each event, from `request` downwards.
    secrets: Vec<(&'static str, Vec<FieldPath>)>,
}

/// What is known of a request that is to be kept, beside its event.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What its entry will be called.
    pub id: EntryId,
    /// What makes another request the same one, in the sender's words.
    pub same_as: Option<&'a str>,
    /// Until when its reply waits for what is performed.
    pub until: DateTime<Utc>,
}

/// What became of an event's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is on disk.
    Kept {
        /// Its name.
        id: EntryId,
        /// What came of the append: whether it repeats another, and which of its deliveries were dead from the beginning.
        appended: Appended,
    },
    /// It is on its way.
    Queued {
        /// Its name.
        id: EntryId,
    },
    /// It is not kept, as the configuration says.
    Off,
    /// It could not be kept, and its reply goes out all the same.
    Lost {
        /// Why.
        why: String,
        /// How many deliveries are lost with it.
        deliveries: usize,
    },
    /// It could not be kept, and whoever sent it is to send it again.
    Refused {
        /// Why.
        why: String,
    },
}

/// What an entry is made of beside its event and how that was judged.
pub(super) struct New<'a> {
    pub(super) id: EntryId,
    /// What makes another request the same one.
    pub(super) same_as: Option<&'a str>,
    pub(super) deliveries: Vec<NewDelivery>,
    pub(super) guards: Vec<GuardMark>,
    /// How a shadow judged it.
    pub(super) shadow: Option<(&'a Shadow, &'a Compared)>,
    /// Whether somebody waits for it.
    pub(super) awaited: bool,
}

impl New<'_> {
    /// One that nobody waits for, and that sets nothing off.
    pub(super) fn behind(id: EntryId) -> Self {
        Self { id, same_as: None, deliveries: Vec::new(), guards: Vec::new(), shadow: None, awaited: false }
    }
}

impl Recorder {
    /// A recorder into this journal, for events that these actions may want and that tell the directory of people, where
    /// one is kept.
    pub fn new(
        journal: Arc<dyn Journal>,
        config: journal::Config,
        actions: Arc<ActionSet>,
        directory: Option<Arc<Directory>>,
        secrets: &SecretFields,
        rule_set: [u8; 32],
    ) -> Self {
        let secrets = catalog::events().map(|spec| (spec.name, secrets.of(spec))).collect();
        let keeper = Arc::new(Keeper { journal, config, actions, directory, rule_set, secrets });
        Self { keeper, shadow: None, aside: None }
    }

    /// With rules that are only tried, which are given their time behind the reply.
    #[must_use]
    pub fn with_shadow(self, shadow: Option<Shadow>, aside: &Aside) -> Self {
        Self { shadow: shadow.map(Arc::new), aside: Some(aside.clone()), ..self }
    }

    /// The directory that is told of the people whom events are about, where one is kept.
    pub fn directory(&self) -> Option<&Arc<Directory>> {
        self.keeper.directory.as_ref()
    }

    /// Waits until every event that was answered before is on its way to the journal.
    pub async fn hurry(&self) {
        if let Some(aside) = &self.aside {
            aside.hurry().await;
        }
    }

    /// The next number of this name, of those that are never given twice; none where it cannot be had in time.
    pub async fn number(&self, name: &str, timing: Timing) -> Option<i64> {
        let counted = self.keeper.journal.count(&format!("number.{name}"), 1);
        timeout_at(timing.before(MARGIN), counted).await.ok()?.ok()
    }

    /// The journal.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.keeper.journal
    }

    /// Keeps an event, before it is answered where somebody relies on it.
    pub async fn record(
        &self,
        event: &Arc<Event>,
        judgement: &Judgement,
        timing: Timing,
        asked: &Asked<'_>,
    ) -> Recorded {
        let keeper = &self.keeper;
        let kind = event.spec().kind;
        if kind == Kind::Probe || judgement.cause == Cause::Trial {
            return Recorded::Off;
        }
        if judgement.cause == Cause::Unverified {
            return keeper.keep_unverified(event, judgement);
        }
        if let Some(directory) = &keeper.directory {
            directory.decided(event, &judgement.decision);
        }
        let deliveries = keeper.deliveries(event, judgement, Some(asked.until));
        let keeping = keeper.config.records.of(event.name());
        let guards = marks(&judgement.guarding);
        let tells = matches!(kind, Kind::Notice | Kind::Perform);
        let waits = tells || !deliveries.is_empty() || !guards.is_empty() || keeping == Keeping::Durable;
        let id = asked.id;
        let shadow = self.shadow.as_ref().filter(|shadow| shadow.follows(event, judgement));
        if !waits {
            // Whom a guard has counted, it must know again after a start.
            let kept = keeping != Keeping::Off || judgement.guarding.counted;
            self.keep_behind(event, judgement, kept.then_some(id), shadow);
            return if kept { Recorded::Queued { id } } else { Recorded::Off };
        }
        let wanted = deliveries.len();
        let compared = shadow.and_then(|shadow| Some((&**shadow, shadow.judge_briefly(event, judgement)?)));
        let compared = compared.as_ref().map(|(shadow, compared)| (*shadow, compared));
        let new = New { id, same_as: asked.same_as, deliveries, guards, shadow: compared, awaited: true };
        let receipt = keeper.append(event, judgement, new);
        let why = match timeout_at(timing.before(MARGIN), receipt).await {
            Ok(Ok(appended)) => {
                if let Some(directory) = &keeper.directory {
                    directory.kept(event);
                }
                return Recorded::Kept { id, appended };
            }
            Ok(Err(error)) => super::with_causes(&error),
            Err(_) => "the journal took longer than the deadline allows".to_owned(),
        };
        if tells && keeper.config.unavailable.of(event.name()) == Shed::Refuse {
            Recorded::Refused { why }
        } else {
            Recorded::Lost { why, deliveries: wanted }
        }
    }

    /// Keeps what nobody waits for, and lets the shadow judge it; behind the reply, unless there is no room.
    fn keep_behind(
        &self,
        event: &Arc<Event>,
        judgement: &Judgement,
        id: Option<EntryId>,
        shadow: Option<&Arc<Shadow>>,
    ) {
        if let Some((shadow, aside)) = shadow.zip(self.aside.as_ref()) {
            let (keeper, shadow) = (self.keeper.clone(), shadow.clone());
            let (event, judgement) = (event.clone(), Arc::new(judgement.clone()));
            match aside.push(Late { keeper, shadow, event, judgement, id }) {
                Ok(()) => return,
                Err(late) => _ = late.shadow.left_out(&late.event),
            }
        }
        if let Some(id) = id {
            drop(self.keeper.append(event, judgement, New::behind(id)));
        }
    }

    /// The actions whose deliveries it keeps.
    pub fn actions(&self) -> &ActionSet {
        &self.keeper.actions
    }

    /// Keeps a notice whose sender was not verified, because somebody vouches for it now, with what lookups found for it.
    pub async fn admit(&self, event: &Event, facts: Arc<Facts>) -> Result<Appended, JournalError> {
        let judgement = Judgement {
            decision: Decision::neutral(event.spec().kind),
            cause: Cause::Unverified,
            rule: None,
            trace: Trace::default(),
            guarding: Guarding::default(),
            facts,
            took: Duration::ZERO,
        };
        let deliveries = self.keeper.deliveries(event, &judgement, None);
        let id = event.request_id().uuid().unwrap_or_else(new_uuid);
        self.keeper.append(event, &judgement, New { deliveries, awaited: true, ..New::behind(id) }).await
    }
}

impl Keeper {
    /// What actions are to do about it: first what is performed, and waited for until then, then what follows.
    fn deliveries(&self, event: &Event, judgement: &Judgement, until: Option<DateTime<Utc>>) -> Vec<NewDelivery> {
        if !self.actions.follows(event.name()) {
            return Vec::new();
        }
        let decision = DecisionView::of(&judgement.decision, judgement.rule.as_deref());
        let mut deliveries = Vec::new();
        if let Decision::Perform(performed) = &judgement.decision {
            let performed = performed.iter().filter_map(|id| self.actions.find(id));
            deliveries.extend(performed.map(|action| NewDelivery { until, ..delivery(action, event, None) }));
        }
        for (action, wanted) in self.actions.wanted(event, &judgement.facts, &decision) {
            // Whether it is wanted cannot be told: somebody is to look at it, and it must not be lost.
            let dead = wanted.err().map(|error| {
                let request_id = event.request_id();
                let (event, action) = (event.name(), &*action.id);
                tracing::error!(%request_id, event, action, %error, "an action's `when` erred: a dead letter is kept");
                format!("`when` erred: {error}")
            });
            deliveries.push(delivery(action, event, dead));
        }
        // One that comes after another stands behind it.
        deliveries.sort_by_key(|delivery| self.actions.place(&delivery.action));
        deliveries
    }

    /// Queues an event's entry, with how a shadow judged it.
    pub(super) fn append(&self, event: &Event, judgement: &Judgement, new: New<'_>) -> Receipt<Appended> {
        let New { id, same_as, deliveries, guards, shadow, awaited } = new;
        // What is delivered is made of the entry, so that all of it is needed.
        let payload = if deliveries.is_empty() { self.payload() } else { record::Payload::Full };
        let secrets = self.secrets(event);
        let mut record =
            record::write(event, &judgement.decision, &judgement.trace, &judgement.facts, secrets, payload);
        if let Some(held) = &judgement.guarding.held {
            record::held_back(
                &mut record,
                &held.guard,
                (&held.decision, held.rule.as_deref()),
                held.is_fallback(),
                payload,
            );
        }
        if let Some((shadow, compared)) = shadow {
            compared.add_to(&mut record, shadow, payload);
        }
        self.journal.append(NewEntry {
            id,
            received_at: event.received_at(),
            event: event.name(),
            person: event.person(),
            outcome: judgement.decision.outcome(),
            cause: judgement.cause.as_str(),
            rule: judgement.rule.clone(),
            rule_set: self.rule_set,
            took: judgement.took,
            record,
            // Of a new password nothing is made that could be compared with a guess.
            repeat: event.request().filter(|_| event.spec().can_repeat()).map(|request| request.raw().as_bytes()),
            idempotency: same_as.map(str::as_bytes),
            deliveries,
            guards,
            sighting: self.directory.as_ref().and_then(|directory| directory.sighting(event)),
            awaited,
        })
    }

    fn keep_unverified(&self, event: &Event, judgement: &Judgement) -> Recorded {
        if event.spec().kind != Kind::Notice {
            return Recorded::Off;
        }
        let id = event.request_id().uuid().unwrap_or_else(new_uuid);
        let secrets = self.secrets(event);
        let record = record::write(
            event,
            &judgement.decision,
            &judgement.trace,
            &judgement.facts,
            secrets,
            record::Payload::Full,
        );
        // Nobody waits: whoever is not verified must not be able to make the server wait.
        drop(self.journal.keep_unverified(id, event.received_at(), event.name(), event.person(), record));
        Recorded::Queued { id }
    }

    fn payload(&self) -> record::Payload {
        match self.config.payload {
            journal::Payload::Full => record::Payload::Full,
            journal::Payload::Masked => record::Payload::Masked,
            journal::Payload::None => record::Payload::None,
        }
    }

    fn secrets(&self, event: &Event) -> &[FieldPath] {
        let own = self.secrets.iter().find(|(name, _)| *name == event.name());
        own.map_or(&[], |(_, secrets)| secrets.as_slice())
    }
}

/// An action's work on an event.
fn delivery(action: &Definition, event: &Event, dead: Option<String>) -> NewDelivery {
    NewDelivery {
        action: action.id.clone(),
        ordered: action.delivery.order == Order::Person,
        secrets: action.grant.take(event).into_iter().map(|granted| (granted.field, granted.json)).collect(),
        secret_ttl: action.grant.ttl,
        dead,
        after: action.after.clone(),
        until: None,
    }
}

/// What the journal is to note of what guards did.
fn marks(guarding: &Guarding) -> Vec<GuardMark> {
    let passed = guarding.passed.iter().map(|guard| GuardMark::Passed { guard: guard.clone() });
    let held = guarding.held.iter().filter_map(|held| {
        Some(GuardMark::Held {
            guard: held.guard.clone(),
            outcome: held.decision.outcome(),
            rule: held.rule.clone(),
            release_for: held.release_for,
            since: held.listed?,
        })
    });
    passed.chain(held).collect()
}

impl Recorded {
    /// One word for logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Kept { appended, .. } if appended.repeat_of.is_none() => "kept",
            Self::Kept { .. } => "repeat",
            Self::Queued { .. } => "queued",
            Self::Off => "off",
            Self::Lost { .. } => "unrecorded",
            Self::Refused { .. } => "refused",
        }
    }
}
