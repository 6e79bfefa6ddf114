//! What operators take, and what becomes of it.

use super::Checker;
use crate::expr::ast::{Binary, Expr, Kind, Literal};
use crate::expr::schema::Type;
use crate::expr::{Finding, mistakes};

impl Checker<'_> {
    pub(super) fn want(&mut self, operand: &Expr, sign: &str, wanted: Type) {
        let kind = self.infer(operand);
        self.guess(operand, wanted);
        if kind.may_be(wanted) {
            return;
        }
        let message = format!("`{sign}` wants {} here, and this is {}", wanted.with_article(), kind.with_article());
        let hint = match (wanted, &operand.kind) {
            (Type::Bool, Kind::Literal(Literal::String(_))) if matches!(sign, "&&" | "||") => {
                Some("each side is a condition of its own: `x == \"a\" || x == \"b\"`, or `x in [\"a\", \"b\"]`")
            }
            (Type::Bool, _) => mistakes::condition(kind),
            (Type::Optional, _) => Some("a step with `.?` gives an optional: `user.?email`"),
            _ => None,
        };
        let mut finding = Finding::error("expression-type", operand.span.range(), message);
        finding.hint = hint.map(str::to_owned);
        self.findings.push(finding);
    }

    pub(super) fn negate(&mut self, expr: &Expr, operand: &Expr) -> Type {
        let kind = self.infer(operand);
        if !matches!(kind, Type::Int | Type::Double | Type::Duration | Type::Dyn) {
            self.error("expression-type", expr.span, format!("`-` does not take {}", kind.with_article()));
        }
        kind
    }

    pub(super) fn binary(&mut self, expr: &Expr, operator: Binary, left: &Expr, right: &Expr) -> Type {
        let sign = operator.sign();
        if matches!(operator, Binary::And | Binary::Or) {
            self.want(left, sign, Type::Bool);
            self.want(right, sign, Type::Bool);
            return Type::Bool;
        }
        if operator == Binary::Subtract && self.is_name_with_a_dash(expr, left, right) {
            return Type::Dyn;
        }
        let (left_type, right_type) = (self.infer(left), self.infer(right));
        if operator == Binary::In {
            self.guess(right, Type::List);
        } else {
            // The two sides of a comparison or a sum are of one type mostly.
            self.guess(left, right_type);
            self.guess(right, left_type);
        }
        match operator {
            Binary::Equal | Binary::NotEqual => {
                self.comparable(expr, operator, (left, left_type), (right, right_type));
                Type::Bool
            }
            Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
                self.ordered(expr, sign, (left, left_type), (right, right_type));
                Type::Bool
            }
            Binary::In => {
                if !right_type.may_be(Type::List) && !right_type.may_be(Type::Map) {
                    let message =
                        format!("`in` wants a list or a map on its right, and this is {}", right_type.with_article());
                    let mut finding = Finding::error("expression-type", expr.span.range(), message);
                    finding.hint = match right_type {
                        Type::String => Some("`x.contains(y)` looks into a text".to_owned()),
                        Type::Optional => Some("`.orValue([])` makes a list of it".to_owned()),
                        _ => None,
                    };
                    self.findings.push(finding);
                }
                Type::Bool
            }
            _ => self.arithmetic(expr, sign, left_type, right_type),
        }
    }

    fn comparable(&mut self, expr: &Expr, operator: Binary, left: (&Expr, Type), right: (&Expr, Type)) {
        let (a, b) = (left.1, right.1);
        // Any field may hold a null; an optional is none.
        let null = (a == Type::Null || b == Type::Null) && a != Type::Optional && b != Type::Optional;
        if a.may_be(b) || null || (a.is_number() && b.is_number()) {
            return;
        }
        let always = if operator == Binary::Equal { "never holds" } else { "always holds" };
        let sign = operator.sign();
        let message = format!("{} is never equal to {}: `{sign}` {always} here", a.with_article(), b.with_article());
        let mut finding = Finding::warning("never-equal", expr.span.range(), message);
        finding.hint = bridge(left, right);
        self.findings.push(finding);
    }

    fn ordered(&mut self, expr: &Expr, sign: &str, left: (&Expr, Type), right: (&Expr, Type)) {
        let (a, b) = (left.1, right.1);
        let ordered = |kind: Type| !matches!(kind, Type::List | Type::Map | Type::Null | Type::Optional | Type::Type);
        let both = a.may_be(b) || (a.is_number() && b.is_number());
        if !both || !ordered(a) || !ordered(b) {
            let message = format!("`{sign}` does not take {} and {}", a.with_article(), b.with_article());
            let mut finding = Finding::error("expression-type", expr.span.range(), message);
            finding.hint = bridge(left, right);
            self.findings.push(finding);
        }
    }

    fn arithmetic(&mut self, expr: &Expr, sign: &str, left: Type, right: Type) -> Type {
        use Type::{Bytes, Double, Duration, Dyn, Int, List, String, Timestamp, Uint};
        if left == Dyn || right == Dyn {
            let known = if left == Dyn { right } else { left };
            return if matches!(known, Int | Uint | Double | String | Bytes | List) { known } else { Dyn };
        }
        match (sign, left, right) {
            (_, Int, Int) => Int,
            (_, Uint, Uint) => Uint,
            ("+" | "-" | "*" | "/", Double, Double) => Double,
            ("+", String, String) => String,
            ("+", Bytes, Bytes) => Bytes,
            ("+", List, List) => List,
            ("+" | "-", Duration, Duration) | ("-", Timestamp, Timestamp) => Duration,
            ("+" | "-", Timestamp, Duration) | ("+", Duration, Timestamp) => Timestamp,
            _ => {
                let message = format!("`{sign}` does not take {} and {}", left.with_article(), right.with_article());
                if (left == Timestamp && right.is_number()) || (left.is_number() && right == Timestamp) {
                    let hint = "a time goes on by a duration: `now + duration(\"24h\")`";
                    self.error_with_hint("expression-type", expr.span, message, hint);
                } else if left == String || right == String {
                    self.error_with_hint("expression-type", expr.span, message, "`text(…)` makes a text of a value");
                } else if left.is_number() && right.is_number() {
                    let hint = "`int(…)` and `double(…)` convert numbers";
                    self.error_with_hint("expression-type", expr.span, message, hint);
                } else {
                    self.error("expression-type", expr.span, message);
                }
                Dyn
            }
        }
    }
}

