//! `[cymmetri]`: what the one system wants, added up from the modules that it concerns.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::system::{self, Section};
use crate::auth;
use crate::base::diagnostic::Problem;
use crate::base::units::Span;
use crate::dialect::cymmetri::AcceptShape;
use crate::event::SecretFields;
use crate::rules::OnError;

/// `[cymmetri]`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Cymmetri")]
pub struct Config {
    /// The paths under which events come in. Default: `["/webhook"]`.
    pub base_paths: Vec<String>,
    /// From the last byte of a body to the hand-over of the reply. Default: `2s`.
    pub deadline: Span,
    /// The body of a yes to a validate event. Default: `data`.
    pub accept_shape: AcceptShape,
    /// What a validate event is answered when a rule errs or time runs out. Default: `allow`.
    pub on_error: OnError,
    /// What such a refusal says where the rule has no words of its own. Default: `ValidationUnavailable`.
    pub error_message: String,
    /// What becomes of an event that nobody knows. Default: `reject`.
    pub unknown_event: UnknownEvent,
    /// Secret fields beside those of the catalogue, such as `user.pin`. Default: none.
    pub secret_fields: Vec<String>,
    /// Who may send. Every credential that is named must hold.
    pub auth: auth::Config,
}

/// What becomes of an event that nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownEvent {
    /// 404.
    #[default]
    Reject,
    /// 200 and an empty response.
    Acknowledge,
}

const SECTION: Section =
    Section { name: "cymmetri", credential: "jwt = { secret = { env = \"HOOKREEVE_JWT_SECRET\" } }" };

impl Default for Config {
    fn default() -> Self {
        Self {
            base_paths: vec!["/webhook".to_owned()],
            deadline: Span(Duration::from_secs(2)),
            accept_shape: AcceptShape::default(),
            on_error: OnError::default(),
            error_message: "ValidationUnavailable".to_owned(),
            unknown_event: UnknownEvent::default(),
            secret_fields: Vec::new(),
            auth: auth::Config::default(),
        }
    }
}

impl Config {
    /// What is wrong with values that are right in themselves, behind a listener that is open as `exposure` says.
    pub fn problems(&self, exposure: auth::Exposure) -> Vec<Problem> {
        let mut problems = system::problems(&SECTION, &self.base_paths, self.deadline, &self.auth, exposure);
        if self.error_message.trim().is_empty() {
            problems.push(Problem::error("deny-message", &["error_message"], "a refusal must say something"));
        }
        if let Err((index, error)) = SecretFields::parse(&self.secret_fields) {
            let problem = Problem::error("secret-field", &["secret_fields", &index.to_string()], error.to_string());
            problems.push(problem.hint("for example \"user.pin\""));
        }
        problems
    }
}
