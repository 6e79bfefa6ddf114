//! What has to be changed of a resource so that it has the wanted attributes: operations of a PATCH (RFC 7644, section
//! 3.5.2), or the whole of it for a PUT.
//!
//! Only what differs is told. Attributes that nobody asked for stay as they are; a list that is wanted is the whole list.
//! Null, an empty text and an empty list are no value (RFC 7643, section 2.5).

use serde_json::{Map, Value as Json, json};

use super::path::{is_urn, member};

const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Attributes that are the server's to write.
pub(super) const READ_ONLY: [&str; 4] = ["id", "meta", "groups", "schemas"];

/// The operations that make `found` what is wanted; none where it is.
pub(super) fn operations(wanted: &Map<String, Json>, found: &Map<String, Json>) -> Vec<Json> {
    let mut operations = Vec::new();
    for (name, value) in wanted {
        let there = member(found, name);
        match value {
            Json::Object(members) if is_urn(name) => {
                for (sub, value) in members {
                    let there = there.and_then(Json::as_object).and_then(|there| member(there, sub));
                    add_operations(&format!("{name}:{sub}"), value, there, &mut operations);
                }
            }
            value => add_operations(name, value, there, &mut operations),
        }
    }
    operations
}

/// The body of a PATCH.
pub(super) fn patch(operations: &[Json]) -> Json {
    json!({ "schemas": [PATCH], "Operations": operations })
}

/// The body of a PUT: what was found, with what is wanted in its place.
pub(super) fn replacement(wanted: &Map<String, Json>, found: &Map<String, Json>, schema: &str) -> Json {
    let mut whole = Map::new();
    for (name, value) in found {
        if !["meta", "groups"].iter().any(|read_only| read_only.eq_ignore_ascii_case(name)) {
            whole.insert(name.clone(), value.clone());
        }
    }
    for (name, value) in wanted {
        let name = whole.keys().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or(name).clone();
        let value = match (whole.get(&name), value) {
            (Some(Json::Object(there)), Json::Object(members)) => {
                let mut all = there.clone();
                for (sub, value) in members {
                    let sub = all.keys().find(|known| known.eq_ignore_ascii_case(sub)).unwrap_or(sub).clone();
                    all.insert(sub, value.clone());
                }
                pruned(&Json::Object(all))
            }
            (_, value) => pruned(value),
        };
        whole.shift_remove(&name);
        whole.extend(value.map(|value| (name, value)));
    }
    let mut schemas: Vec<Json> = whole.get("schemas").and_then(Json::as_array).cloned().unwrap_or_default();
    for urn in [schema].into_iter().chain(wanted.keys().map(String::as_str).filter(|name| is_urn(name))) {
        if !schemas.iter().any(|known| known.as_str().is_some_and(|known| known.eq_ignore_ascii_case(urn))) {
            schemas.push(urn.into());
        }
    }
    whole.insert("schemas".into(), schemas.into());
    Json::Object(whole)
}

/// The body of a POST: a resource with these attributes, and with those that it is found by.
pub(super) fn creation<'f>(
    wanted: &Map<String, Json>,
    found_by: impl Iterator<Item = (&'f str, &'f Json)>,
    schema: &str,
) -> Json {
    let wanted: Map<String, Json> =
        wanted.iter().filter_map(|(name, value)| Some((name.clone(), pruned(value)?))).collect();
    let urns = wanted.keys().map(String::as_str).filter(|name| is_urn(name));
    let mut resource = Map::from_iter([("schemas".to_owned(), [schema].into_iter().chain(urns).collect())]);
    for (name, value) in found_by {
        if member(&wanted, name).is_none() {
            resource.insert(name.to_owned(), value.clone());
        }
    }
    resource.extend(wanted);
    Json::Object(resource)
}

fn add_operations(path: &str, wanted: &Json, found: Option<&Json>, operations: &mut Vec<Json>) {
    let found = found.filter(|found| pruned(found).is_some());
    let Some(value) = pruned(wanted) else {
        match (wanted, found) {
            // Of an object only what is named in it is taken away.
            (Json::Object(members), Some(Json::Object(there))) => {
                for (sub, value) in members {
                    add_operations(&format!("{path}.{sub}"), value, member(there, sub), operations);
                }
            }
            (_, None) => {}
            (_, Some(_)) => operations.push(json!({ "op": "remove", "path": path })),
        }
        return;
    };
    match (wanted, found) {
        (_, None) => operations.push(json!({ "op": "add", "path": path, "value": value })),
        (Json::Object(members), Some(Json::Object(there))) => {
            for (sub, value) in members {
                add_operations(&format!("{path}.{sub}"), value, member(there, sub), operations);
            }
        }
        (_, Some(there)) if is_same(&value, there) => {}
        (_, Some(_)) => operations.push(json!({ "op": "replace", "path": path, "value": value })),
    }
}

/// A value without what is no value; none where nothing is left.
fn pruned(value: &Json) -> Option<Json> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.as_str()).filter(|text| !text.is_empty()).map(Json::from),
        Json::Array(items) => {
            let items: Vec<Json> = items.iter().filter_map(pruned).collect();
            (!items.is_empty()).then_some(Json::Array(items))
        }
        Json::Object(members) => {
            let members: Map<String, Json> =
                members.iter().filter_map(|(name, value)| Some((name.clone(), pruned(value)?))).collect();
            (!members.is_empty()).then_some(Json::Object(members))
        }
        Json::Bool(_) | Json::Number(_) => Some(value.clone()),
    }
}

