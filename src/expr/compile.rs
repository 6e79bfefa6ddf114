//! From source to an [`Expression`]: bounds, parsing, checking, and what is prepared once instead of at each event.

use std::sync::Arc;

use cel::Env;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, SourceInfo, operators};
use regex::{Regex, RegexBuilder};

use super::check::{self, literal_text};
use super::{Expression, Finding, Schema, Type, library};

/// The longest source, in bytes.
pub const MAX_SOURCE_BYTES: usize = 2048;
/// The largest expression, in nodes after its macros are expanded to what the operator wrote.
pub const MAX_NODES: usize = 200;
/// The memory that one regular expression may take, in bytes.
const MAX_REGEX_BYTES: usize = 4 << 20;
/// The parser recurses: about 2 KiB for each level of an expression, which is at most as deep as it is long.
const PARSER_STACK_BYTES: usize = 64 << 20;

/// Compiles the expressions of one rule set, which share what is prepared for them.
pub struct Compiler<'a> {
    env: Arc<Env>,
    schema: &'a Schema,
    regexes: &'a mut Vec<Regex>,
}

/// What became of a source: an expression if nothing is wrong with it, and findings.
#[derive(Debug)]
pub struct Compiled {
    /// The expression, unless a finding is an error.
    pub expression: Option<Expression>,
    /// What there is to say.
    pub findings: Vec<Finding>,
}

impl<'a> Compiler<'a> {
    /// A compiler for expressions that see `schema`. Regular expressions are added to `regexes`, which a
    /// [`Scope`](super::Scope) then needs.
    pub fn new(schema: &'a Schema, regexes: &'a mut Vec<Regex>) -> Self {
        Self { env: library::environment(), schema, regexes }
    }

    /// Compiles `source`, whose value must be of type `wanted`.
    pub fn compile(&mut self, source: &str, wanted: Type) -> Compiled {
        let failed = |finding| Compiled { expression: None, findings: vec![finding] };
        if source.len() > MAX_SOURCE_BYTES {
            let message = format!("the expression is longer than {MAX_SOURCE_BYTES} bytes");
            let finding = Finding::error("expression-cost", 0..source.len(), message);
            return failed(finding.hint("split the rule in several, or move long lists into several rules"));
        }
        if source.trim().is_empty() {
            return failed(Finding::error("expression-syntax", 0..source.len(), "the expression is empty"));
        }
        let (ast, info) = match self.parse(source) {
            Ok(parsed) => parsed,
            Err(findings) => return Compiled { expression: None, findings },
        };
        let nodes = check::count(&ast);
        if nodes > MAX_NODES {
            let message = format!("the expression has {nodes} nodes; at most {MAX_NODES} are allowed");
            let finding = Finding::error("expression-cost", 0..source.len(), message);
            return failed(finding.hint("split the rule in several"));
        }
        let mut checked = check::check(&ast, &info, source, self.schema, wanted);
        let mut ast = ast;
        self.prepare(&mut ast, &info, &mut checked.findings);
        let bad = checked.findings.iter().any(|finding| finding.severity == crate::base::diagnostic::Severity::Error);
        Compiled {
            expression: (!bad).then(|| Expression::new(ast, checked.paths, checked.names)),
            findings: checked.findings,
        }
    }

