//! A transaction on SQLite, and what becomes of the work by how it ended. The work is done beside the server's own threads,
//! one transaction after the other: a file has one writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Error, ErrorCode, OpenFlags, TransactionBehavior};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Late, Steps, Values, done, done_before, of_statement};
use crate::action::Answer;
use crate::base::clock::Clock;
use crate::sql::sqlite::{Interrupt, words};

/// How long a transaction that was told to end may take to do so.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where transactions are made.
pub(super) struct Sqlite {
    shared: Arc<Shared>,
    /// The connection, where there is one. Whoever holds it writes.
    writer: Mutex<Option<Connection>>,
}

struct Shared {
    path: PathBuf,
    steps: Steps,
}

/// Why a transaction was not made.
struct Failed {
    /// The statement, by its index; none where it is one of ours.
    statement: Option<usize>,
    error: Error,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { statement: None, error }
    }
}

impl Sqlite {
    /// No connection yet.
    pub(super) fn new(path: &Path, steps: Steps) -> Self {
        Self { shared: Arc::new(Shared { path: path.to_owned(), steps }), writer: Mutex::default() }
    }

    /// Makes one transaction, unless its time is up before.
    pub(super) async fn attempt(&self, values: Values, ends: Instant, clock: &Clock) -> Result<Answer, Late> {
        let broken = || Answer::retry("SQLite: it did not come to an end");
        let mut writer = timeout_at(ends, self.writer.lock()).await.map_err(|_| Late)?;
        let (shared, known) = (self.shared.clone(), writer.take());
        let connection = match spawn_blocking(move || shared.connect(known)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Ok(self.shared.answer(&error.into())),
            Err(_) => return Ok(broken()),
        };
        let mut interrupt = Interrupt::of(&connection);
        let shared = self.shared.clone();
        // Another process may be writing.
        let patience = ends.saturating_duration_since(clock.instant());
        let mut working = spawn_blocking(move || {
            let mut connection = connection;
            let patient = connection.busy_timeout(patience).map_err(Failed::from);
            (patient.and_then(|()| shared.transaction(&mut connection, &values)), connection)
        });
        let ended = if let Ok(ended) = timeout_at(ends, &mut working).await {
            ended
        } else {
            // It may be committing: then it is done after all.
            interrupt.now();
            timeout(FAREWELL, working).await.map_err(|_| Late)?
        };
        interrupt.done();
        let Ok((made, connection)) = ended else { return Ok(broken()) };
        match made {
            Ok(answer) => {
                *writer = Some(connection);
                Ok(answer)
            }
            // The connection goes: its file may be another by now.
            Err(failed) if failed.error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Err(Late),
            Err(failed) => Ok(self.shared.answer(&failed)),
        }
    }
}

impl Shared {
    /// The connection that is known, or a new one to a file that is there.
    fn connect(&self, known: Option<Connection>) -> Result<Connection, Error> {
        if let Some(connection) = known {
            return Ok(connection);
        }
        let connection = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(connection)
    }

    fn transaction(&self, connection: &mut Connection, values: &Values) -> Result<Answer, Failed> {
        let Steps { statements, once } = &self.steps;
        // The writer's lock from the beginning: who reads first and writes then can be in another's way without end.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(once) = once {
            transaction.execute_batch(&once.create())?;
            if transaction.prepare_cached(&once.insert('?'))?.execute([&values.key])? == 0 {
                transaction.rollback()?;
                return Ok(done_before());
            }
        }
        let before = transaction.total_changes();
        for (index, (statement, parameters)) in statements.iter().zip(&values.parameters).enumerate() {
            let run = || {
                let mut statement = transaction.prepare_cached(statement)?;
                if statement.parameter_count() != parameters.len() {
                    return Err(Error::InvalidParameterCount(statement.parameter_count(), parameters.len()));
                }
                // One that gives rows back, `returning` say, is run to its end, too.
                let mut given = statement.query(rusqlite::params_from_iter(parameters))?;
                while given.next()?.is_some() {}
                Ok(())
            };
            run().map_err(|error| Failed { statement: Some(index), error })?;
        }
        let rows = transaction.total_changes() - before;
        transaction.commit()?;
        Ok(done(rows))
    }

    /// What becomes of the work.
    fn answer(&self, failed: &Failed) -> Answer {
        use ErrorCode as C;
        let said = match &failed.error {
            Error::InvalidParameterCount(..) => "a statement has parameters that have no name".to_owned(),
            Error::SqliteFailure(code, _) if code.code == C::ConstraintViolation => {
                broken_constraint(code.extended_code)
            }
            error => words(error),
        };
        let said = failed
            .statement
            .map_or_else(|| said.clone(), |index| of_statement(index, self.steps.statements.len(), &said));
        match failed.error.sqlite_error_code() {
            Some(
                C::DatabaseBusy
                | C::DatabaseLocked
                | C::SchemaChanged
                | C::OutOfMemory
                | C::SystemIoFailure
                | C::OperationInterrupted
                | C::OperationAborted
                | C::FileLockingProtocolFailed,
            ) => Answer::retry(said),
            Some(
                C::CannotOpen | C::NotADatabase | C::PermissionDenied | C::ReadOnly | C::DiskFull | C::DatabaseCorrupt,
            ) => Answer::trouble(said),
            Some(_) | None if said.contains("no such table") => Answer::trouble(said),
            Some(_) | None => Answer::dead(said),
        }
    }
}

/// Which kind of constraint a statement breaks. SQLite's own words name columns, and may hold what a trigger says.
fn broken_constraint(extended: i32) -> String {
    let kind = match extended {
        rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            "a value that must be unique is there already"
        }
        rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            "a row that is referred to is not there, or one still refers to it"
        }
        rusqlite::ffi::SQLITE_CONSTRAINT_NOTNULL => "a value must not be null",
        rusqlite::ffi::SQLITE_CONSTRAINT_CHECK => "a value breaks a check",
        rusqlite::ffi::SQLITE_CONSTRAINT_TRIGGER => "a trigger refuses it",
        rusqlite::ffi::SQLITE_CONSTRAINT_DATATYPE => "a value is none of the type that is wanted",
        _ => "a constraint is broken",
    };
    format!("SQLite: {kind}")
}
