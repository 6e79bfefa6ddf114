//! Where a request goes: a literal scheme, host and port, and a path and query in which values of the event may stand.
//!
//! A value stands percent-encoded and can neither leave its segment nor make another address of it.

use std::cell::Cell;

use reqwest::Url;

use super::Names;
use super::template::{Piece, Template, pieces};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::secret::Secret;
use crate::base::tree::Node;
use crate::expr::{EvalError, Scope};
use crate::outgoing::{Guard, check_host, encode, is_open};

/// What is said of an address at which secret fields could be read on the way.
pub const TLS_ONLY: &str = "secret fields are sent over TLS only";

/// An address, compiled for the names of one event.
#[derive(Debug)]
pub struct Address {
    /// Scheme, host and port.
    origin: String,
    path: Template,
    /// From the question mark on.
    query: Template,
}

impl Address {
    /// Compiles the text of `node`. `code` is that of what is found wrong with it as an address.
    pub fn compile(
        node: &Node,
        names: &mut Names,
        guard: &Guard,
        code: &'static str,
        findings: &mut Diagnostics,
    ) -> Option<Self> {
        let all = pieces(node, findings)?;
        let (origin, path, query) = match parts(all) {
            Ok(parts) => parts,
            Err(range) => {
                let message = "an expression cannot choose scheme, host or port";
                let place = node.place_within(range.unwrap_or(0..node.as_str()?.len()));
                let hint = "write them literally, and a `/` behind them: \"https://host/…\"";
                findings.push(Diagnostic::error(code, message).at(&place).hint(hint));
                return None;
            }
        };
        if let Err(problem) = check(&origin, &(probe(&path) + &probe(&query)), Some(guard)) {
            let finding = Diagnostic::error(code, problem.message).at(&node.place);
            findings.push(match problem.hint {
                Some(hint) => finding.hint(hint),
                None => finding,
            });
            return None;
        }
        let path = Template::of(path, node, names, findings);
        let query = Template::of(query, node, names, findings);
        Some(Self { origin, path: path?, query: query? })
    }

    /// Compiles the text of `node` as a path below a base, with a query if there is one.
    pub fn below(
        base: &Url,
        node: &Node,
        names: &mut Names,
        code: &'static str,
        findings: &mut Diagnostics,
    ) -> Option<Self> {
        let mut pieces = pieces(node, findings)?;
        if !matches!(pieces.first(), Some(Piece::Text(text)) if text.starts_with('/')) {
            let finding = Diagnostic::error(code, "a path begins with `/`").at(&node.place);
            findings.push(finding.hint("it is put behind `url`"));
            return None;
        }
        let origin = base.origin().ascii_serialization();
        pieces.insert(0, Piece::Text(base.path().trim_end_matches('/').to_owned()));
        let (path, query) = split_query(pieces);
        if let Err(problem) = check(&origin, &(probe(&path) + &probe(&query)), None) {
            let finding = Diagnostic::error(code, problem.message).at(&node.place);
            findings.push(match problem.hint {
                Some(hint) => finding.hint(hint),
                None => finding,
            });
            return None;
        }
        let path = Template::of(path, node, names, findings);
        let query = Template::of(query, node, names, findings);
        Some(Self { origin, path: path?, query: query? })
    }

    /// Whether what is sent there can be read on the way.
    pub fn is_open(&self) -> bool {
        Url::parse(&self.origin).is_ok_and(|url| is_open(&url))
    }

    /// The address for the values of an event.
    pub fn expand<'a>(&'a self, scope: &Scope<'a>) -> Result<Url, EvalError> {
        self.expand_unless_empty(scope)?.ok_or_else(|| EvalError::new("a value in the path is empty"))
    }

    /// The same; none where a value in the path is empty.
    pub fn expand_unless_empty<'a>(&'a self, scope: &Scope<'a>) -> Result<Option<Url>, EvalError> {
        let empty = Cell::new(false);
        let path = self.path.expand(scope, |value, text| {
            empty.set(empty.get() || value.is_empty());
            text.push_str(&encode(value));
            Ok(())
        })?;
        let query = self.query.expand(scope, |value, text| {
            text.push_str(&encode(value));
            Ok(())
        })?;
        if empty.get() {
            return Ok(None);
        }
        let rest = path + &query;
        let url = Url::parse(&format!("{}{rest}", self.origin)).map_err(|_| EvalError::new("it is no address"))?;
        // `..` and its like would be taken away.
        if rest_of(&url) == rest { Ok(Some(url)) } else { Err(EvalError::new("a value changes the path")) }
    }
}

