//! `conformance`: plays the documented cloud against a receiver, and reports each expectation with its source.

mod credentials;
mod report;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use reqwest::Url;

use super::{Ended, junit, output, send};
use crate::app::Source;
use crate::base::units::Span;
use crate::config::{Loaded, Settings};
use crate::conformance::{Client, LOGIN, Outcome, Part};
use crate::event::catalog;

/// The limit of a body and the deadline where no configuration names them.
const BODY_LIMIT: usize = 1 << 20;
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(2);

/// Plays the documented cloud against a receiver, ours or another's
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve conformance                              the configured listener on this machine
  hookreeve conformance --url https://hooks.example.com --yes
  hookreeve conformance --url http://127.0.0.1:3000/hooks --secret-env CLOUD_SECRET --documented
  hookreeve conformance --only policyMap --format junit > report.xml

It sends every event, password change and deprovisioning among them, about a made-up person. A receiver takes them for \
real: it keeps them, and does what it does after such events. So it goes to this machine unless --yes is given.

Exit status: 0 every expectation is met, 1 one is not, 2 there was nobody to ask.")]
pub(super) struct Arguments {
    /// The receiver with its context path. Without a path: the first of `[cymmetri] base_paths`. Default: the configured
    /// listener on this machine
    #[arg(long, value_name = "URL")]
    url: Option<Url>,

    /// The variable that holds the secret that tokens are signed with, HS256; with --url no configuration is needed then
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,

    /// Only this event; may be repeated
    #[arg(long, value_name = "EVENT", value_parser = PossibleValuesParser::new(catalog::names()), ignore_case = true)]
    only: Vec<String>,

    /// Only what the vendor documents, not how its documents are read where they are silent
    #[arg(long)]
    documented: bool,

    /// How often each event is sent to see how long it takes
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = calls)]
    calls: usize,

    /// How long a reply may take. Default: the configured deadline, else 2s
    #[arg(long, value_name = "DURATION")]
    deadline: Option<Span>,

    /// An authority that signed the receiver's certificate, PEM, beside those of the system
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Sends to another machine than this, too
    #[arg(long)]
    yes: bool,

    /// For people, for programs, or for a CI system
    #[arg(long, value_enum, default_value_t = junit::Format::Human)]
    format: junit::Format,
}

fn calls(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|calls| (1..=100_000).contains(calls)).ok_or_else(|| "from 1 to 100000".to_owned())
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    let loaded = source.load();
    // Another's receiver is asked without a configuration of ours.
    let needs_none = arguments.secret_env.is_some() && arguments.url.is_some();
    let settings = match &loaded.settings {
        Some(settings) => Some(settings),
        None if needs_none => None,
        None => {
            output::complain_of(&loaded.findings, source);
            return Ok(Ended::Nothing);
        }
    };
    let base = base(arguments, settings, &loaded)?;
    let origin = base.origin().ascii_serialization();
    if !is_this_machine(&base) && !arguments.yes {
        bail!(
            "{origin} is another machine: it would be sent every event, password change and deprovisioning among them, \
             about the made-up person {LOGIN}; say so with --yes"
        );
    }
    let part = part(arguments, settings, &loaded, source)?;
    let authorities = arguments
        .ca
        .as_ref()
        .map(|path| std::fs::read(path).with_context(|| format!("{} cannot be read", path.display())));
    let client = Client::try_new(base.as_str(), authorities.transpose()?.as_deref(), source.clock.clone())
        .context("the HTTP client cannot be set up")?;
    let grave = ["changePassword", "runDeprovision"];
    let among: Vec<&str> = part.events.iter().map(|spec| spec.name).filter(|name| grave.contains(name)).collect();
    let among = if among.is_empty() { String::new() } else { format!(",\n{} among them", among.join(" and ")) };
    output::complain(&format!(
        "Plays the cloud against {origin}: some {} requests about the made-up person {LOGIN}{among}.",
        part.requests()
    ));
    let mut checks = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(part.play(&client, &mut |check| checks.push(check)))
        .with_context(|| format!("{origin} cannot be asked"))?;
    let not_met = checks.iter().filter(|check| matches!(check.result, Outcome::NotMet(_))).count();
    output::print(&match arguments.format {
        junit::Format::Human => report::human(&checks, output::color_out(source)),
        junit::Format::Json => report::json(&checks, &origin).to_string(),
        junit::Format::Junit => {
            junit::report("hookreeve conformance", &checks.iter().map(report::case).collect::<Vec<_>>())
        }
    });
    Ok(if not_met > 0 { Ended::Findings } else { Ended::Well })
}

/// Where events go, without their names.
fn base(arguments: &Arguments, settings: Option<&Settings>, loaded: &Loaded) -> anyhow::Result<Url> {
    let path = || settings.map_or_else(|| Ok(String::new()), |settings| base_path(settings, loaded));
    let text = match (&arguments.url, settings) {
        (Some(url), _) if url.path() != "/" => url.to_string(),
        (Some(url), _) => format!("{}{}", url.as_str().trim_end_matches('/'), path()?),
        (None, Some(settings)) => format!("{}{}", send::own_url(settings), path()?),
        (None, None) => bail!("--url says whom to ask"),
    };
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.query().is_none());
    url.context("--url takes an address such as https://hooks.example.com/webhook")
}

/// The path under which the cloud's events come in.
fn base_path(settings: &Settings, loaded: &Loaded) -> anyhow::Result<String> {
    let spec = catalog::find("test").context("the catalogue has a probe")?;
    send::Sender::of(spec, settings, loaded)?.base_path()
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn part(arguments: &Arguments, settings: Option<&Settings>, loaded: &Loaded, source: &Source) -> anyhow::Result<Part> {
    let is_meant =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only.eq_ignore_ascii_case(name));
    let (good, bad) = credentials::tokens(arguments, settings, loaded, source)?;
    let limit = settings.and_then(|settings| usize::try_from(settings.server.body_limit.0).ok());
    Ok(Part {
        events: catalog::of("cymmetri").filter(|spec| is_meant(spec.name)).collect(),
        documented_only: arguments.documented,
        calls: arguments.calls,
        deadline: arguments
            .deadline
            .map_or_else(|| settings.map_or(DEADLINE, |settings| settings.cymmetri.deadline.0), |deadline| deadline.0),
        body_limit: (limit.unwrap_or(BODY_LIMIT), limit.is_some() && arguments.url.is_none()),
        token: good,
        bad,
    })
}
