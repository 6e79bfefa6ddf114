//! From source to an [`Expression`], within bounds.

use std::ops::Range;

use super::ast::Expr;
use super::check::{Checked, check};
use super::cost::{Cost, Searches, most};
use super::lower::Lowering;
use super::names::Names;
use super::parse::parse;
use super::slots::Paths;
use super::{BUDGET, Expression, Finding, Schema, Type, UnknownField};
use crate::base::diagnostic::Severity;

/// The longest source, in bytes.
pub const MAX_SOURCE_BYTES: usize = 2048;
/// The largest expression, in nodes.
pub const MAX_NODES: usize = 200;

/// An event that is as large as an ordinary one may be, in bytes.
pub const ORDINARY_EVENT_BYTES: u64 = 16 << 10;
/// An expression that can take more steps than this on an ordinary event is warned of. What can be told beforehand is
/// mostly some times as much as any event really takes, so that a warning at the budget would often be about nothing.
pub(super) const TOO_COSTLY: u64 = 8 * BUDGET;

/// Compiles the expressions of one event, which share the paths that they name.
pub struct Compiler<'a> {
    schema: &'a Schema,
    paths: &'a mut Paths,
    pub(super) container: &'a str,
    pub(super) macros: bool,
    pub(super) max_nodes: usize,
    pub(super) max_source: usize,
}

/// What became of a source: an expression if nothing is wrong with it, and findings.
#[derive(Debug)]
pub struct Compiled {
    /// The expression, unless a finding is an error.
    pub expression: Option<Expression>,
    /// What there is to say.
    pub findings: Vec<Finding>,
    /// The fields that the schema does not list, each once, with the place of its first use.
    pub unknown: Vec<(UnknownField, Range<usize>)>,
    /// The type of the value, as far as it is known.
    pub kind: Type,
}

impl<'a> Compiler<'a> {
    /// A compiler for expressions that see `schema`. The fields that they name are added to `paths`, which a
    /// [`Scope`](super::Scope) then fills.
    pub fn new(schema: &'a Schema, paths: &'a mut Paths) -> Self {
        Self { schema, paths, container: "", macros: true, max_nodes: MAX_NODES, max_source: MAX_SOURCE_BYTES }
    }

    /// Compiles `source`, whose value must be of type `wanted`.
    pub fn compile(&mut self, source: &str, wanted: Type) -> Compiled {
        let expr = match self.parse(source) {
            Ok(expr) => expr,
            Err(finding) => {
                return Compiled { expression: None, findings: vec![finding], unknown: Vec::new(), kind: Type::Dyn };
            }
        };
        let Checked { mut findings, unknown, kind } = check(source, &expr, self.names(), wanted);
        let bad = findings.iter().any(|finding| finding.severity == Severity::Error);
        let mut searches = Searches::new();
        let expression = if bad { None } else { self.lower_with(&expr, source, &mut searches, &mut findings) };
        if expression.is_some() {
            let cost = most(&expr, self.names(), ORDINARY_EVENT_BYTES, &mut searches);
            findings.extend(too_costly(&cost, expr.span.range()));
        }
        let unknown = unknown.into_iter().map(|(field, span)| (field, span.range())).collect();
        Compiled { expression, findings, unknown, kind }
    }

    pub(super) fn parse(&self, source: &str) -> Result<Expr, Finding> {
        if source.len() > self.max_source {
            let message = format!("the expression is longer than {} bytes", self.max_source);
            let finding = Finding::error("expression-cost", 0..source.len(), message);
            return Err(finding.hint("split the rule in several, or move long lists into several rules"));
        }
        if source.trim().is_empty() {
            return Err(Finding::error("expression-syntax", 0..source.len(), "the expression is empty"));
        }
        parse(source, self.max_nodes, self.macros).map_err(|error| {
            let code = if error.too_large { "expression-cost" } else { "expression-syntax" };
            let mut finding = Finding::error(code, error.span.range(), error.message);
            finding.hint = error.hint;
            finding
        })
    }

    #[cfg(test)]
    pub(super) fn lower(&mut self, expr: &Expr, source: &str, findings: &mut Vec<Finding>) -> Option<Expression> {
        self.lower_with(expr, source, &mut Searches::new(), findings)
    }

    fn lower_with(
        &mut self,
        expr: &Expr,
        source: &str,
        searches: &mut Searches,
        findings: &mut Vec<Finding>,
    ) -> Option<Expression> {
        let names = self.names();
        match (Lowering { names, paths: self.paths, searches }).lower(expr) {
            Ok(code) => Some(Expression::new(code, source)),
            Err(error) => {
                findings.push(Finding::error("expression-cost", error.span.range(), error.message));
                None
            }
        }
    }

    fn names<'n>(&self) -> Names<'n>
    where
        'a: 'n,
    {
        Names { schema: self.schema, container: self.container, locals: Vec::new() }
    }
}

/// A warning, where an ordinary event can make it take more than the budget.
fn too_costly(cost: &Cost, whole: Range<usize>) -> Option<Finding> {
    if cost.steps <= TOO_COSTLY {
        return None;
    }
    let place = cost.excess.clone().unwrap_or(whole);
    let message = "an event of 16 KiB can make this take more steps than the rules of an event have";
    let hint = "the rule would err there; `hookreeve check --costs` tells from which size on";
    Some(Finding::warning("cost-unbounded", place, message).hint(hint))
}
