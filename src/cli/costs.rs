//! The costs of expressions as `check --costs` prints them: a table for people, an object for programs.

use std::fmt::Write as _;

use serde_json::json;

use super::output::{cut, padded};
use crate::app::Costs;
use crate::base::units::Size;
use crate::expr::BUDGET;
use crate::rules::RuleCost;

/// For people: the rules, the events, actions and lookups, then what the numbers say. None where there is no expression.
pub(super) fn table(costs: &Costs) -> Option<String> {
    let heads: Vec<String> = costs.sizes.iter().map(|size| Size(*size).to_string()).collect();
    let events = costs.rules.events.iter();
    let events = events.map(|event| row(event.event, &event.expressions.to_string(), numbers(&event.steps), ""));
    let parts = [
        (row("rule", "field", heads.clone(), ""), rows(&costs.rules.rules)),
        (row("event", "expressions", heads.clone(), ""), events.collect()),
        (row("action", "field", heads.clone(), ""), rows(&costs.actions)),
        (row("lookup", "field", heads, ""), rows(&costs.lookups)),
    ];
    let mut text = String::new();
    for (head, rows) in parts.into_iter().filter(|(_, rows)| !rows.is_empty()) {
        text.push_str(&aligned(&[&[head], rows.as_slice()].concat()));
        text.push('\n');
    }
    if text.is_empty() {
        return None;
    }
    let _ = write!(
        text,
        "The most steps on an event of that size. All rules on an event have {} together",
        grouped(BUDGET)
    );
    if !costs.actions.is_empty() || !costs.lookups.is_empty() {
        text.push_str(",\nand so have all conditions of actions, each attempt of an action, and each lookup");
    }
    text.push_str(".\n");
    Some(text)
}

/// For programs.
pub(super) fn json(costs: &Costs) -> serde_json::Value {
    let priced = |what: &str, all: &[RuleCost]| -> Vec<serde_json::Value> {
        let one = |cost: &RuleCost| {
            let RuleCost { id, field, steps, cut_off } = cost;
            json!({ what: id, "field": field, "steps": steps, "beyond_budget_from_bytes": cut_off })
        };
        all.iter().map(one).collect()
    };
    let events = costs.rules.events.iter();
    let events =
        events.map(|event| json!({ "event": event.event, "expressions": event.expressions, "steps": event.steps }));
    json!({
        "budget": BUDGET,
        "event_bytes": costs.sizes,
        "rules": priced("rule", &costs.rules.rules),
        "events": events.collect::<Vec<_>>(),
        "actions": priced("action", &costs.actions),
        "lookups": priced("lookup", &costs.lookups),
    })
}

fn rows(costs: &[RuleCost]) -> Vec<Vec<String>> {
    let one = |cost: &RuleCost| {
        let cut_off = cost.cut_off.map(|bytes| format!("beyond the budget from {} on", rounded(bytes)));
        row(&cost.id, &cost.field, numbers(&cost.steps), &cut_off.unwrap_or_default())
    };
    costs.iter().map(one).collect()
}

fn row(first: &str, second: &str, numbers: Vec<String>, last: &str) -> Vec<String> {
    [cut(first), cut(second)].into_iter().chain(numbers).chain([last.to_owned()]).collect()
}

fn numbers(steps: &[u64]) -> Vec<String> {
    steps.iter().map(|steps| grouped(*steps)).collect()
}

/// Columns as wide as their widest cell; numbers stand at the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = width(column);
            if (2..columns - 1).contains(&column) {
                // A number, which is short.
                let _ = write!(line, "{}{cell}  ", " ".repeat(width.saturating_sub(cell.chars().count())));
            } else {
                let _ = write!(line, "{}  ", padded(cell, width));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// In whole KiB, rounded down, unless it is less than one.
fn rounded(bytes: u64) -> Size {
    if bytes < 1 << 10 { Size(bytes) } else { Size(bytes >> 10 << 10) }
}

/// `1,234,567`; the largest number stands for what is beyond all numbers.
fn grouped(number: u64) -> String {
    if number == u64::MAX {
        return "no bound".to_owned();
    }
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
