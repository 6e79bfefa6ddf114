//! What can be said of an expression before an event comes: names, calls, types, comparisons, nesting.
//!
//! Types are inferred where they are known and `dyn` where they are not; only what can never be right is an error.

mod calls;
mod fields;
mod operators;

use std::ops::Range;

use super::Finding;
use super::ast::{Expr, Fold, FoldKind, Kind, Literal, Span, Unary};
use super::mistakes;
use super::names::Names;
use super::pattern::parse_regex;
use super::schema::{Type, UnknownField};

/// What is said of an expression.
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    /// The fields that are not listed, each once, with the place of its first use.
    pub(super) unknown: Vec<(UnknownField, Span)>,
    /// The type of its value.
    pub(super) kind: Type,
}

/// Checks an expression whose value must be of type `wanted`.
pub(super) fn check(source: &str, expr: &Expr, names: Names<'_>, wanted: Type) -> Checked {
    let mut checker = Checker { source, names, findings: Vec::new(), unknown: Vec::new(), loops: 0 };
    let kind = checker.infer(expr);
    if !kind.may_be(wanted) {
        let message = format!("this must be {}, and is {}", wanted.with_article(), kind.with_article());
        let mut finding = Finding::error("expression-type", expr.span.range(), message);
        if wanted == Type::Bool {
            finding.hint = mistakes::condition(kind).map(str::to_owned);
        }
        checker.findings.push(finding);
    }
    checker.guess(expr, wanted);
    Checked { findings: checker.findings, unknown: checker.unknown, kind }
}

struct Checker<'a> {
    source: &'a str,
    names: Names<'a>,
    findings: Vec<Finding>,
    unknown: Vec<(UnknownField, Span)>,
    /// How many loops we are in.
    loops: usize,
}

