//! Other people's databases, SQLite and PostgreSQL: where they are, statements with parameters by name, connections, and
//! what an error is in words. Values are only ever parameters: nothing is pasted into SQL. What is asked or written, and what
//! an error means for it, is the matter of whoever does it; the server's own journal is another matter altogether.

mod address;
mod parameter;
pub mod postgres;
pub mod sqlite;
mod statement;
mod tls;

#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

pub use address::{Address, Database};
pub use parameter::{Parameter, Text};
pub use statement::{Problem, Statement, first_word};

/// How much of a database may be used, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long one thing may take: a connection, a statement.
    pub timeout: Duration,
    /// How many connections there may be.
    pub connections: usize,
}
