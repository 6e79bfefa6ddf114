//! Whom an event is about: the key that lanes, logs and timelines go by.

use crate::base::ids::RequestId;
use crate::base::json::{Json, Kind};

use super::Spec;

/// (system, tenant, key). A changed login is another person.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Person {
    /// The system that tells of the person.
    pub system: &'static str,
    /// The tenant that its token names; empty where none does.
    pub tenant: String,
    /// The first of the row's key fields that is there, trimmed and in lower case; else the request's id.
    pub key: String,
    /// Whether the key is the person's own, not the request's.
    pub known: bool,
}

impl Person {
    pub(super) fn find(spec: &Spec, tenant: Option<&str>, request: Option<Json<'_>>, request_id: &RequestId) -> Self {
        let own = request.and_then(|request| {
            spec.person.iter().find_map(|path| path.split('.').try_fold(request, Json::get).and_then(key))
        });
        Self {
            system: spec.system,
            tenant: tenant.unwrap_or_default().to_owned(),
            known: own.is_some(),
            key: own.unwrap_or_else(|| request_id.to_string()),
        }
    }

    /// A key as lanes and pseudonyms use it.
    pub fn normal_key(text: &str) -> String {
        text.trim().to_lowercase()
    }
}

fn key(value: Json<'_>) -> Option<String> {
    let text = match value.kind() {
        Kind::String => value.as_text()?.ok()?.into_owned(),
        Kind::Number => value.raw().to_owned(),
        Kind::Null | Kind::False | Kind::True | Kind::Array | Kind::Object => return None,
    };
    Some(Person::normal_key(&text)).filter(|key| !key.is_empty())
}
