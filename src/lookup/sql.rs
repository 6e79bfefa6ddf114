//! `type = "sql"`: one row of a database, SQLite or PostgreSQL. Values are only ever parameters: nothing is pasted into SQL.

mod postgres;
mod sqlite;

use std::sync::Arc;

use super::asking::Asking;
use super::compile::Written;
use super::frame::Terms;
use super::set::Tools;
use super::{Failure, Source};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::outgoing::TlsFiles;
use crate::sql::{Address, Database, Limits, Problem, Statement, first_word};

/// So many rows are asked for: one, and one more that tells that there are several.
const ROWS: usize = 2;

/// The keys of the table, checked.
#[derive(Debug)]
pub(super) struct Plan {
    address: Address,
    query: Statement,
    terms: Terms,
    tls: TlsFiles,
    place: Place,
}

impl Plan {
    pub(super) fn compile(
        written: &Written<'_>,
        terms: Terms,
        findings: &mut Diagnostics,
    ) -> Option<(Vec<Asking>, Self)> {
        let before = findings.errors();
        let raw = written.raw;
        written.missing("url", "url = \"sqlite:people.db\"", findings);
        written.missing("query", "query = \"select login from people where mobile = :mobile\"", findings);
        let address = raw.url.as_ref().and_then(|url| {
            let place = written.place("url");
            let wrong = |why| findings.push(Diagnostic::error("lookup-url", why).at(place).without_line());
            Address::compile(url, place).map_err(wrong).ok()
        });
        let parameters: Vec<&str> = raw.params.keys().map(String::as_str).collect();
        let query = match (raw.query.as_deref(), written.entry.get("query")) {
            (Some(text), Some(node)) => parse(text, &parameters)
                .map_err(|(at, why)| {
                    findings.push(Diagnostic::error("lookup-query", why).at(&node.place_within(at)));
                })
                .ok(),
            _ => None,
        };
        for name in query.iter().flat_map(|query| parameters.iter().filter(|name| !query.names().contains(name))) {
            let place = written.entry.get("params").and_then(|params| params.entry(name)).map(|entry| &entry.key);
            let finding = Diagnostic::error("lookup-query", format!("the query has no parameter `:{name}`"));
            findings.push(finding.at(place.unwrap_or_else(|| written.place("params"))));
        }
        let names: Vec<String> = query.iter().flat_map(Statement::names).map(str::to_owned).collect();
        let askings = written.askings(findings, |asking, findings| {
            let errors = findings.errors();
            for name in &names {
                if let Some(node) = written.entry.get("params").and_then(|params| params.get(name)) {
                    let _ = asking.value(format!("params.{name}"), node, findings);
                }
            }
            (findings.errors() == errors).then_some(())
        });
        let tls = raw.tls.clone().unwrap_or_default();
        if tls.cert.is_some() != tls.key.is_some() {
            let finding = Diagnostic::error("lookup-tls", "a client certificate takes both `cert` and `key`");
            findings.push(finding.at(written.place("tls")));
        }
        let plan = Self { address: address?, query: query?, terms, tls, place: written.place("url").clone() };
        (findings.errors() == before).then_some((askings, plan))
    }

    /// Reads the secret and the certificates. The database is asked when there is something to ask.
    pub(super) fn prepare(&self, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn Source>> {
        let told;
        let database = match &self.address {
            Address::Known(database) => database,
            Address::Secret(text) => {
                told = Database::of_secret(&tools.secret(text, &self.place, findings)?)
                    .map_err(|why| findings.push(Diagnostic::error("lookup-url", why).at(&self.place).without_line()))
                    .ok()?;
                &told
            }
        };
        let limits = Limits { timeout: self.terms.timeout, connections: self.terms.concurrency };
        match database {
            Database::Sqlite(path) => {
                if !path.exists() {
                    let message = format!("there is no file {}: until it is there, the lookup fails", path.display());
                    findings.push(Diagnostic::warning("lookup-file", message).at(&self.place));
                }
                Some(Arc::new(sqlite::Sqlite::new(path, &self.query, limits)))
            }
            Database::Postgres(config) => postgres::Postgres::try_new(config, &self.query, limits, &self.tls)
                .map_err(|why| findings.push(Diagnostic::error("lookup-tls", why).at(&self.place)))
                .ok()
                .map(|made| Arc::new(made) as _),
        }
    }
}

/// Reads a query: a statement that reads.
fn parse(text: &str, parameters: &[&str]) -> Result<Statement, Problem> {
    let statement = Statement::parse(text, parameters)?;
    match first_word(text) {
        Some(word) if !["select", "with", "values"].contains(&word.as_str()) => {
            let at = text.len() - text.trim_start().len();
            Err((at..at + word.len(), "a lookup only reads: the query begins with `select`".to_owned()))
        }
        Some(_) | None => Ok(statement),
    }
}

/// What a row of JSON is.
fn row(text: &str) -> Result<serde_json::Value, Failure> {
    serde_json::from_str(text).map_err(|_| Failure("the row cannot be read".to_owned()))
}
