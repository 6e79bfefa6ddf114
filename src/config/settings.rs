//! The fixed sections, added up. To add one is to add a field here, and its problems below.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{log, metrics, server};
use crate::base::diagnostic::Problem;

/// Every section of the configuration that is no list.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where and how requests come in.
    pub server: server::Config,
    /// What is logged, and how.
    pub log: log::Config,
    /// Where the metrics can be read. Absent: nowhere.
    pub metrics: Option<metrics::Config>,
    /// Custom fields of this tenant: quoted path = type.
    pub attributes: IndexMap<String, String>,
}

impl Settings {
    /// What is wrong with values that are right in themselves; each path begins with the section's name.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(within("server", self.server.problems()));
        problems.extend(within("log", self.log.problems()));
        if self.metrics.as_ref().is_some_and(|metrics| metrics.listen == self.server.listen) {
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
