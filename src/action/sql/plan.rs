//! The keys of an action of type sql, checked and compiled for each of its events.

use std::sync::Arc;
use std::time::Duration;

use super::once::Once;
use super::raw::RawSql;
use super::{Sql, Steps, Target, Values, postgres, sqlite};
use crate::action::set::Tools;
use crate::action::written::Written;
use crate::action::{Action, Job, kind, view, within};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::tree::Node;
use crate::expr::{EvalError, Expression, Type};
use crate::outgoing::TlsFiles;
use crate::scope::{Names, address};
use crate::sql::{Address, Database, Limits, Parameter, Statement, first_word};

/// What an action of type sql needs beside a job, connections and secrets.
#[derive(Debug)]
pub(super) struct Plan {
    address: Address,
    statements: Vec<Statement>,
    once: Option<Once>,
    pub(super) timeout: Duration,
    connections: usize,
    tls: TlsFiles,
    gives_secrets: bool,
    events: Vec<(&'static str, EventPlan)>,
    /// Where `url` and `tls` stand.
    places: [Place; 2],
}

/// The expressions, for one event.
#[derive(Debug)]
struct EventPlan {
    names: Names,
    parameters: Vec<(String, Expression)>,
}

/// Words that statements begin with which would end the transaction that they are in, or want more than a statement.
const NOT_OURS: [&str; 11] =
    ["begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "copy", "attach", "detach"];

impl kind::Keys for RawSql {
    fn compile(&self, written: &Written<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn kind::Plan>> {
        let before = findings.errors();
        written.missing("url", "url = \"sqlite:people.db\"", findings);
        let address = self.url.as_ref().and_then(|url| {
            let place = written.place("url");
            let wrong = |why| findings.push(Diagnostic::error("action-url", why).at(place).without_line());
            Address::compile(url, place).map_err(wrong).ok()
        });
        let gives_secrets = !written.granted.is_empty();
        if let Some(Address::Known(database)) = &address {
            let open = open(database, gives_secrets, written.place("url"));
            findings.extend(open);
        }
        let statements = self.statements(written, findings);
        let once = self.idempotency.as_deref().and_then(|text| {
            let once = Once::parse(text);
            if once.is_none() {
                let finding =
                    Diagnostic::error("action-sql", "expected the name of a table, such as \"hookreeve_done\"");
                findings.push(finding.at(written.place("idempotency")));
            }
            once
        });
        let events = written.for_each_event(findings, |spec, findings| {
            let mut names = written.names(spec, &written.granted_on(spec));
            let params = written.entry.get("params").and_then(Node::as_table).into_iter().flatten();
            let compiled: Vec<Option<(String, Expression)>> = params
                .map(|(name, entry)| Some((name.clone(), names.compile(&entry.node, Type::Dyn, findings)?)))
                .collect();
            written.note_unknown(&mut names);
            Some(EventPlan { names, parameters: compiled.into_iter().collect::<Option<_>>()? })
        });
        let tls = written.raw.tls.clone().unwrap_or_default();
        if tls.cert.is_some() != tls.key.is_some() {
            let finding = Diagnostic::error("action-tls", "a client certificate takes both `cert` and `key`");
            findings.push(finding.at(written.place("tls")));
        }
        let plan = Plan {
            address: address?,
            statements,
            once,
            timeout: written.timeout,
            connections: written.concurrency,
            tls,
            gives_secrets,
            events,
            places: ["url", "tls"].map(|key| written.place(key).clone()),
        };
        (findings.errors() == before).then(|| Arc::new(plan) as _)
    }
}

impl RawSql {
    /// The statements, each with the parameters that it names.
    fn statements(&self, written: &Written<'_>, findings: &mut Diagnostics) -> Vec<Statement> {
        let entry = written.entry;
        let nodes = match (entry.get("statement"), entry.get("statements")) {
            (Some(_), Some(_)) => {
                let finding = Diagnostic::error("action-sql", "`statement` and `statements` are two forms of the same");
                findings.push(finding.at(written.key_place("statement")));
                return Vec::new();
            }
            (Some(one), None) => std::slice::from_ref(one),
            (None, Some(several)) => several.as_array().unwrap_or_default(),
            (None, None) => &[],
        };
        let none = self.statement.is_none() && self.statements.as_ref().is_none_or(Vec::is_empty);
        if none && !(written.has("statement") || (written.has("statements") && self.statements.is_none())) {
            let finding = Diagnostic::error("action-sql", "an action of type sql takes a `statement`, or `statements`");
            let hint = "statement = \"insert into people (login) values (:login)\"";
            findings.push(finding.at(written.place("type")).hint(hint));
        }
        let known: Vec<&str> = self.params.keys().map(String::as_str).collect();
        let mut statements = Vec::new();
        for node in nodes {
            let text = node.as_str().unwrap_or_default();
            let first = first_word(text).unwrap_or_default();
            if text.trim().is_empty() {
                findings.push(Diagnostic::error("action-sql", "there is no statement in it").at(&node.place));
            } else if NOT_OURS.contains(&first.as_str()) {
                let message =
                    format!("`{first}` cannot stand here: all statements are one transaction, which the action makes");
                findings.push(Diagnostic::error("action-sql", message).at(&node.place));
            } else {
                match Statement::parse(text, &known) {
                    Ok(statement) => statements.push(statement),
                    Err((at, why)) => {
                        findings.push(Diagnostic::error("action-sql", why).at(&node.place_within(at)));
                    }
                }
            }
        }
        let is_whole = statements.len() == nodes.len();
        for name in known.iter().filter(|name| is_whole && !statements.iter().any(|one| one.names().contains(name))) {
            let place = entry.get("params").and_then(|params| params.entry(name)).map(|entry| &entry.key);
            let finding = Diagnostic::error("action-sql", format!("no statement has a parameter `:{name}`"));
            findings.push(finding.at(place.unwrap_or_else(|| written.place("params"))));
        }
        statements
    }
}

/// That secret fields would be sent where they can be read.
fn open(database: &Database, gives_secrets: bool, place: &Place) -> Option<Diagnostic> {
    let finding = || Diagnostic::error("action-url", address::TLS_ONLY).at(place).without_line();
    (gives_secrets && database.is_open()).then(|| finding().hint("end the address in `?sslmode=require`"))
}

impl kind::Plan for Plan {
    fn lookups(&self, event: &str) -> Vec<Arc<str>> {
        let own = self.events.iter().find(|(name, _)| *name == event);
        own.map_or_else(Vec::new, |(_, plan)| plan.names.lookups())
    }

    fn prepare(self: Arc<Self>, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn Action>> {
        let [place, tls_place] = &self.places;
        let told;
        let database = match &self.address {
            Address::Known(database) => database,
            Address::Secret(text) => {
                told = Database::of_secret(&tools.secret(text, place, findings)?)
                    .map_err(|why| findings.push(Diagnostic::error("action-url", why).at(place).without_line()))
                    .ok()?;
                &told
            }
        };
        if let Some(finding) = open(database, self.gives_secrets, place) {
            findings.push(finding);
            return None;
        }
        let target = match database {
            Database::Sqlite(path) => {
                if !path.exists() {
                    let message = format!("there is no file {}: until it is there, nothing is done", path.display());
                    findings.push(Diagnostic::warning("action-file", message).at(place));
                }
                Target::Sqlite(sqlite::Sqlite::new(path, Steps::new(&self.statements, self.once.as_ref(), '?')))
            }
            Database::Postgres(config) => {
                let limits = Limits { timeout: self.timeout, connections: self.connections };
                let steps = Steps::new(&self.statements, self.once.as_ref(), '$');
                let made = postgres::Postgres::try_new(config, limits, &self.tls, steps);
                let wrong = |why| findings.push(Diagnostic::error("action-client", why).at(tls_place));
                Target::Postgres(made.map_err(wrong).ok()?)
            }
        };
        Some(Arc::new(Sql { plan: self.clone(), target, clock: tools.clock.clone() }))
    }
}

impl Plan {
    /// What a job's transaction is made with.
    pub(super) fn values(&self, job: &Job) -> Result<Values, EvalError> {
        let event = self.events.iter().find(|(event, _)| *event == job.event.name()).map(|(_, plan)| plan);
        let event = event.ok_or_else(|| EvalError::new("the action does not follow events of this name any more"))?;
        let scope = view::of_job(&event.names, job, &job.secrets);
        let mut known: Vec<(&str, Parameter)> = Vec::with_capacity(event.parameters.len());
        for (name, expression) in &event.parameters {
            let value = expression.evaluate(&scope).and_then(|value| Parameter::of_any(&value));
            known.push((name, value.map_err(|error| within(&format!("params.{name}"), &error))?));
        }
        let of = |statement: &Statement| {
            let names = statement.names().into_iter();
            names
                .filter_map(|name| known.iter().find(|(known, _)| *known == name))
                .map(|(_, value)| value.clone())
                .collect()
        };
        Ok(Values { parameters: self.statements.iter().map(of).collect(), key: job.idempotency_key.clone() })
    }
}
