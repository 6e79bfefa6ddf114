//! A `[[test]]` as it is written.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A `[[test]]` as it is written. What it means is made of it at load; it goes no further.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTest {
    /// Names the test in reports. Any text, unique.
    pub id: String,
    /// The event that comes in.
    pub event: String,
    /// The person, field by field. What is not given is not there. A text is taken for JSON, which has null.
    pub user: Option<Object>,
    /// The whole of what the cloud sends under `request`; `user` then changes fields of its person.
    pub request: Option<Object>,
    /// A body as the cloud sends it, in a file; `request` and `user` then change fields of it.
    #[schemars(extend("format" = "path"))]
    pub file: Option<PathBuf>,
    /// The claims of the token. Default: no token.
    pub token: Option<Object>,
    /// When the event comes in, RFC 3339. Default: `2026-01-01T00:00:00Z`.
    pub now: Option<String>,
    /// What lookups find, by the lookup's id.
    #[serde(default)]
    pub lookup: IndexMap<String, TableOrJson<RawFact>>,
    /// What is to come of it: at least one expectation.
    pub expect: TableOrJson<RawExpect>,
    /// For people.
    pub description: Option<String>,
}

/// What a lookup finds, as it is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFact {
    /// Whether there is anything.
    pub found: Option<bool>,
    /// What there is.
    pub value: Option<Value>,
    /// The source failed, for this reason.
    pub error: Option<String>,
}

/// What is to come of it, as it is written. What is not named is not looked at.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawExpect {
    /// pre and validate events: whether it is accepted, with changes or without.
    pub accept: Option<bool>,
    /// validate events: it is refused with this message.
    pub deny: Option<String>,
    /// pre and validate events: the fields that are changed and their values, and no others. Nested tables and dotted keys
    /// are the same path.
    pub set: Option<Map<String, Value>>,
    /// pre and validate events: the fields that are taken away, and no others.
    pub unset: Option<Vec<String>>,
    /// policyMap: the value that goes out.
    #[serde(deserialize_with = "any")]
    pub map: Option<Value>,
    /// runDeprovision: whether access is removed.
    pub deprovision: Option<bool>,
    /// Events on which something can be performed: the actions that are, in any order, and no others.
    pub perform: Option<Vec<String>>,
    /// The actions that are sent, in any order, and no others.
    pub actions: Option<Vec<String>>,
    /// The rule that settles the matter.
    pub rule: Option<String>,
    /// The rules that err, in any order, and no others.
    pub erred: Option<Vec<String>>,
    /// The shadow rules that hold, in any order, and no others.
    pub shadow: Option<Vec<String>>,
}

/// An object, as the text of its JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Object(pub String);

/// A table, or a text that holds the same as JSON: TOML has no null.
#[derive(Clone, Debug, Default)]
pub struct TableOrJson<T>(pub T);

/// Any value, null included: absent is another thing.
fn any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

// === impl Object ===

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Objects;
        impl<'de> Visitor<'de> for Objects {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table, or a text with JSON")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Object, E> {
                Ok(Object(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object, A::Error> {
                let table: Map<String, Value> = Deserialize::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Object(Value::Object(table).to_string()))
            }
        }
        deserializer.deserialize_any(Objects)
    }
}

impl JsonSchema for Object {
    fn schema_name() -> Cow<'static, str> {
        "TestObject".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["object", "string"], "additionalProperties": {} })
    }
}

// === impl TableOrJson ===

impl<'de, T: DeserializeOwned> Deserialize<'de> for TableOrJson<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Either<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table, or a text with JSON")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
                serde_json::from_str(text).map_err(|error| match error.classify() {
                    serde_json::error::Category::Data => de::Error::custom(error),
                    _ => de::Error::custom("the text is no JSON"),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(Either(PhantomData)).map(Self)
    }
}

impl<T: JsonSchema> JsonSchema for TableOrJson<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrJson", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<T>(), { "type": "string" }] })
    }
}
