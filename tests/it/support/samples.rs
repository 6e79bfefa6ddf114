//! The vendor's documented samples.

use hookreeve::event::catalog;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The documented request of an event.
#[track_caller]
pub(crate) fn sample(event: &str) -> &'static str {
    catalog::find(event).unwrap().sample
}

/// The person in a body, byte for byte.
#[track_caller]
pub(crate) fn user_of(body: &str) -> &str {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        request: Request<'a>,
    }
    #[derive(Deserialize)]
    struct Request<'a> {
        #[serde(borrow)]
        user: &'a RawValue,
    }
    serde_json::from_str::<Body<'_>>(body).unwrap().request.user.get()
}

/// The same JSON without white space, its members in the same order.
#[track_caller]
pub(crate) fn compact(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json).unwrap().to_string()
}
