//! SQLite: a file, opened for reading only. The work is done beside the server's own threads.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value as Json;
use tokio::task::spawn_blocking;

use super::super::{Asked, Failure, Source};
use crate::base::future::BoxFuture;
use crate::facts::Answer;
use crate::sql::sqlite::{Interrupt, words};
use crate::sql::{Limits, Parameter, Statement};

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

impl Sqlite {
    pub(super) fn new(path: &Path, query: &Statement, limits: Limits) -> Self {
        Self(Arc::new(Shared {
            path: path.to_owned(),
            query: query.numbered('?'),
            parameters: query.names().len(),
            busy: limits.timeout,
            connections: limits.connections,
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
            let mut interrupt = Interrupt::of(&connection);
            let (shared, question) = (self.0.clone(), asked.question.clone());
            let asking = spawn_blocking(move || (shared.ask(&connection, &question.0), connection));
            let (answer, connection) = asking.await.map_err(|_| ended())?;
            // Before somebody else uses it.
            interrupt.done();
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

fn failure(error: &rusqlite::Error) -> Failure {
    Failure(words(error))
}
