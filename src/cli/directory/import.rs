//! `directory import`: people from a file, in parts, a line at a time.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;

use super::{add, only_tenant, person};
use crate::app::control::protocol::{Introduced, MAX_PEOPLE, MAX_PEOPLE_BYTES, Request, Whom};
use crate::base::tree::closest;
use crate::cli::Ended;
use crate::cli::output::{self, Ticker, count, harmless};
use crate::cli::store::Store;
use crate::directory::Fields;
use crate::event::FieldPath;

/// The longest line that is taken, in bytes.
const MAX_LINE: u64 = 64 << 10;
/// How many faulty lines are told one by one.
const TOLD: usize = 20;

/// Brings people in from a file: CSV with a header, or JSON lines
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve directory import people.csv
  hookreeve directory import people.csv --map 'Mobile No=mobile' --map 'User=login'
  hookreeve directory import people.jsonl --strict

Columns are named like the person's fields; those that no lookup asks for are left out. Each line needs a login, or an id.
What the file says goes before what was known; an empty cell says that there is no such value. Importing the same file
twice changes nothing.")]
pub(super) struct Arguments {
    /// The file; `.json`, `.jsonl` and `.ndjson` are JSON lines, all others CSV
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// A column, or key, and the field that it holds; more than once for several
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = mapping)]
    map: Vec<(String, String)>,

    /// Of this tenant. Needed only where there are several
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,

    /// Brings nobody in where a line is faulty
    #[arg(long)]
    strict: bool,
}

fn mapping(text: &str) -> Result<(String, String), String> {
    let (column, field) = text.rsplit_once('=').ok_or("expected a column and a field: `Mobile No=mobile`")?;
    let field = field.trim();
    let field = field.strip_prefix("user.").unwrap_or(field);
    Ok((column.trim().to_owned(), field.to_owned()))
}

/// What was found wrong with lines.
#[derive(Default)]
struct Faults {
    number: u64,
    told: Vec<String>,
}

/// A file, read line by line.
struct Lines<'a> {
    source: Lined,
    /// Whether the file cannot be read any further.
    ended: bool,
    tenant: &'a str,
    fields: &'a Fields,
    mapped: &'a BTreeMap<String, String>,
}

enum Lined {
    /// The field of each column, and the rest of the file.
    Csv(Vec<Option<String>>, Box<csv::Reader<File>>),
    Json(BufReader<File>, u64),
}

pub(super) fn run(arguments: &Arguments, store: &Store<'_>) -> anyhow::Result<Ended> {
    let Some(plan) = store.plan() else { return Ok(Ended::Findings) };
    let Some(directory) = &plan.directory else {
        bail!("no directory is kept: write `[directory]`, or a lookup of type directory, into the configuration")
    };
    let fields = &*directory.fields;
    for (_, field) in &arguments.map {
        if fields.find(field).is_none() {
            let names: Vec<&str> = fields.iter().map(|field| &*field.name).collect();
            let near = closest(field, &names).map(|near| format!("; did you mean `{near}`?"));
            let near = near.unwrap_or_else(|| format!(": it keeps {}", names.join(", ")));
            bail!("the directory does not keep `{field}`{near}");
        }
    }
    let mapped: BTreeMap<String, String> = arguments.map.iter().cloned().collect();
    let tenant = arguments.tenant.clone().map_or_else(|| only_tenant(store), Ok)?;
    let open = || Lines::open(&arguments.file, &tenant, fields, &mapped);
    let faults = RefCell::new(Faults::default());
    if arguments.strict {
        open()?.for_each(|line| _ = faults.borrow_mut().sift(line));
        if faults.borrow().number > 0 {
            tell_faults(&faults.borrow());
            output::complain("nobody was brought in");
            return Ok(Ended::Findings);
        }
    }
    let lines = open()?;
    lines.tell_left_out();
    let mut known = BTreeSet::new();
    let mut is_ended = false;
    let mut people = lines.filter_map(|line| faults.borrow_mut().sift(line)).peekable();
    let parts = std::iter::from_fn(|| {
        let mut part = Vec::new();
        let mut bytes = 0;
        while part.len() < MAX_PEOPLE && bytes < MAX_PEOPLE_BYTES {
            let Some(next) = people.next() else { break };
            bytes += next.fields.iter().map(|(name, text)| name.len() + 6 * text.len() + 8).sum::<usize>();
            known.extend(next.fields.keys().cloned());
            part.push(next);
        }
        if !part.is_empty() {
            return Some(Request::Tell { people: part });
        }
        // Of those in a line that was skipped it is not known.
        let ends = !std::mem::replace(&mut is_ended, true) && !known.is_empty() && faults.borrow().number == 0;
        ends.then(|| Request::Complete { fields: known.iter().cloned().collect() })
    });
    let ticker = Ticker::new();
    let mut all = (0, 0);
    let outcome = store.change(parts, |reply| {
        add(&mut all, &reply);
        ticker.tell(all.0);
    });
    ticker.end();
    let faults = faults.into_inner();
    tell_faults(&faults);
    let done = format!("{} read, {} of them new or changed", count(all.0, "person"), all.1);
    if let Err(error) = outcome {
        output::complain(&format!("{done}, until it ended"));
        return Err(error);
    }
    output::print(&done);
    Ok(if faults.number > 0 || all.0 == 0 { Ended::Findings } else { Ended::Well })
}

