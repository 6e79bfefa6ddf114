//! What the JSON Schema says of one position: which keys it has, of which types it may be, and whether it is marked.
//!
//! It does not validate; reading a value is serde's matter.

use serde_json::Value;

/// All schemas that a position may follow, references and alternatives resolved.
#[derive(Clone, Debug)]
pub(super) struct Shape<'s> {
    root: &'s Value,
    alternatives: Vec<&'s Value>,
}

impl<'s> Shape<'s> {
    /// The shape of a whole document.
    pub(super) fn root(schema: &'s Value) -> Self {
        Self::new(schema, [schema])
    }

    /// The shape under `key`, or `None` where there is no such key.
    pub(super) fn key(&self, key: &str) -> Option<Self> {
        let named: Vec<&Value> = self.members("properties").filter_map(|keys| keys.get(key)).collect();
        if !named.is_empty() {
            return Some(Self::new(self.root, named));
        }
        let any: Vec<&Value> = self.members("additionalProperties").filter(|any| any.is_object()).collect();
        (!any.is_empty()).then(|| Self::new(self.root, any))
    }

    /// The names of the keys that are known, in order.
    pub(super) fn keys(&self) -> Vec<&'s str> {
        let names = self.members("properties").filter_map(Value::as_object).flat_map(|keys| keys.keys());
        names.map(String::as_str).collect()
    }

    /// Whether the operator chooses the keys.
    pub(super) fn is_map(&self) -> bool {
        self.members("additionalProperties").any(Value::is_object)
    }

    /// The shape of a list's items.
    pub(super) fn item(&self) -> Option<Self> {
        let items: Vec<&Value> = self.members("items").collect();
        (!items.is_empty()).then(|| Self::new(self.root, items))
    }

    /// Whether it may be of this JSON type.
    pub(super) fn may_be(&self, kind: &str) -> bool {
        self.members("type").any(|found| match found {
            Value::String(one) => one == kind,
            Value::Array(several) => several.iter().any(|one| one == kind),
            _ => false,
        }) || (kind == "string" && self.members("enum").chain(self.members("const")).next().is_some())
    }

    /// Whether it is marked with this format.
    pub(super) fn is_marked(&self, format: &str) -> bool {
        self.members("format").any(|found| found == format)
    }

    /// Whether it is a secret's place, or a list of them.
    pub(super) fn is_secret(&self) -> bool {
        self.is_marked("secret") || self.item().is_some_and(|item| item.is_marked("secret"))
    }

    fn members(&self, name: &'static str) -> impl Iterator<Item = &'s Value> + use<'s, '_> {
        self.alternatives.iter().filter_map(move |schema| schema.get(name))
    }

    fn new(root: &'s Value, schemas: impl IntoIterator<Item = &'s Value>) -> Self {
        let mut alternatives: Vec<&'s Value> = Vec::new();
        let mut open: Vec<&'s Value> = schemas.into_iter().collect();
        open.reverse();
        while let Some(schema) = open.pop() {
            // A schema that refers to itself is seen once.
            if alternatives.iter().any(|seen| std::ptr::eq(*seen, schema)) {
                continue;
            }
            alternatives.push(schema);
            let reference =
                schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
            open.extend(reference.and_then(|pointer| root.pointer(pointer)));
            for combination in ["allOf", "oneOf", "anyOf"] {
                let several = schema.get(combination).and_then(Value::as_array);
                open.extend(several.into_iter().flatten().rev());
            }
        }
        Self { root, alternatives }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema;

    #[test]
    fn keys_types_and_marks_are_found_through_references_and_alternatives() {
        let schema = schema();
        let root = Shape::root(&schema);
        let at = |path: &[&str]| path.iter().try_fold(root.clone(), |shape, key| shape.key(key));
        let listen = at(&["metrics", "listen"]).expect("metrics.listen");
        assert!(listen.may_be("string") && !listen.may_be("integer"));
        assert!(at(&["server", "health"]).is_some_and(|shape| shape.may_be("boolean")));
        assert!(
            at(&["server", "trusted_proxies"]).and_then(|shape| shape.item()).is_some_and(|item| item.may_be("string"))
        );
        assert!(at(&["server", "tls", "client_ca"]).is_some_and(|shape| shape.is_marked("file")));
        assert!(at(&["server", "data_dir"]).is_some_and(|shape| shape.is_marked("directory")));
        assert!(at(&["log", "pseudonym_key"]).is_some_and(|shape| shape.is_marked("secret")));
        assert!(at(&["log", "pseudonym_key", "file"]).is_some_and(|shape| shape.is_marked("file")));
        assert!(at(&["attributes"]).is_some_and(|shape| shape.is_map()));
        assert!(at(&["attributes", "user.x"]).is_some_and(|shape| shape.may_be("string")));
        assert!(at(&["log", "level"]).is_some_and(|shape| shape.may_be("string")));
        assert!(at(&["server", "nothing"]).is_none());
    }
}
