//! The JSON Schema of an `[[action]]` table, for editors: the keys of all types in one object, each saying whose it is.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::kind::KINDS;
use super::raw::RawAction;

/// The schema of an `[[action]]` table.
pub fn schema(generator: &mut SchemaGenerator) -> Schema {
    let mut whole = RawAction::json_schema(generator);
    let own: Vec<(&str, Schema)> = KINDS.iter().map(|kind| (kind.name, (kind.schema)(generator))).collect();
    if let Some(Value::Object(keys)) = whole.get_mut("properties") {
        if let Some(kind) = keys.get_mut("type") {
            kind["enum"] = KINDS.iter().map(|kind| kind.name).collect();
        }
        for (key, schema) in keys.iter_mut() {
            let types: Vec<&str> =
                KINDS.iter().filter(|kind| kind.shared.contains(&key.as_str())).map(|kind| kind.name).collect();
            if !types.is_empty() {
                describe(schema, &types.join(", "));
            }
        }
        for (name, schema) in own {
            for (key, mut schema) in schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default() {
                describe(&mut schema, name);
                add(keys, &key, schema);
            }
        }
    }
    whole.insert("description".into(), json!("What other systems are told of an event."));
    whole
}

/// Says in a key's description whose it is.
fn describe(schema: &mut Value, whose: &str) {
    if let Value::Object(members) = schema {
        let said = members.get("description").and_then(Value::as_str).unwrap_or_default();
        let said = format!("{whose}: {said}");
        members.insert("description".into(), said.into());
    }
}

/// Adds a key. One that another type has, too, may be what either of them takes.
fn add(keys: &mut Map<String, Value>, key: &str, schema: Value) {
    let Some(known) = keys.get_mut(key) else {
        keys.insert(key.to_owned(), schema);
        return;
    };
    let said = |schema: &Value| schema["description"].as_str().unwrap_or_default().to_owned();
    let together = format!("{} {}", said(known), said(&schema));
    let bare = |schema: &Value| {
        let mut members = schema.as_object().cloned().unwrap_or_default();
        members.shift_remove("description");
        members
    };
    let (old, new) = (Value::Object(bare(known)), Value::Object(bare(&schema)));
    let is_known = old == new || old["anyOf"].as_array().is_some_and(|several| several.contains(&new));
    *known = if is_known { old } else { json!({ "anyOf": [old, new] }) };
    known["description"] = together.into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_which_types_have_it_and_takes_what_each_of_them_takes() {
        let schema = schema(&mut SchemaGenerator::default()).to_value();
        let said = |key: &str| schema["properties"][key]["description"].as_str().expect(key).to_owned();
        assert_eq!(schema["properties"]["type"]["enum"][0], "http");
        assert_eq!(schema["required"], json!(["id", "on", "type"]));
        assert!(said("argv").starts_with("command: The program"));
        assert!(said("proxy").starts_with("http"));
        assert!(said("done").contains("http: Answers that") && said("done").contains(" command: Exit codes"));
        let mut keys = Map::new();
        for schema in [
            json!({ "type": "string", "description": "a: One." }),
            json!({ "type": "string", "description": "b: Two." }),
            json!({ "type": "array", "description": "c: Three." }),
            json!({ "type": "string", "description": "d: Four." }),
        ] {
            add(&mut keys, "x", schema);
        }
        let either = json!([{ "type": "string" }, { "type": "array" }]);
        assert_eq!(keys["x"], json!({ "anyOf": either, "description": "a: One. b: Two. c: Three. d: Four." }));
    }
}