/// How two values of different types can be compared.
fn bridge((left, left_type): (&Expr, Type), (right, right_type): (&Expr, Type)) -> Option<String> {
    let either = |kind| left_type == kind || right_type == kind;
    if either(Type::Optional) && either(Type::Null) {
        return Some(
            "`.hasValue()` asks whether it is there, `text(…) == \"\"` whether it is missing or empty".to_owned(),
        );
    }
    if either(Type::Optional) {
        return Some("`text(…)` or `.orValue(…)` makes a plain value of an optional".to_owned());
    }
    if either(Type::Null) {
        return Some("`has(user.email)` asks whether a field is there".to_owned());
    }
    if either(Type::String) && either(Type::Timestamp) {
        return Some("`date(…)` makes a time of a text".to_owned());
    }
    for (literal, other) in [(left, right_type), (right, left_type)] {
        match &literal.kind {
            Kind::Literal(Literal::String(text)) => {
                let is_value = match other {
                    Type::Bool => text == "true" || text == "false",
                    Type::Int | Type::Double => text.parse::<i64>().is_ok(),
                    _ => false,
                };
                if is_value {
                    return Some(format!("write `{text}` without quotes"));
                }
            }
            Kind::Literal(Literal::Int(number)) if other == Type::String => {
                return Some(format!("write \"{number}\" in quotes"));
            }
            Kind::Literal(Literal::Bool(value)) if other == Type::String => {
                return Some(format!("write \"{value}\" in quotes"));
            }
            _ => {}
        }
    }
    None
}
