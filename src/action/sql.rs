//! `type = "sql"`: statements on a database, SQLite or PostgreSQL, all of them in one transaction.
//!
//! | file | what it does |
//! |---|---|
//! | `raw`, `plan` | the table's keys as written, and what is made of them |
//! | `once` | the table in which keys of what is done are kept |
//! | `postgres`, `sqlite` | one transaction, and what becomes of the work |

mod once;
mod plan;
mod postgres;
mod raw;
mod sqlite;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Action, Answer, Job};
use crate::base::clock::Clock;
use crate::base::future::BoxFuture;
use crate::base::units::Span;
use crate::sql::{Parameter, Statement};
use once::Once;
use plan::Plan;
pub(super) use raw::RawSql;

/// The action, ready to run.
struct Sql {
    plan: Arc<Plan>,
    target: Target,
    clock: Clock,
}

/// Where transactions are made.
enum Target {
    Postgres(postgres::Postgres),
    Sqlite(sqlite::Sqlite),
}

/// What a transaction is made of: the same for each job.
#[derive(Debug)]
struct Steps {
    /// In the words of the database, with parameters by number.
    statements: Vec<String>,
    once: Option<Once>,
}

/// What a transaction is made with.
struct Values {
    /// The parameters of each statement.
    parameters: Vec<Vec<Parameter>>,
    /// What is kept of it where it must not happen twice.
    key: String,
}

/// The time was up.
struct Late;

impl Steps {
    /// With parameters behind this sign.
    fn new(statements: &[Statement], once: Option<&Once>, sign: char) -> Self {
        Self { statements: statements.iter().map(|statement| statement.numbered(sign)).collect(), once: once.cloned() }
    }
}

impl Action for Sql {
    fn attempt<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let values = match self.plan.values(job) {
                Ok(values) => values,
                Err(error) => return Answer::dead(error.message()),
            };
            let ends = self.clock.instant() + self.plan.timeout;
            let made = match &self.target {
                Target::Postgres(target) => target.attempt(&values, ends).await,
                Target::Sqlite(target) => target.attempt(values, ends, &self.clock).await,
            };
            made.unwrap_or_else(|Late| Answer::retry(format!("not done within {}", Span(self.plan.timeout))))
        })
    }
}

/// What is said of a transaction that was done.
fn done(rows: u64) -> Answer {
    Answer::done(match rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    })
}

/// What is said where the key is there already.
fn done_before() -> Answer {
    Answer::done("it was done before")
}

/// What is said of a statement, by its index among those of the table.
fn of_statement(index: usize, of: usize, words: &str) -> String {
    if of > 1 { format!("statement {}: {words}", index + 1) } else { words.to_owned() }
}
