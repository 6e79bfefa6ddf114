//! `[optimalcloud]`: what senders want that speak the webhooks of `OptimalCloud`, added up from the modules that it concerns.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::system::{self, Section};
use crate::auth;
use crate::base::diagnostic::Problem;
use crate::base::units::Span;
use crate::dialect::optimalcloud::{ErrorFormat, Failures, OptimalCloud};

/// `[optimalcloud]`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Optimalcloud")]
pub struct Config {
    /// The paths above `helpdesk` and `provisioning`. Default: the documented `["/v5.0/mgmt/api/v1.0/webhooks"]`.
    pub base_paths: Vec<String>,
    /// From the last byte of a body to the hand-over of the reply. Default: `10s`.
    pub deadline: Span,
    /// How a 400 and a 401 say what is wrong. Default: `text`.
    pub error_format: ErrorFormat,
    /// What is said where an action was not done.
    pub failures: Failures,
    /// The status of a success about an employee. Default: 200.
    pub hr_status: u16,
    /// The name under which an action keeps the number of the ticket that it has made. Default: `ticket`.
    pub ticket: String,
    /// Who may send. Every credential that is named must hold; of `api_key` and `basic` either.
    pub auth: auth::Config,
}

const SECTION: Section =
    Section { name: "optimalcloud", credential: "api_key = { env = \"HOOKREEVE_OPTIMALCLOUD_KEY\" }" };

impl Default for Config {
    fn default() -> Self {
        let OptimalCloud { error_format, failures, hr_status, ticket } = OptimalCloud::default();
        Self {
            base_paths: vec!["/v5.0/mgmt/api/v1.0/webhooks".to_owned()],
            deadline: Span(Duration::from_secs(10)),
            error_format,
            failures,
            hr_status,
            ticket,
            auth: auth::Config::default(),
        }
    }
}

impl Config {
    /// What is wrong with values that are right in themselves, behind a listener that is open as `exposure` says.
    pub fn problems(&self, exposure: auth::Exposure) -> Vec<Problem> {
        let mut problems = system::problems(&SECTION, &self.base_paths, self.deadline, &self.auth, exposure);
        if !(200..=299).contains(&self.hr_status) {
            problems.push(Problem::error("status", &["hr_status"], "a success has a status from 200 to 299"));
        }
        problems
    }

    /// How it answers.
    pub fn dialect(&self) -> OptimalCloud {
        OptimalCloud {
            error_format: self.error_format,
            failures: self.failures.clone(),
            hr_status: self.hr_status,
            ticket: self.ticket.clone(),
        }
    }
}
