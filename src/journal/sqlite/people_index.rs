//! Bringing the directory's index to other normal forms: a changed configuration, or a persons' file that is another one.
//!
//! Nothing that was kept is dropped on the way. What is interrupted begins anew with the next call; what was done already is
//! done once more and is the same.
//!
//! A field that is new while people are listed, or was left alone for a time, is not known of everybody: its form has a mark
//! before it until somebody says that it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::people::{self, Known, Row};
use super::persons::Persons;
use super::read::Reading;
use super::writer::Writing;
use super::{Shared, failure};
use crate::journal::{Anew, FieldForm, FieldKey, JournalError, Progress, Record};

/// How many are made anew in one transaction: others wait for the writer meanwhile.
const PART: usize = 200;

/// Stands before the form of a field that is not known of everybody.
const OF_SOME: char = '?';

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
    shared.queue.run(true, move |writing| write_down(writing, &wanted, false)).await?;
    Ok(done)
}

/// A form's name, with a code that another persons' file would not make.
fn mark(form: &FieldForm, persons: &Persons) -> String {
    let key = FieldKey { name: form.name.clone(), form: form.form.clone(), normal: String::new() };
    format!("{} {:016x}", form.form, persons.field_key("", "", &key))
}

/// Which of these fields cannot be looked up: the index has them in other forms, or not of everybody.
pub(super) fn unready(
    connection: &Connection,
    reading: &Reading,
    forms: &[FieldForm],
) -> Result<Vec<Arc<str>>, JournalError> {
    let look = || -> rusqlite::Result<Vec<Arc<str>>> {
        let (found, listed) = found(connection)?;
        let is_ready = |form: &&FieldForm| !listed || found.get(&*form.name) == Some(&mark(form, &reading.persons));
        Ok(forms.iter().filter(|form| !is_ready(form)).map(|form| form.name.clone()).collect())
    };
    look().map_err(failure::reading)
}

/// From now on these fields are known of everybody.
pub(super) fn complete(writing: &Writing<'_>, names: &[Arc<str>]) -> Result<(), JournalError> {
    let work = || -> rusqlite::Result<()> {
        let mut update =
            writing.connection.prepare_cached("UPDATE people_forms SET form = ltrim(form, '?') WHERE name = ?1")?;
        names.iter().try_for_each(|name| update.execute([&**name]).map(|_| ()))
    };
    work().map_err(failure::writing)
}

/// The forms that the index has, and whether anybody is listed.
fn found(connection: &Connection) -> rusqlite::Result<(BTreeMap<String, String>, bool)> {
    let mut select = connection.prepare("SELECT name, form FROM people_forms")?;
    let forms = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    Ok((forms, connection.prepare("SELECT 1 FROM people LIMIT 1")?.exists([])?))
}

/// Whether the index has these forms already. Where nobody is listed, it has whatever is asked for.
fn settled(writing: &Writing<'_>, wanted: &BTreeMap<String, String>) -> Result<bool, JournalError> {
    let connection = writing.connection;
    let (found, listed) = found(connection).map_err(failure::reading)?;
    if !listed {
        write_down(writing, wanted, true)?;
        return Ok(true);
    }
    let form = |name: &str| found.get(name).map(|form| form.trim_start_matches(OF_SOME));
    // Where no forms are known, people were told of before anybody looked.
    let same = !found.is_empty() && wanted.iter().all(|(name, mark)| form(name).is_none_or(|form| form == mark));
    let work = || -> rusqlite::Result<()> {
        // Of what is new nothing is stored; of what nobody asks for, nothing is told any more.
        for name in wanted.keys().filter(|name| !found.contains_key(*name)) {
            connection.execute("INSERT INTO people_forms (name, form) VALUES (?1, '?')", [name])?;
        }
        for (name, _) in found.iter().filter(|(name, form)| !wanted.contains_key(*name) && !form.starts_with(OF_SOME)) {
            connection.execute("UPDATE people_forms SET form = '?' || form WHERE name = ?1", [name])?;
        }
        // Until all is made anew no forms are right, also if those of before are asked for meanwhile.
        for name in wanted.keys().filter(|_| !same) {
            let none = "UPDATE people_forms SET form = iif(form LIKE '?%', '?', '') WHERE name = ?1";
            connection.execute(none, [name])?;
        }
        Ok(())
    };
    work().map_err(failure::writing)?;
    if same {
        write_down(writing, wanted, false)?;
    }
    Ok(same)
}

/// Everybody has these forms now. What was not known of everybody is not yet, unless it is `known`.
fn write_down(writing: &Writing<'_>, wanted: &BTreeMap<String, String>, known: bool) -> Result<(), JournalError> {
    let work = || -> rusqlite::Result<()> {
        if known {
            writing.connection.execute("DELETE FROM people_forms", [])?;
        }
        let mut insert = writing.connection.prepare(
            "INSERT INTO people_forms (name, form) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET form = iif(form LIKE '?%', '?', '') || excluded.form",
        )?;
        wanted.iter().try_for_each(|form| insert.execute(form).map(|_| ()))
    };
    work().map_err(failure::writing)
}

/// A part of the people; where it ended, unless that was the end.
fn remake(writing: &Writing<'_>, anew: &Anew, after: i64) -> Result<(u64, Option<i64>), JournalError> {
    let connection = writing.connection;
    let rows: Vec<(Row, String, String)> = connection
        .prepare_cached(
            "SELECT id, person, keys, stored, at, system, tenant FROM people WHERE id > ?1 ORDER BY id LIMIT ?2",
        )
        .and_then(|mut select| {
            select.query_map(params![after, PART], |row| Ok((Row::read(row)?, row.get(5)?, row.get(6)?)))?.collect()
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
    // What nobody asks for stays as it was, until somebody asks for it again.
    let mut known: Known = row.known(persons).unwrap_or_default();
    for field in anew(&fields) {
        let key = (!field.key.normal.is_empty()).then(|| persons.field_key(system, tenant, &field.key));
        match key {
            Some(key) => _ = known.insert(field.key.name.to_string(), (field.value, key)),
            None => _ = known.remove(&*field.key.name),
        }
    }
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