fn tell_faults(faults: &Faults) {
    for fault in &faults.told {
        output::complain(&harmless(fault));
    }
    let more = faults.number - faults.told.len() as u64;
    if more > 0 {
        output::complain(&format!("and {more} more"));
    }
    if faults.number > 0 {
        output::complain(&format!("{} skipped", count(faults.number, "line")));
    }
}

impl Faults {
    /// The person, unless the line is faulty.
    fn sift(&mut self, line: Result<Introduced, String>) -> Option<Introduced> {
        let fault = match line {
            Ok(person) => return Some(person),
            Err(fault) => fault,
        };
        self.number += 1;
        if self.told.len() < TOLD {
            self.told.push(fault);
        }
        None
    }
}

impl<'a> Lines<'a> {
    fn open(
        path: &Path,
        tenant: &'a str,
        fields: &'a Fields,
        mapped: &'a BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        if matches!(ending.as_str(), "json" | "jsonl" | "ndjson") {
            return Ok(Self { source: Lined::Json(BufReader::new(file), 0), ended: false, tenant, fields, mapped });
        }
        let mut reader = csv::ReaderBuilder::new().flexible(false).trim(csv::Trim::All).from_reader(file);
        let header = reader.headers().with_context(|| format!("the header of {} cannot be read", path.display()))?;
        // A table program may have put a byte order mark before the first name.
        let names: Vec<String> =
            header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        for column in mapped.keys() {
            if !names.contains(column) {
                bail!(
                    "{} has no column `{}`; it has {}",
                    path.display(),
                    harmless(column),
                    harmless(&names.join(", "))
                );
            }
        }
        let columns: Vec<Option<String>> = names.iter().map(|name| field_of(name, fields, mapped)).collect();
        if !columns.iter().flatten().any(|field| field == "login" || field == "id") {
            bail!(
                "{} has neither a column `login` nor `id`: say with --map which column holds the login",
                path.display()
            );
        }
        Ok(Self { source: Lined::Csv(columns, Box::new(reader)), ended: false, tenant, fields, mapped })
    }

    /// Says which columns are of no use.
    fn tell_left_out(&self) {
        let Lined::Csv(columns, _) = &self.source else { return };
        let left = columns.iter().filter(|field| field.is_none()).count() as u64;
        if left > 0 {
            let known: BTreeSet<&str> = columns.iter().flatten().map(String::as_str).collect();
            let known: Vec<&str> = known.into_iter().collect();
            output::complain(&format!("{} left out; taken in: {}", count(left, "column"), known.join(", ")));
        }
    }

    /// A person of these fields; they must name it.
    fn person(&self, number: u64, fields: BTreeMap<String, String>) -> Result<Introduced, String> {
        let key = |name: &str| fields.get(name).map(|key| key.trim()).filter(|key| !key.is_empty());
        let Some(key) = key("login").or_else(|| key("id")) else {
            return Err(format!("line {number}: neither login nor id is there"));
        };
        Ok(Introduced { person: Whom::from(&person(key, self.tenant)), fields })
    }

    fn json(&self, number: u64, line: &[u8]) -> Result<Introduced, String> {
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| format!("line {number}: it is no JSON: column {}", error.column()))?;
        if !value.is_object() {
            return Err(format!("line {number}: it is no object"));
        }
        let value = value.get("user").filter(|user| user.is_object()).unwrap_or(&value);
        let mut found = BTreeMap::new();
        for field in self.fields.iter() {
            let from = self.mapped.iter().find(|(_, to)| **to == *field.name).map(|(from, _)| from);
            let text = match from {
                Some(from) => at(value, from),
                None => at(value, &field.name),
            };
            match text {
                None => {}
                Some(Value::String(text)) => _ = found.insert(field.name.to_string(), text.clone()),
                Some(Value::Number(text)) => _ = found.insert(field.name.to_string(), text.to_string()),
                Some(Value::Null) => _ = found.insert(field.name.to_string(), String::new()),
                Some(_) => return Err(format!("line {number}: `{}` is neither text nor a number", field.name)),
            }
        }
        self.person(number, found)
    }
}

