//! From tokens to a tree, by precedence climbing, within bounds: nothing that is written makes it recurse deeper than
//! [`MAX_NESTING`] or build more nodes than it is allowed.

mod containers;
mod macros;
mod unexpected;

use super::ast::{Binary, Expr, Kind, Literal, Span, Unary};
use super::lex::{Token, TokenKind, lex};
use super::mistakes;

/// How deep brackets, calls and conditionals may stand in each other.
const MAX_NESTING: usize = 64;

/// Why a source is no expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParseError {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// It is one, but larger than it may be.
    pub(super) too_large: bool,
}

/// Words that cannot be names. As fields they can.
const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Reads a whole expression of at most `max_nodes` nodes. `macros` tells whether macros are read as such.
pub(super) fn parse(source: &str, max_nodes: usize, macros: bool) -> Result<Expr, ParseError> {
    let tokens = lex(source).map_err(|error| ParseError {
        span: error.span,
        message: error.message,
        hint: error.hint.map(str::to_owned),
        too_large: false,
    })?;
    let mut parser = Parser { source, tokens, at: 0, nodes: 0, nesting: 0, max_nodes, macros };
    if parser.peek().kind == TokenKind::End {
        let whole = Span { start: 0, ..parser.peek().span };
        return Err(parser.error(whole, "the expression holds only a comment"));
    }
    let expr = parser.expression()?;
    match &parser.peek().kind {
        TokenKind::End => Ok(expr),
        _ => Err(parser.stray()),
    }
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    nodes: usize,
    nesting: usize,
    max_nodes: usize,
    macros: bool,
}

type Parsed = Result<Expr, ParseError>;

