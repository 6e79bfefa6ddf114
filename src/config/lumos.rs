//! `[lumos]`: what Lumos wants, added up from the modules that it concerns.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::system::{self, Section};
use crate::auth;
use crate::base::diagnostic::Problem;
use crate::base::units::Span;
use crate::dialect::lumos::{ResponseShape, Trial};

/// `[lumos]`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Lumos")]
pub struct Config {
    /// The paths under which `provision` and `deprovision` come in. Default: `["/lumos"]`.
    pub base_paths: Vec<String>,
    /// From the last byte of a body to the hand-over of the reply; Lumos waits for 15 s. Default: `10s`.
    pub deadline: Span,
    /// Where the word stands in a reply. Default: `response`.
    pub response: ResponseShape,
    /// What tells that somebody only tries the connection, so that nothing is done. Default: the documented sample.
    pub trial: Trial,
    /// Who may send. Every credential that is named must hold.
    pub auth: auth::Config,
}

/// Lumos gives up after so long.
const PATIENCE: Duration = Duration::from_secs(15);

const SECTION: Section = Section {
    name: "lumos",
    credential: "header = { name = \"X-Lumos-Secret\", value = { env = \"HOOKREEVE_LUMOS_SECRET\" } }",
};

impl Default for Config {
    fn default() -> Self {
        Self {
            base_paths: vec!["/lumos".to_owned()],
            deadline: Span(Duration::from_secs(10)),
            response: ResponseShape::default(),
            trial: Trial::default(),
            auth: auth::Config::default(),
        }
    }
}

impl Config {
    /// What is wrong with values that are right in themselves, behind a listener that is open as `exposure` says.
    pub fn problems(&self, exposure: auth::Exposure) -> Vec<Problem> {
        let mut problems = system::problems(&SECTION, &self.base_paths, self.deadline, &self.auth, exposure);
        if self.deadline.0 >= PATIENCE {
            let problem = Problem::warning("deadline", &["deadline"], "Lumos waits no longer than 15s for a reply");
            problems.push(problem.hint("leave some time for the way, as the default of 10s does"));
        }
        problems
    }
}
