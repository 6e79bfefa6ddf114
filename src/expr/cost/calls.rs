//! What calls cost and make, function by function.

use super::{COMPARED, Linear, Nature, SCALAR_BYTES, STEP, Shape, WRITTEN, Walk, Walked};
use crate::expr::ast::{Expr, Kind, Literal};
use crate::expr::pattern::Pattern;

/// The bytes that one clause of a format may make of a number: `%.100f` of the largest.
const CLAUSE_BYTES: u64 = 450;
/// How much longer a text becomes by what makes other characters of it.
const CASED: u64 = 3;
const FOLDED: u64 = 12;
/// How much longer numbers are written out than they came: `1e20`.
const WRITTEN_OUT: u64 = 8;

impl Walk<'_> {
    pub(super) fn call(&mut self, function: &str, receiver: Option<&Expr>, arguments: &[Expr]) -> Walked {
        let (forms, with_receiver) = self.names.function(function, receiver);
        let operands: Vec<&Expr> = receiver.filter(|_| with_receiver).into_iter().chain(arguments).collect();
        if let ("re" | "matches", [text, pattern]) = (function, operands.as_slice()) {
            return self.search(text, pattern);
        }
        let mut shapes = Vec::with_capacity(operands.len());
        let mut steps = Linear::flat(0);
        for operand in operands {
            let (shape, more) = self.expr(operand);
            steps = steps.plus(more);
            shapes.push(shape);
        }
        let name = forms.first().map_or(function, |form| form.name);
        let (shape, own) = self.function(name, &shapes).unwrap_or_else(|| unknown(&shapes));
        (shape, steps.plus(own))
    }

    fn search(&mut self, text: &Expr, pattern: &Expr) -> Walked {
        let (text, steps) = self.expr(text);
        let Kind::Literal(Literal::String(literal)) = &pattern.kind else { return (Shape::SCALAR, steps) };
        let most = if let Some(known) = self.searches.get(literal) {
            *known
        } else {
            let Ok(compiled) = Pattern::compile(literal, pattern.span) else { return (Shape::SCALAR, steps) };
            self.searches.insert(literal.clone(), compiled.most());
            compiled.most()
        };
        let by_length = Linear::flat(most.steps.saturating_mul(STEP)).plus(text.bytes.times(most.per_byte));
        let own = by_length.less(Linear::flat(most.all.saturating_mul(STEP)), self.largest);
        (Shape::SCALAR, steps.plus(own))
    }

    /// What a function makes of its arguments, and what it costs without them. None for one that is not known here.
    pub(super) fn function(&self, name: &str, arguments: &[Shape]) -> Option<Walked> {
        let argument = |index: usize| arguments.get(index).copied().unwrap_or(Shape::SCALAR);
        let bytes = |index: usize| argument(index).bytes;
        let (first, free) = (argument(0), Linear::flat(0));
        Some(match name {
            "text" => (Shape::text(first.bytes.plus(Linear::flat(SCALAR_BYTES))), free),
            "string" => (Shape::text(first.bytes.plus(Linear::flat(SCALAR_BYTES))), first.bytes),
            "lower" | "upper" => (Shape::text(first.bytes.times(CASED)), first.bytes.times(STEP / 4)),
            "trim" => (Shape::text(first.bytes), first.bytes.times(STEP / 4)),
            "fold" => (Shape::text(first.bytes.times(FOLDED)), first.bytes.times(STEP)),
            "date" => (Shape::SCALAR, first.bytes.times(2).plus(Linear::flat(4 * STEP))),
            "size" => (Shape::SCALAR, first.reading()),
            "type" | "hasValue" | "optional.none" => (Shape::SCALAR, free),
            "dyn" | "optional.of" | "optional.ofNonZeroValue" | "value" => (first, free),
            "or" | "orValue" => (first.or(argument(1)), free),
            "bool" | "double" | "int" | "uint" | "timestamp" => (Shape::SCALAR, first.bytes),
            "duration" => (Shape::SCALAR, first.bytes.times(STEP / 4)),
            "bytes" | "lowerAscii" | "upperAscii" | "reverse" | "substring" => (Shape::text(first.bytes), first.bytes),
            "strings.quote" => (Shape::text(first.bytes.times(2)), first.bytes),
            "contains" | "startsWith" | "endsWith" | "indexOf" | "lastIndexOf" => {
                (Shape::SCALAR, first.bytes.plus(bytes(1)))
            }
            "charAt" => (Shape::text(Linear::flat(4)), first.bytes),
            "replace" => {
                // An empty text is found between all characters.
                let put = first.bytes.plus(Linear::flat(1)).by(bytes(2), self.largest);
                let all = first.bytes.plus(put);
                (Shape::text(all), all.plus(first.bytes).plus(bytes(1)).plus(bytes(2)))
            }
            "split" => {
                let parts = first.bytes.plus(Linear::flat(1));
                let made = first.bytes.plus(parts.times(3)).plus(Linear::flat(3));
                (Shape::any(made), first.bytes.plus(bytes(1)).plus(parts.times(STEP)))
            }
            "join" => {
                let items = first.count();
                let between = if arguments.len() > 1 { items.by(bytes(1), self.largest) } else { free };
                let all = first.bytes.plus(between);
                (Shape::text(all), first.reading().plus(all).plus(items.times(STEP)))
            }
            "format" => {
                // A clause has two characters at least, and takes an item.
                let clauses = argument(1).count().less(first.bytes.half(), self.largest);
                let written = bytes(1).times(WRITTEN_OUT).plus(clauses.times(CLAUSE_BYTES));
                let own = first.bytes.plus(bytes(1).times(WRITTEN)).plus(clauses.times(3 * STEP));
                (Shape::text(first.bytes.plus(written)), own)
            }
            "getFullYear" | "getMonth" | "getDate" | "getDayOfMonth" | "getDayOfWeek" | "getDayOfYear" | "getHours"
            | "getMinutes" | "getSeconds" | "getMilliseconds" => {
                (Shape::SCALAR, if arguments.len() > 1 { bytes(1) } else { free })
            }
            _ => return None,
        })
    }
}

/// A function that this table lacks: as much as anything here, of all that it is given.
fn unknown(arguments: &[Shape]) -> Walked {
    let bytes = arguments.iter().fold(Linear::flat(SCALAR_BYTES), |sum, argument| sum.plus(argument.bytes));
    let shape = Shape { bytes: bytes.times(FOLDED), nature: Nature::Any, items: None };
    (shape, bytes.times(WRITTEN + COMPARED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Schema;
    use crate::expr::cost::Searches;
    use crate::expr::functions::FUNCTIONS;
    use crate::expr::names::Names;

    #[test]
    fn every_function_has_a_cost() {
        let (schema, shapes) = (Schema::default(), [Shape::SCALAR; 3]);
        let names = Names { schema: &schema, container: "", locals: Vec::new() };
        let searches = &mut Searches::new();
        let walk = Walk { names, locals: Vec::new(), searches, event_bytes: 0, largest: 0, excess: None };
        for function in FUNCTIONS.iter().filter(|function| !matches!(function.name, "re" | "matches")) {
            assert!(walk.function(function.name, &shapes).is_some(), "{} has none", function.name);
        }
    }
}
