//! Attribute paths of SCIM (RFC 7644, section 3.10): `userName`, `name.familyName`, and behind the URN of a schema
//! `urn:…:User:department`. Names are compared without regard to case (RFC 7643, section 2.1).

use std::fmt;

use serde_json::{Map, Value as Json};

/// The URNs of the schemas whose attributes stand at the top of a resource begin so.
const CORE: &str = "urn:ietf:params:scim:schemas:core:";

/// A path to an attribute, without filters in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// The schema's URN, where it is named.
    urn: Option<String>,
    name: String,
    sub: Option<String>,
}

impl Path {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (urn, rest) = if is_urn(text) {
            let (urn, rest) = text.rsplit_once(':')?;
            (Some(urn.to_owned()), rest)
        } else {
            (None, text)
        };
        let (name, sub) = rest.split_once('.').map_or((rest, None), |(name, sub)| (name, Some(sub)));
        (is_name(name) && sub.is_none_or(is_name)).then(|| Self {
            urn,
            name: name.to_owned(),
            sub: sub.map(str::to_owned),
        })
    }

    /// The name of an attribute at the top of a resource, where that is all there is to the path.
    pub(super) fn simple(&self) -> Option<&str> {
        (self.urn.is_none() && self.sub.is_none()).then_some(&self.name)
    }

    /// What stands there: one value, or those of a list.
    pub(super) fn values<'r>(&self, resource: &'r Map<String, Json>) -> Vec<&'r Json> {
        let above = match &self.urn {
            Some(urn) if !urn.get(..CORE.len()).is_some_and(|start| start.eq_ignore_ascii_case(CORE)) => {
                member(resource, urn).and_then(Json::as_object)
            }
            Some(_) | None => Some(resource),
        };
        let Some(value) = above.and_then(|above| member(above, &self.name)) else { return Vec::new() };
        let items = value.as_array().map_or_else(|| vec![value], |items| items.iter().collect());
        let sub = |item: &'r Json| match (&self.sub, item) {
            (Some(sub), Json::Object(members)) => member(members, sub),
            (Some(_), _) => None,
            // A list of objects is compared by their `value`.
            (None, Json::Object(members)) => member(members, "value"),
            (None, simple) => Some(simple),
        };
        items.into_iter().filter_map(sub).filter(|value| !value.is_null()).collect()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.urn {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.name)?;
        self.sub.iter().try_for_each(|sub| write!(f, ".{sub}"))
    }
}

/// Whether it is the URN of a schema, or begins with one.
pub(super) fn is_urn(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}

/// Whether it is the URN of a schema whose attributes stand at the top.
pub(super) fn is_core(urn: &str) -> bool {
    urn.get(..CORE.len()).is_some_and(|start| start.eq_ignore_ascii_case(CORE))
}

/// Whether it is an attribute's name.
pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.strip_prefix('$').unwrap_or(text).bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// An object's member of that name.
pub(super) fn member<'m>(members: &'m Map<String, Json>, name: &str) -> Option<&'m Json> {
    members
        .get(name)
        .or_else(|| members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    #[test]
    fn paths_are_names_and_nothing_that_could_end_one() {
        for text in ["userName", "name.familyName", "emails.value", "x-y_2", &format!("{ENTERPRISE}:manager.value")] {
            assert_eq!(Path::parse(text).expect(text).to_string(), text);
        }
        for text in ["", ".", "a.", "a.b.c", "a b", "a\"", "emails[type eq \"work\"]", "2a", "urn:", "urn:x:", "é"] {
            assert_eq!(Path::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_stands_at_a_path_is_found_whatever_the_case() {
        let resource = json!({
            "UserName": "anna",
            "name": { "familyName": "B" },
            "emails": [{ "value": "a@x", "type": "work" }, { "value": "b@x" }, { "value": null }],
            "nickName": null,
            ENTERPRISE: { "department": "Sales" },
        });
        let resource = resource.as_object().expect("an object");
        for (path, expected) in [
            ("userName".to_owned(), json!(["anna"])),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName".to_owned(), json!(["anna"])),
            ("name.familyName".to_owned(), json!(["B"])),
            ("emails.value".to_owned(), json!(["a@x", "b@x"])),
            ("emails".to_owned(), json!(["a@x", "b@x"])),
            ("nickName".to_owned(), json!([])),
            ("userName.value".to_owned(), json!([])),
            (format!("{}:DEPARTMENT", ENTERPRISE.to_lowercase()), json!(["Sales"])),
        ] {
            let found = Path::parse(&path).expect("a path").values(resource).into_iter().cloned().collect::<Json>();
            assert_eq!(found, expected, "{path}");
        }
    }
}
