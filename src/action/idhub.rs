//! `type = "idhub"`: operations of IDHub's API, each a named template in the configuration, run in order.
//!
//! Of its paths only one is public; none is built in, and none is guessed.

mod ids;
mod plan;
mod raw;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value as Json;

use super::caller::Said;
use super::operation::{Reading, Verdict};
use crate::outgoing::Method;

pub(super) use raw::RawIdHub;

/// Any 2xx is success, and ids are plain texts.
#[derive(Debug)]
struct Plainly;

impl Reading for Plainly {
    fn judge(&self, _: Method, _: &Said, _: &Json) -> Option<Verdict> {
        None
    }

    fn value(&self, json: Json) -> Json {
        ids::plain(json)
    }
}

/// How IDHub's answers are read.
fn reading() -> Arc<dyn Reading> {
    Arc::new(Plainly)
}