impl Checker<'_> {
    fn infer(&mut self, expr: &Expr) -> Type {
        if let Some(kind) = self.named(expr) {
            return kind;
        }
        match &expr.kind {
            Kind::Literal(literal) => literal_type(literal),
            Kind::Name { name, .. } => self.unknown_name(expr, name),
            Kind::Select { operand, field, optional } => self.select(expr, operand, field, *optional),
            Kind::Has(operand) => {
                self.infer(operand);
                Type::Bool
            }
            Kind::Index { operand, index, optional } => self.index(expr, operand, index, *optional),
            Kind::Call { function, receiver, arguments, name } => {
                self.call(expr, function, receiver.as_deref(), arguments, *name)
            }
            Kind::Unary(Unary::Not, operand) => {
                self.want(operand, "!", Type::Bool);
                Type::Bool
            }
            Kind::Unary(Unary::Negate, operand) => self.negate(expr, operand),
            Kind::Binary(operator, left, right) => self.binary(expr, *operator, left, right),
            Kind::Conditional(condition, yes, no) => {
                self.want(condition, "?:", Type::Bool);
                let (yes, no) = (self.infer(yes), self.infer(no));
                if yes == no { yes } else { Type::Dyn }
            }
            Kind::List(items) => {
                for item in items {
                    self.infer(&item.value);
                }
                Type::List
            }
            Kind::Map(members) => {
                for member in members {
                    self.infer(&member.key);
                    self.infer(&member.value);
                }
                Type::Map
            }
            Kind::Message(_) => {
                self.error("expression-type", expr.span, "messages of protocol buffers are not supported");
                Type::Dyn
            }
            Kind::Fold(fold) => self.fold(expr, fold),
            Kind::Bind { name, value, body } => {
                let value = self.infer(value);
                self.with_local(name, value, body)
            }
            Kind::Optional { target, name, body, flat } => {
                self.want(target, if *flat { "optFlatMap" } else { "optMap" }, Type::Optional);
                self.with_local(name, Type::Dyn, body);
                Type::Optional
            }
        }
    }

    fn with_local(&mut self, name: &str, kind: Type, body: &Expr) -> Type {
        self.names.locals.push((name.to_owned(), kind));
        let kind = self.infer(body);
        self.names.locals.pop();
        kind
    }

    // --- calls ---

    /// Arguments that must be literals, so that they can be judged now.
    fn literals(&mut self, expr: &Expr, function: &str, with_receiver: bool, arguments: &[Expr]) {
        let literal = |argument: Option<&Expr>| {
            argument.and_then(|argument| match &argument.kind {
                Kind::Literal(Literal::String(text)) => Some(text.clone()),
                _ => None,
            })
        };
        match (function, arguments.len()) {
            ("date", 2) => {
                let valid = literal(arguments.last()).is_some_and(|format| {
                    !chrono::format::StrftimeItems::new(&format).any(|item| item == chrono::format::Item::Error)
                });
                if !valid {
                    let hint = "for example '%d-%b-%Y' or '%Y-%m-%d %H:%M:%S %z'";
                    let place = arguments.last().map_or(expr.span, |argument| argument.span);
                    let message = "the second argument of `date` must be a literal format";
                    self.error_with_hint("expression-type", place, message, hint);
                }
            }
            ("re" | "matches", length) if length + usize::from(with_receiver) == 2 => {
                if let Some(pattern) = literal(arguments.last()) {
                    let place = arguments.last().map_or(expr.span, |argument| argument.span);
                    if let Err(error) = parse_regex(&pattern, place) {
                        let mut finding = Finding::error("regex", error.span.range(), error.message);
                        finding.hint = error.hint.map(str::to_owned);
                        self.findings.push(finding);
                    }
                } else {
                    let place = arguments.last().map_or(expr.span, |argument| argument.span);
                    let message = "the regular expression must be a literal text";
                    self.error_with_hint("regex", place, message, "it is compiled once, when the rules are loaded");
                }
            }
            _ => {}
        }
    }

    // --- macros ---

    fn fold(&mut self, expr: &Expr, fold: &Fold) -> Type {
        let range = self.infer(&fold.range);
        self.guess(&fold.range, Type::List);
        if !range.may_be(Type::List) && !range.may_be(Type::Map) {
            let message = format!("only lists and maps can be gone through, and this is {}", range.with_article());
            self.error("expression-type", fold.range.span, message);
        }
        if self.loops > 0 {
            let hint = "one after another is fine: lists can be joined with `+`, or gone through one by one";
            let message = "a loop must not stand within another loop";
            self.error_with_hint("expression-cost", expr.span, message, hint);
        }
        self.loops += 1;
        let depth = self.names.locals.len();
        let first = if fold.second.is_some() && range == Type::List { Type::Int } else { Type::Dyn };
        self.names.locals.push((fold.first.clone(), first));
        self.names.locals.extend(fold.second.clone().map(|second| (second, Type::Dyn)));
        if let Some(filter) = &fold.filter {
            self.want(filter, "a filter", Type::Bool);
        }
        let result = match fold.kind {
            FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne => {
                self.want(&fold.body, "a macro's condition", Type::Bool);
                Type::Bool
            }
            FoldKind::Filter => {
                self.want(&fold.body, "a macro's condition", Type::Bool);
                Type::List
            }
            FoldKind::Map => {
                self.infer(&fold.body);
                Type::List
            }
            FoldKind::TransformMap => {
                self.infer(&fold.body);
                Type::Map
            }
            FoldKind::TransformMapEntry => {
                self.want(&fold.body, "transformMapEntry", Type::Map);
                Type::Map
            }
        };
        self.names.locals.truncate(depth);
        self.loops -= 1;
        result
    }

    /// A part of the expression as it is written.
    fn written(&self, expr: &Expr) -> &str {
        self.source.get(expr.span.range()).unwrap_or_default()
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.findings.push(Finding::error(code, span.range(), message));
    }

    fn error_with_hint(&mut self, code: &'static str, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        let range: Range<usize> = span.range();
        self.findings.push(Finding::error(code, range, message).hint(hint));
    }
}

fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Uint(_) => Type::Uint,
        Literal::Double(_) => Type::Double,
        Literal::String(_) => Type::String,
        Literal::Bytes(_) => Type::Bytes,
    }
}
