//! What is kept of an event, and whether its reply waits for that.
//!
//! A notice, and an event that an action wants, is answered once its entry is on disk. A verdict waits as `[journal] records`
//! says, and never past its deadline: then it goes out unrecorded, which is counted.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Cause, Judgement};
use crate::action::{ActionSet, DecisionView, Order};
use crate::base::ids::new_uuid;
use crate::directory::Directory;
use crate::event::{Decision, Event, FieldPath, Kind, SecretFields, catalog};
use crate::journal::{self, Appended, EntryId, Journal, JournalError, Keeping, NewDelivery, NewEntry, Shed};
use crate::record;
use crate::rules::Trace;

/// So long before the deadline a verdict no longer waits for its entry.
const MARGIN: Duration = Duration::from_millis(25);

/// Keeps events.
pub struct Recorder {
    journal: Arc<dyn Journal>,
    config: journal::Config,
    actions: Arc<ActionSet>,
    directory: Option<Arc<Directory>>,
    rule_set: [u8; 32],
    /// The secret fields of each event, from `request` downwards.
    secrets: Vec<(&'static str, Vec<FieldPath>)>,
}

/// What became of an event's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is on disk.
    Kept {
        /// Its name.
        id: EntryId,
        /// The entry that it repeats, where it does.
        repeat_of: Option<EntryId>,
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

impl Recorder {
    /// A recorder into this journal, for events that these actions may want.
    pub fn new(
        journal: Arc<dyn Journal>,
        config: journal::Config,
        actions: Arc<ActionSet>,
        secrets: &SecretFields,
        rule_set: [u8; 32],
    ) -> Self {
        let secrets = catalog::EVENTS.iter().map(|spec| (spec.name, secrets.of(spec))).collect();
        Self { journal, config, actions, directory: None, rule_set, secrets }
    }

    /// One that tells this directory of the people whom events are about.
    #[must_use]
    pub fn with_directory(mut self, directory: Option<Arc<Directory>>) -> Self {
        self.directory = directory;
        self
    }

    /// The directory, where one is kept.
    pub fn directory(&self) -> Option<&Arc<Directory>> {
        self.directory.as_ref()
    }

    /// The journal.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// Keeps an event whose last byte came at `received` and that must be answered within `deadline`.
    pub async fn record(
        &self,
        event: &Event,
        judgement: &Judgement,
        received: Instant,
        deadline: Duration,
    ) -> Recorded {
        let kind = event.spec().kind;
        if kind == Kind::Probe {
            return Recorded::Off;
        }
        if judgement.cause == Cause::Unverified {
            return self.keep_unverified(event, judgement);
        }
        if let Some(directory) = &self.directory {
            directory.decided(event, &judgement.decision);
        }
        let deliveries = self.deliveries(event, judgement);
        let keeping = self.config.records.of(event.name());
        let waits = kind == Kind::Notice || !deliveries.is_empty() || keeping == Keeping::Durable;
        if !waits && keeping == Keeping::Off {
            return Recorded::Off;
        }
        let wanted = deliveries.len();
        let (id, receipt) = self.append(event, judgement, deliveries, waits);
        if !waits {
            drop(receipt);
            return Recorded::Queued { id };
        }
        let why = match timeout_at(received + deadline.saturating_sub(MARGIN), receipt).await {
            Ok(Ok(appended)) => {
                if let Some(directory) = &self.directory {
                    directory.kept(event);
                }
                return Recorded::Kept { id, repeat_of: appended.repeat_of.map(|(_, earlier)| earlier) };
            }
            Ok(Err(error)) => super::with_causes(&error),
            Err(_) => "the journal took longer than the deadline allows".to_owned(),
        };
        if kind == Kind::Notice && self.config.unavailable.of(event.name()) == Shed::Refuse {
            Recorded::Refused { why }
        } else {
            Recorded::Lost { why, deliveries: wanted }
        }
    }

    /// The actions whose deliveries it keeps.
    pub fn actions(&self) -> &ActionSet {
        &self.actions
    }

    /// Keeps a notice whose sender was not verified, because somebody vouches for it now.
    pub async fn admit(&self, event: &Event) -> Result<Appended, JournalError> {
        let judgement = Judgement {
            decision: Decision::neutral(event.spec().kind),
            cause: Cause::Unverified,
            rule: None,
            trace: Trace::default(),
            facts: Arc::default(),
            took: Duration::ZERO,
        };
        let deliveries = self.deliveries(event, &judgement);
        self.append(event, &judgement, deliveries, true).1.await
    }

    /// What actions are to do about it.
    fn deliveries(&self, event: &Event, judgement: &Judgement) -> Vec<NewDelivery> {
        if !self.actions.follows(event.name()) {
            return Vec::new();
        }
        let decision = DecisionView::of(&judgement.decision, judgement.rule.as_deref());
        let mut deliveries = Vec::new();
        for (action, wanted) in self.actions.wanted(event, &judgement.facts, &decision) {
            if let Err(error) = wanted {
                let request_id = event.request_id();
                let (event, action) = (event.name(), &*action.id);
                tracing::error!(%request_id, event, action, %error, "an action's `when` erred: it is not done");
                continue;
            }
            let secrets = action.grant.take(event).into_iter().map(|granted| (granted.field, granted.json)).collect();
            deliveries.push(NewDelivery {
                action: action.id.clone(),
                ordered: action.delivery.order == Order::Person,
                secrets,
                secret_ttl: action.grant.ttl,
            });
        }
        deliveries
    }

    fn append(
        &self,
        event: &Event,
        judgement: &Judgement,
        deliveries: Vec<NewDelivery>,
        awaited: bool,
    ) -> (EntryId, journal::Receipt<Appended>) {
        // What is delivered is made of the entry, so that all of it is needed.
        let payload = if deliveries.is_empty() { self.payload() } else { record::Payload::Full };
        let secrets = self.secrets(event);
        let id = event.request_id().uuid().unwrap_or_else(new_uuid);
        let receipt = self.journal.append(NewEntry {
            id,
            received_at: event.received_at(),
            event: event.name(),
            person: event.person(),
            outcome: judgement.decision.outcome(),
            cause: judgement.cause.as_str(),
            rule: judgement.rule.clone(),
            rule_set: self.rule_set,
            took: judgement.took,
            record: record::write(event, &judgement.decision, &judgement.trace, &judgement.facts, secrets, payload),
            // Of a new password nothing is made that could be compared with a guess.
            repeat: event.request().filter(|_| event.spec().can_repeat()).map(|request| request.raw().as_bytes()),
            deliveries,
            sighting: self.directory.as_ref().and_then(|directory| directory.sighting(event)),
            awaited,
        });
        (id, receipt)
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

impl Recorded {
    /// One word for logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Kept { repeat_of: None, .. } => "kept",
            Self::Kept { repeat_of: Some(_), .. } => "repeat",
            Self::Queued { .. } => "queued",
            Self::Off => "off",
            Self::Lost { .. } => "unrecorded",
            Self::Refused { .. } => "refused",
        }
    }
}
