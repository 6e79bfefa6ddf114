//! An event's body for eyes that need not see the person: the names of its fields, and the values of those that the
//! catalogue knows to tell of nobody.

use std::fmt::Write as _;

use crate::base::json::{Json, Kind, quote};
use crate::event::catalog::Care;
use crate::event::{FieldPath, Spec};

/// What stands for a value.
pub(super) const MASK: &str = "\"***\"";

/// Writes `request` without what stands at `secrets`, and with a mask for every value that may tell of a person.
pub fn masked(spec: &Spec, request: Json<'_>, secrets: &[FieldPath], text: &mut String) {
    write(spec, request, &mut Vec::new(), secrets, false, text);
}

/// The same for a request that is shown: with `personal`, in clear.
pub fn shown(spec: &Spec, request: Json<'_>, secrets: &[FieldPath], personal: bool) -> String {
    let mut text = String::new();
    write(spec, request, &mut Vec::new(), secrets, personal, &mut text);
    text
}

fn write(
    spec: &Spec,
    value: Json<'_>,
    path: &mut Vec<String>,
    secrets: &[FieldPath],
    personal: bool,
    text: &mut String,
) {
    match value.kind() {
        Kind::Object => {
            text.push('{');
            let mut first = true;
            for (key, member) in value.members() {
                let Ok(name) = key.decode() else { continue };
                path.push(name.into_owned());
                if !secrets.iter().any(|secret| secret.names() == path.as_slice()) {
                    if !first {
                        text.push(',');
                    }
                    first = false;
                    let _ = write!(text, "{}:", quote(path.last().map_or("", String::as_str)));
                    write(spec, member, path, secrets, personal, text);
                }
                path.pop();
            }
            text.push('}');
        }
        Kind::Array => {
            text.push('[');
            for (index, item) in value.items().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(spec, item, path, secrets, personal, text);
            }
            text.push(']');
        }
        Kind::Null | Kind::False | Kind::True => text.push_str(value.raw()),
        Kind::Number | Kind::String if personal || is_plain(spec, path) => text.push_str(value.raw()),
        Kind::Number | Kind::String => text.push_str(MASK),
    }
}

/// A field that nobody has listed may hold anything.
fn is_plain(spec: &Spec, path: &[String]) -> bool {
    spec.fields
        .iter()
        .any(|field| field.care == Care::Plain && field.path.split('.').eq(path.iter().map(String::as_str)))
}
