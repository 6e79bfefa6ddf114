//! `[paylocity]`: what Paylocity wants, added up from the modules that it concerns.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::system::{self, Section};
use crate::auth;
use crate::base::diagnostic::Problem;
use crate::base::units::Span;

/// `[paylocity]`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Paylocity")]
pub struct Config {
    /// The paths to which it posts. Default: `["/paylocity"]`.
    pub base_paths: Vec<String>,
    /// From the last byte of a body to the hand-over of the reply. Default: `10s`.
    pub deadline: Span,
    /// Who may send. Every credential that is named must hold.
    pub auth: auth::Config,
}

const SECTION: Section = Section {
    name: "paylocity",
    credential: "basic = [{ user = \"paylocity\", password_hash = { env = \"HOOKREEVE_PAYLOCITY_PASSWORD_HASH\" } }]",
};

impl Default for Config {
    fn default() -> Self {
        Self {
            base_paths: vec!["/paylocity".to_owned()],
            deadline: Span(Duration::from_secs(10)),
            auth: auth::Config::default(),
        }
    }
}

impl Config {
    /// What is wrong with values that are right in themselves, behind a listener that is open as `exposure` says.
    pub fn problems(&self, exposure: auth::Exposure) -> Vec<Problem> {
        system::problems(&SECTION, &self.base_paths, self.deadline, &self.auth, exposure)
    }
}
