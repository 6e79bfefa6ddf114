//! SQLite: a file, opened for reading only. The work is done beside the server's own threads.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, InterruptHandle, OpenFlags, ToSql};
use serde_json::Value as Json;
use tokio::task::spawn_blocking;

use super::super::frame::Terms;
use super::super::{Asked, Failure, Parameter, Source};
use super::query::Query;
use crate::base::future::BoxFuture;
use crate::facts::Answer;

/// The lookup, ready to be asked.
pub(super) struct Sqlite(Arc<Shared>);

struct Shared {
    path: PathBuf,
    query: String,
    parameters: usize,
    busy: Duration,
    connections: usize,
    /// Connections that nobody uses, no more than may be used at once.
    idle: Mutex<Vec<Connection>>,
}

/// Ends what a connection is at when nobody waits for it any more.
struct Interrupt(Option<InterruptHandle>);

impl Drop for Interrupt {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.interrupt();
        }
    }
}

impl Sqlite {
    pub(super) fn new(path: &Path, query: &Query, terms: Terms) -> Self {
        Self(Arc::new(Shared {
            path: path.to_owned(),
            query: query.numbered('?'),
            parameters: query.names().len(),
            busy: terms.timeout,
            connections: terms.concurrency,
            idle: Mutex::default(),
        }))
    }
}

impl Source for Sqlite {
    fn ask<'a>(&'a self, asked: &'a Asked) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let ended = || Failure("asking it did not come to an end".to_owned());
            let shared = self.0.clone();
            let connection = spawn_blocking(move || shared.connection()).await.map_err(|_| ended())??;
            let mut interrupt = Interrupt(Some(connection.get_interrupt_handle()));
            let (shared, question) = (self.0.clone(), asked.question.clone());
            let asking = spawn_blocking(move || (shared.ask(&connection, &question.0), connection));
            let (answer, connection) = asking.await.map_err(|_| ended())?;
            // Before somebody else uses it.
            interrupt.0 = None;
            // One that failed may be of a file that is another by now.
            let mut idle = self.0.idle();
            if answer.is_ok() && idle.len() < self.0.connections {
                idle.push(connection);
            }
            answer
        })
    }
}

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self) -> Result<Connection, Failure> {
        if let Some(connection) = self.idle().pop() {
            return Ok(connection);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(self.busy)?;
            connection.pragma_update(None, "query_only", true)?;
            Ok(connection)
        };
        open().map_err(|error: rusqlite::Error| failure(&error))
    }

    fn ask(&self, connection: &Connection, parameters: &[Parameter]) -> Result<Answer, Failure> {
        let mut statement = connection.prepare_cached(&self.query).map_err(|error| failure(&error))?;
        if statement.parameter_count() != self.parameters {
            return Err(Failure("the query has parameters that have no name".to_owned()));
        }
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let parameters = rusqlite::params_from_iter(parameters);
        let mut rows = statement.query(parameters).map_err(|error| failure(&error))?;
        let Some(row) = rows.next().map_err(|error| failure(&error))? else { return Ok(Answer::nothing()) };
        let mut members = serde_json::Map::new();
        for (index, column) in columns.into_iter().enumerate() {
            members.insert(column, json(row.get_ref(index).map_err(|error| failure(&error))?)?);
        }
        Ok(Answer::found(Json::Object(members)))
    }
}

fn json(value: ValueRef<'_>) -> Result<Json, Failure> {
    Ok(match value {
        ValueRef::Null => Json::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => serde_json::Number::from_f64(number).map_or(Json::Null, Json::Number),
        ValueRef::Text(text) => {
            std::str::from_utf8(text).map_err(|_| Failure("a text is not UTF-8".to_owned()))?.into()
        }
        ValueRef::Blob(bytes) => STANDARD.encode(bytes).into(),
    })
}

/// What went wrong, without what stood in the query or in the file.
fn failure(error: &rusqlite::Error) -> Failure {
    // Parameters are bound, so that these words hold names of the query alone.
    let words = match error {
        rusqlite::Error::SqlInputError { msg, .. } => Some(msg),
        rusqlite::Error::SqliteFailure(code, words) if code.code == rusqlite::ErrorCode::Unknown => words.as_ref(),
        _ => None,
    };
    if let Some(words) = words {
        return Failure(format!("SQLite: {words}"));
    }
    Failure(match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::CannotOpen) => "the file cannot be opened".to_owned(),
        Some(rusqlite::ErrorCode::NotADatabase) => "the file is no database".to_owned(),
        Some(rusqlite::ErrorCode::DatabaseBusy) => "the database is busy".to_owned(),
        Some(code) => format!("SQLite: {code:?}"),
        None => "SQLite cannot answer the query".to_owned(),
    })
}

impl ToSql for Parameter {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Bool(truth) => ToSqlOutput::from(*truth),
            Self::Int(number) => ToSqlOutput::from(*number),
            Self::Number(text) => match text.parse::<f64>() {
                Ok(number) => ToSqlOutput::from(number),
                Err(_) => ToSqlOutput::from(text.as_str()),
            },
            Self::Text(text) => ToSqlOutput::from(text.as_str()),
        })
    }
}
