//! What operators take, and what becomes of it.

use super::Checker;
use crate::expr::Finding;
use crate::expr::ast::{Binary, Expr};
use crate::expr::schema::Type;

impl Checker<'_> {
    pub(super) fn want(&mut self, operand: &Expr, sign: &str, wanted: Type) {
        let kind = self.infer(operand);
        self.guess(operand, wanted);
        if kind.may_be(wanted) {
            return;
        }
        let message = format!("`{sign}` wants {} here, and this is {}", wanted.with_article(), kind.with_article());
        if kind == Type::Optional {
            let hint = "`.orValue(…)` makes a plain value of an optional";
            self.error_with_hint("expression-type", operand.span, message, hint);
        } else {
            self.error("expression-type", operand.span, message);
        }
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
        let (left_type, right_type) = (self.infer(left), self.infer(right));
        if operator == Binary::In {
            self.guess(right, Type::List);
        } else {
            // The two sides of a comparison or a sum are of one type mostly.
            self.guess(left, right_type);
            self.guess(right, left_type);
        }
        let (left, right) = (left_type, right_type);
        match operator {
            Binary::Equal | Binary::NotEqual => {
                self.comparable(expr, operator, left, right);
                Type::Bool
            }
            Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
                self.ordered(expr, sign, left, right);
                Type::Bool
            }
            Binary::In => {
                if !right.may_be(Type::List) && !right.may_be(Type::Map) {
                    let message =
                        format!("`in` wants a list or a map on its right, and this is {}", right.with_article());
                    self.error("expression-type", expr.span, message);
                }
                Type::Bool
            }
            _ => self.arithmetic(expr, sign, left, right),
        }
    }

    fn comparable(&mut self, expr: &Expr, operator: Binary, left: Type, right: Type) {
        let null = left == Type::Null || right == Type::Null;
        if left.may_be(right) || null || (left.is_number() && right.is_number()) {
            return;
        }
        let always = if operator == Binary::Equal { "never holds" } else { "always holds" };
        let (a, b, sign) = (left.with_article(), right.with_article(), operator.sign());
        let message = format!("{a} is never equal to {b}: `{sign}` {always} here");
        let mut finding = Finding::warning("never-equal", expr.span.range(), message);
        if left == Type::Optional || right == Type::Optional {
            finding = finding.hint("`text(…)` or `.orValue(…)` makes a plain value of an optional");
        }
        self.findings.push(finding);
    }

    fn ordered(&mut self, expr: &Expr, sign: &str, left: Type, right: Type) {
        let ordered = |kind: Type| !matches!(kind, Type::List | Type::Map | Type::Null | Type::Optional | Type::Type);
        let both = left.may_be(right) || (left.is_number() && right.is_number());
        if !both || !ordered(left) || !ordered(right) {
            let message = format!("`{sign}` does not take {} and {}", left.with_article(), right.with_article());
            self.error("expression-type", expr.span, message);
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
                if left == String || right == String {
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
