//! `journal`: whether it is whole, how much it holds, its backups and keys.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::Ended;
use super::output::{self, Format, Table, Ticker, count, time};
use super::store::{self, Store};
use crate::app::Source;
use crate::app::control::protocol::{Reply, Request};
use crate::base::units::Size;
use crate::journal::{Head, Reader as _, sqlite};

/// Verifies, measures, backs up and restores the journal
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve journal verify
  hookreeve journal verify --against \"$(cat head.txt)\"
  hookreeve journal head > head.txt
  hookreeve journal backup /backup/hookreeve-$(date +%F).db
  hookreeve journal restore /backup/hookreeve-2026-11-21.db
  hookreeve journal stats --format json

All but `restore` work beside a server that runs.

Exit status: 0 fine, 1 something is wrong with the journal, 2 it could not be looked at.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Goes through all entries and tells what is damaged, missing or changed
    Verify(Verify),
    /// Prints the last entry's number and hash, to keep elsewhere: only it shows a tail that was cut off
    Head(Plain),
    /// Tells how much the journal holds and what waits
    Stats(Plain),
    /// Writes a copy to a file that is not there; keys are not in it
    Backup(File),
    /// Puts a backup in the journal's place, while no server runs; what was there is kept beside it
    Restore(File),
    /// Seals everything under the first of several encryption keys, so that the others can go
    Rekey(Plain),
}

#[derive(Debug, Args)]
struct Verify {
    /// A head that was kept elsewhere, as `journal head` prints it
    #[arg(long, value_name = "HEAD", value_parser = head)]
    against: Option<Head>,

    #[command(flatten)]
    plain: Plain,
}

