//! `type = "http"`: a request to another system.

use std::sync::Arc;

use super::compile::Written;
use super::set::Tools;
use super::{Action, Answer, Job};
use crate::base::diagnostic::Diagnostics;
use crate::base::future::BoxFuture;

#[derive(Debug)]
pub(super) struct Plan {}

pub(super) struct Http {
    #[expect(dead_code, reason = "it comes next")]
    plan: Arc<Plan>,
}

impl Plan {
    pub(super) fn compile(_: &Written<'_>, _: &mut Diagnostics) -> Option<Self> {
        Some(Self {})
    }
}

impl Http {
    pub(super) fn prepare(plan: &Arc<Plan>, _: &Tools<'_>, _: &mut Diagnostics) -> Option<Self> {
        Some(Self { plan: plan.clone() })
    }
}

impl Action for Http {
    fn attempt<'a>(&'a self, _: &'a Job) -> BoxFuture<'a, Answer> {
        Box::pin(async { Answer::trouble("requests come next") })
    }
}
