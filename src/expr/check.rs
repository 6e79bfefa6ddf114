//! What can be said of an expression before an event comes: names, calls, types, comparisons, nesting.
//!
//! Types are inferred where they are known and `dyn` where they are not; only what can never be right is an error.

mod fields;
mod operators;

use std::ops::Range;

use super::Finding;
use super::ast::{Expr, Fold, FoldKind, Kind, Literal, Span, Unary};
use super::functions::{self, FUNCTIONS, Function};
use super::lower::regex;
use super::names::{Meaning, Names, chain};
use super::schema::{Type, UnknownField};
use crate::base::tree::closest;

/// What is said of an expression.
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    /// The fields that are not listed, each once, with the place of its first use.
    pub(super) unknown: Vec<(UnknownField, Span)>,
    /// The type of its value.
    pub(super) kind: Type,
}

/// Checks an expression whose value must be of type `wanted`.
pub(super) fn check(expr: &Expr, names: Names<'_>, wanted: Type) -> Checked {
    let mut checker = Checker { names, findings: Vec::new(), unknown: Vec::new(), loops: 0 };
    let kind = checker.infer(expr);
    if !kind.may_be(wanted) {
        let message = format!("this must be {}, and is {}", wanted.with_article(), kind.with_article());
        let mut finding = Finding::error("expression-type", expr.span.range(), message);
        if kind == Type::Optional {
            finding = finding.hint("`.orValue(…)` says what counts where the field is missing");
        }
        checker.findings.push(finding);
    }
    checker.guess(expr, wanted);
    Checked { findings: checker.findings, unknown: checker.unknown, kind }
}

struct Checker<'a> {
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
            Kind::Optional { target, name, body, .. } => {
                self.want(target, "optMap", Type::Optional);
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

    fn call(&mut self, expr: &Expr, function: &str, receiver: Option<&Expr>, arguments: &[Expr], name: Span) -> Type {
        let (forms, with_receiver) = self.names.function(function, receiver);
        let receiver = receiver.filter(|_| with_receiver || forms.is_empty());
        if forms.is_empty() && functions::MACROS.contains(&function) {
            let message = format!("`{function}` is a macro, and has not so many arguments");
            let hint = "for example x.all(name, condition), x.map(name, value), has(x.field), x.optMap(name, value)";
            self.error_with_hint("unknown-function", name, message, hint);
            return Type::Dyn;
        }
        if let Some(chain) = receiver.and_then(chain)
            && functions::UNSUPPORTED.contains(&chain.steps[0].0.as_str())
            && self.names.meaning(&chain) == Meaning::Unknown
        {
            let message = format!("`{}.{function}` is of an extension that is not supported", chain.steps[0].0);
            self.error("unknown-function", expr.span, message);
            return Type::Dyn;
        }
        let receiver_type = receiver.map(|receiver| self.infer(receiver));
        let found: Vec<Type> = arguments.iter().map(|argument| self.infer(argument)).collect();
        if forms.is_empty() {
            self.unknown_function(name, function, receiver.is_some());
            return Type::Dyn;
        }
        self.literals(expr, function, with_receiver, arguments);
        let fits = |form: &&&Function| {
            form.receiver.zip(receiver_type).is_none_or(|(wanted, found)| found.may_be(wanted))
                && form.arguments.len() == found.len()
                && form.arguments.iter().zip(&found).all(|(wanted, found)| found.may_be(*wanted))
        };
        if let Some(form) = forms.iter().find(fits) {
            if let Some((operand, wanted)) = receiver.zip(form.receiver) {
                // What counts in place of a missing field is of the field's type.
                let default = found.first().filter(|_| form.name == "orValue");
                self.guess(operand, *default.unwrap_or(&wanted));
            }
            for (argument, wanted) in arguments.iter().zip(form.arguments) {
                self.guess(argument, *wanted);
            }
            return form.result;
        }
        let known: Vec<String> = forms.iter().map(|form| signature(form)).collect();
        let types = found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let full = forms.first().map_or(function, |form| form.name);
        let written = match receiver_type {
            Some(receiver) => format!("{receiver}.{full}({types})"),
            None => format!("{full}({types})"),
        };
        let mut hint = format!("it can be called as {}", known.join(" or "));
        if receiver_type == Some(Type::Optional) || found.contains(&Type::Optional) {
            hint = format!("{hint}; `text(…)` or `.orValue(…)` makes a plain value of an optional");
        }
        self.error_with_hint("expression-type", name, format!("`{written}` does not fit"), hint);
        forms.first().map_or(Type::Dyn, |form| form.result)
    }

    fn unknown_function(&mut self, place: Span, name: &str, on_value: bool) {
        if functions::forms(name, !on_value).next().is_some() {
            let form = if on_value { format!("{name}(x)") } else { format!("x.{name}(…)") };
            let message = format!("`{name}` is not called this way");
            self.error_with_hint("unknown-function", place, message, format!("write `{form}`"));
            return;
        }
        let names: Vec<&str> =
            FUNCTIONS.iter().map(|function| function.name).chain(functions::MACROS.iter().copied()).collect();
        let message = format!("unknown function `{name}`");
        match closest(name, &names) {
            Some(near) => self.error_with_hint("unknown-function", place, message, format!("did you mean `{near}`?")),
            None => {
                self.error_with_hint("unknown-function", place, message, "docs/rules.md has a table of all functions");
            }
        }
    }

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
                    if let Err(error) = regex(&pattern, place) {
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
            let hint = "lists can be joined with `+` or tested one after another";
            let message = "a macro that goes through a list within another";
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

fn signature(function: &Function) -> String {
    let arguments = function.arguments.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match function.receiver {
        Some(receiver) => format!("{receiver}.{}({arguments})", function.name),
        None => format!("{}({arguments})", function.name),
    }
}
