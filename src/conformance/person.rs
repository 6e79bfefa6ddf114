//! The made-up person that everything is about, and requests about them.

use serde_json::{Value, json};

use crate::event::Spec;

/// The login of a person whom nobody has.
pub const LOGIN: &str = "hookreeve-conformance";

/// The documented sample of an event, about the made-up person.
pub(super) fn sample(spec: &Spec) -> Value {
    let mut body: Value = serde_json::from_str(spec.sample).unwrap_or_else(|_| json!({}));
    if let Some(user) = body.pointer_mut("/request/user").and_then(Value::as_object_mut) {
        user.remove("id");
        user.insert("login".to_owned(), LOGIN.into());
        for (field, value) in [("firstName", "Conny"), ("lastName", "Formance")] {
            if user.contains_key(field) {
                user.insert(field.to_owned(), value.into());
            }
        }
    }
    if let Some(password) = body.pointer_mut("/request/passwordText") {
        *password = "not-a-password".into();
    }
    body
}

/// The same as bytes.
pub(super) fn body(spec: &Spec) -> Vec<u8> {
    sample(spec).to_string().into_bytes()
}

/// The same with this text for the value of the person.
pub(super) fn body_with_user(spec: &Spec, user: &str) -> Vec<u8> {
    const HERE: &str = "the person stands here";
    let mut body = sample(spec);
    body["request"]["user"] = HERE.into();
    body.to_string().replace(&format!("\"{HERE}\""), user).into_bytes()
}
