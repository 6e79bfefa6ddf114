//! What can be said of names and of the fields under them.

use super::Checker;
use crate::base::tree::closest;
use crate::expr::ast::{Expr, Span};
use crate::expr::names::{Meaning, chain};
use crate::expr::schema::Type;

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
        let kind_of = |path: &[String]| match path {
            [variable] => schema.variable_type(variable).unwrap_or(Type::Dyn),
            path => schema.field_type(path),
        };
        for depth in 1..path.len() {
            let above = &path[..depth];
            let above_type = kind_of(above);
            if !above_type.may_be(Type::Map) {
                let message = format!("`{}` is {} and has no fields", above.join("."), above_type.with_article());
                self.error("expression-type", span, message);
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
        let hint = match closest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known names: {}", known.join(", ")),
        };
        self.error_with_hint("unknown-name", expr.span, format!("unknown name `{name}`"), hint);
        Type::Dyn
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
            self.error("expression-type", expr.span, format!("`[]` cannot be taken of {}", kind.with_article()));
        }
        if kind == Type::List && !index.is_number() && index != Type::Dyn {
            self.error("expression-type", expr.span, format!("a list has no index that is {}", index.with_article()));
        }
        if index.is_number() {
            self.guess(operand, Type::List);
        }
        if optional || kind == Type::Optional { Type::Optional } else { Type::Dyn }
    }
}
