//! `backtest`: other rules over the kept events, before they are put in force.

mod report;

use std::path::{Path, PathBuf, absolute};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use self::report::Report;
use super::Ended;
use super::output::{self, Ticker};
use super::select::Selection;
use super::store::{self, Store};
use crate::app::{Plan, Source};
use crate::base::diagnostic::{Diagnostics, Severity};
use crate::base::tree::{self, Node};
use crate::base::units::Percent;
use crate::config::Loaded;
use crate::event::Event;
use crate::retrial::{Live, Sweep, Tally, sweep};
use crate::telemetry::metrics::Metrics;

/// Runs other rules over the journal: what would newly be refused, accepted, mapped otherwise
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve backtest --config new/hookreeve.toml --since 30d
  hookreeve backtest --config new/hookreeve.toml --event validateUser --against today
  hookreeve backtest --config new/hookreeve.toml --format markdown > report.md
  hookreeve backtest --config new/hookreeve.toml --max-unknown 1%

--config names the rules that are tried. The journal is that of --running; where that is not given, of \
config/hookreeve.toml or /etc/hookreeve/hookreeve.toml, and where neither is there, of --config itself. Nothing is sent and \
nothing is written.

Exit status: 0 nothing changes, 1 something does, 2 it could not be looked at or told of no event, 3 of more than --max-unknown it cannot be \
told.")]
pub(super) struct Arguments {
    /// The configuration of the server whose journal is read. Default: the one in its usual place
    #[arg(long, value_name = "FILE")]
    running: Option<PathBuf>,

    #[command(flatten)]
    selection: Selection,

    /// What the new answers are compared with
    #[arg(long, value_enum, default_value_t = Against::Recorded)]
    against: Against,

    /// Asks today's sources for what lookups find, instead of taking what was recorded
    #[arg(long)]
    live_lookups: bool,

    /// Ends with 3 where it cannot be told of more events than this: `100`, or `1%` of all
    #[arg(long, value_name = "NUMBER|PERCENT")]
    max_unknown: Option<Bound>,

    /// How many examples are shown of each difference
    #[arg(long, default_value_t = 3, value_name = "NUMBER")]
    examples: u16,

    /// Shows persons in clear
    #[arg(long)]
    personal: bool,

    /// Does not say how far it is
    #[arg(long)]
    quiet: bool,

    /// For people, for programs, or for a pull request
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

/// How long the lookups of one event may take together.
const ASKING: Duration = Duration::from_secs(30);

/// What is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Against {
    /// What was answered then, by the rules of then
    Recorded,
    /// What the rules of --running say
    Today,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Lines to read
    Text,
    /// One object
    Json,
    /// Tables for a pull request
    Markdown,
}

/// A number of events, or a part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Events(u64),
    Part(Percent),
}

impl FromStr for Bound {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = || text.parse().map(Self::Part).map_err(|_| "expected a number of events, or a part such as `1%`");
        text.parse().map(Self::Events).or_else(|_| part())
    }
}

impl Bound {
    fn is_exceeded_by(self, part: u64, whole: u64) -> bool {
        match self {
            Self::Events(most) => part > most,
            Self::Part(most) => most.is_exceeded_by(part, whole),
        }
    }
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    let loaded = source.load();
    let (plan, findings) = crate::app::plan(&loaded, &source.registry, None);
    let Some(plan) = plan else {
        let errors: Diagnostics = findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect();
        output::complain_of(&errors, source);
        return Ok(Ended::Nothing);
    };
    let mut outcome = Ended::Nothing;
    // What ends before the journal is open has found nothing out.
    store::with(&running(arguments, source), |store| {
        outcome = backtest(arguments, &Tried { source, loaded: &loaded, plan: &plan }, store)?;
        Ok(Ended::Well)
    })?;
    Ok(outcome)
}

/// The server whose journal is read.
fn running(arguments: &Arguments, source: &Source) -> Source {
    let usual = Source { path: arguments.running.clone(), ..source.clone() };
    let is_there = arguments.running.is_some() || !output::nothing_to_look_at(&usual.load().findings);
    if is_there { usual } else { source.clone() }
}

/// The lookups that both configurations have under the same id, and not with the same words. A file beside the one is taken
/// for that of the same name beside the other: whoever tries a copy of a configuration has copied it, too.
fn redefined(running: &Loaded, tried: &Loaded) -> Vec<String> {
    let lookups = |loaded: &Loaded| -> Vec<Value> {
        let entries = loaded.lists.get("lookup").and_then(Node::as_array).unwrap_or_default();
        entries.iter().map(as_written).collect()
    };
    let old = lookups(running);
    let differs = |new: &Value| old.iter().any(|old| old["id"] == new["id"] && old != new);
    let new = lookups(tried);
    new.iter().filter(|new| differs(new)).filter_map(|new| new["id"].as_str().map(str::to_owned)).collect()
}

