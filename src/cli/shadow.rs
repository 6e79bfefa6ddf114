//! `shadow`: how rules that are only tried differ from the real ones.

use std::collections::BTreeMap;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Ended;
use super::output::{self, Format, Table, Ticker, count, time};
use super::select::Selection;
use super::shown::{Body, body};
use super::store::{self, Store};
use crate::app::Source;
use crate::journal::{Entry, Reader as _};
use crate::judge::Difference;
use crate::record::DecisionNote;

/// How many entries are asked for at once.
const PAGE: usize = 64;
/// What is said of shadow rules, beside the words for the shadow file.
const RULE_WORDS: [&str; 2] = ["rule_held", "rule_erred"];

/// Shows how rules that are only tried differ from the real ones
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve shadow summary --since 7d
  hookreeve shadow list --since 7d --difference newly_refused
  hookreeve shadow list --event validateUser --format json | jq .seq

Of the shadow file every event says whether it was judged otherwise; of a rule with `shadow = true`, that it held or erred.
Differences stand in the journal, with the event: what [journal] records leaves out is in the metrics alone.

Exit status: 0 fine, 2 it could not be looked at.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists differences, the newest first
    List(List),
    /// Counts differences by rule
    Summary(Summary),
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    which: Which,

    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: usize,

    /// Shows in clear what tells of a person
    #[arg(long)]
    personal: bool,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct Summary {
    #[command(flatten)]
    which: Which,

    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct Which {
    #[command(flatten)]
    selection: Selection,

    /// Only this difference; more than once for several
    #[arg(long, value_name = "WORD", value_parser = PossibleValuesParser::new(words()))]
    difference: Vec<String>,

    /// Only by this version of the shadow file, as `summary` names it, or how that begins
    #[arg(long, value_name = "HASH")]
    rules: Option<String>,
}

fn words() -> impl Iterator<Item = &'static str> {
    Difference::ALL.into_iter().map(Difference::as_str).chain(RULE_WORDS)
}

/// One difference on one event.
struct Found {
    word: String,
    /// What the other rules decided; none for a shadow rule, of which only that it held is known.
    would: Option<DecisionNote>,
    rule: Option<String>,
    error: Option<String>,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    store::with(source, |store| match &arguments.command {
        Command::List(arguments) => list(arguments, store),
        Command::Summary(arguments) => summary(arguments, store),
    })
}

/// Goes through the entries that are meant, as long as `each` wants more.
fn look(
    which: &Which,
    personal: bool,
    store: &Store<'_>,
    mut each: impl FnMut(&Entry, &Body, Vec<Found>) -> bool,
) -> anyhow::Result<()> {
    let reader = store.reader()?;
    let mut filter = which.selection.made_out(store, &reader)?.filter;
    filter.records = true;
    let ticker = Ticker::new();
    let mut looked_at = 0;
    loop {
        let page = store.wait(reader.entries(filter.clone(), PAGE))?;
        let tenant = which.selection.person.tenant.as_deref();
        for entry in page.items.iter().filter(|entry| tenant.is_none_or(|tenant| entry.tenant == tenant)) {
            looked_at += 1;
            let body = body(entry, store, personal);
            let found = which.found(&body);
            if !each(entry, &body, found) {
                ticker.end();
                return Ok(());
            }
        }
        ticker.tell(looked_at);
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    ticker.end();
    Ok(())
}

impl Which {
    fn is_of(&self, rules: &str) -> bool {
        self.rules.as_deref().is_none_or(|wanted| rules.starts_with(wanted))
    }

    fn found(&self, body: &Body) -> Vec<Found> {
        let mut found = Vec::new();
        if let Some(shadow) = body.shadow.as_ref().filter(|shadow| self.is_of(&shadow.rules))
            && let Some(word) = &shadow.difference
        {
            let rule = shadow.decision.as_ref().and_then(|decision| decision.rule.clone());
            let error = shadow.errors.first().map(|erred| format!("{}: {}", erred.rule, erred.error));
            found.push(Found { word: word.clone(), would: shadow.decision.clone(), rule, error });
        }
        let tried = body.trace.iter().filter(|note| note.shadow && self.rules.is_none());
        found.extend(tried.map(|note| Found {
            word: format!("rule_{}", note.did),
            would: None,
            rule: Some(note.rule.clone()),
            error: note.error.clone(),
        }));
        found.retain(|found| self.difference.is_empty() || self.difference.contains(&found.word));
        found
    }
}

fn list(arguments: &List, store: &Store<'_>) -> anyhow::Result<Ended> {
    let mut table = Table::new(&["TIME", "NUMBER", "EVENT", "PERSON", "DIFFERENCE", "WAS", "WOULD BE", "BY RULE"]);
    let mut shown = 0;
    look(&arguments.which, arguments.personal, store, |entry, body, found| {
        for found in found {
            if shown == arguments.limit {
                return false;
            }
            shown += 1;
            let was = Was::of(entry, body);
            match arguments.format {
                Format::Json => output::print(&to_json(entry, body, &was, &found).to_string()),
                Format::Text => table.row([
                    time(entry.received_at),
                    entry.seq.to_string(),
                    entry.event.clone(),
                    body.person.clone(),
                    found.word.clone(),
                    with_message(was.outcome, was.message),
                    would(&found),
                    found.rule.clone().unwrap_or_default(),
                ]),
            }
        }
        shown < arguments.limit
    })?;
    if arguments.format == Format::Text {
        if shown == 0 {
            output::complain("there is no difference");
        } else {
            output::print(&table.render());
        }
    }
    Ok(Ended::Well)
}

/// What the real rules decided, whatever a guard made of it.
struct Was<'a> {
    outcome: &'a str,
    rule: Option<&'a str>,
    message: Option<&'a str>,
}

