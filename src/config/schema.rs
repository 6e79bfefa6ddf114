//! The JSON Schema of a whole file, for editors, and for everything here that has to know a key's type.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::Settings;
use super::sections::{INCLUDE, LISTS};

/// The JSON Schema (draft 2020-12) of a configuration file. An editor finds it by a first line of `#:schema PATH`.
///
/// Beside the standard's own formats it marks strings: `secret` (a place of one), `file` (read and watched), `data-file` (the same,
/// and it may be large), `directory`.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut root = generator.root_schema_for::<Settings>();
    let lists: Vec<(&str, Value)> =
        LISTS.iter().map(|list| (list.name, (list.entry)(&mut generator).to_value())).collect();
    let definitions = generator.take_definitions(true);
    root.insert("title".into(), json!("Hookreeve's configuration"));
    root.insert("$defs".into(), Value::Object(definitions));
    if let Some(Value::Object(properties)) = root.get_mut("properties") {
        for (name, entry) in lists {
            properties.insert(name.into(), json!({ "type": "array", "items": entry }));
        }
        properties.insert(
            INCLUDE.into(),
            json!({
                "type": "array",
                "items": { "type": "string" },
                "description": "Files to read after this one, by path or pattern, relative to this file. Main file only.",
            }),
        );
    }
    root.to_value()
}
