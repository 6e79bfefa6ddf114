//! Calls that are macros: `all exists exists_one map filter`, their forms with two variables, `optMap`, `cel.bind`.

use super::{ParseError, Parser};
use crate::expr::ast::{Expr, Fold, FoldKind, Kind, Span};

impl Parser<'_> {
    /// The macro that the call is, or its parts again.
    pub(super) fn fold(
        &mut self,
        operand: Expr,
        function: &str,
        mut arguments: Vec<Expr>,
        span: Span,
    ) -> Result<Result<Expr, (Expr, Vec<Expr>)>, ParseError> {
        if function == "bind"
            && arguments.len() == 3
            && matches!(&operand.kind, Kind::Name { name, .. } if name == "cel")
        {
            let name = self.variable(&arguments[0])?;
            let body = Box::new(arguments.remove(2));
            let value = Box::new(arguments.remove(1));
            return self.node(Kind::Bind { name, value, body }, span).map(Ok);
        }
        if matches!(function, "optMap" | "optFlatMap") && arguments.len() == 2 {
            let name = self.variable(&arguments[0])?;
            let body = Box::new(arguments.remove(1));
            let target = Box::new(operand);
            return self.node(Kind::Optional { target, name, body, flat: function == "optFlatMap" }, span).map(Ok);
        }
        // Name, number of arguments: kind, whether there are two variables, whether there is a filter.
        let (kind, two, filter) = match (function, arguments.len()) {
            ("all", 2) => (FoldKind::All, false, false),
            ("all", 3) => (FoldKind::All, true, false),
            ("exists", 2) => (FoldKind::Exists, false, false),
            ("exists", 3) => (FoldKind::Exists, true, false),
            ("exists_one" | "existsOne", 2) => (FoldKind::ExistsOne, false, false),
            ("exists_one" | "existsOne", 3) => (FoldKind::ExistsOne, true, false),
            ("filter", 2) => (FoldKind::Filter, false, false),
            ("map", 2) => (FoldKind::Map, false, false),
            ("map", 3) => (FoldKind::Map, false, true),
            ("transformList", 3) => (FoldKind::Map, true, false),
            ("transformList", 4) => (FoldKind::Map, true, true),
            ("transformMap", 3) => (FoldKind::TransformMap, true, false),
            ("transformMap", 4) => (FoldKind::TransformMap, true, true),
            ("transformMapEntry", 3) => (FoldKind::TransformMapEntry, true, false),
            ("transformMapEntry", 4) => (FoldKind::TransformMapEntry, true, true),
            _ => return Ok(Err((operand, arguments))),
        };
        let first = self.variable(&arguments[0])?;
        let second = if two { Some(self.variable(&arguments[1])?) } else { None };
        if second.as_ref() == Some(&first) {
            return Err(self.error(arguments[1].span, "the two names must differ"));
        }
        let body = arguments.pop().ok_or_else(|| self.unexpected())?;
        let filter = if filter { arguments.pop() } else { None };
        self.node(Kind::Fold(Box::new(Fold { kind, range: operand, first, second, filter, body })), span).map(Ok)
    }

    fn variable(&self, expr: &Expr) -> Result<String, ParseError> {
        match &expr.kind {
            Kind::Name { name, absolute: false } => Ok(name.clone()),
            _ => Err(self.error(expr.span, "a plain name must stand here")),
        }
    }
}
