//! What is said of a token that does not belong where it stands.

use super::{ParseError, Parser};
use crate::expr::ast::Literal;
use crate::expr::functions;
use crate::expr::lex::TokenKind;
use crate::expr::mistakes;

impl Parser<'_> {
    /// The next token can begin nothing.
    pub(super) fn unexpected(&self) -> ParseError {
        let token = self.peek();
        let message = match &token.kind {
            TokenKind::End => "the expression ends too early".to_owned(),
            TokenKind::Sign(sign) => format!("unexpected `{sign}`"),
            TokenKind::Word(word) | TokenKind::Quoted(word) => format!("unexpected `{word}`"),
            TokenKind::Literal(_) => "unexpected value".to_owned(),
        };
        let error = self.error(token.span, message);
        match self.before() {
            Some(TokenKind::Sign(sign)) if token.kind == TokenKind::End => {
                error.hint(format!("something is missing behind the `{sign}`"))
            }
            _ => error,
        }
    }

    /// The next token stands in place of `sign`, behind a whole expression.
    pub(super) fn instead_of(&self, sign: &str) -> ParseError {
        // Behind a key or the first of two values an operator may be missing, or the sign.
        if sign != ":"
            && let Some(error) = self.missing_operator()
        {
            return error;
        }
        let error = self.word_operator().or_else(|| self.optional_step(self.at)).unwrap_or_else(|| {
            let error = self.unexpected();
            let message = format!("{}; `{sign}` is expected", error.message);
            ParseError { message, ..error }
        });
        if sign == ")" && self.sees(",") && error.hint.is_none() {
            return error.hint("a list stands in square brackets: `user.login in [\"a\", \"b\"]`");
        }
        error
    }

    /// The next token stands behind the end of the whole expression.
    pub(super) fn stray(&self) -> ParseError {
        let found = self.missing_operator().or_else(|| self.optional_step(self.at));
        found.unwrap_or_else(|| match &self.peek().kind {
            TokenKind::Sign(sign @ (")" | "]" | "}")) => {
                self.unexpected().hint(format!("nothing is open that the `{sign}` could close"))
            }
            _ => self.unexpected(),
        })
    }

    /// Two values stand side by side.
    fn missing_operator(&self) -> Option<ParseError> {
        if let Some(error) = self.word_operator() {
            return Some(error);
        }
        let token = self.peek();
        let written = &self.source[token.span.range()];
        let begins_value = match &token.kind {
            TokenKind::Literal(_) | TokenKind::Word(_) | TokenKind::Quoted(_) => true,
            TokenKind::Sign(sign) => matches!(*sign, "(" | "{" | "!"),
            TokenKind::End => false,
        };
        if !begins_value {
            return None;
        }
        if let Some(TokenKind::Word(word)) = self.before() {
            let is_function = functions::FUNCTIONS.iter().any(|function| function.name == word);
            if is_function || functions::MACROS.iter().any(|(name, _)| name == word) {
                let error = self.error(token.span, format!("`{word}` takes its arguments in brackets"));
                return Some(error.hint(format!("write `{word}(…)`")));
            }
        }
        let error = self.error(token.span, format!("an operator is missing before `{written}`"));
        Some(match &token.kind {
            TokenKind::Literal(Literal::Double(_)) if written.starts_with('.') => {
                error.hint("an item of a list is written in square brackets: `user.assignedGroups[0]`")
            }
            _ => error.hint("for example `==` to compare, `&&` for and, `+` to join"),
        })
    }

    /// A word is an operator in other languages: the next token, or the one before it, as in `not user.active`.
    fn word_operator(&self) -> Option<ParseError> {
        let at = match self.before() {
            Some(TokenKind::Word(word)) if word.eq_ignore_ascii_case("not") => self.at - 1,
            _ => self.at,
        };
        let token = self.tokens.get(at)?;
        let TokenKind::Word(word) = &token.kind else { return None };
        let hint = match mistakes::operator(word) {
            Some(hint) => hint.to_owned(),
            None if functions::forms(word, true).next().is_some() => format!("write `x.{word}(…)`"),
            None => return None,
        };
        Some(self.error(token.span, format!("`{word}` is no operator")).hint(hint))
    }

    /// A `?` with a dot or a bracket right behind it, which elsewhere is a step to what may be missing.
    pub(super) fn optional_step(&self, question: usize) -> Option<ParseError> {
        let [mark, next, name] = self.tokens.get(question..question + 3)? else { return None };
        let is_step = mark.kind == TokenKind::Sign("?") && mark.span.end == next.span.start;
        let written = match &next.kind {
            TokenKind::Sign(".") if is_step => "?.",
            TokenKind::Sign("[") if is_step => "?[",
            _ => return None,
        };
        // The names before it, up to the first that no dot leads to.
        let is_name = |at: usize| matches!(self.tokens[at].kind, TokenKind::Word(_));
        let mut first = question.checked_sub(1).filter(|at| is_name(*at))?;
        while first >= 2 && self.tokens[first - 1].kind == TokenKind::Sign(".") && is_name(first - 2) {
            first -= 2;
        }
        let above = &self.source[self.tokens[first].span.to(self.tokens[question - 1].span).range()];
        let below = &self.source[name.span.range()];
        let right = if written == "?." { format!("{above}.?{below}") } else { format!("{above}[?{below}]") };
        let error = self.error(mark.span.to(next.span), format!("`{written}` does not belong here"));
        Some(error.hint(format!("write `{right}`")))
    }

    fn before(&self) -> Option<&TokenKind> {
        self.tokens.get(self.at.checked_sub(1)?).map(|token| &token.kind)
    }
}
