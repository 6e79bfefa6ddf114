//! The way to a value in somebody else's JSON: `$.data.0.id`.

use std::fmt;

use serde_json::Value;

/// A way from key to key; a number is a list's index, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way(Vec<String>);

impl Way {
    /// Reads what [`Way`] prints; `$` is the whole.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in a few words.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text.trim().strip_prefix('$').ok_or("the way to the value begins with `$`")?;
        if rest.is_empty() {
            return Ok(Self::default());
        }
        let names = rest.strip_prefix('.').ok_or("behind `$` stands a `.`")?;
        let names: Vec<String> = names.split('.').map(str::to_owned).collect();
        let plain = |name: &String| !name.is_empty() && !name.contains(['[', ']', '*', '?', '(']);
        if names.iter().all(plain) { Ok(Self(names)) } else { Err("between two `.` stands a key or a number") }
    }

    /// What stands there; none where nothing does, or null.
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        let found = self.0.iter().try_fold(value, |value, name| match value {
            Value::Object(members) => members.get(name),
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        });
        found.filter(|found| !found.is_null())
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.0.iter().try_for_each(|name| write!(f, ".{name}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_way_leads_to_what_stands_there_or_to_nothing() {
        let value = json!({ "data": [{ "id": 7, "none": null }], "0": "zero", "text": "x" });
        for (way, expected) in [
            ("$", Some(value.clone())),
            ("$.data.0.id", Some(json!(7))),
            (" $.0 ", Some(json!("zero"))),
            ("$.data.1.id", None),
            ("$.data.id", None),
            ("$.data.0.none", None),
            ("$.text.x", None),
        ] {
            let way = Way::parse(way).expect("a way");
            assert_eq!(way.find(&value).cloned(), expected, "{way}");
            assert_eq!(Way::parse(&way.to_string()), Ok(way));
        }
        for wrong in ["", "data", "$data", "$.", "$..a", "$.a[0]", "$.*"] {
            assert!(Way::parse(wrong).is_err(), "{wrong}");
        }
    }
}
