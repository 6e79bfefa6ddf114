//! Whoever looks on while rules decide, for a report on what they do. It changes nothing, and without one it costs nothing.

use std::fmt;
use std::sync::Arc;

use super::{Effect, RuleSet};
use crate::event::FieldPath;
use crate::expr::{Expression, Scope};

/// Sees each expression of a rule just before it is evaluated.
pub trait Witness {
    /// This part of this rule is about to be evaluated on this scope.
    fn sees<'a>(&self, rule: &'a Arc<str>, part: Part<'a>, expression: &'a Expression, scope: &Scope<'a>);
}

/// Which part of a rule an expression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'r> {
    /// `when`
    When,
    /// `map`
    Map,
    /// A field of `set`.
    Set(&'r FieldPath),
}

/// A rule on one of its events, as far as reports name it.
#[derive(Debug)]
pub struct Outline<'r> {
    /// The event.
    pub event: &'static str,
    /// The rule's id.
    pub id: &'r Arc<str>,
    /// Whether it is only tried.
    pub shadow: bool,
    /// Whether it can be that it does not hold.
    pub conditional: bool,
    /// Its expressions.
    pub parts: Vec<(Part<'r>, &'r Expression)>,
}

/// Nobody looks on.
pub(super) struct Nobody;

impl Witness for Nobody {
    #[inline]
    fn sees<'a>(&self, _: &'a Arc<str>, _: Part<'a>, _: &'a Expression, _: &Scope<'a>) {}
}

impl RuleSet {
    /// Whether a field, `user` or `request` first, is one that the rules on this event can know: listed, or declared.
    pub fn knows(&self, event: &str, path: &[String]) -> bool {
        self.of(event).is_some_and(|rules| rules.names.unknown(path).is_none())
    }

    /// Each rule on each of its events.
    pub fn outlines(&self) -> impl Iterator<Item = Outline<'_>> {
        self.events.iter().flat_map(|rules| {
            rules.rules.iter().map(|rule| {
                let effect = match &rule.effect {
                    Effect::Map(map) => vec![(Part::Map, map)],
                    Effect::Set { set, .. } => set.iter().map(|(path, value)| (Part::Set(path), value)).collect(),
                    Effect::Deny(_) | Effect::Deprovision(_) => Vec::new(),
                };
                Outline {
                    event: rules.event,
                    id: &rule.id,
                    shadow: rule.shadow,
                    conditional: !rule.is_unconditional(),
                    parts: rule.when.iter().map(|when| (Part::When, when)).chain(effect).collect(),
                }
            })
        })
    }
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::When => f.write_str("when"),
            Self::Map => f.write_str("map"),
            Self::Set(path) => write!(f, "set.{path}"),
        }
    }
}
