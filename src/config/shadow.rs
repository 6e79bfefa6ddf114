//! The shadow file: a whole configuration of which rules, lookups and attributes count, and what bears on rules.
//!
//! What it does not say is as in the main file. What is wrong with it is told apart from what is wrong with that one.

use super::files::{self, Named};
use super::load::{locate, split};
use super::settings::Settings;
use super::shape::Shape;
use super::{conceal, paths, watch};
use crate::base::diagnostic::{Diagnostics, Problem};
use crate::base::tree::{Node, Table, Value, salvage};

/// The keys of `[cymmetri]` that bear on rules.
const CYMMETRI: [&str; 3] = ["on_error", "error_message", "secret_fields"];

/// What a shadow file says.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// The fixed sections, of which only what bears on rules is the file's; `None` where they cannot be told.
    pub settings: Option<Settings>,
    /// The lists as they were written, with places.
    pub lists: Node,
    /// The fixed sections as they were written, with places.
    pub sections: Node,
    /// What is wrong.
    pub findings: Diagnostics,
}

/// Reads the shadow file; `main` are the sections and the lists of the main one.
pub(super) fn load(named: &Named, main: (&Node, &Node), shape: &Shape<'_>, watched: &mut watch::Files) -> Shadow {
    let mut findings = Diagnostics::default();
    let Some(read) = files::read_shadow(named, watched, &mut findings) else {
        return Shadow { settings: None, lists: main.1.clone(), sections: main.0.clone(), findings };
    };
    let mut misnamed = Diagnostics::default();
    let (own, mut lists) = split(read.tree, shape, &mut misnamed);
    findings.extend(misnamed.into_iter().filter(|_| read.complete));
    paths::resolve(&mut lists, shape, watched);
    inherit(&mut lists, main.1, "lookup");
    let sections = bearing_on_rules(&own, main.0);
    let salvaged = if read.complete { salvage::<Settings>(&sections, &mut findings) } else { None };
    let settings = salvaged.map(|salvaged| {
        let problems = salvaged.value.problems().into_iter().filter(bears_on_rules);
        findings.extend(problems.map(|problem| locate(&salvaged.rest, problem)));
        salvaged.value
    });
    conceal::conceal(&read.each, shape, &mut findings);
    Shadow { settings: settings.filter(|_| !findings.has_errors()), lists, sections, findings }
}

/// What of the sections counts, from the file itself or else from the main one.
fn bearing_on_rules(own: &Node, main: &Node) -> Node {
    let place = own.place.clone();
    let mut sections = Table::new();
    for (name, keys) in [("attributes", None), ("cymmetri", Some(CYMMETRI))] {
        let chosen = |node: &Node| -> Table {
            let all = node.get(name).and_then(Node::as_table).into_iter().flatten();
            let counts = |key: &str| keys.is_none_or(|keys| keys.contains(&key));
            all.filter(|(key, _)| counts(key)).map(|(key, entry)| (key.clone(), entry.clone())).collect()
        };
        let mut table = chosen(own);
        // Attributes are one thing: those of the main file are not added to those of the shadow.
        if keys.is_some() || table.is_empty() {
            for (key, entry) in chosen(main) {
                table.entry(key).or_insert(entry);
            }
        }
        if let Some(entry) = own.entry(name).or_else(|| main.entry(name)) {
            let mut entry = entry.clone();
            entry.node.value = Value::Table(table);
            sections.insert(name.to_owned(), entry);
        }
    }
    Node { value: Value::Table(sections), place }
}

fn inherit(lists: &mut Node, main: &Node, name: &str) {
    if let (Value::Table(lists), Some(entry)) = (&mut lists.value, main.entry(name)) {
        lists.entry(name.to_owned()).or_insert_with(|| entry.clone());
    }
}

fn bears_on_rules(problem: &Problem) -> bool {
    match problem.path.first().map(String::as_str) {
        Some("attributes") => true,
        Some("cymmetri") => problem.path.get(1).is_some_and(|key| CYMMETRI.contains(&key.as_str())),
        _ => false,
    }
}

impl Shadow {
    /// Adds a finding to those of the file, all of which say that they are about it.
    pub fn said(&self, more: Diagnostics) -> Diagnostics {
        let mut all = self.findings.clone();
        all.extend(more);
        for finding in &mut all {
            finding.message = format!("shadow file: {}", finding.message);
        }
        all
    }
}
