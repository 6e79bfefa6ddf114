//! What is kept beside entries by a name of its own: counters, and the texts of rule sets.

use rusqlite::params;

use super::failure;
use super::writer::Writing;
use crate::journal::JournalError;

/// Adds to a counter; answers what it has come to.
pub(super) fn count(writing: &mut Writing<'_>, name: &str, by: i64) -> Result<i64, JournalError> {
    writing
        .connection
        .query_row(
            "INSERT INTO counters (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value",
            params![name, by],
            |row| row.get(0),
        )
        .map_err(failure::writing)
}

/// Keeps the text of a rule set under its hash.
pub(super) fn keep_rule_set(writing: &mut Writing<'_>, hash: &[u8; 32], text: &[u8]) -> Result<(), JournalError> {
    let id = writing.rule_set(hash)?;
    let update = writing.connection.execute("UPDATE rule_sets SET text = ?2 WHERE id = ?1", params![id, text]);
    update.map(|_| ()).map_err(failure::writing)
}