/// A table with paths as they are written, from the file that names them.
fn as_written(node: &Node) -> Value {
    match &node.value {
        tree::Value::Table(table) => {
            table.iter().map(|(key, entry)| (key.clone(), as_written(&entry.node))).collect::<Map<_, _>>().into()
        }
        tree::Value::Array(items) => items.iter().map(as_written).collect(),
        tree::Value::String(text) => {
            let directory = Path::new(&node.place.source.name).parent().and_then(|parent| absolute(parent).ok());
            let below = directory.and_then(|directory| Path::new(text).strip_prefix(directory).ok()?.to_str());
            below.unwrap_or(text).into()
        }
        tree::Value::Integer(_) | tree::Value::Float(_) | tree::Value::Bool(_) | tree::Value::Datetime(_) => {
            node.to_json()
        }
    }
}

/// The configuration whose rules are tried.
struct Tried<'a> {
    source: &'a Source,
    loaded: &'a Loaded,
    plan: &'a Plan,
}

fn backtest(arguments: &Arguments, tried: &Tried<'_>, store: &Store<'_>) -> anyhow::Result<Ended> {
    let Tried { source, plan, loaded } = tried;
    let reader = store.reader()?;
    let mut wanted = arguments.selection.made_out(store, &reader)?;
    wanted.only_decided()?;
    let redefined = if arguments.live_lookups { Vec::new() } else { redefined(&store.loaded, loaded) };
    if !redefined.is_empty() {
        output::complain(&format!(
            "what was recorded of redefined lookups is not taken: {} (--live-lookups asks today's sources)",
            redefined.join(", ")
        ));
    }
    let court = plan.court(&source.registry).distrusting(redefined.clone());
    let against = match arguments.against {
        Against::Recorded => None,
        Against::Today => match store.plan() {
            Some(running) => Some(running.court(&source.registry)),
            None => return Ok(Ended::Nothing),
        },
    };
    // Sources are asked by threads of their own; the records are read without.
    let asking = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let lookups = if arguments.live_lookups {
        let mut findings = Diagnostics::default();
        let Some(lookups) = plan.lookups(loaded, source, &Metrics::new(), None, &mut findings) else {
            output::complain_of(&findings, source);
            return Ok(Ended::Nothing);
        };
        if let Some(directory) = &plan.directory {
            // As it is today; nothing is held for anybody.
            lookups.introduce(Arc::new(crate::directory::ReadOnly::new(directory, Arc::new(store.reader()?))));
        }
        Some(lookups)
    } else {
        None
    };
    let live = lookups
        .as_ref()
        .map(|lookups| |event: &Arc<Event>| asking.block_on(lookups.fetch(event, source.clock.instant() + ASKING)));
    let live = live.as_ref().map(|live| live as &Live<'_>);
    let ticker = if arguments.quiet { Ticker::silent() } else { Ticker::new() };
    let examples = usize::from(arguments.examples);
    let tallies = sweep(
        &Sweep {
            reader: &reader,
            filter: wanted.filter.clone(),
            runtime: store.handle(),
            threads: None,
            progress: &|done, all| ticker.tell_of(done, all),
        },
        || Tally::new(examples),
        |tally, entry| {
            if wanted.is_of_tenant(entry) {
                tally.note(entry, &court, against.as_ref(), live);
            }
        },
    );
    ticker.end();
    let mut tally = Tally::new(examples);
    tallies.context("the journal cannot be read")?.into_iter().for_each(|part| tally.add(part));
    let report = Report {
        tally: &tally,
        config: loaded.main.clone(),
        live: arguments.live_lookups,
        redefined: &redefined,
        against: match arguments.against {
            Against::Recorded => "what was answered then",
            Against::Today => "what today's rules say",
        },
        person: &|key| if arguments.personal { key.to_owned() } else { store.names.of(key) },
    };
    output::print(&match arguments.format {
        Form::Text => report.text(),
        Form::Json => report.json().to_string(),
        Form::Markdown => report.markdown(),
    });
    if let Some(bound) = arguments.max_unknown.filter(|bound| bound.is_exceeded_by(tally.unknown, tally.events)) {
        let bound = match bound {
            Bound::Events(most) => most.to_string(),
            Bound::Part(most) => most.to_string(),
        };
        output::complain(&format!("it cannot be told of {} events, and {bound} are allowed", tally.unknown));
        return Ok(Ended::Unknown);
    }
    if tally.unknown == tally.events {
        output::complain("nothing was found out: no event could be judged again");
        return Ok(Ended::Nothing);
    }
    Ok(if tally.changed > 0 { Ended::Findings } else { Ended::Well })
}
