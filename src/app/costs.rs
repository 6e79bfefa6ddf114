//! What the expressions of a configuration cost at most: those of its rules, and those of its actions and lookups.

use super::Plan;
use super::plan::{action_context, context, list, lookup_context};
use crate::action::{self, ActionSet};
use crate::base::diagnostic::{Diagnostics, Place};
use crate::base::tree::{Node, Value};
use crate::config::Loaded;
use crate::event::catalog;
use crate::expr::ORDINARY_EVENT_BYTES;
use crate::lookup::{self, LookupSet};
use crate::rules::{self, RuleCost};
use crate::scope::{Price, Prices};

/// The costs, for events of several sizes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// The sizes in bytes: an ordinary event's, and that of the largest that is let in.
    pub sizes: Vec<u64>,
    /// Of the rules, and of all of them on an event.
    pub rules: rules::Costs,
    /// Of each expression of an action, by the action and the key that it stands under.
    pub actions: Vec<RuleCost>,
    /// The same of lookups.
    pub lookups: Vec<RuleCost>,
}

impl Plan {
    /// The most steps that its expressions take.
    pub fn costs(&self, loaded: &Loaded) -> Costs {
        let largest = self.settings.server.body_limit.0;
        let mut sizes = vec![ORDINARY_EVENT_BYTES.min(largest), largest];
        sizes.dedup();
        let ids = lookup::ids(list(loaded, "lookup"));
        let prices = Prices::new(sizes.clone());
        // What is wrong with them has been said.
        let findings = &mut Diagnostics::default();
        let context_of_actions =
            action::Context { prices: Some(prices.clone()), ..action_context(&self.settings, &ids) };
        ActionSet::compile(list(loaded, "action"), &context_of_actions, findings);
        let actions = sorted(&prices.take(), list(loaded, "action"));
        let uses = catalog::events().map(|spec| {
            let (rules, actions) = (self.rules.lookups(spec.name), self.actions.lookups(spec.name));
            (spec.name, rules.iter().cloned().chain(actions).collect())
        });
        let context_of_lookups =
            lookup::Context { prices: Some(prices.clone()), ..lookup_context(&self.settings, uses.collect()) };
        LookupSet::compile(list(loaded, "lookup"), &context_of_lookups, findings);
        let lookups = sorted(&prices.take(), list(loaded, "lookup"));
        let rules = rules::costs(list(loaded, "rule"), &context(&self.settings, &ids), &sizes);
        Costs { sizes, rules, actions, lookups }
    }
}

/// The prices by entry and key, as they are written. What stands on several events has the cost of the one where it is most;
/// several expressions in one text are added up.
fn sorted(prices: &[Price], entries: &[Node]) -> Vec<RuleCost> {
    let mut costs = Vec::new();
    for entry in entries {
        let id = entry.get("id").and_then(Node::as_str).unwrap_or_default();
        for (field, place) in texts(String::new(), entry) {
            let within: Vec<&Price> = prices.iter().filter(|price| holds(place, &price.place)).collect();
            let events = within.iter().map(|price| price.event);
            let most = events.map(|event| sum(within.iter().filter(|price| price.event == event).copied()));
            let Some(steps) = most.max_by_key(|steps| steps.last().copied()) else { continue };
            let cut_off = within.iter().filter_map(|price| price.cut_off).min();
            costs.push(RuleCost { id: id.to_owned(), field, steps, cut_off });
        }
    }
    costs
}

fn sum<'a>(prices: impl Iterator<Item = &'a Price>) -> Vec<u64> {
    let add = |all: Vec<u64>, one: &Price| all.iter().zip(&one.steps).map(|(a, b)| a.saturating_add(*b)).collect();
    prices.fold(None, |all, one| Some(all.map_or_else(|| one.steps.clone(), |all| add(all, one)))).unwrap_or_default()
}

/// Every text below a node, with the keys that lead to it.
fn texts(path: String, node: &Node) -> Vec<(String, &Place)> {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match &node.value {
        Value::Table(table) => table.iter().flat_map(|(key, entry)| texts(below(key), &entry.node)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, item)| texts(below(&index.to_string()), item)).collect()
        }
        Value::String(_) => vec![(path, &node.place)],
        Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Datetime(_) => Vec::new(),
    }
}

fn holds(outer: &Place, inner: &Place) -> bool {
    std::sync::Arc::ptr_eq(&outer.source, &inner.source)
        && outer.span.start <= inner.span.start
        && inner.span.end <= outer.span.end
}
