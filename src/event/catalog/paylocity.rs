//! Paylocity's change notice. Its other bodies are people, and become the events of `OptimalCloud` that tell of people: it
//! speaks to the same receiver, of the same persons.

use super::FieldType::Any;
use super::Kind::Notice;
use super::{Field, Spec, field, personal};

const CHANGE: &[Field] = &[field("companyid", Any), personal("employeeid", Any)];

/// The only one.
pub(super) static EVENTS: [Spec; 1] = [Spec {
    name: "paylocity.change",
    system: "optimalcloud",
    path: "",
    kind: Notice,
    fields: CHANGE,
    user: &[],
    person: &["employeeid"],
    sample: r#"{"companyid":"80001","employeeid":"1111"}"#,
    doc: "Something about an employee has changed: ask for it.",
}];
