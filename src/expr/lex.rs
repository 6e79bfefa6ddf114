//! From source to tokens. Source: the CEL language definition, section "Syntax".

use super::ast::{Literal, Span};
use super::mistakes;

/// A token and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Literal(Literal),
    /// A name, reserved or not.
    Word(String),
    /// A field's name in backticks.
    Quoted(String),
    /// `.`, `.?`, `[?` are put together by the parser from these.
    Sign(&'static str),
    End,
}

/// What cannot be a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LexError {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
}

const SIGNS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "?", ":", "(", ")", "[", "]", "{", "}", ",", ".", "+", "-", "*",
    "/", "%",
];

/// All tokens of `source`, the last of which is the end.
pub(super) fn lex(source: &str) -> Result<Vec<Token>, LexError> {
    let mut lexer = Lexer { source, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let end = token.kind == TokenKind::End;
        tokens.push(token);
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Token, LexError> {
        self.skip_white();
        let start = self.at;
        let rest = &self.source[start..];
        let kind = match rest.bytes().next() {
            None => TokenKind::End,
            Some(b'"' | b'\'') => self.text(false, false)?,
            Some(b'0'..=b'9') => self.number()?,
            Some(b'.') if rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => self.number()?,
            Some(b'`') => self.quoted()?,
            Some(byte) if byte == b'_' || byte.is_ascii_alphabetic() => self.word()?,
            Some(_) => self.sign()?,
        };
        Ok(Token { kind, span: self.span(start) })
    }

    fn skip_white(&mut self) {
        loop {
            let rest = &self.source[self.at..];
            let white = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']).len();
            self.at += white;
            if self.source[self.at..].starts_with("//") {
                self.at += self.source[self.at..].find('\n').unwrap_or(self.source.len() - self.at);
            } else if white == 0 {
                return;
            }
        }
    }

    fn sign(&mut self) -> Result<TokenKind, LexError> {
        let rest = &self.source[self.at..];
        if let Some((sign, hint)) = mistakes::SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            return Err(self.error(self.at, sign.len(), format!("`{sign}` does not belong here")).hint(hint));
        }
        if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            self.at += sign.len();
            return Ok(TokenKind::Sign(sign));
        }
        let character = rest.chars().next().unwrap_or_default();
        let error = |message| self.error(self.at, character.len_utf8(), message);
        if character.is_whitespace() || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}') {
            let message =
                format!("a character that cannot be seen, U+{:04X}, does not belong here", u32::from(character));
            return Err(error(message).hint("take it out, or write a plain blank"));
        }
        let error = error(format!("`{character}` does not belong here"));
        Err(LexError { hint: mistakes::character(character), ..error })
    }

    fn word(&mut self) -> Result<TokenKind, LexError> {
        let rest = &self.source[self.at..];
        let length = rest.bytes().take_while(|byte| *byte == b'_' || byte.is_ascii_alphanumeric()).count();
        let word = &rest[..length];
        if matches!(rest.as_bytes().get(length), Some(b'"' | b'\'')) {
            let (raw, bytes) = match word {
                "r" | "R" => (true, false),
                "b" | "B" => (false, true),
                "rb" | "rB" | "Rb" | "RB" | "br" | "bR" | "Br" | "BR" => (true, true),
                _ if length > 2 => {
                    let error = self.error(self.at + length, 1, format!("an operator is missing behind `{word}`"));
                    return Err(error.hint("for example `==`; a text with a `'` in it stands in double quotes"));
                }
                _ => {
                    let error = self.error(self.at, length, format!("`{word}` is no prefix of a text"));
                    return Err(error.hint("`r` begins a raw text, `b` bytes"));
                }
            };
            self.at += length;
            return self.text(raw, bytes);
        }
        self.at += length;
        Ok(match word {
            "true" => TokenKind::Literal(Literal::Bool(true)),
            "false" => TokenKind::Literal(Literal::Bool(false)),
            "null" => TokenKind::Literal(Literal::Null),
            _ => TokenKind::Word(word.to_owned()),
        })
    }

    fn quoted(&mut self) -> Result<TokenKind, LexError> {
        let rest = &self.source[self.at + 1..];
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/' | b' ');
        match rest.find('`') {
            Some(end) if end > 0 && rest[..end].bytes().all(allowed) => {
                self.at += end + 2;
                Ok(TokenKind::Quoted(rest[..end].to_owned()))
            }
            _ => Err(self.error(self.at, 1, "a name in backticks has letters, digits, `_`, `.`, `-`, `/` and blanks")),
        }
    }

    // --- numbers ---

    fn number(&mut self) -> Result<TokenKind, LexError> {
        let start = self.at;
        let rest = &self.source[start..];
        if let Some(hex) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
            let digits = hex.bytes().take_while(u8::is_ascii_hexdigit).count();
            if digits == 0 {
                return Err(self.error(start, 2, "a hexadecimal number has digits"));
            }
            self.at += 2 + digits;
            return self.integer(start, &hex[..digits], 16);
        }
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let mut length = digits(rest);
        let mut fraction = false;
        if rest[length..].starts_with('.') && digits(&rest[length + 1..]) > 0 {
            fraction = true;
            length += 1 + digits(&rest[length + 1..]);
        }
        if rest[length..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[length + 1..].starts_with(['+', '-']));
            let exponent = digits(&rest[length + 1 + sign..]);
            if exponent == 0 {
                return Err(self.error(start, length + 1, "an exponent has digits"));
            }
            fraction = true;
            length += 1 + sign + exponent;
        }
        self.at += length;
        if !fraction {
            return self.integer(start, &rest[..length], 10);
        }
        let number: f64 = rest[..length].parse().unwrap_or(f64::NAN);
        if number.is_infinite() {
            return Err(self.error(start, length, "the number is larger than any double"));
        }
        Ok(TokenKind::Literal(Literal::Double(number)))
    }

    /// The minus of a negative number is an operator, so that the smallest int's digits are one more than the largest's:
    /// the parser, who sees the minus, takes care of it.
    fn integer(&mut self, start: usize, digits: &str, radix: u32) -> Result<TokenKind, LexError> {
        let length = self.at - start;
        let too_large = |lexer: &Self| lexer.error(start, length, "the number does not fit 64 bits");
        let number = u64::from_str_radix(digits, radix).map_err(|_| too_large(self))?;
        if self.source[self.at..].starts_with(['u', 'U']) {
            self.at += 1;
            return Ok(TokenKind::Literal(Literal::Uint(number)));
        }
        match i64::try_from(number) {
            Ok(number) => Ok(TokenKind::Literal(Literal::Int(number))),
            Err(_) if number == i64::MIN.unsigned_abs() => Ok(TokenKind::Literal(Literal::Int(i64::MIN))),
            Err(_) => Err(too_large(self)),
        }
    }

    // --- texts ---

    fn text(&mut self, raw: bool, bytes: bool) -> Result<TokenKind, LexError> {
        let start = self.at;
        let rest = &self.source[start..];
        let quote = &rest[..1];
        let triple = rest.len() >= 3 && rest[1..].starts_with(quote) && rest[2..].starts_with(quote);
        let closing = if triple { quote.repeat(3) } else { quote.to_owned() };
        self.at += closing.len();
        let mut out = Vec::new();
        loop {
            let rest = &self.source[self.at..];
            if rest.starts_with(&closing) {
                self.at += closing.len();
                break;
            }
            let Some(character) = rest.chars().next() else {
                return Err(self.endless(start, &closing, "the text has no end"));
            };
            if matches!(character, '\n' | '\r') && !triple {
                return Err(self.endless(start, &closing, "the text has no end on its line"));
            }
            if character == '\\' && !raw {
                self.escape(bytes, &mut out)?;
            } else {
                // A raw text keeps its backslashes, and with them the quote behind one.
                let quoted = raw && character == '\\' && rest[1..].starts_with(quote);
                let length = character.len_utf8() + usize::from(quoted);
                out.extend_from_slice(&rest.as_bytes()[..length]);
                self.at += length;
            }
        }
        if bytes {
            return Ok(TokenKind::Literal(Literal::Bytes(out)));
        }
        let text = String::from_utf8(out).map_err(|_| self.error(start, 1, "the text is not UTF-8"))?;
        Ok(TokenKind::Literal(Literal::String(text)))
    }

    fn endless(&self, start: usize, closing: &str, message: &str) -> LexError {
        let error = self.error(start, closing.len(), message);
        let rest = &self.source[start..];
        match closing {
            "\"" if rest.contains('\'') => error.hint("it begins with `\"`, and a `'` does not end it"),
            "'" if rest.contains('"') => error.hint("it begins with `'`, and a `\"` does not end it"),
            _ => error,
        }
    }

    fn escape(&mut self, bytes: bool, out: &mut Vec<u8>) -> Result<(), LexError> {
        let start = self.at;
        let rest = &self.source[start + 1..];
        let Some(kind) = rest.chars().next() else { return Err(self.error(start, 1, "the escape has no end")) };
        let simple = match kind {
            'a' => Some(7),
            'b' => Some(8),
            'f' => Some(12),
            'n' => Some(b'\n'),
            'r' => Some(b'\r'),
            't' => Some(b'\t'),
            'v' => Some(11),
            '\\' | '?' | '"' | '\'' | '`' => u8::try_from(kind).ok(),
            _ => None,
        };
        if let Some(byte) = simple {
            out.push(byte);
            self.at += 2;
            return Ok(());
        }
        let (skip, digits, radix) = match kind {
            'x' | 'X' => (2, 2, 16),
            'u' if !bytes => (2, 4, 16),
            'U' if !bytes => (2, 8, 16),
            '0'..='3' => (1, 3, 8),
            _ => {
                let error = self.error(start, 1 + kind.len_utf8(), "this text has an escape that is not known");
                return Err(error.hint(r"double the `\`, or write r'…', in which it is like any other character"));
            }
        };
        let code = self.source.get(start + skip..start + skip + digits);
        let code = code.filter(|code| code.bytes().all(|digit| char::from(digit).is_digit(radix)));
        let code = code.and_then(|code| u32::from_str_radix(code, radix).ok());
        let wrong = || self.error(start, skip, "the escape stands for no character");
        let code = code.ok_or_else(wrong)?;
        if bytes {
            out.push(u8::try_from(code).map_err(|_| wrong())?);
        } else {
            let character = char::from_u32(code).ok_or_else(wrong)?;
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        self.at += skip + digits;
        Ok(())
    }

    fn span(&self, start: usize) -> Span {
        span(start, self.at)
    }

    fn error(&self, start: usize, length: usize, message: impl Into<String>) -> LexError {
        LexError { span: span(start, (start + length).min(self.source.len())), message: message.into(), hint: None }
    }
}

impl LexError {
    fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

fn span(start: usize, end: usize) -> Span {
    // The source's length is bounded long before it could not fit.
    Span { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
}
