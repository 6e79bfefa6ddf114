//! `type = "scim"`: a person is made, changed, switched off or deleted at another system that speaks SCIM 2.0 (RFC 7643 and
//! 7644).
//!
//! | file | what it does |
//! |---|---|
//! | `raw`, `plan` | the table's keys, as written and checked |
//! | `walk` | one attempt: find, then make, change or delete |
//! | `path`, `filter` | attributes, and what a resource is found by |
//! | `change` | what differs, as operations of a PATCH |
//! | `message` | what a server says |

mod change;
mod filter;
mod message;
mod path;
mod plan;
mod raw;
mod walk;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::api::Api;
use super::set::Tools;
use super::{Action, Answer, Job};
use crate::base::diagnostic::Diagnostics;
use crate::base::future::BoxFuture;
use plan::Plan;
use walk::Walk;

pub(super) use raw::RawScim;

/// The action, ready to run.
struct Scim {
    plan: Arc<Plan>,
    api: Api,
}

impl Scim {
    /// Reads the secrets and certificates that the action names.
    fn prepare(plan: &Arc<Plan>, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Self> {
        Some(Self { api: Api::prepare(&plan.api, tools, findings)?, plan: plan.clone() })
    }
}

impl Action for Scim {
    fn attempt<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let made = match self.plan.make(job) {
                Ok(made) => made,
                Err(error) => return Answer::dead(error.message()),
            };
            let walk = Walk {
                api: &self.api,
                terms: &self.plan.terms,
                headers: made.headers,
                filter: made.filter,
                wanted: made.wanted,
                attempt: job.attempt,
                given_secrets: !job.secrets.is_empty(),
                captures: self.plan.captures,
            };
            self.api.within(walk.go()).await
        })
    }
}
