//! What is decided of an event.

use std::sync::Arc;

use serde_json::Value;

use super::{FieldPath, Kind};
use crate::base::json::{EditError, Edited, Json};

/// The answer to an event, in no system's words.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Go on, with the person as received and these changes.
    Accept(Changes),
    /// Do not. The message is the rule's own word, or the configuration's.
    Refuse(String),
    /// The value of a mapped attribute.
    Map(Mapped),
    /// Whether access is to be removed now.
    Deprovision(bool),
    /// What is to be done about it now: actions, by their ids, in no order. None: nothing.
    Perform(Vec<Arc<str>>),
    /// It was noted.
    Acknowledge,
}

/// A mapped attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Mapped {
    /// What the system would have used without us: the person's own field, else the default that it sent.
    Neutral,
    /// This.
    Value(Value),
}

/// Changes to the person, in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes(Vec<Change>);

/// One change to the person.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The field has this value now. Missing parents are made.
    Set(FieldPath, Value),
    /// The field is gone.
    Unset(FieldPath),
}

impl Decision {
    /// Every word that [`Decision::outcome`] can say.
    pub const OUTCOMES: [&'static str; 10] = [
        "accepted",
        "changed",
        "refused",
        "mapped",
        "mapped_neutral",
        "deprovision",
        "kept",
        "perform",
        "no_action",
        "acknowledged",
    ];

    /// The answer that changes nothing, for an event of this kind.
    pub fn neutral(kind: Kind) -> Self {
        match kind {
            Kind::Mutate | Kind::Verdict => Self::Accept(Changes::default()),
            Kind::Map => Self::Map(Mapped::Neutral),
            Kind::Decide => Self::Deprovision(false),
            Kind::Perform => Self::Perform(Vec::new()),
            Kind::Notice | Kind::Probe => Self::Acknowledge,
        }
    }

    /// Whether an event of this kind can be answered so.
    pub fn fits(&self, kind: Kind) -> bool {
        match self {
            Self::Accept(_) => matches!(kind, Kind::Mutate | Kind::Verdict),
            Self::Refuse(_) => matches!(kind, Kind::Verdict | Kind::Perform),
            Self::Map(_) => kind == Kind::Map,
            Self::Deprovision(_) => kind == Kind::Decide,
            Self::Perform(_) => kind == Kind::Perform,
            Self::Acknowledge => matches!(kind, Kind::Notice | Kind::Probe),
        }
    }

    /// One word for logs and metrics.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Accept(changes) if changes.is_empty() => "accepted",
            Self::Accept(_) => "changed",
            Self::Refuse(_) => "refused",
            Self::Map(Mapped::Neutral) => "mapped_neutral",
            Self::Map(Mapped::Value(_)) => "mapped",
            Self::Deprovision(true) => "deprovision",
            Self::Deprovision(false) => "kept",
            Self::Perform(actions) if actions.is_empty() => "no_action",
            Self::Perform(_) => "perform",
            Self::Acknowledge => "acknowledged",
        }
    }
}

/// What became of the actions that were to be performed, each by its id, for the reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Performance {
    /// In the order in which the rules name them.
    pub actions: Vec<(Arc<str>, Performed)>,
    /// A number of our own, where the reply wants one that no action has brought.
    pub number: Option<i64>,
}

/// What became of one action while somebody waited for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Performed {
    /// It is done. What it kept of the target's answer: an object, by the names that the action gives.
    Done(Option<Value>),
    /// The target has said no, and no further attempt will be made.
    Rejected,
    /// It could not be done, or not in this time.
    Failed,
    /// It was begun, and nobody knows yet.
    Late,
}

impl Performance {
    /// Whether there was something to do and all of it is done.
    pub fn is_done(&self) -> bool {
        !self.actions.is_empty() && self.actions.iter().all(|(_, performed)| matches!(performed, Performed::Done(_)))
    }

    /// One word for logs and metrics: the worst of what became of the actions.
    pub fn as_str(&self) -> &'static str {
        let has = |wanted: fn(&Performed) -> bool| self.actions.iter().any(|(_, performed)| wanted(performed));
        if has(|performed| *performed == Performed::Rejected) {
            "rejected"
        } else if has(|performed| *performed == Performed::Failed) {
            "failed"
        } else if has(|performed| *performed == Performed::Late) {
            "late"
        } else if self.actions.is_empty() {
            "nothing"
        } else {
            "done"
        }
    }

    /// The first value of this name that an action kept of its answer.
    pub fn kept(&self, name: &str) -> Option<&Value> {
        self.actions.iter().find_map(|(_, performed)| match performed {
            Performed::Done(kept) => kept.as_ref()?.get(name),
            Performed::Rejected | Performed::Failed | Performed::Late => None,
        })
    }
}

impl Changes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one, made after the others.
    pub fn push(&mut self, change: Change) {
        self.0.push(change);
    }

    /// Each of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Change> {
        self.0.iter()
    }

    /// The person as received, with the changes made.
    pub fn apply<'a>(&self, user: Json<'a>) -> Result<Edited<'a>, EditError> {
        let mut edited = Edited::new(user);
        for change in &self.0 {
            change.apply(&mut edited)?;
        }
        Ok(edited)
    }

    /// Whether these changes and those make the same person of one that was received, whatever their order and that of its
    /// fields. A number is the same where it is once written and read again.
    pub fn come_to_the_same(&self, others: &Self, user: Option<Json<'_>>) -> bool {
        let person = |changes: &Self| -> Option<Value> {
            let mut text = String::new();
            changes.apply(user?).ok()?.write(&mut text);
            serde_json::from_str(&text).ok()
        };
        self == others || person(self).is_some_and(|one| Some(one) == person(others))
    }
}

impl<'a> IntoIterator for &'a Changes {
    type Item = &'a Change;
    type IntoIter = std::slice::Iter<'a, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Change {
    /// Makes this change.
    pub fn apply(&self, edited: &mut Edited<'_>) -> Result<(), EditError> {
        match self {
            Self::Set(path, value) => edited.set(path.names(), value.clone()),
            Self::Unset(path) => {
                edited.unset(path.names());
                Ok(())
            }
        }
    }

    /// The field that it is about.
    pub fn path(&self) -> &FieldPath {
        match self {
            Self::Set(path, _) | Self::Unset(path) => path,
        }
    }
}

impl FromIterator<Change> for Changes {
    fn from_iter<T: IntoIterator<Item = Change>>(changes: T) -> Self {
        Self(changes.into_iter().collect())
    }
}
