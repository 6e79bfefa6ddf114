//! Bringing the directory's index to other normal forms: a changed configuration, or a persons' file that is another one.
//!
//! Fields that nobody asks for any more go on the way. What is interrupted begins anew with the next call; what was done
//! already is done once more and is the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::params;

use super::people::{self, Known, Row};
use super::persons::Persons;
use super::writer::Writing;
use super::{Shared, failure};
use crate::journal::{Anew, FieldForm, FieldKey, JournalError, Progress, Record};

/// How many are made anew in one transaction: others wait for the writer meanwhile.
const PART: usize = 200;

/// Compares, and makes everybody's fields anew where it must be. Answers how many there were.
pub(super) async fn bring_to(
    shared: Arc<Shared>,
    forms: Vec<FieldForm>,
    anew: Anew,
    progress: Progress,
) -> Result<u64, JournalError> {
    let wanted: Arc<BTreeMap<String, String>> =
        Arc::new(forms.iter().map(|form| (form.name.to_string(), mark(form, &shared.persons))).collect());
    let own = wanted.clone();
    // Also where space is short: nobody could be looked up until it is known.
    if shared.queue.run(true, move |writing| settled(writing, &own)).await? {
        return Ok(0);
    }
    let (mut after, mut done) = (0, 0);
    loop {
        let anew = anew.clone();
        let (part, last) = shared.queue.run(true, move |writing| remake(writing, &anew, after)).await?;
        done += part;
        progress(done);
        let Some(last) = last else { break };
        after = last;
    }
    shared.queue.run(true, move |writing| write_down(writing, &wanted)).await?;
    Ok(done)
}

/// A form's name, with a code that another persons' file would not make.
fn mark(form: &FieldForm, persons: &Persons) -> String {
    let key = FieldKey { name: form.name.clone(), form: form.form.clone(), normal: String::new() };
    format!("{} {:016x}", form.form, persons.field_key("", "", &key))
}

/// Whether the index has these forms already. Where nobody is listed, it has whatever is asked for.
fn settled(writing: &Writing<'_>, wanted: &BTreeMap<String, String>) -> Result<bool, JournalError> {
    let connection = writing.connection;
    let look = || -> rusqlite::Result<(BTreeMap<String, String>, bool)> {
        let mut select = connection.prepare("SELECT name, form FROM people_forms")?;
        let forms = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        Ok((forms, connection.prepare("SELECT 1 FROM people")?.exists([])?))
    };
    let (found, listed) = look().map_err(failure::reading)?;
    // A field that is new is not in what was stored, so that there is nothing to make it of.
    let same = found.iter().all(|(name, form)| wanted.get(name) == Some(form));
    if same && found.len() == wanted.len() {
        return Ok(true);
    }
    if same || !listed {
        write_down(writing, wanted)?;
        return Ok(true);
    }
    // Until all is made anew no forms are right, also if those of before are asked for meanwhile.
    connection.execute("UPDATE people_forms SET form = ''", []).map_err(failure::writing)?;
    Ok(false)
}

fn write_down(writing: &Writing<'_>, wanted: &BTreeMap<String, String>) -> Result<(), JournalError> {
    let work = || -> rusqlite::Result<()> {
        writing.connection.execute("DELETE FROM people_forms", [])?;
        let mut insert = writing.connection.prepare("INSERT INTO people_forms (name, form) VALUES (?1, ?2)")?;
        wanted.iter().try_for_each(|form| insert.execute(form).map(|_| ()))
    };
    work().map_err(failure::writing)
}

/// A part of the people; where it ended, unless that was the end.
fn remake(writing: &Writing<'_>, anew: &Anew, after: i64) -> Result<(u64, Option<i64>), JournalError> {
    let connection = writing.connection;
    let rows: Vec<(Row, String, String)> = connection
        .prepare_cached(
            "SELECT id, person, keys, stored, system, tenant FROM people WHERE id > ?1 ORDER BY id LIMIT ?2",
        )
        .and_then(|mut select| {
            select.query_map(params![after, PART], |row| Ok((Row::read(row)?, row.get(4)?, row.get(5)?)))?.collect()
        })
        .map_err(failure::reading)?;
    let next = rows.last().filter(|_| rows.len() == PART).map(|(row, ..)| row.id);
    for (row, system, tenant) in &rows {
        remake_one(writing, anew, row, system, tenant)?;
    }
    Ok((rows.len() as u64, next))
}

fn remake_one(writing: &Writing<'_>, anew: &Anew, row: &Row, system: &str, tenant: &str) -> Result<(), JournalError> {
    let persons = &writing.shared.persons;
    let fields: BTreeMap<String, String> = match people::record(&row.stored, &row.person, persons) {
        Record::Bytes(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        // Its key was destroyed, or is in another persons' file: it can never be read again.
        Record::Forgotten | Record::Unread => BTreeMap::new(),
        Record::Sealed => return Err(JournalError::KeyMissing { what: "a person of the directory" }),
    };
    let known: Known = anew(&fields)
        .into_iter()
        .filter(|field| !field.key.normal.is_empty())
        .map(|field| (field.key.name.to_string(), (field.value, persons.field_key(system, tenant, &field.key))))
        .collect();
    if known.is_empty() {
        return people::remove(writing.connection, row);
    }
    let stored = people::stored(&known, &row.person, persons)?;
    let work = || -> rusqlite::Result<()> {
        writing
            .connection
            .prepare_cached("UPDATE people SET keys = ?2, stored = ?3 WHERE id = ?1")?
            .execute(params![row.id, people::keys(&known), stored])?;
        people::index(writing.connection, row.id, &row.keys, &known)
    };
    work().map_err(failure::writing)
}
