//! What a name means: a macro's variable, a variable with fields under it, a type, or nothing.

use super::ast::{Expr, Kind, Literal};
use super::functions::{self, Function};
use super::schema::{Schema, Type};

/// The names in force at some place of an expression.
pub(super) struct Names<'a> {
    pub(super) schema: &'a Schema,
    /// The namespace that names are looked up in first; empty outside of conformance tests.
    pub(super) container: &'a str,
    /// Variables of macros, outermost first, with their types.
    pub(super) locals: Vec<(String, Type)>,
}

/// A way from a name down, as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chain {
    pub(super) absolute: bool,
    /// Names, and whether the step to each is optional.
    pub(super) steps: Vec<(String, bool)>,
}

/// What a chain means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    /// A macro's variable, with fields under it that are no path.
    Local(usize),
    /// A variable and the fields under it, a path; and for each step whether it is optional.
    Path(Vec<String>, Vec<bool>),
    /// A type's name.
    Type(&'static str),
    Unknown,
}

/// The chain that an expression is, where it is nothing else.
pub(super) fn chain(expr: &Expr) -> Option<Chain> {
    let (operand, name, optional) = match &expr.kind {
        Kind::Name { name, absolute } => {
            return Some(Chain { absolute: *absolute, steps: vec![(name.clone(), false)] });
        }
        Kind::Select { operand, field, optional } => (operand, field, *optional),
        Kind::Index { operand, index, optional } => match &index.kind {
            Kind::Literal(Literal::String(field)) => (operand, field, *optional),
            _ => return None,
        },
        _ => return None,
    };
    let mut chain = chain(operand)?;
    chain.steps.push((name.clone(), optional));
    Some(chain)
}

impl Names<'_> {
    /// What a chain means.
    pub(super) fn meaning(&self, chain: &Chain) -> Meaning {
        let (first, _) = &chain.steps[0];
        if !chain.absolute
            && let Some(local) = self.locals.iter().rposition(|(local, _)| local == first)
        {
            return Meaning::Local(local);
        }
        let plain = chain.steps.iter().take_while(|(_, optional)| !optional).count();
        for length in (1..=plain).rev() {
            let written = chain.steps[..length].iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(".");
            for candidate in self.candidates(&written, chain.absolute) {
                if self.schema.variable_type(&candidate).is_some() {
                    let rest = &chain.steps[length..];
                    let path = [candidate].into_iter().chain(rest.iter().map(|(name, _)| name.clone())).collect();
                    let optional = [false].into_iter().chain(rest.iter().map(|(_, optional)| *optional)).collect();
                    return Meaning::Path(path, optional);
                }
            }
            if length == chain.steps.len()
                && let Some(name) = functions::TYPE_NAMES.iter().find(|name| **name == written)
            {
                return Meaning::Type(name);
            }
        }
        Meaning::Unknown
    }

    /// The names that a name may stand for, the most special first.
    fn candidates(&self, name: &str, absolute: bool) -> Vec<String> {
        let mut candidates = Vec::new();
        let mut container = if absolute { "" } else { self.container };
        while !container.is_empty() {
            candidates.push(format!("{container}.{name}"));
            container = container.rsplit_once('.').map_or("", |(outer, _)| outer);
        }
        candidates.push(name.to_owned());
        candidates
    }

    /// The forms of the function that a call means, and whether the receiver is its first argument, not part of its name.
    pub(super) fn function(&self, function: &str, receiver: Option<&Expr>) -> (Vec<&'static Function>, bool) {
        let Some(receiver) = receiver else { return (functions::forms(function, false).collect(), false) };
        let qualified = chain(receiver).filter(|chain| {
            chain.steps.iter().all(|(_, optional)| !optional) && self.meaning(chain) == Meaning::Unknown
        });
        if let Some(chain) = qualified {
            let names: Vec<&str> = chain.steps.iter().map(|(name, _)| name.as_str()).chain([function]).collect();
            let forms: Vec<_> = functions::forms(&names.join("."), false).collect();
            if !forms.is_empty() {
                return (forms, false);
            }
        }
        (functions::forms(function, true).collect(), true)
    }
}
