//! Which action comes after which, checked over all of them at once.

use std::collections::{HashMap, HashSet, VecDeque};

use super::capture;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::tree::{Node, closest};

/// The `after` of all actions, as far as it can be read of tables that may be wrong otherwise.
#[derive(Debug, Default)]
pub(super) struct Chain(Vec<Link>);

#[derive(Debug)]
struct Link {
    id: String,
    on: Vec<String>,
    after: Vec<(String, Place)>,
    captures: Vec<String>,
}

/// What an expression can name of an earlier action: its id, and what it captures.
pub(super) type Answers<'c> = Vec<(&'c str, &'c [String])>;

impl Chain {
    /// Reads the tables.
    pub(super) fn read(entries: &[Node]) -> Self {
        let texts = |node: Option<&Node>| -> Vec<(String, Place)> {
            let items = node.map(|node| node.as_array().unwrap_or(std::slice::from_ref(node))).unwrap_or_default();
            items.iter().filter_map(|item| Some((item.as_str()?.to_owned(), item.place.clone()))).collect()
        };
        let link = |entry: &Node| {
            Some(Link {
                id: entry.get("id")?.as_str()?.to_owned(),
                on: texts(entry.get("on")).into_iter().map(|(name, _)| name).collect(),
                after: texts(entry.get("after")),
                captures: capture::names(entry),
            })
        };
        Self(entries.iter().filter_map(link).collect())
    }

    /// Says what is wrong with the `after` of the action of this name.
    pub(super) fn check(&self, id: &str, findings: &mut Diagnostics) {
        let Some(own) = self.find(id) else { return };
        let mut named = HashSet::new();
        for (name, place) in &own.after {
            if !named.insert(name) {
                findings.push(Diagnostic::warning("action-after", format!("`{name}` stands here twice")).at(place));
                continue;
            }
            let Some(other) = self.find(name) else {
                let ids: Vec<&str> = self.0.iter().map(|link| link.id.as_str()).collect();
                let finding = Diagnostic::error("action-after", format!("there is no action `{name}`")).at(place);
                findings.push(match closest(name, &ids) {
                    Some(near) => finding.hint(format!("did you mean `{near}`?")),
                    None => finding.hint("it is the `id` of another action"),
                });
                continue;
            };
            if let Some(way) = self.way(other, own) {
                let message = if way.len() == 1 {
                    "an action cannot come after itself".to_owned()
                } else {
                    format!("each of {} would wait for the other", way.join(", "))
                };
                findings.push(Diagnostic::error("action-after", message).at(place));
            } else if !other.on.iter().any(|event| own.on.contains(event)) {
                let message = format!("`{name}` follows none of the events that this action follows");
                let finding = Diagnostic::error("action-after", message).at(place);
                findings.push(finding.hint(format!("it follows {}", other.on.join(", "))));
            }
        }
    }

    /// What the action of this name can learn of those that it comes after.
    pub(super) fn answers(&self, id: &str) -> Answers<'_> {
        let after = self.find(id).into_iter().flat_map(|own| &own.after);
        after.filter_map(|(name, _)| self.find(name)).map(|link| (link.id.as_str(), link.captures.as_slice())).collect()
    }

    /// The names of all actions, those that come after others behind these, and otherwise as they are written.
    pub(super) fn order(&self) -> Vec<&str> {
        let mut done: HashSet<&str> = HashSet::new();
        let mut order = Vec::new();
        let known: HashSet<&str> = self.0.iter().map(|link| link.id.as_str()).collect();
        let mut left: Vec<&Link> = self.0.iter().collect();
        while !left.is_empty() {
            let before = left.len();
            left.retain(|link| {
                let waits =
                    link.after.iter().any(|(name, _)| known.contains(name.as_str()) && !done.contains(name.as_str()));
                if !waits {
                    done.insert(&link.id);
                    order.push(link.id.as_str());
                }
                waits
            });
            // Those that wait for each other are an error, and in no order.
            if left.len() == before {
                order.extend(left.drain(..).map(|link| link.id.as_str()));
            }
        }
        order
    }

    fn find(&self, id: &str) -> Option<&Link> {
        self.0.iter().find(|link| link.id == id)
    }

    /// The shortest way from an action to one that it comes after, however far, both counted.
    fn way(&self, from: &Link, to: &Link) -> Option<Vec<String>> {
        let mut reached: HashMap<&str, Option<&str>> = HashMap::from([(from.id.as_str(), None)]);
        let mut next = VecDeque::from([from]);
        while let Some(link) = next.pop_front() {
            if link.id == to.id {
                let mut way = vec![link.id.clone()];
                let mut at = link.id.as_str();
                while let Some(Some(before)) = reached.get(at) {
                    way.push((*before).to_owned());
                    at = before;
                }
                return Some(way);
            }
            for other in link.after.iter().filter_map(|(name, _)| self.find(name)) {
                if !reached.contains_key(other.id.as_str()) {
                    reached.insert(&other.id, Some(&link.id));
                    next.push_back(other);
                }
            }
        }
        None
    }
}
