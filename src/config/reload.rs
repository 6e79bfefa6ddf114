//! `[reload]`: what a reload must not do to people. Who looks is the matter of `app`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::diagnostic::Problem;
use crate::base::units::Percent;
use crate::event::Person;

/// The most events that a reload may be tried on: more would take longer than one wants to wait.
const MOST: usize = 1_000_000;

/// The most persons who may be protected.
const MOST_PROTECTED: usize = 1000;

/// `[reload]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Reload")]
pub struct Config {
    /// A reload that would newly refuse more than this part of the last `sample` validate events is refused. Default: none
    /// is.
    pub refuse_above: Option<Percent>,
    /// How many kept validate events the new rules are tried on, the newest. Default: 10000.
    pub sample: usize,
    /// The keys (logins) of persons whom no reload may newly refuse. Default: nobody's.
    pub protected: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { refuse_above: None, sample: 10_000, protected: Vec::new() }
    }
}

impl Config {
    /// Whether a reload is looked at before it is put in force.
    pub fn is_on(&self) -> bool {
        self.refuse_above.is_some() || !self.protected.is_empty()
    }

    /// What is wrong with values that are right in themselves.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.sample == 0 || self.sample > MOST {
            let message = format!("a reload is tried on between 1 and {MOST} events");
            problems.push(Problem::error("reload-sample", &["sample"], message));
        }
        if self.protected.iter().any(|key| Person::normal_key(key).is_empty()) {
            problems.push(Problem::error("reload-protected", &["protected"], "a person's key cannot be empty"));
        }
        if self.protected.len() > MOST_PROTECTED {
            let message = format!("at most {MOST_PROTECTED} persons can be protected");
            problems.push(Problem::error("reload-protected", &["protected"], message));
        }
        problems
    }
}
