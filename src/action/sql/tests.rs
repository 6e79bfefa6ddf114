//! Transactions on real databases: what is written, and what becomes of each that is not.

mod findings;
mod postgres;
mod sqlite;

use super::*;
use crate::action::tests::{compile, job_about, job_on, prepare, ready};
use crate::action::{Fate, Granted, Trouble};
use crate::base::secret::Secret;

const PLAIN: Fate = Fate::Retry { after: None, trouble: Trouble::Plain };
const TARGET: Fate = Fate::Retry { after: None, trouble: Trouble::Target };

/// A table on postCreateUser with these keys.
fn toml(url: &str, more: &str) -> String {
    format!("on = 'postCreateUser'\ntype = 'sql'\nurl = '{url}'\n{more}")
}

/// What an attempt for a person comes to.
async fn attempt(action: &Arc<dyn Action>, user: serde_json::Value) -> Answer {
    action.attempt(&job_about("postCreateUser", &user)).await
}

/// A job that is given a password.
fn secret_job(password: &str) -> Job {
    let json = serde_json::to_string(password).expect("JSON");
    let mut job = job_on("changePassword", r#"{"request":{"user":{"login":"anna"}}}"#);
    job.secrets = vec![Granted { field: "passwordText".into(), json: Secret::new(json) }];
    job
}

#[test]
fn nothing_that_is_printed_holds_a_value() {
    let text = crate::sql::Text(&Parameter::Text("hunter2".into()));
    assert!(!format!("{text:?}").contains("hunter2"));
}
