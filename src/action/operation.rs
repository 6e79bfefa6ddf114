//! Operations of an API as named templates, run one after the other within one attempt: later ones see what earlier ones
//! were answered.
//!
//! | file | what it does |
//! |---|---|
//! | `raw` | a template as it is written |
//! | `plan` | templates checked and compiled for each event |
//! | `content` | what a request holds: JSON, a form, or several parts |
//! | `caution` | operations that an action must name by what they do |
//! | `run` | one attempt, step by step |
//! | `memory` | what was answered to steps of attempts that did not get to their end |
//! | `lists` | objects where lists are meant |
//!
//! Nothing is known here of any system: how an answer is read is told by whoever owns the type of action.

mod caution;
mod content;
mod lists;
mod memory;
mod plan;
mod raw;
mod run;

use std::fmt;

use serde_json::Value as Json;

use super::Answer;
use super::caller::Said;
use crate::outgoing::Method;

pub(super) use plan::{EventPlan, Plan, Written, check};
pub(super) use raw::{RawOperation, RawPart};

/// How an API's answers are read.
pub(super) trait Reading: fmt::Debug + Send + Sync {
    /// What an answer means for a step, whatever its status: none where the status alone tells. `json` is its body.
    fn judge(&self, method: Method, said: &Said, json: &Json) -> Option<Verdict>;

    /// What later steps see of a successful answer.
    fn value(&self, json: Json) -> Json;
}

/// What an answer means for a step.
pub(super) enum Verdict {
    /// It is done.
    Done,
    /// It is not.
    Failed(Answer),
}

/// The variable under which expressions find what steps were answered.
const STEP: &str = "step";
/// The variable that is the word of an act on a task.
const WORD: &str = "word";
