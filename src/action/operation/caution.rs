//! Operations that cannot be taken back: an action must say in so many words that it means them, so that no copied template
//! retires a role.

use indexmap::IndexMap;
use reqwest::Url;
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
    let mut said = vec![name.to_owned(), literal(raw.path.as_deref().unwrap_or_default())];
    raw.query.values().chain(raw.form.iter().flat_map(IndexMap::values)).for_each(|text| literals(text, &mut said));
    let parts = raw.multipart.iter().flat_map(IndexMap::values);
    parts.clone().filter_map(|part| part.text.as_deref()).for_each(|text| literals(text, &mut said));
    raw.body.iter().chain(parts.filter_map(|part| part.json.as_ref())).for_each(|json| literals_of(json, &mut said));
    of_text(&said.join(" "))
}

/// A template without its expressions.
fn literal(template: &str) -> String {
    let mut parts = template.split("${");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |said, part| said + part.split_once('}').map_or("", |(_, rest)| rest))
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

/// The same of an address as it is asked, by whole words of its path and query: a person may be called anything.
pub(super) fn of_address(url: &Url) -> Option<Confirm> {
    let address = format!("{}/{}", url.path(), url.query().unwrap_or_default()).to_lowercase();
    let words: Vec<&str> = address.split(['/', '&', '=']).collect();
    if words.iter().any(|word| matches!(*word, "retire" | "retired")) {
        return Some(Confirm::Retire);
    }
    let reconciles = words.iter().any(|word| word.starts_with("reconcil"));
    (reconciles && words.contains(&"provision")).then_some(Confirm::ReconciliationProvision)
}

fn of_text(text: &str) -> Option<Confirm> {
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
        assert_eq!(literal("/a/${user.retired}/b${1}"), "/a//b");
    }

    #[test]
    fn an_address_is_looked_at_word_by_word() {
        let of = |path: &str| of_address(&Url::parse(&format!("https://retire.example{path}")).expect("an address"));
        for (path, expected) in [
            ("/roles/7/Retire", Some(Confirm::Retire)),
            ("/roles/7?status=RETIRED&x=1", Some(Confirm::Retire)),
            ("/reconciliations/7/provision", Some(Confirm::ReconciliationProvision)),
            ("/people/retired-anna?q=retiree", None),
            ("/accounts/provision", None),
        ] {
            assert_eq!(of(path), expected, "{path}");
        }
    }
}