    /// Parses on a thread of its own, whose stack is large enough for any source of the allowed length.
    fn parse(&self, source: &str) -> Result<(IdedExpr, SourceInfo), Vec<Finding>> {
        let work = || {
            let parsed = self.env.parser().parse_with_source_info(source);
            parsed.map_err(|errors| {
                if errors.errors.iter().any(|error| error.msg.contains("Recursion limit")) {
                    return vec![Finding::error(
                        "expression-cost",
                        0..source.len(),
                        "the expression is nested too deeply",
                    )];
                }
                // The quotes of such a text are not seen either, so that all other errors only follow from it.
                if let Some(error) = errors.errors.iter().find(|error| is_bad_escape(&error.msg)) {
                    let at = offset(source, error.pos);
                    let message = "this text has an escape that is not known";
                    let finding = Finding::error("expression-syntax", at..(at + 1).min(source.len()).max(at), message);
                    return vec![
                        finding.hint(r"double the `\`, or write r'…', in which it is like any other character"),
                    ];
                }
                let findings = errors.errors.iter().map(|error| {
                    let at = offset(source, error.pos);
                    let span = at..(at + 1).min(source.len()).max(at);
                    let finding = Finding::error("expression-syntax", span, plain(&error.msg));
                    if source[at..].starts_with('=') { finding.hint("`==` compares") } else { finding }
                });
                findings.collect::<Vec<_>>()
            })
        };
        let finished = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(PARSER_STACK_BYTES).spawn_scoped(scope, work);
            thread.ok().and_then(|thread| thread.join().ok())
        });
        finished.unwrap_or_else(|| {
            Err(vec![Finding::error("expression-syntax", 0..source.len(), "the parser gave up on this expression")])
        })
    }

    /// Bounds every iteration and compiles every literal regular expression.
    fn prepare(&mut self, expr: &mut IdedExpr, info: &SourceInfo, findings: &mut Vec<Finding>) {
        check::children_mut(expr, &mut |child| self.prepare(child, info, findings));
        match &mut expr.expr {
            Expr::Comprehension(comprehension) if !check::is_binding(comprehension) => {
                let range = std::mem::take(&mut comprehension.iter_range);
                let id = range.id;
                let call = CallExpr { func_name: library::BOUNDED.to_owned(), target: None, args: vec![range] };
                comprehension.iter_range = IdedExpr { id, expr: Expr::Call(call) };
            }
            Expr::Call(call) if check::is_regex_call(call) => {
                let span = check::span_of(info, expr.id);
                let Some(pattern) = call.args.last().and_then(literal_text).map(str::to_owned) else {
                    let finding = Finding::error("regex", span, "the regular expression must be a literal text");
                    findings.push(finding.hint("it is compiled once, when the rules are loaded"));
                    return;
                };
                let span = call.args.last().map_or(span, |arg| check::span_of(info, arg.id));
                let built =
                    RegexBuilder::new(&pattern).size_limit(MAX_REGEX_BYTES).dfa_size_limit(MAX_REGEX_BYTES).build();
                match built {
                    Ok(regex) => {
                        let index = i64::try_from(self.regexes.len()).expect("far fewer than 2^63");
                        self.regexes.push(regex);
                        let text = call.target.take().map_or_else(|| call.args.swap_remove(0), |target| *target);
                        let index = IdedExpr { id: text.id, expr: Expr::Literal(LiteralValue::Int(index.into())) };
                        library::FIND.clone_into(&mut call.func_name);
                        call.args = vec![text, index];
                    }
                    Err(regex::Error::CompiledTooBig(_)) => {
                        let message = "the regular expression takes more than 4 MiB when compiled";
                        let hint =
                            r"`\w` and `\d` stand for all scripts: name characters, [a-z0-9], or begin with (?-u)";
                        findings.push(Finding::error("regex", span, message).hint(hint));
                    }
                    Err(error) => {
                        let text = error.to_string();
                        let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                        findings.push(Finding::error("regex", span, format!("not a regular expression: {reason}")));
                    }
                }
            }
            Expr::Call(_)
            | Expr::Comprehension(_)
            | Expr::Unspecified
            | Expr::Ident(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Select(_)
            | Expr::Struct(_) => {}
        }
    }
}

/// The byte at the parser's line and column, from 1 each.
fn offset(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(1).max(1);
    let column = usize::try_from(column).unwrap_or(1).max(1);
    let start: usize = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = source.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(column - 1).map_or(rest.trim_end().len(), |(at, _)| at)
}

/// Whether the parser stumbled over a text with a `\` in it.
fn is_bad_escape(message: &str) -> bool {
    message.contains("token recognition error at: ") && message.contains('\\')
}

/// The parser's message in words for people.
fn plain(message: &str) -> String {
    let message = message.trim();
    if let Some((found, _)) = message.strip_prefix("Syntax error: ").unwrap_or(message).split_once(" expecting ") {
        return match found.strip_prefix("mismatched input ").or_else(|| found.strip_prefix("extraneous input ")) {
            Some("'<EOF>'") => "the expression ends too early".to_owned(),
            Some(found) => format!("unexpected {found}"),
            None => found.to_owned(),
        };
    }
    if let Some(found) =
        message.rsplit("token recognition error at: ").next().filter(|found| found.len() < message.len())
    {
        return format!("`{}` does not belong here", found.trim_matches('\'').trim());
    }
    message.strip_prefix("Syntax error: ").unwrap_or(message).to_owned()
}

/// Whether the expression is written as `true`, so that it always holds.
pub(super) fn is_true(expr: &IdedExpr) -> bool {
    matches!(&expr.expr, Expr::Literal(LiteralValue::Boolean(truth)) if *truth.inner())
}

/// Whether the call is one of CEL's operators.
pub(super) fn operator_sign(name: &str) -> Option<&'static str> {
    Some(match name {
        operators::CONDITIONAL => "?:",
        operators::LOGICAL_AND => "&&",
        operators::LOGICAL_OR => "||",
        operators::LOGICAL_NOT => "!",
        operators::SUBSTRACT | operators::NEGATE => "-",
        operators::ADD => "+",
        operators::MULTIPLY => "*",
        operators::DIVIDE => "/",
        operators::MODULO => "%",
        operators::EQUALS => "==",
        operators::NOT_EQUALS => "!=",
        operators::GREATER_EQUALS => ">=",
        operators::LESS_EQUALS => "<=",
        operators::GREATER => ">",
        operators::LESS => "<",
        operators::INDEX => "[]",
        operators::OPT_INDEX => "[?]",
        operators::OPT_SELECT => ".?",
        operators::IN => "in",
        _ => return None,
    })
}