impl<'a> Was<'a> {
    fn of(entry: &'a Entry, body: &'a Body) -> Self {
        match &body.held {
            Some(held) => {
                let held = &held.decision;
                Self { outcome: &held.outcome, rule: held.rule.as_deref(), message: held.message.as_deref() }
            }
            None => Self { outcome: &entry.outcome, rule: entry.rule.as_deref(), message: body.message.as_deref() },
        }
    }
}

fn would(found: &Found) -> String {
    match (&found.would, &found.error) {
        (_, Some(error)) => error.clone(),
        (Some(would), None) => with_message(&would.outcome, would.message.as_deref()),
        (None, None) => String::new(),
    }
}

fn with_message(outcome: &str, message: Option<&str>) -> String {
    message.map_or_else(|| outcome.to_owned(), |message| format!("{outcome} {message}"))
}

fn to_json(entry: &Entry, body: &Body, was: &Was<'_>, found: &Found) -> Value {
    let would = found.would.as_ref();
    json!({
        "seq": entry.seq,
        "id": entry.id.to_string(),
        "time": time(entry.received_at),
        "event": entry.event,
        "person": body.person,
        "difference": found.word,
        "was": { "outcome": was.outcome, "rule": was.rule, "message": was.message },
        "would_be": would.map(|would| json!({
            "outcome": would.outcome,
            "rule": would.rule,
            "message": would.message,
            "changes": would.changes,
            "mapped": would.mapped,
        })),
        "rule": found.rule,
        "error": found.error,
        "rules": body.shadow.as_ref().map(|shadow| &shadow.rules),
    })
}

/// What is counted: difference, event, rule.
type Key = (String, String, String);

fn summary(arguments: &Summary, store: &Store<'_>) -> anyhow::Result<Ended> {
    let mut counts: BTreeMap<Key, (u64, u64)> = BTreeMap::new();
    let mut versions: Vec<(String, u64, u64)> = Vec::new();
    let mut looked_at = 0;
    look(&arguments.which, false, store, |entry, body, found| {
        looked_at += 1;
        if let Some(shadow) = body.shadow.as_ref().filter(|shadow| arguments.which.is_of(&shadow.rules)) {
            let at = versions.iter().position(|(rules, ..)| *rules == shadow.rules).unwrap_or_else(|| {
                versions.push((shadow.rules.clone(), 0, 0));
                versions.len() - 1
            });
            versions[at].1 += 1;
            versions[at].2 += u64::from(shadow.difference.is_some());
        }
        for found in found {
            let was = Was::of(entry, body);
            let rule = found.rule.or_else(|| was.rule.map(|rule| format!("not {rule}"))).unwrap_or_default();
            // The newest comes first.
            counts.entry((found.word, entry.event.clone(), rule)).or_insert((0, entry.seq)).0 += 1;
        }
        true
    })?;
    match arguments.format {
        Format::Json => {
            let rows = counts.iter().map(|((word, event, rule), (number, example))| {
                json!({ "difference": word, "event": event, "rule": rule, "events": number, "example": example })
            });
            let by_version = versions
                .iter()
                .map(|(rules, judged, differ)| json!({ "rules": rules, "judged": judged, "differ": differ }));
            let all = json!({
                "events": looked_at,
                "versions": by_version.collect::<Vec<_>>(),
                "differences": rows.collect::<Vec<_>>(),
            });
            output::print(&all.to_string());
        }
        Format::Text => {
            let mut table = Table::new(&["DIFFERENCE", "EVENT", "BY RULE", "EVENTS", "EXAMPLE"]);
            for ((word, event, rule), (number, example)) in counts {
                table.row([word, event, rule, number.to_string(), example.to_string()]);
            }
            output::print(&table.render());
            for (rules, judged, differ) in &versions {
                output::print(&format!("shadow file {rules}: {} judged, {differ} otherwise", count(*judged, "event")));
            }
            if versions.is_empty() {
                output::print(&format!("no shadow file has judged any of {}", count(looked_at, "event")));
            }
        }
    }
    Ok(Ended::Well)
}