#[derive(Debug, Args)]
struct Plain {
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct File {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    plain: Plain,
}

fn head(text: &str) -> Result<Head, String> {
    Head::parse(text).ok_or_else(|| "a head looks like 1042:9f86…, a number and 64 hex digits".to_owned())
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    store::with(source, |store| match &arguments.command {
        Command::Verify(arguments) => verify(arguments, store),
        Command::Head(plain) => {
            let head = store.wait(store.reader()?.head())?;
            output::print(&match plain.format {
                Format::Text => head.to_string(),
                Format::Json => head_json(&head).to_string(),
            });
            Ok(Ended::Well)
        }
        Command::Stats(plain) => stats(plain.format, store),
        Command::Backup(file) => backup(file, store),
        Command::Restore(file) => restore(file, store),
        Command::Rekey(plain) => rekey(plain.format, store),
    })
}

fn head_json(head: &Head) -> serde_json::Value {
    json!({ "seq": head.seq, "hash": crate::base::ids::hex(&head.hash), "head": head.to_string() })
}

fn verify(arguments: &Verify, store: &Store<'_>) -> anyhow::Result<Ended> {
    let reader = store.reader()?;
    let ticker = Arc::new(Ticker::new());
    let tell = ticker.clone();
    let report = store.wait(reader.verify(arguments.against, Arc::new(move |done| tell.tell(done))))?;
    ticker.end();
    let sound = report.is_sound();
    match arguments.plain.format {
        Format::Json => output::print(
            &json!({
                "sound": sound,
                "entries": report.entries,
                "forgotten": report.forgotten,
                "cut": report.cut,
                "head": report.head.map(|head| head.to_string()),
                "found": report.found,
                "findings": report.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
            .to_string(),
        ),
        Format::Text => {
            for finding in &report.findings {
                output::print(&finding.to_string());
            }
            let shown = report.findings.len() as u64;
            if report.found > shown {
                output::print(&format!("and {} more", report.found - shown));
            }
            let mut text = format!("{}, {} forgotten", count(report.entries, "entry"), report.forgotten);
            if report.cut > 0 {
                text = format!("{text}, those up to {} cut off by retention", report.cut);
            }
            let verdict = if sound { "nothing is wrong".to_owned() } else { count(report.found, "finding") };
            output::print(&format!("{text}: {verdict}"));
            if let Some(head) = report.head {
                output::print(&format!("head {head}"));
            }
        }
    }
    Ok(if sound { Ended::Well } else { Ended::Findings })
}

fn stats(format: Format, store: &Store<'_>) -> anyhow::Result<Ended> {
    let reader = store.reader()?;
    let (stats, head) = store.wait(async { anyhow::Ok((reader.stats().await?, reader.head().await?)) })?;
    if format == Format::Json {
        let actions = stats.actions.iter();
        let actions: Vec<_> = actions
            .map(|(action, pending, dead)| json!({ "action": action, "pending": pending, "dead": dead }))
            .collect();
        output::print(
            &json!({
                "path": store.options.path,
                "entries": stats.entries,
                "bytes": stats.bytes,
                "oldest": stats.oldest.map(time),
                "head": head.to_string(),
                "unverified": stats.unverified,
                "actions": actions,
            })
            .to_string(),
        );
        return Ok(Ended::Well);
    }
    output::print(&format!("journal     {}", store.options.path.display()));
    output::print(&format!("entries     {}, the last is number {}", stats.entries, head.seq));
    output::print(&format!("on disk     {}", size(stats.bytes)));
    let retention = crate::base::units::Span(store.options.retention);
    let oldest = stats.oldest.map_or_else(|| "none".to_owned(), time);
    output::print(&format!("oldest      {oldest}; entries are kept for {retention}"));
    output::print(&format!("unverified  {}", count(stats.unverified, "notice")));
    let mut table = Table::new(&["ACTION", "PENDING", "DEAD"]);
    for (action, pending, dead) in &stats.actions {
        table.row([action.clone(), pending.to_string(), dead.to_string()]);
    }
    if !stats.actions.is_empty() {
        output::print(&format!("\n{}", table.render()));
    }
    Ok(Ended::Well)
}

/// In the largest unit of which there are some.
fn size(bytes: u64) -> String {
    match bytes {
        0..=0x7fff => Size(bytes).to_string(),
        0x8000..=0x1ff_ffff => Size(bytes >> 10 << 10).to_string(),
        _ => Size(bytes >> 20 << 20).to_string(),
    }
}

fn backup(file: &File, store: &Store<'_>) -> anyhow::Result<Ended> {
    let reader = store.reader()?;
    let to = std::path::absolute(&file.file)?;
    let head = store.wait(reader.backup(&to)).with_context(|| format!("no backup was made at {}", to.display()))?;
    match file.plain.format {
        Format::Json => output::print(&json!({ "file": to, "head": head.to_string() }).to_string()),
        Format::Text => {
            output::print(&format!("{} holds entries up to {head}", to.display()));
            output::complain(
                "It is readable with the keys that the configuration names and with the journal's -persons file: keep \
                 copies of these apart from it.",
            );
        }
    }
    Ok(Ended::Well)
}

fn restore(file: &File, store: &Store<'_>) -> anyhow::Result<Ended> {
    let from = std::path::absolute(&file.file)?;
    let restored = store
        .wait(sqlite::restore(&from, &store.options))
        .with_context(|| format!("{} was not restored", from.display()))?;
    let replaced = restored.replaced.as_ref().map(|path| path.display().to_string());
    match file.plain.format {
        Format::Json => output::print(
            &json!({ "head": restored.head.to_string(), "replaced": replaced, "forgotten": restored.forgotten })
                .to_string(),
        ),
        Format::Text => {
            output::print(&format!("the journal holds entries up to {} again", restored.head));
            if let Some(replaced) = replaced {
                output::print(&format!("what was there is {replaced}: delete it when you need it no more"));
            }
            if restored.forgotten > 0 {
                let entries = count(restored.forgotten, "entry");
                output::print(&format!("{entries} of persons who were forgotten since were wiped again"));
            }
            output::print("What the backup holds as waiting is delivered when a server starts, if need be once more.");
        }
    }
    Ok(Ended::Well)
}

fn rekey(format: Format, store: &Store<'_>) -> anyhow::Result<Ended> {
    store.reader()?;
    store.change([Request::Rekey], |reply| {
        let Reply::Rekeyed { sealed } = reply else { return };
        match format {
            Format::Json => output::print(&json!({ "sealed": sealed }).to_string()),
            Format::Text => output::print(&format!(
                "{} sealed anew under the first key; the others are needed for unverified notices only",
                count(sealed, "key or secret").replace("key or secrets", "keys and secrets")
            )),
        }
    })?;
    Ok(Ended::Well)
}
