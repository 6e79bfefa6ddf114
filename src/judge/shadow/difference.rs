//! How two decisions on one event differ, in one word.

use crate::event::{Decision, Event};
use crate::judge::Judgement;
use crate::rules::Judged;

/// How what a shadow decides differs from what was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It refuses.
    NewlyRefused,
    /// It does not refuse.
    NewlyAccepted,
    /// It refuses with another message.
    RefusedOtherwise,
    /// It changes the person otherwise.
    ChangedOtherwise,
    /// It maps to another value.
    MappedOtherwise,
    /// It has other actions performed.
    PerformedOtherwise,
    /// It removes access.
    NewlyDeprovisioned,
    /// It does not remove access.
    NewlyKept,
    /// The answer is the same, by another rule.
    AnotherRule,
    /// The answer is the same, but a rule erred, and none of the real ones did.
    Erred,
}

impl Difference {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::NewlyRefused,
        Self::NewlyAccepted,
        Self::RefusedOtherwise,
        Self::ChangedOtherwise,
        Self::MappedOtherwise,
        Self::PerformedOtherwise,
        Self::NewlyDeprovisioned,
        Self::NewlyKept,
        Self::AnotherRule,
        Self::Erred,
    ];

    /// One word for records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewlyRefused => "newly_refused",
            Self::NewlyAccepted => "newly_accepted",
            Self::RefusedOtherwise => "refused_otherwise",
            Self::ChangedOtherwise => "changed_otherwise",
            Self::MappedOtherwise => "mapped_otherwise",
            Self::PerformedOtherwise => "performed_otherwise",
            Self::NewlyDeprovisioned => "newly_deprovisioned",
            Self::NewlyKept => "newly_kept",
            Self::AnotherRule => "another_rule",
            Self::Erred => "erred",
        }
    }

    /// How a shadow's judgement differs from the real rules' one, whatever a guard made of that.
    /// Two lists of changes that make the same person of the event's are none.
    pub(super) fn between(event: &Event, real: &Judgement, shadow: &Judged) -> Option<Self> {
        let held = real.guarding.held.as_ref();
        let (decision, rule) = held.map_or((&real.decision, &real.rule), |held| (&held.decision, &held.rule));
        match (decision, &shadow.decision) {
            (Decision::Accept(_) | Decision::Perform(_), Decision::Refuse(_)) => Some(Self::NewlyRefused),
            (Decision::Refuse(_), Decision::Accept(_) | Decision::Perform(_)) => Some(Self::NewlyAccepted),
            (Decision::Refuse(one), Decision::Refuse(other)) if one != other => Some(Self::RefusedOtherwise),
            (Decision::Accept(one), Decision::Accept(other)) if !one.come_to_the_same(other, event.user()) => {
                Some(Self::ChangedOtherwise)
            }
            (Decision::Map(one), Decision::Map(other)) if one != other => Some(Self::MappedOtherwise),
            (Decision::Perform(one), Decision::Perform(other)) if one != other => Some(Self::PerformedOtherwise),
            (Decision::Deprovision(false), Decision::Deprovision(true)) => Some(Self::NewlyDeprovisioned),
            (Decision::Deprovision(true), Decision::Deprovision(false)) => Some(Self::NewlyKept),
            _ if *rule != shadow.rule => Some(Self::AnotherRule),
            _ if shadow.trace.errors().next().is_some() && real.trace.errors().next().is_none() => Some(Self::Erred),
            _ => None,
        }
    }
}
