//! What can be told of rules for a report on them: their expressions, and what they look at.

use std::sync::Arc;

use super::{Effect, RuleSet};
use crate::event::Event;
use crate::expr::Expression;
use crate::facts::Facts;

/// A rule on one of its events.
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
    /// Its expressions, each under its key: `when`, `map`, `set.displayName`.
    pub parts: Vec<(String, &'r Expression)>,
}

impl RuleSet {
    /// Each rule on each of its events.
    pub fn outlines(&self) -> impl Iterator<Item = Outline<'_>> {
        self.events.iter().flat_map(|rules| {
            rules.rules.iter().map(|rule| {
                let effect = match &rule.effect {
                    Effect::Map(map) => vec![("map".to_owned(), map)],
                    Effect::Set { set, .. } => set.iter().map(|(path, value)| (format!("set.{path}"), value)).collect(),
                    Effect::Deny(_) | Effect::Deprovision(_) | Effect::Perform(_) => Vec::new(),
                };
                Outline {
                    event: rules.event,
                    id: &rule.id,
                    shadow: rule.shadow,
                    conditional: !rule.is_unconditional(),
                    parts: rule.when.iter().map(|when| ("when".to_owned(), when)).chain(effect).collect(),
                }
            })
        })
    }

    /// Whether the rule of this id on this event refuses where it holds, and does nothing else.
    pub fn denies(&self, event: &str, id: &str) -> bool {
        let mut rules = self.of(event).into_iter().flat_map(|rules| &rules.rules);
        rules.any(|rule| &*rule.id == id && matches!(rule.effect, Effect::Deny(_)))
    }

    /// Whether a field, `user` or `request` first, is one that the rules on this event can know: listed, or declared.
    pub fn knows(&self, event: &str, path: &[String]) -> bool {
        self.of(event).is_some_and(|rules| rules.names.unknown(path).is_none())
    }

    /// Whether a condition of a rule on this event names something that is there. The variables in `but` do not count.
    pub fn looks_at(&self, event: &Event, facts: &Facts, but: &[&str]) -> bool {
        self.of(event.name()).is_some_and(|rules| {
            let (scope, _) = rules.names.scope(event, facts);
            rules.rules.iter().filter_map(|rule| rule.when.as_ref()).any(|when| scope.sees(when, but))
        })
    }
}
