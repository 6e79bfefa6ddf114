//! Which values of an explanation are shown: those that tell of nobody, or all.

use serde_json::Value;

use crate::event::Spec;
use crate::event::catalog::Care;

/// What stands for a value.
const MASK: &str = "***";

/// Functions through which a field shows.
const THROUGH: [&str; 5] = ["text", "lower", "upper", "trim", "fold"];

/// Whoever looks.
#[derive(Clone, Copy)]
pub(super) struct Eyes {
    pub(super) spec: &'static Spec,
    /// Whether they may see what tells of a person.
    pub(super) personal: bool,
}

impl Eyes {
    /// The value of a part of an expression.
    pub(super) fn part(self, source: &str, value: Value) -> Value {
        if self.personal || self.tells_of_nobody(source) {
            value
        } else {
            let value = masked(value, &mut |_| false, &mut Vec::new());
            if is_name(source) { value } else { self.without_keys(source, value) }
        }
    }

    /// Of an object that a rule made the keys may tell of a person, too: those are shown that the rule or the catalogue has.
    fn without_keys(self, source: &str, value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.without_keys(source, item)).collect(),
            Value::Object(members) => {
                let is_known = |key: &str| {
                    let mut names = self.spec.fields.iter().flat_map(|field| field.path.split('.'));
                    source.contains(&format!("\"{key}\""))
                        || source.contains(&format!("'{key}'"))
                        || names.any(|name| name == key)
                };
                let shown = members.into_iter().enumerate().map(|(index, (key, member))| {
                    let key = if is_known(&key) { key } else { format!("{MASK}{}", index + 1) };
                    (key, self.without_keys(source, member))
                });
                Value::Object(shown.collect())
            }
            other => other,
        }
    }

    /// A reply, whose message is a rule's and whose person is shown like the event's.
    pub(super) fn reply(self, reply: Value) -> Value {
        if self.personal {
            return reply;
        }
        let mut plain = |path: &[String]| match path {
            [response, message] => response == "response" && message == "message",
            [response, data, field @ ..] if response == "response" && data == "data" => {
                let user = ["user".to_owned()].into_iter().chain(field.iter().cloned());
                self.is_plain(&user.collect::<Vec<_>>())
            }
            [request, field @ ..] if request == "request" => self.is_plain(field),
            _ => false,
        };
        masked(reply, &mut plain, &mut Vec::new())
    }

    /// Whether a part of an expression is a name of the event that the catalogue knows to tell of nobody.
    fn tells_of_nobody(self, source: &str) -> bool {
        let mut source = source.trim();
        while let Some((function, rest)) = source.split_once('(')
            && THROUGH.contains(&function.trim())
            && let Some(inner) = rest.strip_suffix(')')
        {
            source = inner.trim();
        }
        let path: Vec<String> = source.split('.').map(|name| name.trim_start_matches('?').to_owned()).collect();
        match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["event" | "now"] => true,
            ["request", _, ..] => self.is_plain(&path[1..]),
            ["user", _, ..] => self.is_plain(&path),
            _ => false,
        }
    }

    /// Whether a field tells of nobody, from `request` downwards.
    fn is_plain(self, path: &[String]) -> bool {
        let mut fields = self.spec.fields.iter().filter(|field| field.care == Care::Plain);
        fields.any(|field| field.path.split('.').eq(path.iter().map(String::as_str)))
    }
}

/// Whether it is a name of something that came in, whose keys are names of fields; or nothing that was written.
fn is_name(source: &str) -> bool {
    let root = source.trim().split('.').next().unwrap_or_default();
    matches!(root, "" | "user" | "request" | "lookup" | "token")
        && source.chars().all(|character| character.is_alphanumeric() || "._? ".contains(character))
}

/// Numbers and texts are masked where they stand; an empty text, like true, false and null, tells of nobody.
fn masked(value: Value, plain: &mut dyn FnMut(&[String]) -> bool, path: &mut Vec<String>) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value,
        Value::String(text) if text.is_empty() => Value::String(text),
        Value::String(_) | Value::Number(_) => {
            if plain(path) {
                value
            } else {
                MASK.into()
            }
        }
        Value::Array(items) => items.into_iter().map(|item| masked(item, plain, path)).collect(),
        Value::Object(members) => {
            let mut shown = serde_json::Map::new();
            for (key, member) in members {
                path.push(key);
                let member = masked(member, plain, path);
                shown.insert(path.pop().unwrap_or_default(), member);
            }
            Value::Object(shown)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::catalog;

    fn eyes(personal: bool) -> Eyes {
        Eyes { spec: catalog::find("validateUser").expect("an event"), personal }
    }

    #[test]
    fn a_value_is_shown_where_its_field_tells_of_nobody_and_else_only_to_whom_it_may_be() {
        for (source, value, shown) in [
            ("user.userType", json!("Employee"), json!("Employee")),
            ("text(user.?userType)", json!("Employee"), json!("Employee")),
            ("lower(text(request.user.?status))", json!("active"), json!("active")),
            ("event", json!("validateUser"), json!("validateUser")),
            ("user.email", json!("a@b.example"), json!("***")),
            ("text(user.?email)", json!(""), json!("")),
            ("user.userType + user.email", json!("Employeea@b.example"), json!("***")),
            ("size(user.email)", json!(11), json!("***")),
            ("user.email == \"x\"", json!(false), json!(false)),
            ("{user.login: 1}", json!({"anna": 1}), json!({"***1": "***"})),
            ("{\"who\": user.login}", json!({"who": "anna"}), json!({"who": "***"})),
            ("user", json!({"login": "x", "tags": ["a", null]}), json!({"login": "***", "tags": ["***", null]})),
        ] {
            assert_eq!(eyes(false).part(source, value.clone()), shown, "{source}");
            assert_eq!(eyes(true).part(source, value.clone()), value);
        }
    }

    #[test]
    fn of_a_reply_the_message_and_what_tells_of_nobody_is_shown() {
        let reply = json!({"response": {"data": {"login": "x", "userType": "Employee"}}});
        let shown = json!({"response": {"data": {"login": "***", "userType": "Employee"}}});
        assert_eq!(eyes(false).reply(reply), shown);
        let refusal = json!({"response": {"error": true, "message": "No"}});
        assert_eq!(eyes(false).reply(refusal.clone()), refusal);
        assert_eq!(
            eyes(false).reply(json!({"response": {"mappedValue": "x"}})),
            json!({"response": {"mappedValue": "***"}})
        );
    }
}
