//! `directory export`: everybody that is listed, for another server or for a look.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::PAGE;
use crate::cli::Ended;
use crate::cli::output::{self, count};
use crate::cli::store::Store;
use crate::journal::{Listed, Reader as _};

/// Prints everybody with all fields in clear, in a form that `import` reads
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Says that personal data is meant to be printed
    #[arg(long)]
    personal: bool,

    /// One object a line, or a table
    #[arg(long, value_enum, default_value_t = Form::Json)]
    format: Form,
}

/// How people are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// JSON lines
    Json,
    /// CSV with a header
    Csv,
}

pub(super) fn run(arguments: &Arguments, store: &Store<'_>) -> anyhow::Result<Ended> {
    if !arguments.personal {
        bail!("an export is personal data in clear: say with --personal that this is meant");
    }
    let reader = store.reader()?;
    let columns = match arguments.format {
        Form::Json => Vec::new(),
        // A header stands before the first line, so that all fields must be known by then.
        Form::Csv => columns(store)?,
    };
    if arguments.format == Form::Csv {
        output::print(&table([columns.iter().map(String::as_str)])?);
    }
    let (mut after, mut unreadable) = (0, 0);
    loop {
        let page = store.wait(reader.people(after, PAGE))?;
        let Some(last) = page.last() else { break };
        after = last.number;
        let people: Vec<_> = page.iter().filter_map(|listed| Some((listed, listed.fields()?))).collect();
        unreadable += (page.len() - people.len()) as u64;
        let text = match arguments.format {
            Form::Json => people.into_iter().map(|(listed, fields)| line(listed, fields)).collect(),
            Form::Csv => table(
                people.iter().map(|(_, fields)| columns.iter().map(|name| fields.get(name).map_or("", String::as_str))),
            )?,
        };
        if !text.is_empty() {
            output::print(&text);
        }
    }
    if unreadable > 0 {
        output::complain(&format!("{} cannot be read: the key is not set", count(unreadable, "person")));
        return Ok(Ended::Findings);
    }
    Ok(Ended::Well)
}

/// Rows of a table as text.
fn table<'t, R: Iterator<Item = &'t str>>(rows: impl IntoIterator<Item = R>) -> anyhow::Result<String> {
    let mut table = csv::Writer::from_writer(Vec::new());
    rows.into_iter().try_for_each(|row| table.write_record(row))?;
    let bytes = table.into_inner().ok().context("it cannot be written")?;
    Ok(String::from_utf8(bytes)?)
}

/// One person as a line of JSON.
fn line(listed: &Listed, fields: BTreeMap<String, String>) -> String {
    let mut line: Map<String, Value> = fields.into_iter().map(|(name, text)| (name, json!(text))).collect();
    if !listed.tenant.is_empty() {
        line.insert("tenant".to_owned(), json!(listed.tenant));
    }
    format!("{}\n", Value::Object(line))
}

/// The names of all fields that somebody has.
fn columns(store: &Store<'_>) -> anyhow::Result<Vec<String>> {
    let reader = store.reader()?;
    let mut names = BTreeSet::new();
    let mut after = 0;
    loop {
        let page = store.wait(reader.people(after, PAGE))?;
        let Some(last) = page.last() else { return Ok(names.into_iter().collect()) };
        after = last.number;
        names.extend(page.iter().filter_map(Listed::fields).flatten().map(|(name, _)| name));
    }
}
