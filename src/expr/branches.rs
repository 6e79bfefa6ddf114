//! What can be told of an expression without evaluating it: where it can go two ways, which paths and texts it names.

use std::ops::Range;

use super::code::{Code, Op};
use super::expression::{BUDGET, Expression, Scope};
use super::slots::Slot;
use super::value::Value;

impl Expression {
    /// The parts whose truth matters, in bytes of the source: the sides of `&&` and `||`, the conditions of `?:`, and
    /// comparisons. Each once, in the order of the source, without the whole. What is the same for every event is none.
    pub fn branches(&self) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        collect(self.code(), &mut found);
        let whole = self.whole();
        found.retain(|span| *span != whole && !span.is_empty());
        found.sort_by_key(|span| (span.start, span.end));
        found.dedup();
        found
    }

    /// The texts and numbers that are written in it, as JSON.
    pub fn constants(&self) -> Vec<serde_json::Value> {
        let mut found = Vec::new();
        let mut open = vec![self.code()];
        while let Some(code) = open.pop() {
            if let Op::Const(value) = &code.op {
                found.extend(value.to_json_within(&mut BUDGET.clone()));
            } else if let Op::InTexts(_, texts) = &code.op {
                found.extend(texts.iter().map(|text| serde_json::Value::from(&**text)));
            }
            open.extend(code.parts());
        }
        found
    }

    /// Where the expression itself stands in its source, without comments and white space around it.
    pub fn whole(&self) -> Range<usize> {
        self.code().span.range()
    }
}

fn collect(code: &Code, found: &mut Vec<Range<usize>>) {
    let mut add = |part: &Code| {
        if !matches!(part.op, Op::Const(_)) {
            found.push(part.span.range());
        }
    };
    if let Op::And(sides) | Op::Or(sides) = &code.op {
        sides.iter().for_each(add);
    } else if let Op::Conditional(parts) = &code.op {
        add(&parts.0);
    } else if matches!(code.op, Op::Equal(..) | Op::Order(..) | Op::In(_) | Op::InTexts(..)) {
        add(code);
    }
    for part in code.parts() {
        collect(part, found);
    }
}

impl Scope<'_> {
    /// Whether a path that the expression names has a value in this scope. The variables in `but` do not count, nor does one
    /// that is null.
    pub fn sees(&self, expression: &Expression, but: &[&str]) -> bool {
        let mut open = vec![expression.code()];
        while let Some(code) = open.pop() {
            if let Op::Slot(slot) | Op::HasSlot(slot) | Op::OptionalSlot { slot, .. } | Op::TextOfSlot { slot, .. } =
                &code.op
                && self.fills(*slot, but)
            {
                return true;
            }
            open.extend(code.parts());
        }
        false
    }

    fn fills(&self, slot: u16, but: &[&str]) -> bool {
        let (path, value) = self.at(slot);
        match (path, value) {
            ([variable], Slot::Value(value)) => !but.contains(&variable.as_str()) && !matches!(value, Value::Null),
            (_, Slot::Value(_) | Slot::Unreadable | Slot::Failed(_)) => true,
            (_, Slot::Missing(_) | Slot::NoMap(..)) => false,
        }
    }
}