impl Parser<'_> {
    fn expression(&mut self) -> Parsed {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            let message =
                format!("brackets, lists, calls and conditions stand more than {MAX_NESTING} deep in each other");
            return Err(self.too_large(&message));
        }
        let condition = self.binary(0)?;
        let question = self.at;
        let expr = if self.skip("?") {
            let yes = self.binary(0)?;
            if let Some(error) = self.optional_step(question).filter(|_| !self.sees(":")) {
                return Err(error);
            }
            self.expect(":")?;
            let no = self.expression()?;
            let span = condition.span.to(no.span);
            self.node(Kind::Conditional(Box::new(condition), Box::new(yes), Box::new(no)), span)?
        } else {
            condition
        };
        self.nesting -= 1;
        Ok(expr)
    }

    /// Operators that bind at least as tight as `least`. All are left-associative.
    fn binary(&mut self, least: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Some((operator, strength)) = self.operator().filter(|(_, strength)| *strength >= least) {
            self.at += 1;
            let right = self.binary(strength + 1)?;
            let span = left.span.to(right.span);
            left = self.node(Kind::Binary(operator, Box::new(left), Box::new(right)), span)?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Binary, u8)> {
        let sign = match &self.peek().kind {
            TokenKind::Sign(sign) => sign,
            TokenKind::Word(word) if word == "in" => "in",
            _ => return None,
        };
        Some(match sign {
            "||" => (Binary::Or, 1),
            "&&" => (Binary::And, 2),
            "==" => (Binary::Equal, 3),
            "!=" => (Binary::NotEqual, 3),
            "<" => (Binary::Less, 3),
            "<=" => (Binary::LessEqual, 3),
            ">" => (Binary::Greater, 3),
            ">=" => (Binary::GreaterEqual, 3),
            "in" => (Binary::In, 3),
            "+" => (Binary::Add, 4),
            "-" => (Binary::Subtract, 4),
            "*" => (Binary::Multiply, 5),
            "/" => (Binary::Divide, 5),
            "%" => (Binary::Remainder, 5),
            _ => return None,
        })
    }

    fn unary(&mut self) -> Parsed {
        let start = self.peek().span;
        let sign = if self.sees("!") { "!" } else { "-" };
        let mut signs = 0_usize;
        while self.skip(sign) {
            signs += 1;
        }
        if signs > 0
            && sign == "-"
            && let Some(literal) = self.negative_literal(signs)
        {
            let span = start.to(self.tokens[self.at - 1].span);
            let literal = self.node(Kind::Literal(literal), span)?;
            return self.members(literal);
        }
        let mut operand = self.member()?;
        // Pairs cancel out in truth, though not in type: of each chain one sign or two are kept.
        for _ in 0..if signs > 2 { 2 - signs % 2 } else { signs } {
            let operator = if sign == "!" { Unary::Not } else { Unary::Negate };
            let span = start.to(operand.span);
            operand = self.node(Kind::Unary(operator, Box::new(operand)), span)?;
        }
        Ok(operand)
    }

    /// A number with its minus is one literal, which is how the smallest int can be written.
    fn negative_literal(&mut self, signs: usize) -> Option<Literal> {
        if signs != 1 {
            return None;
        }
        let literal = match &self.peek().kind {
            TokenKind::Literal(Literal::Int(number)) => Literal::Int(number.wrapping_neg()),
            TokenKind::Literal(Literal::Double(number)) => Literal::Double(-number),
            _ => return None,
        };
        self.at += 1;
        Some(literal)
    }

    fn member(&mut self) -> Parsed {
        let primary = self.primary()?;
        self.members(primary)
    }

    fn members(&mut self, mut operand: Expr) -> Parsed {
        loop {
            if self.skip(".") {
                let optional = self.skip("?");
                let name = self.peek().span;
                let field = self.field_name()?;
                operand = if !optional && self.sees("(") {
                    self.method(operand, field, name)?
                } else {
                    let span = operand.span.to(name);
                    self.node(Kind::Select { operand: Box::new(operand), field, optional }, span)?
                };
            } else if self.skip("[") {
                let optional = self.skip("?");
                let index = Box::new(self.expression()?);
                let span = operand.span.to(self.expect("]")?);
                operand = self.node(Kind::Index { operand: Box::new(operand), index, optional }, span)?;
            } else if self.sees("{") && is_qualified_name(&operand) {
                operand = self.message(&operand)?;
            } else {
                return Ok(operand);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let token = self.peek().clone();
        match token.kind {
            TokenKind::Literal(Literal::Int(i64::MIN)) => {
                Err(self.error(token.span, "the number does not fit 64 bits"))
            }
            TokenKind::Literal(literal) => {
                self.at += 1;
                self.node(Kind::Literal(literal), token.span)
            }
            TokenKind::Word(word) => {
                self.at += 1;
                self.name(word, false, token.span)
            }
            TokenKind::Sign(".") => {
                self.at += 1;
                let next = self.peek().clone();
                let TokenKind::Word(word) = next.kind else { return Err(self.unexpected()) };
                self.at += 1;
                self.name(word, true, token.span.to(next.span))
            }
            TokenKind::Sign("(") => {
                self.at += 1;
                let inner = self.expression()?;
                let end = self.expect(")")?;
                Ok(Expr { span: token.span.to(end), ..inner })
            }
            TokenKind::Sign("[") => self.list(),
            TokenKind::Sign("{") => self.map(),
            TokenKind::Quoted(name) => {
                let error = self.error(token.span, "only a field's name stands in backticks");
                Err(error.hint(format!("a text stands in straight quotes: \"{name}\"")))
            }
            TokenKind::Sign("/") => {
                Err(self.unexpected().hint("a regular expression is a text: `re(user.login, '^[a-z]+$')`"))
            }
            TokenKind::Sign(_) | TokenKind::End => Err(self.unexpected()),
        }
    }

    fn name(&mut self, name: String, absolute: bool, span: Span) -> Parsed {
        if RESERVED.contains(&name.as_str()) {
            let error = self.error(span, format!("`{name}` is a reserved word and cannot be a name"));
            return Err(ParseError { hint: mistakes::reserved(&name).map(str::to_owned), ..error });
        }
        if !self.sees("(") {
            return self.node(Kind::Name { name, absolute }, span);
        }
        let (mut arguments, end) = self.arguments()?;
        let whole = span.to(end);
        if self.macros && name == "has" && !absolute {
            let [argument] = arguments.as_slice() else {
                return Err(self.error(whole, "`has` takes one field, such as `has(user.email)`"));
            };
            if !matches!(argument.kind, Kind::Select { .. }) {
                return Err(self.error(argument.span, "`has` takes a field, such as `has(user.email)`"));
            }
            let argument = Box::new(arguments.remove(0));
            return self.node(Kind::Has(argument), whole);
        }
        self.node(Kind::Call { function: name, receiver: None, arguments, name: span }, whole)
    }

    fn method(&mut self, operand: Expr, function: String, name: Span) -> Parsed {
        let (arguments, end) = self.arguments()?;
        let span = operand.span.to(end);
        if self.macros {
            return match self.fold(operand, &function, arguments, span)? {
                Ok(expr) => Ok(expr),
                Err((operand, arguments)) => {
                    self.node(Kind::Call { function, receiver: Some(Box::new(operand)), arguments, name }, span)
                }
            };
        }
        self.node(Kind::Call { function, receiver: Some(Box::new(operand)), arguments, name }, span)
    }

    fn arguments(&mut self) -> Result<(Vec<Expr>, Span), ParseError> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        if !self.sees(")") {
            loop {
                arguments.push(self.expression()?);
                if !self.skip(",") {
                    break;
                }
            }
        }
        Ok((arguments, self.expect(")")?))
    }

    // --- tokens ---

    fn field_name(&mut self) -> Result<String, ParseError> {
        let name = match &self.peek().kind {
            TokenKind::Quoted(word) => {
                let word = word.clone();
                self.at += 1;
                return Ok(word);
            }
            TokenKind::Word(word) => word.clone(),
            TokenKind::Literal(literal @ (Literal::Bool(_) | Literal::Null)) => {
                let word = match literal {
                    Literal::Bool(true) => "true",
                    Literal::Bool(false) => "false",
                    _ => "null",
                };
                let message = format!("`{word}` is no field's name here; write it as an index: [\"{word}\"]");
                return Err(self.error(self.peek().span, message));
            }
            TokenKind::Literal(Literal::String(text)) => {
                let error = self.error(self.peek().span, "a field's name stands behind a dot, and no text");
                return Err(error.hint(format!("write `[{text:?}]` without the dot; `+` joins texts")));
            }
            _ => return Err(self.unexpected()),
        };
        if name == "in" {
            return Err(self.error(self.peek().span, "`in` is no field's name here; write it as an index: [\"in\"]"));
        }
        self.at += 1;
        Ok(name)
    }

    fn peek(&self) -> &Token {
        // The last token is the end, which nothing goes beyond.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn sees(&self, sign: &str) -> bool {
        matches!(self.peek().kind, TokenKind::Sign(found) if found == sign)
    }

    fn skip(&mut self, sign: &str) -> bool {
        let there = self.sees(sign);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, sign: &str) -> Result<Span, ParseError> {
        let span = self.peek().span;
        if self.skip(sign) { Ok(span) } else { Err(self.instead_of(sign)) }
    }

    fn node(&mut self, kind: Kind, span: Span) -> Parsed {
        self.nodes += 1;
        if self.nodes > self.max_nodes {
            return Err(self.too_large(&format!("the expression has more than {} nodes", self.max_nodes)));
        }
        Ok(Expr { kind, span })
    }

    fn error(&self, span: Span, message: impl Into<String>) -> ParseError {
        let _ = self;
        ParseError { span, message: message.into(), hint: None, too_large: false }
    }

    fn too_large(&self, message: &str) -> ParseError {
        let end = self.tokens.last().map_or_else(Span::default, |token| token.span);
        ParseError {
            span: Span { start: 0, end: end.end },
            message: message.to_owned(),
            hint: Some("split the rule in several".to_owned()),
            too_large: true,
        }
    }
}

impl ParseError {
    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

fn is_qualified_name(expr: &Expr) -> bool {
    qualified_name(expr).is_some()
}

/// `a.b.c`, where the expression is nothing but that.
pub(super) fn qualified_name(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Name { name, .. } => Some(name.clone()),
        Kind::Select { operand, field, optional: false } => Some(format!("{}.{field}", qualified_name(operand)?)),
        _ => None,
    }
}
