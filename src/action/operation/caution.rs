//! Operations that cannot be taken back: an action must say in so many words that it means them, so that no copied template
//! retires a role.

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::raw::{Confirm, RawOperation};

impl Confirm {
    /// As it is written.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Retire => "retire",
            Self::ReconciliationProvision => "reconciliation-provision",
        }
    }
}

/// What an operation of this name seems to do that cannot be taken back: by its path, and by the texts in what it sends.
pub(super) fn of(name: &str, raw: &RawOperation) -> Option<Confirm> {
    let mut said = vec![name.to_owned(), raw.path.clone().unwrap_or_default()];
    raw.query.values().chain(raw.form.iter().flat_map(IndexMap::values)).for_each(|text| literals(text, &mut said));
    let parts = raw.multipart.iter().flat_map(IndexMap::values);
    parts.clone().filter_map(|part| part.text.as_deref()).for_each(|text| literals(text, &mut said));
    raw.body.iter().chain(parts.filter_map(|part| part.json.as_ref())).for_each(|json| literals_of(json, &mut said));
    of_text(&said.join(" "))
}

/// The texts in an expression.
fn literals(expression: &str, said: &mut Vec<String>) {
    said.extend(expression.split(['"', '\'']).skip(1).step_by(2).map(str::to_owned));
}

fn literals_of(json: &Json, said: &mut Vec<String>) {
    match json {
        Json::String(text) => literals(text, said),
        Json::Array(items) => items.iter().for_each(|item| literals_of(item, said)),
        Json::Object(members) => members.values().for_each(|value| literals_of(value, said)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// The same of an address as it is asked.
pub(super) fn of_text(text: &str) -> Option<Confirm> {
    let text = text.to_lowercase();
    if text.contains("retire") {
        return Some(Confirm::Retire);
    }
    // `deprovision` takes away; what a reconciliation provisions is there for good.
    let provisions = text.match_indices("provision").any(|(at, _)| !text[..at].ends_with("de"));
    (text.contains("reconcil") && provisions).then_some(Confirm::ReconciliationProvision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_taken_back_is_seen() {
        for (text, expected) in [
            ("/api/roles/7/retire", Some(Confirm::Retire)),
            ("role Retired", Some(Confirm::Retire)),
            ("/api/Reconciliations/7/provision", Some(Confirm::ReconciliationProvision)),
            ("/api/reconciliations/7/deprovision", None),
            ("/api/reconciliations/7", None),
            ("/api/accounts/7/provision", None),
            ("/api/roles/7/disable", None),
        ] {
            assert_eq!(of_text(text), expected, "{text}");
        }
        let sends = |body: Json| of("x", &RawOperation { body: Some(body), ..RawOperation::default() });
        assert_eq!(sends(serde_json::json!({ "a": ["\"RETIRED\""] })), Some(Confirm::Retire));
        assert_eq!(sends(serde_json::json!({ "retired": "user.retired" })), None);
    }
}
