//! By what a resource is found: attributes and their values, as a filter (RFC 7644, section 3.4.2.2), and looked at once
//! more in what comes back, since there are servers that pass over a filter.

use serde_json::{Map, Value as Json};

use super::path::Path;

/// Attributes and the values that they must have, all of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter(Vec<(Path, Json)>);

impl Filter {
    /// The error names the attribute whose value nothing can be found by.
    pub(super) fn new(values: Vec<(Path, Json)>) -> Result<Self, String> {
        for (path, value) in &values {
            match value {
                Json::String(text) if text.trim().is_empty() => return Err(format!("`find.{path}` is empty")),
                Json::Null => return Err(format!("`find.{path}` is not there")),
                Json::Array(_) | Json::Object(_) => return Err(format!("`find.{path}` is a list or a map")),
                Json::String(_) | Json::Number(_) | Json::Bool(_) => {}
            }
        }
        Ok(Self(values))
    }

    /// As a server is asked. A text is quoted as JSON quotes it, so that none can end its quotes.
    pub(super) fn text(&self) -> String {
        let terms: Vec<String> = self.0.iter().map(|(path, value)| format!("{path} eq {value}")).collect();
        terms.join(" and ")
    }

    /// Whether a resource has these values. Texts are the same without regard to case: whether it counts is for the server
    /// to say, which has done so.
    pub(super) fn is_met(&self, resource: &Map<String, Json>) -> bool {
        self.0.iter().all(|(path, value)| path.values(resource).into_iter().any(|found| is_alike(value, found)))
    }

    /// What a resource gets that is made because there is none: the values that it would have been found by.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().filter_map(|(path, value)| Some((path.simple()?, value)))
    }
}

fn is_alike(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::String(one), Json::String(other)) => one == other || one.to_lowercase() == other.to_lowercase(),
        (Json::Number(one), Json::Number(other)) => one.as_f64() == other.as_f64(),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filter(values: &[(&str, Json)]) -> Result<Filter, String> {
        Filter::new(values.iter().map(|(path, value)| (Path::parse(path).expect("a path"), value.clone())).collect())
    }

    #[test]
    fn a_text_cannot_leave_its_quotes() {
        let found = filter(&[("userName", json!("a\" or userName pr or \\\n\"é")), ("active", json!(true))]);
        assert_eq!(
            found.expect("a filter").text(),
            r#"userName eq "a\" or userName pr or \\\n\"é" and active eq true"#
        );
    }

    #[test]
    fn nothing_is_found_by_what_is_not_there() {
        for (value, why) in [
            (json!(" "), "`find.userName` is empty"),
            (json!(null), "`find.userName` is not there"),
            (json!(["a"]), "`find.userName` is a list or a map"),
        ] {
            assert_eq!(filter(&[("userName", value)]), Err(why.to_owned()));
        }
    }

    #[test]
    fn a_resource_that_a_server_gives_in_spite_of_the_filter_is_not_taken() {
        let found = filter(&[("externalId", json!("Anna")), ("emails.value", json!("a@x"))]).expect("a filter");
        for (resource, met) in [
            (json!({ "externalId": "anna", "emails": [{ "value": "b@x" }, { "value": "A@X" }] }), true),
            (json!({ "externalId": "anna" }), false),
            (json!({ "externalId": "anna2", "emails": [{ "value": "a@x" }] }), false),
            (json!({ "emails": [{ "value": "a@x" }] }), false),
        ] {
            assert_eq!(found.is_met(resource.as_object().expect("an object")), met, "{resource}");
        }
    }
}
