//! `forget`: destroys what is known of a person, and says what that does not reach.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;

use super::Ended;
use super::output::{self, Format, count};
use super::select::OfPerson;
use super::store::{self, Store};
use crate::app::Source;
use crate::app::control::protocol::{Reply, Request, Whom};
use crate::journal::Reader as _;

/// Destroys what is known of a person
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve forget --person shreyash2
  hookreeve forget --person shreyash2 --tenant as100 --yes

It destroys what events said, the person's line in the directory, dead letters and what waits for delivery, with the
person's own key, and cannot be taken back. That there were events, when, and what was decided stays; the chain still
verifies. What it does not reach: copies of the journal and its -persons file made by other means than `journal backup`,
what other systems were told, and logs.

Exit status: 0 forgotten, 1 nothing was known, 2 it could not be done.")]
pub(super) struct Arguments {
    #[command(flatten)]
    person: OfPerson,

    /// Asks nothing
    #[arg(long)]
    yes: bool,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    store::with(source, |store| forget(arguments, store))
}

fn forget(arguments: &Arguments, store: &Store<'_>) -> anyhow::Result<Ended> {
    let Some(key) = &arguments.person.person else { bail!("say whom with --person") };
    let reader = store.reader()?;
    let person = Whom::from(&arguments.person.made_out(key, store, &reader)?);
    // Somebody may be listed whom no event was about.
    let listed = match person.person() {
        Some(person) => store.wait(reader.listed(&person))?.is_some(),
        None => false,
    };
    drop(reader);
    if !arguments.yes && !confirmed(&person)? {
        output::complain("nothing was done");
        return Ok(Ended::Findings);
    }
    let mut entries = 0;
    store.change([Request::Forget { person: person.clone() }], |reply| {
        if let Reply::Forgotten { entries: number } = reply {
            entries = number;
        }
    })?;
    match arguments.format {
        Format::Json => {
            output::print(&json!({ "tenant": person.tenant, "entries": entries, "listed": listed }).to_string());
        }
        Format::Text if entries == 0 && listed => {
            output::print("there was no event; the person's line in the directory is destroyed");
        }
        Format::Text if entries == 0 => output::print("nothing was known of this person; now nothing is for certain"),
        Format::Text => output::print(&told(entries, store)),
    }
    Ok(if entries == 0 && !listed { Ended::Findings } else { Ended::Well })
}

fn told(entries: u64, store: &Store<'_>) -> String {
    let backups = if store.settings.journal.encryption_key.is_some() {
        "Backups that `hookreeve journal backup` made hold these events sealed under a key that is gone."
    } else {
        "Without [journal] encryption_key older backups hold these events in clear: `hookreeve journal restore` wipes \
         them again, and nothing else does. Delete backups that you no longer need."
    };
    format!(
        "{} can no longer be read, here or anywhere that this journal is restored.\n{backups}\n\
         Not reached: copies of the journal's files made by other means, what other systems were told, and logs.",
        count(entries, "entry")
    )
}

/// Asks on a terminal. Where there is none, nobody can be asked.
fn confirmed(person: &Whom) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here whether this is meant: say so with --yes");
    }
    let tenant = if person.tenant.is_empty() { String::new() } else { format!(" of {}", person.tenant) };
    let mut out = std::io::stderr().lock();
    write!(
        out,
        "Destroy all that is known of {}{tenant}? This cannot be taken back. [yes/no] ",
        output::harmless(&person.key)
    )?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("the answer cannot be read")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
