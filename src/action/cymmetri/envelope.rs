//! The envelope of Cymmetri's API: `{"success","data","timestamp","message","errorCode"}`. A failure may say success, with
//! nothing in `data`.

use serde_json::Value as Json;

use crate::action::Answer;
use crate::action::caller::Said;
use crate::action::operation::{Reading, Verdict};
use crate::outgoing::Method;

/// How an envelope is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Envelope {
    /// Whether there must be something in `data`. None: for everything but a DELETE.
    pub(super) expect_data: Option<bool>,
    /// Codes of failures that may pass.
    pub(super) retry_codes: Vec<String>,
    /// Codes of failures that mean that it is done.
    pub(super) done_codes: Vec<String>,
}

impl Reading for Envelope {
    fn judge(&self, method: Method, said: &Said, json: &Json) -> Option<Verdict> {
        let status = said.received.status;
        let code = json.get("errorCode").and_then(Json::as_str);
        let listed = |codes: &[String]| code.is_some_and(|code| codes.iter().any(|known| known == code));
        let shown = code.filter(|code| is_code(code)).map(|code| format!(", {code}")).unwrap_or_default();
        let success = json.get("success").and_then(Json::as_bool);
        if success != Some(true) {
            if listed(&self.done_codes) {
                return Some(Verdict::Done);
            }
            if listed(&self.retry_codes) {
                return Some(Verdict::Failed(Answer::retry(format!("HTTP {status}{shown}"))));
            }
        }
        if !said.is_success() {
            // The status tells more than the code.
            return None;
        }
        match success {
            None => Some(Verdict::Failed(Answer::trouble(format!("HTTP {status}, but it is no envelope of the API")))),
            Some(false) => Some(Verdict::Failed(Answer::dead(format!("HTTP {status}, but no success{shown}")))),
            Some(true) => {
                let expected = self.expect_data.unwrap_or(method != Method::Delete);
                let there = json.get("data").is_some_and(|data| !data.is_null());
                (expected && !there)
                    .then(|| Verdict::Failed(Answer::dead(format!("HTTP {status}, but success without `data`{shown}"))))
            }
        }
    }

    fn value(&self, json: Json) -> Json {
        match json {
            Json::Object(mut members) => members.remove("data").unwrap_or_default(),
            _ => Json::Null,
        }
    }
}

/// Whether it is one of the API's words, and no text that could hold a value.
fn is_code(code: &str) -> bool {
    code.len() <= 64
        && code.starts_with(|first: char| first.is_ascii_uppercase())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'-'))
}
