//! What commands about the journal stand on: the configuration, the journal to read, and the way to change it.

use std::cell::OnceCell;

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::{Ended, output};
use crate::app::control::protocol::{Reply, Request};
use crate::app::control::{Access, InForce};
use crate::app::{Plan, Source, journal_options, read_pseudonym_key};
use crate::base::secret::SecretSource as _;
use crate::config::log::Person as Naming;
use crate::config::{Loaded, Settings};
use crate::event::SecretFields;
use crate::journal::sqlite::{Options, SqliteReader};
use crate::telemetry::{PersonName, Pseudonyms};

/// The journal of a configuration.
pub(super) struct Store<'a> {
    pub(super) source: &'a Source,
    pub(super) loaded: Loaded,
    pub(super) settings: Settings,
    pub(super) options: Options,
    /// How persons are named.
    pub(super) names: PersonName,
    /// What is never shown.
    pub(super) secrets: SecretFields,
    runtime: Runtime,
    plan: OnceCell<Option<Plan>>,
}

/// Runs a command about the journal; where the configuration does not say which, that is told.
pub(super) fn with(source: &Source, work: impl FnOnce(&Store<'_>) -> anyhow::Result<Ended>) -> anyhow::Result<Ended> {
    let loaded = source.load();
    let Some(settings) = loaded.settings.clone() else { return Ok(output::complain_of(&loaded.findings, source)) };
    let options = match journal_options(&loaded, &settings, source.clock.clone()) {
        Ok(options) => options,
        Err(finding) => return Ok(output::complain_of(&std::iter::once(finding).collect(), source)),
    };
    let names = names(&loaded, &settings)?;
    let secrets = SecretFields::parse(&settings.cymmetri.secret_fields).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    work(&Store { source, loaded, settings, options, names, secrets, runtime, plan: OnceCell::new() })
}

/// As log lines name them. A key that is not there yet is not made: then nobody is named.
fn names(loaded: &Loaded, settings: &Settings) -> anyhow::Result<PersonName> {
    Ok(match settings.log.person {
        Naming::Key => PersonName::Key,
        Naming::None => PersonName::None,
        Naming::Pseudonym => {
            let key = match &settings.log.pseudonym_key {
                Some(place) => Some(loaded.secrets().resolve(place)?),
                None => read_pseudonym_key(&settings.server.data_dir),
            };
            key.map_or(PersonName::None, |key| PersonName::Pseudonym(Pseudonyms::new(&key)))
        }
    })
}

impl Store<'_> {
    /// The journal to read, beside a server or without one.
    pub(super) fn reader(&self) -> anyhow::Result<SqliteReader> {
        let path = &self.options.path;
        if !path.exists() {
            anyhow::bail!("there is no journal yet at {}: a server makes it when it starts", path.display());
        }
        Ok(SqliteReader::open(&self.options)?)
    }

    /// Waits for something.
    pub(super) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// For threads that wait by themselves.
    pub(super) fn handle(&self) -> &tokio::runtime::Handle {
        self.runtime.handle()
    }

    /// The whole configuration, with rules and actions; what is wrong with it is told once.
    pub(super) fn plan(&self) -> Option<&Plan> {
        let plan = self.plan.get_or_init(|| {
            let (plan, findings) = crate::app::plan(&self.loaded, &self.source.registry, None);
            if plan.is_none() {
                let errors: crate::base::diagnostic::Diagnostics = findings
                    .into_iter()
                    .filter(|finding| finding.severity == crate::base::diagnostic::Severity::Error)
                    .collect();
                let _ = output::complain_of(&errors, self.source);
            }
            plan
        });
        plan.as_ref()
    }

    /// Has each of these done, by the server or with the journal's lock, and gives each reply. Whether there is a server
    /// is said first.
    pub(super) fn change(
        &self,
        requests: impl IntoIterator<Item = Request>,
        mut each: impl FnMut(Reply),
    ) -> anyhow::Result<bool> {
        self.wait(async {
            let access = Access::open(self.source, &self.settings, self.options.clone()).await?;
            let ticker = output::Ticker::new();
            let mut outcome = Ok(access.is_server());
            for request in requests {
                let needs_plan = matches!(
                    request,
                    Request::Admit { .. }
                        | Request::Replay { .. }
                        | Request::Tell { .. }
                        | Request::Complete { .. }
                        | Request::Rebuild
                );
                let plan = if needs_plan && !access.is_server() { self.plan() } else { None };
                let in_force = plan.map(|plan| InForce { plan, loaded: &self.loaded });
                match access.ask(request, in_force, &|done| ticker.tell(done)).await {
                    Ok(reply) => each(reply),
                    Err(error) => {
                        outcome = Err(error);
                        break;
                    }
                }
            }
            ticker.end();
            access.close().await;
            outcome
        })
        .context("the journal was not changed as asked")
    }
}
