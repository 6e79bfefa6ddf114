//! `type = "sql"`: one row of a database, SQLite or PostgreSQL. Values are only ever parameters: nothing is pasted into SQL.

mod postgres;
mod query;
mod sqlite;
mod tls;

use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;

use super::asking::Asking;
use super::compile::Written;
use super::frame::Terms;
use super::set::Tools;
use super::{Failure, Source};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::secret::{SecretText, TextOrSecret};
use crate::outgoing::TlsFiles;
use query::Query;

/// So many rows are asked for: one, and one more that tells that there are several.
const ROWS: usize = 2;

/// The keys of the table, checked.
#[derive(Debug)]
pub(super) struct Plan {
    database: Database,
    query: Query,
    terms: Terms,
    tls: TlsFiles,
    place: Place,
}

/// Where the database is.
#[derive(Debug)]
enum Database {
    Sqlite(PathBuf),
    Postgres(Box<tokio_postgres::Config>),
    /// Somewhere that only the secret tells.
    Secret(SecretText),
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
        let database = match &raw.url {
            Some(TextOrSecret::Secret(text)) => Some(Database::Secret(text.clone())),
            Some(TextOrSecret::Text(text)) => {
                let place = written.place("url");
                // As every path, relative to the file that names it.
                let directory = Path::new(&place.source.name).parent();
                let wrong = |why: String| findings.push(Diagnostic::error("lookup-url", why).at(place).without_line());
                Database::parse(text, directory, true).map_err(wrong).ok()
            }
            None => None,
        };
        let parameters: Vec<&str> = raw.params.keys().map(String::as_str).collect();
        let query = match (raw.query.as_deref(), written.entry.get("query")) {
            (Some(text), Some(node)) => Query::parse(text, &parameters)
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
        let names: Vec<String> = query.iter().flat_map(Query::names).map(str::to_owned).collect();
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
        let plan = Self { database: database?, query: query?, terms, tls, place: written.place("url").clone() };
        (findings.errors() == before).then_some((askings, plan))
    }

    /// Reads the secret and the certificates. The database is asked when there is something to ask.
    pub(super) fn prepare(&self, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn Source>> {
        let told;
        let database = match &self.database {
            Database::Secret(text) => {
                let secret = tools.secret(text, &self.place, findings)?;
                let parsed = std::str::from_utf8(secret.expose()).map_err(|_| "the address is no text".to_owned());
                match parsed.and_then(|text| Database::parse(text.trim(), None, false)) {
                    Ok(database) => told = database,
                    Err(why) => {
                        findings.push(Diagnostic::error("lookup-url", why).at(&self.place).without_line());
                        return None;
                    }
                }
                &told
            }
            known => known,
        };
        match database {
            Database::Sqlite(path) => {
                if !path.exists() {
                    let message = format!("there is no file {}: until it is there, the lookup fails", path.display());
                    findings.push(Diagnostic::warning("lookup-file", message).at(&self.place));
                }
                Some(Arc::new(sqlite::Sqlite::new(path, &self.query, self.terms)))
            }
            Database::Postgres(config) => postgres::Postgres::try_new(config, &self.query, self.terms, &self.tls)
                .map_err(|why| findings.push(Diagnostic::error("lookup-tls", why).at(&self.place)))
                .ok()
                .map(|made| Arc::new(made) as _),
            Database::Secret(_) => None,
        }
    }
}

impl Database {
    /// Reads an address. One that is `written` in the configuration holds no password, and a path is relative to its
    /// `directory`.
    fn parse(text: &str, directory: Option<&Path>, written: bool) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let whole = directory.unwrap_or(Path::new("")).join(path);
            let absolute = absolute(whole).map_err(|_| "the address names no file: \"sqlite:people.db\"".to_owned())?;
            return Ok(Self::Sqlite(absolute));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err("expected \"sqlite:PATH\" or \"postgres://user@host/database\"".to_owned());
        }
        let config: tokio_postgres::Config =
            text.parse().map_err(|_| "this is no address such as \"postgres://user@host/database\"".to_owned())?;
        if written && config.get_password().is_some() {
            let why = "a password is never in the configuration itself: url = { env = \"NAME\" }, the whole address";
            return Err(why.to_owned());
        }
        Ok(Self::Postgres(Box::new(config)))
    }
}

/// What a row of JSON is.
fn row(text: &str) -> Result<serde_json::Value, Failure> {
    serde_json::from_str(text).map_err(|_| Failure("the row cannot be read".to_owned()))
}
