//! What a SCIM server says: lists, resources and errors (RFC 7644, sections 3.4.2 and 3.12). What is none of them is told
//! apart, so that a log-in page is not taken for an empty list.

use serde_json::{Map, Value as Json};

use super::path::member;

/// A resource as it was given.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Resource {
    pub(super) id: String,
    /// Its version, for `If-Match`, where the server keeps versions.
    pub(super) version: Option<String>,
    pub(super) members: Map<String, Json>,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    None,
    One(Box<Resource>),
    /// So many.
    Several(u64),
}

/// The words in which a server says what was wrong with a request (RFC 7644, table 9).
const WORDS: [&str; 10] = [
    "invalidFilter",
    "tooMany",
    "uniqueness",
    "mutability",
    "invalidSyntax",
    "invalidPath",
    "noTarget",
    "invalidValue",
    "invalidVers",
    "sensitive",
];

impl Found {
    /// Reads a list; the error says in which way it is none.
    pub(super) fn parse(said: &[u8]) -> Result<Self, &'static str> {
        let list = object(said)?;
        let resources = match member(&list, "Resources") {
            Some(Json::Array(resources)) => resources.as_slice(),
            None | Some(Json::Null) => &[],
            Some(_) => return Err("its `Resources` are no list"),
        };
        let told = member(&list, "totalResults").and_then(Json::as_u64);
        let held = u64::try_from(resources.len()).unwrap_or(u64::MAX);
        // A list may be cut; only what it tells of all that there is says that there is one.
        match (told, resources) {
            (None, []) => Err("it is no SCIM list"),
            (Some(0), []) => Ok(Self::None),
            (Some(_), []) => Err("it tells of resources and holds none"),
            (told, [one]) if told.unwrap_or(held) <= 1 => Ok(Self::One(Box::new(Resource::of(one)?))),
            (told, _) => Ok(Self::Several(told.unwrap_or(held).max(held))),
        }
    }
}

impl Resource {
    fn of(said: &Json) -> Result<Self, &'static str> {
        let members = said.as_object().ok_or("a resource is no object")?;
        let id = member(members, "id").and_then(Json::as_str).ok_or("a resource has no `id`")?;
        // It becomes a part of an address.
        if id.is_empty() || matches!(id, "." | "..") || id.len() > MAX_ID_BYTES {
            return Err("a resource's `id` is none");
        }
        let meta = member(members, "meta").and_then(Json::as_object);
        let version = meta.and_then(|meta| member(meta, "version")).and_then(Json::as_str);
        let version = version.filter(|version| !version.is_empty()).map(str::to_owned);
        Ok(Self { id: id.to_owned(), version, members: members.clone() })
    }
}

/// The longest name of a resource.
const MAX_ID_BYTES: usize = 512;

/// The word that says what was wrong with a request, where there is one.
pub(super) fn word(said: &[u8]) -> Option<&'static str> {
    let error = object(said).ok()?;
    let word = member(&error, "scimType")?.as_str()?;
    WORDS.into_iter().find(|known| known.eq_ignore_ascii_case(word))
}

fn object(said: &[u8]) -> Result<Map<String, Json>, &'static str> {
    let start = said.trim_ascii_start();
    if start.is_empty() {
        return Err("it is empty");
    }
    if start.starts_with(b"<") {
        return Err("it is HTML or XML");
    }
    match serde_json::from_slice(said) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(_) => Err("it is no JSON object"),
        Err(_) => Err("it is no JSON"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(said: &str) -> Result<String, &'static str> {
        Found::parse(said.as_bytes()).map(|found| match found {
            Found::None => "none".to_owned(),
            Found::One(one) => format!("{} {:?}", one.id, one.version),
            Found::Several(count) => format!("{count} of them"),
        })
    }

    #[test]
    fn a_list_is_one_however_it_is_written() {
        for (said, expected) in [
            (r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0}"#, "none"),
            (r#"{"totalResults":0,"Resources":[]}"#, "none"),
            (r#"{"totalResults":0,"Resources":null}"#, "none"),
            (
                r#"{"totalResults":1,"Resources":[{"id":"a/b","meta":{"version":"W/\"1\""}}]}"#,
                "a/b Some(\"W/\\\"1\\\"\")",
            ),
            (r#"{"totalresults":1,"resources":[{"ID":"a"}]}"#, "a None"),
            (r#"{"Resources":[{"id":"a"}]}"#, "a None"),
            (r#"{"totalResults":3,"Resources":[{"id":"a"}]}"#, "3 of them"),
            (r#"{"totalResults":1,"Resources":[{"id":"a"},{"id":"b"}]}"#, "2 of them"),
        ] {
            assert_eq!(found(said), Ok(expected.to_owned()), "{said}");
        }
    }

    #[test]
    fn what_is_no_list_is_not_taken_for_an_empty_one() {
        for (said, expected) in [
            ("", "it is empty"),
            (" \n", "it is empty"),
            ("<!doctype html><title>Log in</title>", "it is HTML or XML"),
            ("[]", "it is no JSON object"),
            ("{}", "it is no SCIM list"),
            ("{\"totalResults\":", "it is no JSON"),
            (r#"{"totalResults":"1","Resources":[]}"#, "it is no SCIM list"),
            (r#"{"totalResults":1}"#, "it tells of resources and holds none"),
            (r#"{"totalResults":1,"Resources":{"id":"a"}}"#, "its `Resources` are no list"),
            (r#"{"totalResults":1,"Resources":["a"]}"#, "a resource is no object"),
            (r#"{"totalResults":1,"Resources":[{"id":7}]}"#, "a resource has no `id`"),
            (r#"{"totalResults":1,"Resources":[{"id":".."}]}"#, "a resource's `id` is none"),
        ] {
            assert_eq!(found(said), Err(expected), "{said}");
        }
    }

    #[test]
    fn only_known_words_are_told_of_an_error() {
        assert_eq!(word(br#"{"status":"400","scimType":"invalidfilter","detail":"hunter2"}"#), Some("invalidFilter"));
        for said in [&br#"{"scimType":"hunter2"}"#[..], b"{}", b"<html>", b""] {
            assert_eq!(word(said), None);
        }
    }
}
