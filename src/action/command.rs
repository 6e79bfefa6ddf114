//! `type = "command"`: a program is run with the event on its standard input.

use std::sync::Arc;

use super::compile::Written;
use super::set::Tools;
use super::{Action, Answer, Job};
use crate::base::diagnostic::Diagnostics;
use crate::base::future::BoxFuture;

#[derive(Debug)]
pub(super) struct Plan {}

pub(super) struct Command {
    #[expect(dead_code, reason = "it comes next")]
    plan: Arc<Plan>,
}

impl Plan {
    pub(super) fn compile(_: &Written<'_>, _: &mut Diagnostics) -> Option<Self> {
        Some(Self {})
    }
}

impl Command {
    pub(super) fn prepare(plan: &Arc<Plan>, _: &Tools<'_>, _: &mut Diagnostics) -> Option<Self> {
        Some(Self { plan: plan.clone() })
    }
}

impl Action for Command {
    fn attempt<'a>(&'a self, _: &'a Job) -> BoxFuture<'a, Answer> {
        Box::pin(async { Answer::trouble("commands come next") })
    }
}
