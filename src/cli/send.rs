//! `send`: plays the cloud. It signs and posts a sample, and shows status, reply and time.

mod sender;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::Value;

use super::{Ended, output};
use crate::app::Source;
use crate::base::tree::closest;
use crate::config::Settings;
use crate::event::{FieldPath, Spec, catalog};

pub(super) use sender::Sender;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends an event to a server, as the cloud would
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve send test
  hookreeve send validateUser --set user.email=a@b.example --set user.age=17
  hookreeve send policyMap --body request.json --url https://hooks.example.com
  hookreeve send lumos.provision --set application.app_id=crm --set target_user.email=asha@corp.example
  hookreeve send paylocity.change --user svc@corp.example:password

It shows the credentials that the configuration names: the token is signed with the configured secret, unless --token gives
one. A password is known to nobody but its owner: give it with --user. The reply goes to standard output, status \
and time to standard error.

Exit status: 0 for a 2xx, 1 for any other status, 2 where there was no reply.")]
pub(super) struct Arguments {
    /// The event
    #[arg(value_name = "EVENT", value_parser = PossibleValuesParser::new(catalog::names()), ignore_case = true)]
    event: String,

    /// A body instead of the documented sample; - for standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,

    /// Sets a field of the request; the value is JSON, or else text
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,

    /// The server, without base path. Default: the configured listener on this machine
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// A token instead of one signed with the configured secret
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,

    /// Name and password, for senders that show such
    #[arg(long, value_name = "NAME:PASSWORD", conflicts_with = "token")]
    user: Option<String>,

    /// A header, also in place of one that would be sent
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,

    /// An authority that signed the server's certificate, PEM, beside those of the system
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    let loaded = source.load();
    let Some(settings) = &loaded.settings else { return Ok(output::complain_of(&loaded.findings, source)) };
    let spec = find(&arguments.event)?;
    let body = body(spec, arguments)?;
    let server = arguments.url.clone().unwrap_or_else(|| own_url(settings));
    let sender = Sender::of(spec, settings, &loaded)?;
    let url = format!("{}{}", server.trim_end_matches('/'), sender.path(spec)?);
    let mut request = client(arguments)?.post(&url).header("content-type", "application/json").body(body);
    for (name, value) in sender.headers(arguments, source)? {
        request = request.header(name, value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (status, reply, took) = runtime.block_on(async {
        let start = source.clock.instant();
        // The path may hold a secret, so that errors are told without it.
        let reply = request.send().await.map_err(reqwest::Error::without_url);
        let reply = reply.with_context(|| format!("no reply from {server}"))?;
        let status = reply.status();
        let text = reply.text().await.map_err(reqwest::Error::without_url).context("the reply broke off")?;
        anyhow::Ok((status, text, source.clock.instant().saturating_duration_since(start)))
    })?;
    output::complain(&format!("{} -> {status} in {:.1} ms", spec.name, took.as_secs_f64() * 1000.0));
    output::print(&reply);
    Ok(if status.is_success() { Ended::Well } else { Ended::Findings })
}

fn find(event: &str) -> anyhow::Result<&'static Spec> {
    let names: Vec<&str> = catalog::names().collect();
    catalog::find(event).with_context(|| match closest(event, &names) {
        Some(near) => format!("there is no event {event}; did you mean {near}?"),
        None => format!("there is no event {event}"),
    })
}

/// The server's own address, as this machine reaches it.
pub(super) fn own_url(settings: &Settings) -> String {
    let mut address = settings.server.listen.0;
    if address.ip().is_unspecified() {
        let loopback: std::net::IpAddr =
            if address.is_ipv4() { std::net::Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        address.set_ip(loopback);
    }
    let scheme = if settings.server.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

fn body(spec: &Spec, arguments: &Arguments) -> anyhow::Result<Vec<u8>> {
    let written = match &arguments.body {
        // On one line, for the reply keeps the white space of what no rule changed.
        None => spec.sample_value().to_string().into_bytes(),
        Some(path) if path.as_os_str() == "-" => {
            let mut text = Vec::new();
            std::io::Read::read_to_end(&mut std::io::stdin(), &mut text).context("standard input cannot be read")?;
            text
        }
        Some(path) => std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?,
    };
    if arguments.set.is_empty() {
        // As it is, so that anything can be tried.
        return Ok(written);
    }
    let mut body: Value =
        serde_json::from_slice(&written).context("the body is not JSON, so that nothing can be set in it")?;
    let members = body.as_object_mut().context("the body is no JSON object, so that nothing can be set in it")?;
    let request = if spec.sender() == "cymmetri" { members.entry("request").or_insert(Value::Null) } else { &mut body };
    for set in &arguments.set {
        let (field, value) = set.split_once('=').with_context(|| format!("--set {set}: expected FIELD=VALUE"))?;
        let path = FieldPath::parse(field).with_context(|| format!("--set {set}"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        put(request, path.names(), value).with_context(|| format!("--set {set}"))?;
    }
    Ok(body.to_string().into_bytes())
}

fn put(target: &mut Value, path: &[String], value: Value) -> anyhow::Result<()> {
    let Some((name, rest)) = path.split_first() else {
        *target = value;
        return Ok(());
    };
    if target.is_null() {
        *target = Value::Object(serde_json::Map::new());
    }
    match target {
        Value::Object(members) => put(members.entry(name.as_str()).or_insert(Value::Null), rest, value),
        _ => bail!("what should hold `{name}` is there and is no object"),
    }
}

fn client(arguments: &Arguments) -> anyhow::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .user_agent(concat!("hookreeve/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = &arguments.ca {
        let pem = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .with_context(|| format!("{} holds no certificate", path.display()))?;
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().context("the HTTP client cannot be set up")
}
