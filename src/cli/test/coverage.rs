//! What tests have reached, as `test --coverage` prints it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::base::diagnostic::Place;
use crate::base::tree::{Node, Value as Kind};
use crate::cli::output::{Table, harmless};
use crate::event::FieldPath;
use crate::rules::RuleSet;
use crate::testing::{Coverage, Gap, RuleCoverage};

/// What there is to say.
pub(super) struct Summary {
    rules: Vec<RuleCoverage>,
    gaps: Vec<(Gap, Option<Place>)>,
    covered: usize,
    points: usize,
}

impl Summary {
    /// Of rules that were read from these tables.
    pub(super) fn of(coverage: &Coverage, rules: &RuleSet, entries: &[Node]) -> Self {
        let gaps = coverage.gaps(rules).into_iter().map(|gap| {
            let place = place(entries, &gap);
            (gap, place)
        });
        let (covered, points) = coverage.points(rules);
        Self { rules: coverage.rules(rules), gaps: gaps.collect(), covered, points }
    }

    /// Whether so many percent are covered.
    pub(super) fn reaches(&self, percent: u8) -> bool {
        self.covered * 100 >= usize::from(percent) * self.points
    }

    /// `83 % covered (10 of 12)`
    pub(super) fn line(&self) -> String {
        let percent = (self.covered * 100).checked_div(self.points).unwrap_or(100);
        format!("{percent} % covered ({} of {})", self.covered, self.points)
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut table = Table::new(&["RULE", "EVENT", "REACHED", "HELD", "NOT HELD", "ERRED"]);
        for rule in &self.rules {
            let numbers = [rule.reached(), rule.held, rule.not_held, rule.erred].map(|number| number.to_string());
            table.row([rule.rule.to_string(), rule.event.to_owned()].into_iter().chain(numbers));
        }
        let mut text = table.render();
        if !self.gaps.is_empty() {
            text.push_str("\nno test has seen:\n");
        }
        for (gap, place) in &self.gaps {
            let at = place.as_ref().map(|place| {
                let (line, column) = place.line_and_column();
                format!("{}:{line}:{column}: ", place.source.name)
            });
            let _ = writeln!(
                text,
                "  {}`{}` {}: {}\n      {}",
                harmless(&at.unwrap_or_default()),
                harmless(&gap.rule),
                gap.key,
                gap.unseen.as_str(),
                harmless(&part(place.as_ref()))
            );
        }
        let _ = writeln!(text, "\n{}: rules reached on each event, and both sides of each condition", self.line());
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let rules = self.rules.iter().map(|rule| {
            json!({
                "rule": &*rule.rule, "event": rule.event, "reached": rule.reached(),
                "held": rule.held, "not_held": rule.not_held, "erred": rule.erred,
            })
        });
        let gaps = self.gaps.iter().map(|(gap, place)| {
            let (line, column) = place.as_ref().map(Place::line_and_column).unzip();
            json!({
                "rule": &*gap.rule, "key": gap.key, "unseen": gap.unseen.as_str(), "part": part(place.as_ref()),
                "file": place.as_ref().map(|place| place.source.name.as_str()), "line": line, "column": column,
            })
        });
        json!({
            "covered": self.covered,
            "points": self.points,
            "rules": rules.collect::<Vec<_>>(),
            "gaps": gaps.collect::<Vec<_>>(),
        })
    }
}

/// The part of the source, on one line.
fn part(place: Option<&Place>) -> String {
    let text = place.and_then(|place| place.source.text.get(place.span.clone())).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where a gap stands in the file.
fn place(entries: &[Node], gap: &Gap) -> Option<Place> {
    let named = |entry: &&Node| entry.get("id").and_then(Node::as_str) == Some(&*gap.rule);
    let entry = entries.iter().find(named)?;
    let node = match gap.key.strip_prefix("set.") {
        Some(path) => field(entry.get("set")?, FieldPath::parse(path).ok()?.names())?,
        None => entry.get(&gap.key)?,
    };
    Some(node.place_within(gap.span.clone()))
}

/// The expression for a field, which tables and dotted keys lead to.
fn field<'n>(node: &'n Node, names: &[String]) -> Option<&'n Node> {
    if names.is_empty() {
        return matches!(node.value, Kind::String(_)).then_some(node);
    }
    node.as_table()?.iter().find_map(|(key, entry)| {
        let rest = names.strip_prefix(FieldPath::parse(key).ok()?.names())?;
        field(&entry.node, rest)
    })
}
