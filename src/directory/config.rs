//! `[directory]`: what is kept of the people that were seen, beside what lookups name.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::fields::below_user;
use super::normal::Kind;
use crate::base::diagnostic::Problem;

/// `[directory]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Directory")]
pub struct Config {
    /// Fields and how they are compared: quoted path = `mail`, `phone` or `text`. They are kept even where no lookup names
    /// them. A field that only a lookup names is mail or phone if its name says so (`email`, `mobile`), else text.
    pub fields: IndexMap<String, Kind>,
    /// The code of the country whose phone numbers are written with it and without it: `"91"`. Default: none, numbers are
    /// compared as they are.
    pub country: Option<String>,
    /// How many digits a phone number of that country has at most. Default: 10.
    pub national_digits: u8,
    /// Who is taken out, and not taken in: CEL on postCreateUser and postUpdateUser. Default: nobody.
    pub leave_out: Option<String>,
    /// What it means that a notice does not have a field: `gone`, the person has no such value any more, or `kept`, nothing
    /// was said of it. Login and id are kept in any case. Default: `gone`.
    pub missing: Missing,
}

/// What it means that a notice does not have a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// The person has no such value any more.
    #[default]
    Gone,
    /// Nothing was said of it.
    Kept,
}

impl Default for Config {
    fn default() -> Self {
        Self { fields: IndexMap::new(), country: None, national_digits: 10, leave_out: None, missing: Missing::Gone }
    }
}

impl Config {
    /// What is wrong with values that are right in themselves.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for path in self.fields.keys() {
            if let Err(message) = below_user(path) {
                let problem = Problem::error("directory-field", &["fields", path], message).on_key();
                problems.push(problem.hint("for example \"user.mobile\" = \"phone\""));
            }
        }
        let is_code = |code: &str| {
            (1..=3).contains(&code.len()) && !code.starts_with('0') && code.bytes().all(|byte| byte.is_ascii_digit())
        };
        if self.country.as_deref().is_some_and(|code| !is_code(code)) {
            let problem = Problem::error("directory-country", &["country"], "a country's code is 1 to 3 digits");
            problems.push(problem.hint("without a plus or zeros before it: \"91\""));
        }
        if !(4..=15).contains(&self.national_digits) {
            let message = "a phone number has 4 to 15 digits";
            problems.push(Problem::error("directory-country", &["national_digits"], message));
        }
        problems
    }
}
