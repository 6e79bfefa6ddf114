//! A transaction on PostgreSQL, and what becomes of the work by how it ended.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Error};

use super::once::Once;
use super::{Late, Steps, Values, done, done_before, of_statement};
use crate::action::Answer;
use crate::outgoing::TlsFiles;
use crate::sql::postgres::{Connections, Unconnected, is_login, words};
use crate::sql::{Limits, Parameter, Text};

/// How long the server is given to be told that nobody waits any more.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where transactions are made.
pub(super) struct Postgres {
    connections: Connections,
    steps: Steps,
}

/// Why a transaction was not made.
struct Failed {
    /// The statement, by its index; none where it is one of ours.
    statement: Option<usize>,
    error: Error,
}

/// What an error means for the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Retry,
    Trouble,
    Dead,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { statement: None, error }
    }
}

impl Postgres {
    /// No connection yet. The error says what is wrong with the certificates.
    pub(super) fn try_new(config: &Config, limits: Limits, tls: &TlsFiles, steps: Steps) -> Result<Self, String> {
        // What is left open by a server of ours that is gone must not hold others up.
        let settings = format!("-c idle_in_transaction_session_timeout={}", limits.timeout.as_millis());
        Ok(Self { connections: Connections::try_new(config, limits, &settings, tls)?, steps })
    }

    /// Makes one transaction, unless its time is up before.
    pub(super) async fn attempt(&self, values: &Values, ends: Instant) -> Result<Answer, Late> {
        let none = || Answer::retry("PostgreSQL: no connection");
        let mut lent = match timeout_at(ends, self.connections.lend()).await {
            Ok(Ok(lent)) => lent,
            Ok(Err(Unconnected::Told(error))) => return Ok(self.answer(&error.into())),
            Ok(Err(Unconnected::Late)) | Err(_) => return Ok(Answer::retry("PostgreSQL: no connection in time")),
            Ok(Err(Unconnected::Closed)) => return Ok(none()),
        };
        let Some(client) = lent.client() else { return Ok(none()) };
        let cancel = client.cancel_token();
        let Ok(made) = timeout_at(ends, self.transaction(client, values)).await else {
            // The connection leaves the pool; that the server ends what it is at, too, frees what that holds.
            let _ = timeout(FAREWELL, self.connections.cancel(&cancel)).await;
            return Err(Late);
        };
        match made {
            Ok(answer) => {
                lent.give_back();
                Ok(answer)
            }
            Err(failed) => {
                // What the server has a code for has ended; the connection is as good as before once that is rolled back.
                let told = failed.error.code().is_some() && !client.is_closed();
                let back = async { told && client.batch_execute("rollback").await.is_ok() };
                if timeout(FAREWELL, back).await.unwrap_or(false) {
                    lent.give_back();
                }
                Ok(self.answer(&failed))
            }
        }
    }

    async fn transaction(&self, client: &Client, values: &Values) -> Result<Answer, Failed> {
        let Steps { statements, once } = &self.steps;
        // One statement is a transaction by itself.
        let alone = once.is_none() && statements.len() == 1;
        if !alone {
            client.batch_execute("begin").await?;
        }
        if let Some(once) = once
            && !self.keep(client, once, &values.key).await?
        {
            client.batch_execute("rollback").await?;
            return Ok(done_before());
        }
        let mut rows = 0;
        for (index, (statement, parameters)) in statements.iter().zip(&values.parameters).enumerate() {
            let run = execute(client, statement, parameters).await;
            rows += run.map_err(|error| Failed { statement: Some(index), error })?;
        }
        if !alone {
            client.batch_execute("commit").await?;
        }
        Ok(done(rows))
    }

    /// Keeps the key; false where it is there already.
    async fn keep(&self, client: &Client, once: &Once, key: &str) -> Result<bool, Error> {
        let key = [Parameter::Text(key.to_owned())];
        let first = execute(client, &once.insert('$'), &key).await;
        let rows = match first {
            Err(error) if error.code().is_some_and(|code| code.code() == "42P01") => {
                client.batch_execute("rollback").await?;
                client.batch_execute(&once.create()).await?;
                client.batch_execute("begin").await?;
                execute(client, &once.insert('$'), &key).await?
            }
            told => told?,
        };
        Ok(rows == 1)
    }

