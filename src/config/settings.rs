//! The fixed sections, added up. To add one is to add a field here, and its problems below.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{attributes, cymmetri, log, metrics, reload, server};
use crate::auth::Exposure;
use crate::base::diagnostic::Problem;
use crate::journal::Payload;
use crate::{directory, journal};

/// Every section of the configuration that is no list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where and how requests come in.
    pub server: server::Config,
    /// The system that sends events.
    pub cymmetri: cymmetri::Config,
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

    /// What is wrong with values that are right in themselves; each path begins with the section's name.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(within("server", self.server.problems()));
        problems.extend(within("cymmetri", self.cymmetri.problems(self.exposure())));
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
