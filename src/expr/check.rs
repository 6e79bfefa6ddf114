//! What can be said of an expression before an event comes: names, calls, types, comparisons, nesting.
//!
//! Types are inferred where they are known and `dyn` where they are not; only what can never be right is an error.

use std::ops::Range;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SourceInfo, operators};

use super::compile::operator_sign;
use super::functions::{self, FUNCTIONS, Function};
use super::{Finding, Schema, Type};
use crate::base::tree::closest;

/// What was found out.
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    /// The fields that the expression names, each as far as it is named literally.
    pub(super) paths: Vec<Vec<String>>,
    /// Every field name in the source, which errors at run time may repeat.
    pub(super) names: Vec<String>,
}

/// Checks an expression whose value must be of type `wanted`.
pub(super) fn check(ast: &IdedExpr, info: &SourceInfo, source: &str, schema: &Schema, wanted: Type) -> Checked {
    let checked = Checked { findings: Vec::new(), paths: Vec::new(), names: Vec::new() };
    let mut checker = Checker { info, schema, source, checked, locals: Vec::new(), loops: 0 };
    let kind = checker.infer(ast);
    if !kind.may_be(wanted) {
        let message = format!("this must be {}, and is {}", wanted.with_article(), kind.with_article());
        let mut finding = Finding::error("expression-type", 0..source.len(), message);
        if kind == Type::Optional {
            finding = finding.hint("`.orValue(…)` says what counts where the field is missing");
        }
        checker.checked.findings.push(finding);
    }
    checker.checked
}

/// How many nodes an expression has, as the operator wrote it.
pub(super) fn count(expr: &IdedExpr) -> usize {
    let mut nodes = 1;
    children(expr, &mut |child| nodes += count(child));
    nodes
}