/// What stands in an object under this name, or else at this path.
fn at<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).or_else(|| {
        let path = FieldPath::parse(name).ok()?;
        path.names().iter().try_fold(value, |value, name| value.get(name))
    })
}

/// The field that a column holds.
fn field_of(column: &str, fields: &Fields, mapped: &BTreeMap<String, String>) -> Option<String> {
    if let Some(field) = mapped.get(column) {
        return Some(field.clone());
    }
    let name = column.strip_prefix("user.").unwrap_or(column);
    // One that another column is mapped to is taken from that one.
    let taken = mapped.values().any(|field| field == name);
    fields.find(name).filter(|_| !taken).map(|field| field.name.to_string())
}

impl Iterator for Lines<'_> {
    type Item = Result<Introduced, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match &mut self.source {
            Lined::Csv(columns, reader) => {
                let mut record = csv::StringRecord::new();
                let read = reader.read_record(&mut record);
                let number = record.position().map_or_else(|| reader.position().line(), csv::Position::line);
                match read {
                    Ok(false) => None,
                    Ok(true) if record.as_slice().len() as u64 > MAX_LINE => {
                        Some(Err(format!("line {number}: it is longer than {MAX_LINE} bytes")))
                    }
                    Ok(true) => {
                        let cells = columns.iter().zip(&record);
                        let fields = cells.filter_map(|(field, text)| Some((field.clone()?, text.to_owned())));
                        let fields = fields.collect();
                        Some(self.person(number, fields))
                    }
                    Err(error) => {
                        self.ended = error.is_io_error();
                        Some(Err(format!("line {number}: {}", fault(&error))))
                    }
                }
            }
            Lined::Json(reader, number) => loop {
                *number += 1;
                let number = *number;
                let mut line = Vec::new();
                let mut limited = std::io::Read::take(&mut *reader, MAX_LINE + 1);
                match limited.read_until(b'\n', &mut line) {
                    Ok(0) => return None,
                    Ok(_) if line.len() as u64 > MAX_LINE => {
                        // What stands behind cannot be told apart where that fails.
                        self.ended = !line.ends_with(b"\n") && reader.skip_until(b'\n').is_err();
                        return Some(Err(format!("line {number}: it is longer than {MAX_LINE} bytes")));
                    }
                    Ok(_) if line.trim_ascii().is_empty() => {}
                    Ok(_) => return Some(self.json(number, &line)),
                    Err(error) => {
                        self.ended = true;
                        return Some(Err(format!("line {number}: {error}")));
                    }
                }
            },
        }
    }
}

/// What is wrong with a line of a table; the cause may repeat what stands there.
fn fault(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells, and the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is no UTF-8".to_owned(),
        csv::ErrorKind::Io(error) => error.to_string(),
        _ => "it cannot be read".to_owned(),
    }
}