    /// What becomes of the work.
    fn answer(&self, failed: &Failed) -> Answer {
        let of = self.steps.statements.len();
        let said = words(&failed.error, named);
        let said = failed.statement.map_or_else(|| said.clone(), |index| of_statement(index, of, &said));
        let said = match failed.error.as_db_error().and_then(tokio_postgres::error::DbError::constraint) {
            Some(constraint) => format!("{said}: {constraint}"),
            None => said,
        };
        let meaning = match failed.error.code() {
            Some(code) => meaning(code.code()),
            None if is_login(&failed.error) => Meaning::Trouble,
            None => Meaning::Retry,
        };
        match meaning {
            Meaning::Retry => Answer::retry(said),
            Meaning::Trouble => Answer::trouble(said),
            Meaning::Dead => Answer::dead(said),
        }
    }
}

/// Runs a statement. The server tells from it of which types its parameters are; in no state of the session is anything kept
/// of it, so that whatever pools connections on the way may give it another one.
async fn execute(client: &Client, statement: &str, parameters: &[Parameter]) -> Result<u64, Error> {
    let parameters: Vec<Text<'_>> = parameters.iter().map(Text).collect();
    let parameters: Vec<(&(dyn ToSql + Sync), Type)> =
        parameters.iter().map(|text| (text as _, Type::UNKNOWN)).collect();
    client.execute_typed(statement, &parameters).await
}

/// What a code means for the work, by PostgreSQL's table of them (Appendix A of its manual).
fn meaning(code: &str) -> Meaning {
    match code {
        // A constraint that is looked at when all is done is no matter of chance.
        "40002" => Meaning::Dead,
        // What somebody has to see to: who may do what where.
        "3D000" | "3F000" | "42501" | "42P01" | "25006" | "57P04" => Meaning::Trouble,
        // Locked, or in use.
        "55P03" | "55006" | "25P03" => Meaning::Retry,
        code if code.starts_with("28") => Meaning::Trouble,
        // Connections; rolled back beside others; resources; somebody shut it down or ended it; its own errors.
        code if ["08", "40", "53", "57", "58", "XX"].iter().any(|class| code.starts_with(class)) => Meaning::Retry,
        _ => Meaning::Dead,
    }
}

/// What codes mean that are met when something is written.
fn named(code: &str) -> Option<&'static str> {
    Some(match code {
        "23505" => "a value that must be unique is there already",
        "23503" => "a row that is referred to is not there, or one still refers to it",
        "23502" => "a value must not be null",
        "23514" => "a value breaks a check",
        "22P02" | "22003" | "22007" | "22008" => "a value is none of the type that is wanted",
        "22001" => "a value is too long",
        "25006" => "it only reads",
        "42501" => "the user may not do this",
        "42601" => "a statement is no SQL",
        "42P18" => "the type of a parameter cannot be told: write a cast",
        "40001" | "40P01" => "it was rolled back beside another transaction",
        "55P03" => "what it wants is locked",
        "57014" => "a statement took too long",
        "57P01" | "57P02" | "57P03" => "it is shutting down, or starting",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_codes_has_its_meaning() {
        use Meaning::{Dead, Retry, Trouble};
        for (code, expected) in [
            ("08006", Retry),
            ("0A000", Dead),
            ("22001", Dead),
            ("22P02", Dead),
            ("23505", Dead),
            ("25006", Trouble),
            ("25P03", Retry),
            ("28000", Trouble),
            ("28P01", Trouble),
            ("3D000", Trouble),
            ("3F000", Trouble),
            ("40001", Retry),
            ("40002", Dead),
            ("40P01", Retry),
            ("42501", Trouble),
            ("42601", Dead),
            ("42703", Dead),
            ("42P01", Trouble),
            ("53100", Retry),
            ("53300", Retry),
            ("54000", Dead),
            ("55000", Dead),
            ("55P03", Retry),
            ("57014", Retry),
            ("57P01", Retry),
            ("57P04", Trouble),
            ("58030", Retry),
            ("P0001", Dead),
            ("XX000", Retry),
        ] {
            assert_eq!(meaning(code), expected, "{code}");
        }
    }
}