/// Whether what was found is what is wanted. Of an object only what is wanted of it counts: servers add to what they are
/// given. A list is the same in any order.
fn is_same(wanted: &Json, found: &Json) -> bool {
    match (wanted, found) {
        (Json::Number(wanted), Json::Number(found)) => wanted.as_f64() == found.as_f64(),
        (Json::Array(wanted), Json::Array(found)) => {
            let mut left: Vec<&Json> = found.iter().filter(|found| pruned(found).is_some()).collect();
            wanted.len() == left.len()
                && wanted.iter().all(|wanted| {
                    let at = left.iter().position(|found| is_same(wanted, found));
                    at.map(|at| left.swap_remove(at)).is_some()
                })
        }
        (Json::Object(wanted), Json::Object(found)) => {
            wanted.iter().all(|(name, wanted)| match member(found, name).filter(|found| pruned(found).is_some()) {
                Some(found) => is_same(wanted, found),
                // What is false in an item of a list is often not told.
                None => *wanted == Json::Bool(false),
            })
        }
        (wanted, found) => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

    fn object(value: &Json) -> &Map<String, Json> {
        value.as_object().expect("an object")
    }

    #[track_caller]
    fn check(wanted: &Json, found: &Json, expected: &Json) {
        assert_eq!(&Json::from(operations(object(wanted), object(found))), expected, "{wanted} of {found}");
    }

    #[test]
    fn only_what_differs_is_changed() {
        let found = json!({
            "id": "1", "userName": "anna", "active": true, "title": "Dr", "nickName": "",
            "name": { "givenName": "Anna", "familyName": "A", "formatted": "Anna A" },
            "emails": [{ "value": "b@x", "type": "home" }, { "value": "a@x", "type": "work", "display": "a@x" }],
            ENTERPRISE: { "department": "Sales", "manager": { "value": "7", "$ref": "../Users/7" } },
        });
        check(&json!({ "USERNAME": "anna", "active": true, "name": { "givenName": "Anna" } }), &found, &json!([]));
        check(
            &json!({ "active": false, "name": { "givenName": "Anna", "familyName": "B" } }),
            &found,
            &json!([
                { "op": "replace", "path": "active", "value": false },
                { "op": "replace", "path": "name.familyName", "value": "B" },
            ]),
        );
        let emails = json!([{ "value": "a@x", "type": "work", "primary": false }, { "value": "b@x", "type": "home" }]);
        check(&json!({ "emails": emails }), &found, &json!([]));
        let one = json!([{ "value": "a@x" }]);
        check(&json!({ "emails": one }), &found, &json!([{ "op": "replace", "path": "emails", "value": one }]));
        check(
            &json!({ ENTERPRISE: { "department": "IT", "manager": { "value": "7" }, "costCenter": "9" } }),
            &found,
            &json!([
                { "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "IT" },
                { "op": "add", "path": format!("{ENTERPRISE}:costCenter"), "value": "9" },
            ]),
        );
    }

    #[test]
    fn what_is_empty_is_taken_away_where_it_is_there() {
        let found = json!({ "title": "Dr", "nickName": null, "emails": [], "name": { "givenName": "A", "x": "y" } });
        check(
            &json!({ "title": "", "nickName": null, "emails": [], "phoneNumbers": [{ "value": "" }], "displayName": null }),
            &found,
            &json!([{ "op": "remove", "path": "title" }]),
        );
        check(&json!({ "name": { "givenName": "" } }), &found, &json!([{ "op": "remove", "path": "name.givenName" }]));
        check(&json!({ "address": { "a": "" } }), &found, &json!([]));
        check(
            &json!({ "address": { "a": "", "b": 1 } }),
            &found,
            &json!([{ "op": "add", "path": "address", "value": { "b": 1 } }]),
        );
    }

    #[test]
    fn what_the_operations_do_leaves_nothing_to_change() {
        let wanted = json!({ "userName": "anna", "name": { "givenName": "A" }, "emails": [{ "value": "a@x" }], "x": "",
                             ENTERPRISE: { "department": "IT" } });
        for found in [
            json!({}),
            json!({ "USERNAME": "b", "x": "y", "name": { "GivenName": "B", "familyName": "F" }, "meta": {}, "groups": [] }),
        ] {
            let whole = replacement(object(&wanted), object(&found), USER);
            assert_eq!(operations(object(&wanted), object(&whole)), [Json::Null; 0], "{whole}");
            assert_eq!(whole["schemas"], json!([USER, ENTERPRISE]));
            assert!(whole.get("meta").is_none() && whole.get("groups").is_none());
        }
    }

    #[test]
    fn a_new_resource_has_what_it_is_found_by_and_nothing_that_is_empty() {
        let by = [("userName", json!("anna")), ("externalId", json!("7"))];
        let made = creation(
            object(&json!({ "username": "Anna", "title": "", "active": true, ENTERPRISE: { "department": "IT" } })),
            by.iter().map(|(name, value)| (*name, value)),
            USER,
        );
        assert_eq!(
            made,
            json!({ "schemas": [USER, ENTERPRISE], "externalId": "7", "username": "Anna", "active": true,
                    ENTERPRISE: { "department": "IT" } })
        );
    }
}
