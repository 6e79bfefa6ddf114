//! `health`: whether a server answers, for container health checks.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::{Ended, output, send};
use crate::app::Source;

const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks a server whether it is ready
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve health
  hookreeve health --url http://127.0.0.1:8080 --live

Exit status: 0 it is, 1 it is not, 2 there was no reply.")]
pub(super) struct Arguments {
    /// The server. Default: the configured listener on this machine
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Whether it runs (/healthz), not whether it can give verdicts (/readyz)
    #[arg(long)]
    live: bool,
}

pub(super) fn run(arguments: &Arguments, source: &Source) -> anyhow::Result<Ended> {
    let server = match &arguments.url {
        Some(url) => url.clone(),
        // A configuration that was broken after the server had started says nothing about the server.
        None => send::own_url(&source.load().salvaged.unwrap_or_default()),
    };
    let own = arguments.url.is_none();
    let path = if arguments.live { "/healthz" } else { "/readyz" };
    let url = format!("{}{path}", server.trim_end_matches('/'));
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .no_proxy()
        // On this machine the certificate is for another name, and nothing secret is sent.
        .danger_accept_invalid_certs(own)
        .build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(async {
        let reply = client.get(&url).send().await.map_err(reqwest::Error::without_url);
        let reply = reply.with_context(|| format!("no reply from {url}"))?;
        anyhow::Ok(reply.status())
    })?;
    output::print(&format!("{url}: {status}"));
    Ok(if status.is_success() { Ended::Well } else { Ended::Findings })
}
