//! `directory`: the people that lookups find, shown, brought in and taken out.

mod export;
mod import;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::Ended;
use super::output::{self, Format, Table, count, time};
use super::select::OfPerson;
use super::store::{self, Store};
use crate::app::Source;
use crate::app::control::protocol::{MAX_PEOPLE, Reply, Request, Whom};
use crate::base::ids::hex;
use crate::event::{Person, catalog};
use crate::journal::{Listed, Reader as _};

/// How many are read at once.
const PAGE: usize = 500;
/// What stands for a value that is not shown.
const MASK: &str = "***";

/// Shows the people that lookups find, brings some in, takes some out
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve directory list
  hookreeve directory list --person shreyash2 --personal
  hookreeve directory import people.csv --map 'Mobile No=mobile' --map 'User=login'
  hookreeve directory import people.jsonl
  hookreeve directory remove --person shreyash2
  hookreeve directory remove --file leavers.txt
  hookreeve directory export --personal > people.jsonl
  hookreeve directory rebuild                       from the notices that the journal still has

Whoever is taken out comes back with the next notice about it, unless `leave_out` of [directory] holds for it. To destroy
all that is known of a person there is `hookreeve forget`.

Exit status: 0 fine, 1 nothing matched, or lines were skipped, 2 it could not be done.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists people, those who came first first
    List(List),
    Import(import::Arguments),
    /// Takes people out
    Remove(Remove),
    Export(export::Arguments),
    /// Tells the directory again what the journal's notices told, the oldest first
    Rebuild,
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    person: OfPerson,

    /// Those after this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,

    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: usize,

    /// Shows values and persons in clear
    #[arg(long)]
    personal: bool,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct Remove {
    /// Whom: the login, in any case; more than once for several
    #[arg(long, value_name = "KEY", required_unless_present = "file")]
    person: Vec<String>,

    /// A file with one on each line
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Of this tenant. Needed only where there are several
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    store::with(source, |store| match &arguments.command {
        Command::List(arguments) => list(arguments, store),
        Command::Import(arguments) => import::run(arguments, store),
        Command::Remove(arguments) => remove(arguments, store),
        Command::Export(arguments) => export::run(arguments, store),
        Command::Rebuild => rebuild(store),
    })
}

fn list(arguments: &List, store: &Store<'_>) -> anyhow::Result<Ended> {
    let reader = store.reader()?;
    let mut found = Vec::new();
    if let Some(key) = &arguments.person.person {
        let tenant = arguments.person.tenant.clone().map_or_else(|| only_tenant(store), Ok)?;
        found.extend(store.wait(reader.listed(&person(key, &tenant)))?);
    } else {
        let mut after = arguments.after;
        while found.len() < arguments.limit {
            let page = store.wait(reader.people(after, PAGE.min(arguments.limit - found.len())))?;
            let Some(last) = page.last() else { break };
            after = last.number;
            let tenant = arguments.person.tenant.as_ref();
            found.extend(page.into_iter().filter(|listed| tenant.is_none_or(|tenant| listed.tenant == *tenant)));
        }
    }
    let mut table = Table::new(&["NUMBER", "PERSON", "TENANT", "CHANGED", "FIELDS"]);
    for listed in &found {
        let (person, fields) = shown(listed, store, arguments.personal);
        if arguments.format == Format::Json {
            let fields: serde_json::Map<_, _> = fields.into_iter().map(|(name, text)| (name, json!(text))).collect();
            output::print(
                &json!({
                    "number": listed.number,
                    "person": person,
                    "reference": reference(listed),
                    "tenant": listed.tenant,
                    "changed": time(listed.at),
                    "fields": fields,
                })
                .to_string(),
            );
            continue;
        }
        let fields: Vec<String> = fields.into_iter().map(|(name, text)| format!("{name}={text}")).collect();
        table.row([listed.number.to_string(), person, listed.tenant.clone(), time(listed.at), fields.join(" ")]);
    }
    if found.is_empty() {
        if arguments.format == Format::Text {
            output::complain("nobody is listed");
        }
        return Ok(if arguments.person.person.is_some() { Ended::Findings } else { Ended::Well });
    }
    if arguments.format == Format::Text {
        output::print(&table.render());
    }
    Ok(Ended::Well)
}

/// A person's name as logs have it, and its fields.
fn shown(listed: &Listed, store: &Store<'_>, personal: bool) -> (String, Vec<(String, String)>) {
    let fields = listed.fields().unwrap_or_default();
    let key = fields.get("login").or_else(|| fields.get("id")).map(|key| Person::normal_key(key));
    let name = match key {
        Some(key) if personal => key,
        Some(key) => store.names.of(&key),
        None => reference(listed),
    };
    let mask = |text: String| if personal { text } else { MASK.to_owned() };
    (name, fields.into_iter().map(|(name, text)| (name, mask(text))).collect())
}

/// What the journal itself calls the person, as a lookup's answer does.
fn reference(listed: &Listed) -> String {
    format!("ref-{}", hex(&listed.person[..6]))
}

fn remove(arguments: &Remove, store: &Store<'_>) -> anyhow::Result<Ended> {
    let mut keys = arguments.person.clone();
    if let Some(path) = &arguments.file {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        keys.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    let tenant = arguments.tenant.clone().map_or_else(|| only_tenant(store), Ok)?;
    let people: Vec<Whom> = keys.iter().map(|key| Whom::from(&person(key, &tenant))).collect();
    let parts = people.chunks(MAX_PEOPLE).map(|part| Request::Remove { people: part.to_vec() });
    let mut all = (0, 0);
    store.change(parts, |reply| add(&mut all, &reply))?;
    let (told, removed) = all;
    let missing = told - removed;
    let more = if missing > 0 { format!("; {missing} of {told} were not listed") } else { String::new() };
    output::print(&format!("{} taken out{more}", count(removed, "person")));
    Ok(if removed == 0 { Ended::Findings } else { Ended::Well })
}

fn rebuild(store: &Store<'_>) -> anyhow::Result<Ended> {
    let mut all = (0, 0);
    store.change([Request::Rebuild], |reply| add(&mut all, &reply))?;
    output::print(&format!("{} read, {} of them told something new", count(all.0, "notice"), all.1));
    Ok(Ended::Well)
}

fn add(all: &mut (u64, u64), reply: &Reply) {
    if let Reply::Listed { told, changed } = reply {
        *all = (all.0 + told, all.1 + changed);
    }
}

fn person(key: &str, tenant: &str) -> Person {
    let key = Person::normal_key(key);
    Person { system: catalog::USUAL_SYSTEM, tenant: tenant.to_owned(), known: !key.is_empty(), key }
}

/// The tenant that is meant where nobody says which: the only one that the configuration or the newest events name. People
/// of another tenant are others, so that it is not guessed.
fn only_tenant(store: &Store<'_>) -> anyhow::Result<String> {
    let jwt = &store.settings.cymmetri.auth.jwt;
    let mut tenants: Vec<String> = jwt.iter().flat_map(|jwt| jwt.tenants.clone()).collect();
    tenants.extend(super::select::newest_tenants(store, &store.reader()?)?);
    if tenants.is_empty() && jwt.is_some() {
        bail!(
            "no event has come yet that tells which tenant this is: say it with --tenant, as the token's tenantId has it"
        );
    }
    tenants.retain(|tenant| !tenant.is_empty());
    tenants.sort();
    tenants.dedup();
    match tenants.as_slice() {
        [] => Ok(String::new()),
        [tenant] => Ok(tenant.clone()),
        _ => bail!("there are several tenants ({}): say which with --tenant", tenants.join(", ")),
    }
}
