//! What can be said of names and of the fields under them.

use super::Checker;
use crate::base::tree::closest;
use crate::expr::ast::{Expr, Kind, Span};
use crate::expr::names::{Meaning, chain};
use crate::expr::schema::Type;
use crate::expr::{Finding, functions, mistakes};

impl Checker<'_> {
    /// The type of what a name means, where the expression is one, with fields under it or without.
    pub(super) fn named(&mut self, expr: &Expr) -> Option<Type> {
        let chain = chain(expr)?;
        match self.names.meaning(&chain) {
            Meaning::Local(local) if chain.steps.len() == 1 => Some(self.names.locals[local].1),
            Meaning::Path(path, optional) => Some(self.field(expr.span, &path, &optional)),
            Meaning::Type(_) => Some(Type::Type),
            Meaning::Local(_) | Meaning::Unknown => None,
        }
    }

    fn field(&mut self, span: Span, path: &[String], optional: &[bool]) -> Type {
        let schema = self.names.schema;
        if schema.is_secret(path) {
            let message = format!("`{}` is a secret and cannot be named by a rule", path.join("."));
            self.error("secret-field", span, message);
            return Type::Dyn;
        }
        if schema.is_family(&path[0]) && !self.is_of_family(span, path) {
            return Type::Dyn;
        }
        let kind_of = |path: &[String]| match path {
            [variable] => schema.variable_type(variable).unwrap_or(Type::Dyn),
            path => schema.field_type(path),
        };
        for depth in 1..path.len() {
            let above = &path[..depth];
            let above_type = kind_of(above);
            if !above_type.may_be(Type::Map) {
                self.no_fields(span, above, above_type, &path[depth]);
                return Type::Dyn;
            }
        }
        if let Some(unknown) = schema.unknown(path)
            && self.unknown.iter().all(|(other, _)| other.path != unknown.path)
        {
            self.unknown.push((unknown, span));
        }
        if optional.contains(&true) { Type::Optional } else { kind_of(path) }
    }

    /// Whether a path under a variable that is no value itself leads to what is listed there.
    fn is_of_family(&mut self, span: Span, path: &[String]) -> bool {
        let (family, schema) = (&path[0], self.names.schema);
        let mut members = schema.listed(&path[..1]);
        members.dedup();
        let known = |names: &[&str]| names.join(", ");
        let remedy = schema.remedy(family);
        let Some(name) = path.get(1) else {
            let hint = match (members.first(), remedy) {
                (Some(first), _) => format!("name one of them: `{family}.{first}`"),
                (None, Some(remedy)) => remedy.to_owned(),
                (None, None) => format!("declare one under `[[{family}]]`"),
            };
            self.error_with_hint("unknown-name", span, format!("`{family}` is no value itself"), hint);
            return false;
        };
        if !members.contains(&name.as_str()) {
            let hint = match (closest(name, &members), remedy) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some(remedy)) => remedy.to_owned(),
                (None, None) if members.is_empty() => format!("declare it: `[[{family}]]` with `id = {name:?}`"),
                (None, None) => format!("there are: {}", known(&members)),
            };
            let message = match remedy {
                Some(_) => format!("`{family}` has no `{name}`"),
                None => format!("there is no {family} `{name}`"),
            };
            self.error_with_hint("unknown-name", span, message, hint);
            return false;
        }
        let fields = schema.listed(&path[..2]);
        if fields.is_empty() {
            // What it holds is not known before it is there.
            return true;
        }
        let Some(field) = path.get(2).filter(|field| !fields.contains(&field.as_str())) else { return true };
        let hint = match closest(field, &fields) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has: {}", known(&fields)),
        };
        self.error_with_hint("unknown-name", span, format!("`{family}.{name}` has no `{field}`"), hint);
        false
    }

    fn no_fields(&mut self, span: Span, above: &[String], above_type: Type, name: &str) {
        let above = above.join(".");
        let hint = if let Some(hint) = mistakes::property(&above, name) {
            Some(hint)
        } else if functions::forms(name, true).next().is_some() {
            Some(format!("write `{above}.{name}()`"))
        } else if above_type == Type::List {
            Some(format!("`{above}[0]` is its first item, and `{name:?} in {above}` asks whether it has this one"))
        } else {
            mistakes::function(name).map(str::to_owned)
        };
        let message = if above_type == Type::List {
            format!("`{above}` is a list and has no `{name}`")
        } else {
            format!("`{above}` is {} and has no fields", above_type.with_article())
        };
        let mut finding = Finding::error("expression-type", span.range(), message);
        finding.hint = hint;
        self.findings.push(finding);
    }

    /// Takes note that an expression, where it is an unknown field, is used as a value of this type.
    pub(super) fn guess(&mut self, expr: &Expr, kind: Type) {
        if !matches!(kind, Type::String | Type::Int | Type::Double | Type::Bool | Type::List | Type::Map) {
            return;
        }
        let Some(chain) = chain(expr) else { return };
        let Meaning::Path(path, _) = self.names.meaning(&chain) else { return };
        let unknown = self.unknown.iter_mut().map(|(unknown, _)| unknown);
        if let Some(unknown) = unknown.filter(|unknown| unknown.kind == Type::Dyn).find(|unknown| unknown.path == path)
        {
            unknown.kind = kind;
        }
    }

    pub(super) fn unknown_name(&mut self, expr: &Expr, name: &str) -> Type {
        let mut known: Vec<&str> = self.names.schema.variables().collect();
        known.extend(self.names.locals.iter().map(|(local, _)| local.as_str()));
        let hint = if let Some(value) = mistakes::name(name) {
            format!("write `{value}`")
        } else if let Some(holder) = self.names.schema.holder(name) {
            format!("did you mean `{holder}.{name}`? A text stands in quotes: {name:?}")
        } else if let Some(near) = closest(name, &known) {
            format!("did you mean `{near}`?")
        } else {
            format!("a text stands in quotes: {name:?}; known names: {}", known.join(", "))
        };
        self.error_with_hint("unknown-name", expr.span, format!("unknown name `{name}`"), hint);
        Type::Dyn
    }

    /// `user.cost-centre` is a difference; where that cannot be, it is likely to be a field's name.
    pub(super) fn is_name_with_a_dash(&mut self, expr: &Expr, left: &Expr, right: &Expr) -> bool {
        let Kind::Select { operand, field, .. } = &left.kind else { return false };
        let is_unknown = |expr: &Expr| chain(expr).is_some_and(|chain| self.names.meaning(&chain) == Meaning::Unknown);
        if left.span.end + 1 != right.span.start || !matches!(right.kind, Kind::Name { .. }) || !is_unknown(right) {
            return false;
        }
        let (above, below) = (self.written(operand).to_owned(), self.written(right).to_owned());
        let hint = format!("a name with a `-` in it stands in quotes: `{above}[\"{field}-{below}\"]`");
        self.error_with_hint("unknown-name", expr.span, format!("unknown name `{below}`"), hint);
        true
    }

    pub(super) fn select(&mut self, expr: &Expr, operand: &Expr, field: &str, optional: bool) -> Type {
        let operand = self.infer(operand);
        if !operand.may_be(Type::Map) && operand != Type::Optional {
            let message = format!("`.{field}` cannot be taken of {}", operand.with_article());
            self.error("expression-type", expr.span, message);
        }
        if optional || operand == Type::Optional { Type::Optional } else { Type::Dyn }
    }

    pub(super) fn index(&mut self, expr: &Expr, operand: &Expr, index: &Expr, optional: bool) -> Type {
        let kind = self.infer(operand);
        let index = self.infer(index);
        if !kind.may_be(Type::Map) && !kind.may_be(Type::List) && kind != Type::Optional {
            let message = format!("`[]` cannot be taken of {}", kind.with_article());
            if kind == Type::String && index == Type::Int {
                let hint = "`.charAt(0)` is its first character, `.substring(0, 2)` a part of it";
                self.error_with_hint("expression-type", expr.span, message, hint);
            } else {
                self.error("expression-type", expr.span, message);
            }
        }
        if kind == Type::List && !index.is_number() && index != Type::Dyn {
            let message = format!("a list has no index that is {}", index.with_article());
            self.error_with_hint("expression-type", expr.span, message, "items are counted from 0: `list[0]`");
        }
        if index.is_number() {
            self.guess(operand, Type::List);
        }
        if optional || kind == Type::Optional { Type::Optional } else { Type::Dyn }
    }
}
