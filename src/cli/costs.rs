//! The costs of rules as `check --costs` prints them: a table for people, an object for programs.

use std::fmt::Write as _;

use serde_json::json;

use super::output::{cut, padded};
use crate::base::units::Size;
use crate::expr::BUDGET;
use crate::rules::Costs;

/// For people: the rules, then the events, then what the numbers say.
pub(super) fn table(costs: &Costs, sizes: &[u64]) -> String {
    let heads: Vec<String> = sizes.iter().map(|size| Size(*size).to_string()).collect();
    let mut rows = vec![row("rule", "field", heads.clone(), "")];
    for rule in &costs.rules {
        let cut_off = rule.cut_off.map(|bytes| format!("beyond the budget from {} on", rounded(bytes)));
        rows.push(row(&rule.id, &rule.field, numbers(&rule.steps), &cut_off.unwrap_or_default()));
    }
    let mut text = aligned(&rows);
    text.push('\n');
    let mut rows = vec![row("event", "expressions", heads, "")];
    for event in &costs.events {
        rows.push(row(event.event, &event.expressions.to_string(), numbers(&event.steps), ""));
    }
    text.push_str(&aligned(&rows));
    let _ = write!(
        text,
        "\nThe most steps on an event of that size. All rules on an event have {} together.\n",
        grouped(BUDGET)
    );
    text
}

/// For programs.
pub(super) fn json(costs: &Costs, sizes: &[u64]) -> serde_json::Value {
    let rules = costs.rules.iter().map(|rule| {
        json!({ "rule": rule.id, "field": rule.field, "steps": rule.steps, "beyond_budget_from_bytes": rule.cut_off })
    });
    let events = costs
        .events
        .iter()
        .map(|event| json!({ "event": event.event, "expressions": event.expressions, "steps": event.steps }));
    json!({
        "budget": BUDGET,
        "event_bytes": sizes,
        "rules": rules.collect::<Vec<_>>(),
        "events": events.collect::<Vec<_>>(),
    })
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