/// The text of a literal.
pub(super) fn literal_text(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// Whether the call looks for a regular expression.
pub(super) fn is_regex_call(call: &CallExpr) -> bool {
    match call.func_name.as_str() {
        "re" => call.target.is_none() && call.args.len() == 2,
        "matches" => call.args.len() + usize::from(call.target.is_some()) == 2,
        _ => false,
    }
}

/// Whether a comprehension only gives a name to a value, as `optMap` does: it goes through nothing.
pub(super) fn is_binding(comprehension: &ComprehensionExpr) -> bool {
    matches!(&comprehension.iter_range.expr, Expr::List(list) if list.elements.is_empty())
}

/// Where an expression stands in its source.
pub(super) fn span_of(info: &SourceInfo, id: u64) -> Range<usize> {
    let byte = |at: u32| {
        let mut at = usize::try_from(at).unwrap_or(usize::MAX).min(info.source.len());
        while !info.source.is_char_boundary(at) {
            at += 1;
        }
        at
    };
    match info.offset_for(id) {
        Some((start, stop)) => byte(start)..byte(stop.saturating_add(1)).max(byte(start)),
        None => 0..info.source.len(),
    }
}

fn children(expr: &IdedExpr, visit: &mut dyn FnMut(&IdedExpr)) {
    match &expr.expr {
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).for_each(visit),
        Expr::Comprehension(comprehension) => {
            let ComprehensionExpr { iter_range, accu_init, loop_cond, loop_step, result, .. } = comprehension.as_ref();
            [iter_range, accu_init, loop_cond, loop_step, result].into_iter().for_each(visit);
        }
        Expr::List(list) => list.elements.iter().for_each(visit),
        Expr::Map(map) => map.entries.iter().for_each(|entry| entry_children(&entry.expr, visit)),
        Expr::Struct(fields) => fields.entries.iter().for_each(|entry| entry_children(&entry.expr, visit)),
        Expr::Select(select) => visit(&select.operand),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

fn entry_children(entry: &EntryExpr, visit: &mut dyn FnMut(&IdedExpr)) {
    match entry {
        EntryExpr::MapEntry(entry) => {
            visit(&entry.key);
            visit(&entry.value);
        }
        EntryExpr::StructField(field) => visit(&field.value),
    }
}

/// Goes to each child that may be changed.
pub(super) fn children_mut(expr: &mut IdedExpr, visit: &mut dyn FnMut(&mut IdedExpr)) {
    match &mut expr.expr {
        Expr::Call(call) => {
            call.target.iter_mut().for_each(|target| visit(target));
            call.args.iter_mut().for_each(visit);
        }
        Expr::Comprehension(comprehension) => {
            let ComprehensionExpr { iter_range, accu_init, loop_cond, loop_step, result, .. } = comprehension.as_mut();
            [iter_range, accu_init, loop_cond, loop_step, result].into_iter().for_each(visit);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(visit),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    visit(&mut entry.key);
                    visit(&mut entry.value);
                }
            }
        }
        Expr::Select(select) => visit(&mut select.operand),
        Expr::Struct(_) | Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

struct Checker<'a> {
    info: &'a SourceInfo,
    schema: &'a Schema,
    source: &'a str,
    checked: Checked,
    /// Names that macros bind, with their types.
    locals: Vec<(String, Type)>,
    /// How many loops we are in.
    loops: usize,
}

impl Checker<'_> {
    fn infer(&mut self, expr: &IdedExpr) -> Type {
        if let Some(path) = self.path(expr) {
            return self.field(expr, &path);
        }
        match &expr.expr {
            Expr::Literal(literal) => literal_type(literal),
            Expr::Ident(name) => self.ident(expr, name),
            Expr::Select(select) => {
                self.checked.names.push(select.field.clone());
                if select.test
                    && let Some(mut path) = self.path(&select.operand)
                {
                    path.push(select.field.clone());
                    self.field(expr, &path);
                    return Type::Bool;
                }
                let operand = self.infer(&select.operand);
                if !operand.may_be(Type::Map) && operand != Type::Optional {
                    let message = format!("`.{}` cannot be taken of {}", select.field, operand.with_article());
                    self.error("expression-type", expr, message);
                }
                if select.test {
                    Type::Bool
                } else if operand == Type::Optional {
                    Type::Optional
                } else {
                    Type::Dyn
                }
            }
            Expr::List(list) => {
                list.elements.iter().for_each(|element| _ = self.infer(element));
                Type::List
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    entry_children(&entry.expr, &mut |child| _ = self.infer(child));
                }
                Type::Map
            }
            Expr::Struct(_) => {
                self.error("expression-type", expr, "messages of protocol buffers are not supported");
                Type::Dyn
            }
            Expr::Call(call) => self.call(expr, call),
            Expr::Comprehension(comprehension) => self.comprehension(expr, comprehension),
            Expr::Unspecified => Type::Dyn,
        }
    }

    // --- names ---

    /// The names from a variable down, where the expression is nothing but that.
    fn path(&self, expr: &IdedExpr) -> Option<Vec<String>> {
        let (operand, name) = match &expr.expr {
            Expr::Ident(name) => {
                let known =
                    self.schema.variable_type(name).is_some() && !self.locals.iter().any(|(local, _)| local == name);
                return known.then(|| vec![name.clone()]);
            }
            Expr::Select(select) if !select.test => (select.operand.as_ref(), select.field.as_str()),
            Expr::Call(call) if is_path_operator(&call.func_name) && call.args.len() == 2 => {
                (&call.args[0], literal_text(&call.args[1])?)
            }
            _ => return None,
        };
        let mut path = self.path(operand)?;
        path.push(name.to_owned());
        Some(path)
    }

    fn field(&mut self, expr: &IdedExpr, path: &[String]) -> Type {
        self.checked.names.extend(path.iter().skip(1).cloned());
        self.checked.paths.push(path.to_vec());
        if self.schema.is_secret(path) {
            let message = format!("`{}` is a secret and cannot be named by a rule", path.join("."));
            let span = self.widen(span_of(self.info, expr.id), path);
            self.checked.findings.push(Finding::error("secret-field", span, message));
            return Type::Dyn;
        }
        let is_optional = is_optional_path(expr);
        for depth in 1..path.len() {
            let (above, name) = (&path[..depth], &path[depth]);
            let above_type = if depth == 1 {
                self.schema.variable_type(&above[0]).unwrap_or(Type::Dyn)
            } else {
                self.schema.field_type(above)
            };
            if !above_type.may_be(Type::Map) && above_type != Type::Dyn {
                let message = format!("`{}` is {} and has no fields", above.join("."), above_type.with_article());
                let span = self.widen(span_of(self.info, expr.id), path);
                self.checked.findings.push(Finding::error("expression-type", span, message));
                return Type::Dyn;
            }
            if !self.schema.knows(&path[..=depth])
                && let Some(near) = closest(name, &self.schema.siblings(above))
            {
                let hint = format!("did you mean `{}.{near}`?", above.join("."));
                let message = format!("`{}` is not a field that is known", path[..=depth].join("."));
                let span = span_of(self.info, expr.id);
                self.checked
                    .findings
                    .push(Finding::warning("unknown-field", self.widen(span, path), message).hint(hint));
            }
        }
        if is_optional {
            return Type::Optional;
        }
        match path {
            [variable] => self.schema.variable_type(variable).unwrap_or(Type::Dyn),
            path => self.schema.field_type(path),
        }
    }

    /// A select's own place is its dot; the caret belongs under the whole path, where it stands there letter by letter.
    fn widen(&self, span: Range<usize>, path: &[String]) -> Range<usize> {
        let written = path.join(".");
        let start = span.start.saturating_sub(written.len());
        match self.source.get(start..).and_then(|rest| rest.find(&written)) {
            Some(at) if start + at <= span.end => start + at..start + at + written.len(),
            _ => span,
        }
    }

    fn ident(&mut self, expr: &IdedExpr, name: &str) -> Type {
        if let Some((_, kind)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return *kind;
        }
        if functions::TYPE_NAMES.contains(&name) {
            return Type::Type;
        }
        let mut known: Vec<&str> = self.schema.variables().collect();
        known
            .extend(self.locals.iter().map(|(local, _)| local.as_str()).filter(|local| !local.starts_with(['@', '#'])));
        let hint = match closest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known names: {}", known.join(", ")),
        };
        self.error_with_hint("unknown-name", expr, format!("unknown name `{name}`"), hint);
        Type::Dyn
    }

    // --- calls ---

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Type {
        if operator_sign(&call.func_name).is_some() || call.func_name == operators::NOT_STRICTLY_FALSE {
            return self.operator(expr, call);
        }
        let qualified = call.target.as_deref().and_then(|target| match &target.expr {
            Expr::Ident(name) if self.path(target).is_none() && !self.locals.iter().any(|(local, _)| local == name) => {
                Some(format!("{name}.{}", call.func_name))
            }
            _ => None,
        });
        let receiver = if qualified.is_some() { None } else { call.target.as_deref().map(|target| self.infer(target)) };
        let arguments: Vec<Type> = call.args.iter().map(|arg| self.infer(arg)).collect();
        let name = qualified.as_deref().unwrap_or(&call.func_name);
        if let Some((namespace, _)) = name.split_once('.')
            && functions::UNSUPPORTED.contains(&namespace)
            && functions::forms(name, false).next().is_none()
        {
            self.error("unknown-function", expr, format!("`{name}` is of an extension that is not supported"));
            return Type::Dyn;
        }
        let forms = functions::forms(name, receiver.is_some());
        if forms.clone().next().is_none() {
            self.unknown_function(expr, name, receiver.is_some());
            return Type::Dyn;
        }
        self.literals(expr, call);
        let fits = |form: &&Function| {
            form.receiver.zip(receiver).is_none_or(|(wanted, found)| found.may_be(wanted))
                && form.arguments.len() == arguments.len()
                && form.arguments.iter().zip(&arguments).all(|(wanted, found)| found.may_be(*wanted))
        };
        if let Some(form) = forms.clone().find(fits) {
            return form.result;
        }
        let result = forms.clone().next().map_or(Type::Dyn, |form| form.result);
        let known: Vec<String> = forms.map(signature).collect();
        let mut found = arguments.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if let Some(receiver) = receiver {
            found = format!("{receiver}.{name}({found})");
        } else {
            found = format!("{name}({found})");
        }
        let mut hint = format!("it can be called as {}", known.join(" or "));
        if receiver == Some(Type::Optional) || arguments.contains(&Type::Optional) {
            hint = format!("{hint}; `text(…)` or `.orValue(…)` makes a plain value of an optional");
        }
        self.error_with_hint("expression-type", expr, format!("`{found}` does not fit"), hint);
        result
    }

    fn unknown_function(&mut self, expr: &IdedExpr, name: &str, on_value: bool) {
        if functions::forms(name, !on_value).next().is_some() {
            let form = if on_value { format!("{name}(x)") } else { format!("x.{name}(…)") };
            self.error_with_hint(
                "unknown-function",
                expr,
                format!("`{name}` is not called this way"),
                format!("write `{form}`"),
            );
            return;
        }
        let names: Vec<&str> =
            FUNCTIONS.iter().map(|function| function.name).chain(functions::MACROS.iter().copied()).collect();
        let message = format!("unknown function `{name}`");
        match closest(name, &names) {
            Some(near) => self.error_with_hint("unknown-function", expr, message, format!("did you mean `{near}`?")),
            None => {
                self.error_with_hint("unknown-function", expr, message, "docs/rules.md has a table of all functions");
            }
        }
    }

    /// Arguments that must be literals, so that they can be judged now.
    fn literals(&mut self, expr: &IdedExpr, call: &CallExpr) {
        if call.func_name == "date"
            && call.target.is_none()
            && let Some(format) = call.args.get(1)
        {
            let valid = literal_text(format).is_some_and(|format| {
                !chrono::format::StrftimeItems::new(format).any(|item| item == chrono::format::Item::Error)
            });
            if !valid {
                let hint = "for example '%d-%b-%Y' or '%Y-%m-%d %H:%M:%S %z'";
                self.error_with_hint(
                    "expression-type",
                    expr,
                    "the second argument of `date` must be a literal format",
                    hint,
                );
            }
        }
    }

    fn operator(&mut self, expr: &IdedExpr, call: &CallExpr) -> Type {
        let kinds: Vec<Type> = call.args.iter().map(|arg| self.infer(arg)).collect();
        let sign = operator_sign(&call.func_name).unwrap_or_default();
        let want = |checker: &mut Self, index: usize, wanted: Type| {
            if let (Some(kind), Some(arg)) = (kinds.get(index), call.args.get(index))
                && !kind.may_be(wanted)
            {
                let message =
                    format!("`{sign}` wants {} here, and this is {}", wanted.with_article(), kind.with_article());
                if *kind == Type::Optional {
                    checker.error_with_hint(
                        "expression-type",
                        arg,
                        message,
                        "`.orValue(…)` makes a plain value of an optional",
                    );
                } else {
                    checker.error("expression-type", arg, message);
                }
            }
        };
        match call.func_name.as_str() {
            operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => {
                (0..kinds.len()).for_each(|index| want(self, index, Type::Bool));
                Type::Bool
            }
            operators::NOT_STRICTLY_FALSE => Type::Bool,
            operators::CONDITIONAL => {
                want(self, 0, Type::Bool);
                match kinds.as_slice() {
                    [_, yes, no] if yes == no => *yes,
                    _ => Type::Dyn,
                }
            }
            operators::EQUALS | operators::NOT_EQUALS => {
                self.comparable(expr, sign, &kinds);
                Type::Bool
            }
            operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS => {
                self.ordered(expr, sign, &kinds);
                Type::Bool
            }
            operators::IN => {
                if let Some(kind) = kinds.get(1)
                    && !kind.may_be(Type::List)
                    && !kind.may_be(Type::Map)
                {
                    self.error(
                        "expression-type",
                        expr,
                        format!("`in` wants a list or a map on its right, and this is {}", kind.with_article()),
                    );
                }
                Type::Bool
            }
            operators::OPT_INDEX | operators::OPT_SELECT => Type::Optional,
            operators::INDEX if kinds.first() == Some(&Type::Optional) => Type::Optional,
            operators::INDEX => Type::Dyn,
            operators::NEGATE => kinds.first().copied().unwrap_or(Type::Dyn),
            _ => self.arithmetic(expr, sign, &kinds),
        }
    }

    fn comparable(&mut self, expr: &IdedExpr, sign: &str, kinds: &[Type]) {
        let [left, right] = kinds else { return };
        let null = *left == Type::Null || *right == Type::Null;
        if left.may_be(*right) || null || (left.is_number() && right.is_number()) {
            return;
        }
        let always = if sign == "==" { "never holds" } else { "always holds" };
        let message =
            format!("{} is never equal to {}: `{sign}` {always} here", left.with_article(), right.with_article());
        let mut finding = Finding::warning("never-equal", span_of(self.info, expr.id), message);
        if *left == Type::Optional || *right == Type::Optional {
            finding = finding.hint("`text(…)` or `.orValue(…)` makes a plain value of an optional");
        }
        self.checked.findings.push(finding);
    }

    fn ordered(&mut self, expr: &IdedExpr, sign: &str, kinds: &[Type]) {
        let [left, right] = kinds else { return };
        let ordered = |kind: Type| !matches!(kind, Type::List | Type::Map | Type::Null | Type::Optional | Type::Type);
        let both = left.may_be(*right) || (left.is_number() && right.is_number());
        if !both || !ordered(*left) || !ordered(*right) {
            self.error(
                "expression-type",
                expr,
                format!("`{sign}` does not take {} and {}", left.with_article(), right.with_article()),
            );
        }
    }

    fn arithmetic(&mut self, expr: &IdedExpr, sign: &str, kinds: &[Type]) -> Type {
        use Type::{Bytes, Double, Duration, Dyn, Int, List, String, Timestamp, Uint};
        let [left, right] = kinds else { return Dyn };
        if *left == Dyn || *right == Dyn {
            let known = if *left == Dyn { *right } else { *left };
            return if matches!(known, Int | Uint | Double | String | Bytes | List) { known } else { Dyn };
        }
        match (sign, *left, *right) {
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
                match (*left, *right) {
                    (String, _) | (_, String) => {
                        self.error_with_hint("expression-type", expr, message, "`text(…)` makes a text of a value");
                    }
                    (Type::Int | Type::Uint | Type::Double, _) => {
                        self.error_with_hint(
                            "expression-type",
                            expr,
                            message,
                            "`int(…)` and `double(…)` convert numbers",
                        );
                    }
                    _ => self.error("expression-type", expr, message),
                }
                Dyn
            }
        }
    }

    // --- macros ---

    fn comprehension(&mut self, expr: &IdedExpr, comprehension: &ComprehensionExpr) -> Type {
        if is_binding(comprehension) {
            let init = self.infer(&comprehension.accu_init);
            self.locals.push((comprehension.accu_var.clone(), init));
            let result = self.infer(&comprehension.result);
            self.locals.pop();
            return result;
        }
        let range = self.infer(&comprehension.iter_range);
        if !range.may_be(Type::List) && !range.may_be(Type::Map) {
            self.error(
                "expression-type",
                expr,
                format!("only lists and maps can be gone through, and this is {}", range.with_article()),
            );
        }
        if self.loops > 0 {
            let hint = "lists can be joined with `+` or tested one after another";
            self.error_with_hint("expression-cost", expr, "a macro that goes through a list within another", hint);
        }
        let accumulator = self.infer(&comprehension.accu_init);
        let depth = self.locals.len();
        self.loops += 1;
        self.locals.push((comprehension.iter_var.clone(), Type::Dyn));
        self.locals.extend(comprehension.iter_var2.clone().map(|name| (name, Type::Dyn)));
        self.locals.push((comprehension.accu_var.clone(), accumulator));
        self.infer(&comprehension.loop_cond);
        self.infer(&comprehension.loop_step);
        self.loops -= 1;
        let result = self.infer(&comprehension.result);
        self.locals.truncate(depth);
        result
    }

    /// Where an expression stands. A call's own place is its bracket; the caret belongs under its name.
    fn span(&self, expr: &IdedExpr) -> Range<usize> {
        let span = span_of(self.info, expr.id);
        match &expr.expr {
            Expr::Call(call) if self.source[..span.start].ends_with(&call.func_name) => {
                span.start - call.func_name.len()..span.start
            }
            _ => span,
        }
    }

    fn error(&mut self, code: &'static str, expr: &IdedExpr, message: impl Into<String>) {
        self.checked.findings.push(Finding::error(code, self.span(expr), message));
    }

    fn error_with_hint(
        &mut self,
        code: &'static str,
        expr: &IdedExpr,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.checked.findings.push(Finding::error(code, self.span(expr), message).hint(hint));
    }
}

fn is_path_operator(name: &str) -> bool {
    matches!(name, operators::OPT_SELECT | operators::INDEX | operators::OPT_INDEX)
}

/// Whether a path has an optional step, which makes its value optional.
fn is_optional_path(expr: &IdedExpr) -> bool {
    match &expr.expr {
        Expr::Select(select) => is_optional_path(&select.operand),
        Expr::Call(call) => call.func_name != operators::INDEX || call.args.first().is_some_and(is_optional_path),
        _ => false,
    }
}

fn literal_type(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Null => Type::Null,
        LiteralValue::String(_) => Type::String,
        LiteralValue::UInt(_) => Type::Uint,
    }
}

fn signature(function: &Function) -> String {
    let arguments = function.arguments.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match function.receiver {
        Some(receiver) => format!("{receiver}.{}({arguments})", function.name),
        None => format!("{}({arguments})", function.name),
    }
}
