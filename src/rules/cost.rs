//! What rules cost at most: each expression of each rule, on events of given sizes, before one comes.

use indexmap::IndexMap;

use super::Context;
use crate::base::tree::{Node, Value};
use crate::event::catalog;
use crate::expr::Cost;
use crate::scope::{Names, steps, whole};

/// The costs of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// Each expression, in the order of the rules.
    pub rules: Vec<RuleCost>,
    /// Each event, with what all expressions on it take together.
    pub events: Vec<EventCost>,
}

/// What an expression of a rule costs. For a rule on several events it is what it costs on the one where it is most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCost {
    /// The rule's id.
    pub id: String,
    /// `when`, `map`, or `set` with the path.
    pub field: String,
    /// The most steps, for each size of an event that was asked for.
    pub steps: Vec<u64>,
    /// The bytes of the smallest event that can make it take more than the budget on its own, up to the largest size that
    /// was asked for.
    pub cut_off: Option<u64>,
}

/// What the rules on an event cost together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventCost {
    /// The event.
    pub event: &'static str,
    /// How many expressions there are on it.
    pub expressions: usize,
    /// The most steps of all of them, for each size of an event that was asked for.
    pub steps: Vec<u64>,
}

/// The costs of rules that [`compile`](super::compile) has found right, on events of these sizes in bytes, in order.
pub fn costs(entries: &[Node], context: &Context, sizes: &[u64]) -> Costs {
    let mut names: IndexMap<&'static str, Names> = IndexMap::new();
    let mut costs = Costs::default();
    for entry in entries {
        let id = entry.get("id").and_then(Node::as_str).unwrap_or_default();
        let specs: Vec<_> = one_or_many(entry.get("on")).filter_map(catalog::find).collect();
        for spec in &specs {
            names.entry(spec.name).or_insert_with(|| context.names(spec));
        }
        for (field, node) in expressions(entry) {
            let mut rule = RuleCost { id: id.to_owned(), field, steps: vec![0; sizes.len()], cut_off: None };
            for spec in &specs {
                let Some(priced) = names[spec.name].price(node) else { continue };
                let (steps, cut_off) = steps(&priced, sizes, |cost| total(cost, &rule.field));
                costs.add(spec.name, &steps);
                rule.cut_off = [rule.cut_off, cut_off].into_iter().flatten().min();
                rule.steps = rule.steps.iter().zip(&steps).map(|(a, b)| *a.max(b)).collect();
            }
            costs.rules.push(rule);
        }
    }
    costs
}

impl Costs {
    fn add(&mut self, event: &'static str, steps: &[u64]) {
        if let Some(known) = self.events.iter_mut().find(|known| known.event == event) {
            known.expressions += 1;
            known.steps.iter_mut().zip(steps).for_each(|(sum, steps)| *sum = sum.saturating_add(*steps));
        } else {
            self.events.push(EventCost { event, expressions: 1, steps: steps.to_vec() });
        }
    }
}

/// Evaluated, and for an effect written down.
fn total(cost: &Cost, field: &str) -> u64 {
    if field == "when" { cost.steps } else { whole(cost) }
}

pub(super) fn one_or_many(node: Option<&Node>) -> impl Iterator<Item = &str> {
    let one = node.and_then(Node::as_str);
    let many = node.and_then(Node::as_array).unwrap_or_default();
    one.into_iter().chain(many.iter().filter_map(Node::as_str))
}

/// The expressions of a rule, with the keys that they stand under.
pub(super) fn expressions(entry: &Node) -> Vec<(String, &Node)> {
    let mut found = Vec::new();
    for key in ["when", "map", "set"] {
        found.extend(entry.get(key).into_iter().flat_map(|node| leaves(key.to_owned(), node)));
    }
    found
}

fn leaves(path: String, node: &Node) -> Vec<(String, &Node)> {
    match &node.value {
        Value::Table(table) => {
            table.iter().flat_map(|(key, entry)| leaves(format!("{path}.{key}"), &entry.node)).collect()
        }
        Value::String(_) => vec![(path, node)],
        _ => Vec::new(),
    }
}