/// What is wrong with an address, and what to do about it.
struct Problem {
    message: String,
    hint: Option<&'static str>,
}

impl Problem {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

/// The address that is a secret, such as one with a token in its path. The problem does not repeat it.
pub fn of_secret(secret: &Secret, guard: &Guard, gives_secrets: bool) -> Result<Url, String> {
    let text = std::str::from_utf8(secret.expose()).map_err(|_| "the address is no text".to_owned())?.trim();
    let url = Url::parse(text).map_err(|error| format!("the secret is no address: {error}"))?;
    check_url(&url, guard).map_err(|problem| problem.message)?;
    if gives_secrets && is_open(&url) { Err(TLS_ONLY.to_owned()) } else { Ok(url) }
}

/// The address below which an API's requests go, which is literal. The error is what is wrong with it, and what to do about
/// that.
pub fn base(text: &str, guard: &Guard) -> Result<Url, (String, Option<&'static str>)> {
    let refuse = |problem: Problem| (problem.message, problem.hint);
    if text.contains("${") {
        return Err(refuse(Problem::new("this address is literal: no expression stands in it")));
    }
    let url = Url::parse(text).map_err(|error| refuse(Problem::new(format!("this is no address: {error}"))))?;
    check_url(&url, guard).map_err(refuse)?;
    if url.query().is_some() {
        return Err(refuse(Problem::new("this address holds no query: paths are put behind it")));
    }
    Ok(url)
}

type Parts = (String, Vec<Piece>, Vec<Piece>);

/// The origin, the path, and the query with its question mark. The error is the place of an expression in the origin.
fn parts(pieces: Vec<Piece>) -> Result<Parts, Option<std::ops::Range<usize>>> {
    let mut pieces = pieces.into_iter();
    let Some(Piece::Text(first)) = pieces.next() else { return Err(None) };
    let host = first.find("://").map_or(0, |at| at + 3);
    let end = first[host..].find(['/', '?', '#', '\\']).map_or(first.len(), |at| host + at);
    let mut rest: Vec<Piece> = pieces.collect();
    if end == first.len()
        && let Some(Piece::Expression(range)) = rest.first()
    {
        return Err(Some(range.clone()));
    }
    let (origin, tail) = first.split_at(end);
    let slash = if tail.starts_with('/') { "" } else { "/" };
    rest.insert(0, Piece::Text(format!("{slash}{tail}")));
    let (path, query) = split_query(rest);
    Ok((origin.to_owned(), path, query))
}

/// The path, and the query with its question mark.
fn split_query(pieces: Vec<Piece>) -> (Vec<Piece>, Vec<Piece>) {
    let (mut path, mut query) = (Vec::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Text(text) if query.is_empty() => match text.find('?') {
                Some(at) => {
                    path.push(Piece::Text(text[..at].to_owned()));
                    query.push(Piece::Text(text[at..].to_owned()));
                }
                None => path.push(Piece::Text(text)),
            },
            piece if query.is_empty() => path.push(piece),
            piece => query.push(piece),
        }
    }
    (path, query)
}

/// A path or query in which something stands for each value.
fn probe(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| if let Piece::Text(text) = piece { text } else { "x" }).collect()
}

/// Whether an address is one that requests can be sent to. In `rest` something stands for each value. Without a guard it is
/// known that requests may go there.
fn check(origin: &str, rest: &str, guard: Option<&Guard>) -> Result<(), Problem> {
    let url = Url::parse(&format!("{origin}{rest}")).map_err(|error| {
        Problem::new(format!("this is no address: {error}")).hint("such as \"https://crm.example/people\"")
    })?;
    if let Some(guard) = guard {
        check_url(&url, guard)?;
    } else if url.fragment().is_some() {
        return Err(Problem::new("what follows `#` is never sent"));
    }
    if rest_of(&url) != rest {
        return Err(Problem::new("the path or query is not in its normal form")
            .hint("write spaces, quotes and letters with marks percent-encoded, and no `.` or `..` as a name"));
    }
    Ok(())
}

fn check_url(url: &Url, guard: &Guard) -> Result<(), Problem> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Problem::new("the scheme must be `https` or `http`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Problem::new("an address holds no name and password")
            .hint("headers = { authorization = { env = \"NAME\", prefix = \"Basic \" } }"));
    }
    if url.fragment().is_some() {
        return Err(Problem::new("what follows `#` is never sent"));
    }
    check_host(url, guard).map_err(|refused| {
        let hint = "`allow_private = true` allows addresses within the house, `allow = [\"10.0.0.0/8\"]` those listed";
        Problem::new(format!("the destination cannot be used: {refused}")).hint(hint)
    })
}

fn rest_of(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}
