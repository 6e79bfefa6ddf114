//! Objects where lists are meant: some APIs give a list of one as the one itself, and a list of none as nothing.

use serde_json::Value as Json;

/// The way to a list in an answer, from key to key; `$` is the whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way(Vec<String>);

impl Way {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.trim().strip_prefix('$')?;
        if rest.is_empty() {
            return Some(Self(Vec::new()));
        }
        let names: Vec<String> = rest.strip_prefix('.')?.split('.').map(str::to_owned).collect();
        let plain = |name: &String| !name.is_empty() && !name.contains(['[', ']', '*', '?', '(']);
        names.iter().all(plain).then_some(Self(names))
    }

    /// Makes a list of what stands there: what is one stays, nothing is an empty one, anything else is the only item. On
    /// the way, each item of a list is gone through.
    pub(super) fn make_list(&self, answer: &mut Json) {
        make_list(&self.0, answer);
    }
}

fn make_list(names: &[String], value: &mut Json) {
    let Some((name, rest)) = names.split_first() else {
        *value = match value.take() {
            Json::Array(items) => Json::Array(items),
            Json::Null => Json::Array(Vec::new()),
            one => Json::Array(vec![one]),
        };
        return;
    };
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| make_list(names, item)),
        Json::Object(members) => make_list(rest, members.entry(name.clone()).or_insert(Json::Null)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_a_list_of_one_where_a_list_is_meant() {
        for (way, answer, expected) in [
            ("$", json!({ "a": 1 }), json!([{ "a": 1 }])),
            ("$", json!([1]), json!([1])),
            ("$", json!(null), json!([])),
            ("$.items", json!({ "items": { "a": 1 } }), json!({ "items": [{ "a": 1 }] })),
            ("$.items", json!({ "n": 0 }), json!({ "n": 0, "items": [] })),
            (
                "$.items.roles",
                json!({ "items": [{ "roles": "r" }, {}] }),
                json!({ "items": [{ "roles": ["r"] }, { "roles": [] }] }),
            ),
            ("$.items", json!("text"), json!("text")),
        ] {
            let mut made = answer.clone();
            Way::parse(way).expect(way).make_list(&mut made);
            assert_eq!(made, expected, "{way} of {answer}");
        }
        for way in ["", "items", "$items", "$.", "$.a..b", "$.a[0]"] {
            assert_eq!(Way::parse(way), None, "{way}");
        }
    }
}
