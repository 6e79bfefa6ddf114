//! Tests that rules carry: `[[test]]` tables, each an event with what is to come of it, run on the decision code of the server.
//!
//! They are read into a [`TestSet`], every error at once with its place, and run in memory: nothing is kept, asked or sent.
//! [`Coverage`] says which rules and which sides of their conditions no test has reached, [`made_up`] makes a test of an
//! event that came in. What is printed is the matter of the command line.

mod case;
mod compare;
mod compile;
mod coverage;
mod expect;
mod expected;
pub mod made_up;
mod raw;
mod run;
mod toml;
mod write;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::base::diagnostic::Place;
use crate::event::{FieldPath, Spec};
use crate::facts::Facts;

pub use case::InputError;
pub use compare::{Fault, outcome};
pub use compile::Known;
pub use coverage::{Coverage, Gap, RuleCoverage, Unseen};
pub use expected::kept_changes;
pub use raw::RawTest;
pub use run::{Report, Subject};
pub use write::{Kept, Written, written};

/// Tests that are correct, in the order written.
#[derive(Clone, Debug, Default)]
pub struct TestSet {
    tests: Vec<Test>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its id.
    pub id: Arc<str>,
    /// Where it stands.
    pub place: Place,
    spec: &'static Spec,
    file: Option<PathBuf>,
    /// The text of a JSON object, like the next two.
    request: Option<String>,
    user: Option<String>,
    token: Option<String>,
    now: DateTime<Utc>,
    /// Whether it says so itself.
    gives_now: bool,
    facts: Facts,
    expect: Expect,
}

/// What is to come of a test. What is not named is not looked at.
#[derive(Clone, Debug, Default)]
struct Expect {
    accept: Option<bool>,
    deny: Option<String>,
    changes: Option<ExpectedChanges>,
    map: Option<Value>,
    deprovision: Option<bool>,
    perform: Option<Vec<String>>,
    actions: Option<Vec<String>>,
    rule: Option<String>,
    erred: Option<Vec<String>>,
    shadow: Option<Vec<String>>,
}

/// The changes that are to be made, and no others.
#[derive(Clone, Debug, Default)]
struct ExpectedChanges {
    set: Vec<(FieldPath, Value)>,
    unset: Vec<FieldPath>,
}

impl TestSet {
    /// How many tests there are.
    pub fn len(&self) -> usize {
        self.tests.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Test> {
        self.tests.iter()
    }
}

impl<'t> IntoIterator for &'t TestSet {
    type Item = &'t Test;
    type IntoIter = std::slice::Iter<'t, Test>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Test {
    /// The event that comes in.
    pub fn event_name(&self) -> &'static str {
        self.spec.name
    }
}
