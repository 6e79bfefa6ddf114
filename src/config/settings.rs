//! The fixed sections, added up. To add one is to add a field here, and its problems below.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{attributes, cymmetri, log, lumos, metrics, optimalcloud, paylocity, reload, server};
use crate::auth::{self, Exposure};
use crate::base::diagnostic::Problem;
use crate::base::units::Span;
use crate::journal::Payload;
use crate::{directory, journal};

/// Every section of the configuration that is no list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where and how requests come in.
    pub server: server::Config,
    /// Cymmetri, which sends events unless another system is named and nothing is said of this one.
    pub cymmetri: cymmetri::Config,
    /// Lumos. Absent: it sends none.
    pub lumos: Option<lumos::Config>,
    /// Systems that speak the webhooks of `OptimalCloud`. Absent: there are none.
    pub optimalcloud: Option<optimalcloud::Config>,
    /// Paylocity. Absent: it sends none.
    pub paylocity: Option<paylocity::Config>,
    /// Where events are kept, and for how long.
    pub journal: journal::Config,
    /// The people that were seen. Absent, and no lookup of its type: nothing is kept of them.
    pub directory: Option<directory::Config>,
    /// What is logged, and how.
    pub log: log::Config,
    /// Where the metrics can be read. Absent: nowhere.
    pub metrics: Option<metrics::Config>,
    /// What a reload must not do to people. Absent: nothing is looked at.
    pub reload: reload::Config,
    /// Custom fields of this tenant: quoted path = type.
    pub attributes: IndexMap<String, attributes::AttributeType>,
}

impl Settings {
    /// Who can reach the receiver's listener, and what it verifies.
    pub fn exposure(&self) -> Exposure {
        let client_ca = self.server.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        Exposure { client_ca, loopback: self.server.listen.0.ip().is_loopback() }
    }

    /// Whether Cymmetri sends events here: it does unless another system is named and nothing is said of it.
    pub fn has_cymmetri(&self) -> bool {
        let others = self.lumos.is_some() || self.optimalcloud.is_some() || self.paylocity.is_some();
        !others || self.cymmetri != cymmetri::Config::default()
    }

    /// Each system that sends events, by the name of its section, with the paths under which they come in and the time in
    /// which they are answered.
    pub fn systems(&self) -> Vec<(&'static str, &[String], Span)> {
        let Self { cymmetri, lumos, optimalcloud, paylocity, .. } = self;
        let own = self.has_cymmetri().then_some(("cymmetri", &*cymmetri.base_paths, cymmetri.deadline));
        let lumos = lumos.as_ref().map(|lumos| ("lumos", &*lumos.base_paths, lumos.deadline));
        let cloud = optimalcloud.as_ref().map(|cloud| ("optimalcloud", &*cloud.base_paths, cloud.deadline));
        let paylocity = paylocity.as_ref().map(|paylocity| ("paylocity", &*paylocity.base_paths, paylocity.deadline));
        [own, lumos, cloud, paylocity].into_iter().flatten().collect()
    }

    /// Who may send events of the system that this section is of; none where there is no such section.
    pub fn auth_of(&self, section: &str) -> Option<&auth::Config> {
        match section {
            "cymmetri" => self.has_cymmetri().then_some(&self.cymmetri.auth),
            "lumos" => self.lumos.as_ref().map(|lumos| &lumos.auth),
            "optimalcloud" => self.optimalcloud.as_ref().map(|cloud| &cloud.auth),
            "paylocity" => self.paylocity.as_ref().map(|paylocity| &paylocity.auth),
            _ => None,
        }
    }

    /// Paths that two systems would share.
    fn shared_paths(&self) -> Vec<Problem> {
        let systems = self.systems();
        let mut taken: Vec<(&str, &str)> = Vec::new();
        let mut problems = Vec::new();
        for (system, paths, _) in systems {
            for (index, path) in paths.iter().enumerate() {
                let path = path.trim_end_matches('/');
                if let Some((_, other)) = taken.iter().find(|(taken, other)| *taken == path && *other != system) {
                    let message = format!("this is the path of `[{other}]`, too");
                    let at = [system, "base_paths", &index.to_string()];
                    problems.push(Problem::error("base-path", &at, message).hint("give each system a path of its own"));
                }
                taken.push((path, system));
            }
        }
        problems
    }

    /// What is wrong with values that are right in themselves; each path begins with the section's name.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(within("server", self.server.problems()));
        let exposure = self.exposure();
        if self.has_cymmetri() {
            problems.extend(within("cymmetri", self.cymmetri.problems(exposure)));
        }
        problems.extend(within("lumos", self.lumos.iter().flat_map(|lumos| lumos.problems(exposure)).collect()));
        let optimalcloud = self.optimalcloud.iter().flat_map(|optimalcloud| optimalcloud.problems(exposure));
        problems.extend(within("optimalcloud", optimalcloud.collect()));
        let paylocity = self.paylocity.iter().flat_map(|paylocity| paylocity.problems(exposure));
        problems.extend(within("paylocity", paylocity.collect()));
        problems.extend(self.shared_paths());
        problems.extend(within("journal", self.journal.problems()));
        problems.extend(within("directory", self.directory.iter().flat_map(directory::Config::problems).collect()));
        problems.extend(within("log", self.log.problems()));
        problems.extend(within("reload", self.reload.problems()));
        if self.reload.is_on() && self.journal.payload != Payload::Full {
            let message = "a reload cannot be tried on kept events, whose bodies are not kept in full";
            let problem = Problem::warning("reload-payload", &["journal", "payload"], message);
            problems
                .push(problem.hint("`[reload]` refuses changed rules then, unless `hookreeve reload --force` is said"));
        }
        problems.extend(within(
            "attributes",
            self.attributes.keys().filter_map(|path| attributes::problem(path)).collect(),
        ));
        // Port 0 is another one each time.
        let same = |metrics: &metrics::Config| metrics.listen == self.server.listen && metrics.listen.0.port() != 0;
        if self.metrics.as_ref().is_some_and(same) {
            let problem =
                Problem::error("same-address", &["metrics", "listen"], "this is the address of `[server]`, too");
            problems.push(problem.hint("give each listener a port of its own"));
        }
        problems
    }
}

fn within(section: &str, problems: Vec<Problem>) -> impl Iterator<Item = Problem> {
    problems.into_iter().map(move |mut problem| {
        problem.path.insert(0, section.to_owned());
        problem
    })
}
