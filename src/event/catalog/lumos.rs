//! Lumos' provisioning webhooks. Source: the vendor's help pages; the body of a deprovisioning is not documented, so that it
//! is taken to be that of a provisioning, with the person under `user` or `target_user`.

use super::FieldType::{Any, Integer, List, Object, Text};
use super::Kind::Perform;
use super::{Field, Spec, field, personal};

const FIELDS: &[Field] = &[
    field("application", Object),
    field("application.app_id", Text),
    field("application.instance_id", Text),
    field("application.user_friendly_label", Text),
    field("permissions", List),
    personal("target_user", Object),
    personal("target_user.email", Text),
    personal("target_user.given_name", Text),
    personal("target_user.family_name", Text),
    personal("user", Object),
    personal("user.email", Text),
    personal("user.given_name", Text),
    personal("user.family_name", Text),
    field("access_length", Integer),
    personal("request_comment", Text),
    field("request_task_url", Text),
    personal("custom_fields", Any),
];

/// Both of them.
pub(super) static EVENTS: [Spec; 2] = [
    Spec { name: "lumos.provision", path: "provision", doc: "Access was approved: is it given?", ..row() },
    Spec { name: "lumos.deprovision", path: "deprovision", doc: "Access is over: is it taken away?", ..row() },
];

const fn row() -> Spec {
    Spec {
        name: "",
        system: "lumos",
        path: "",
        kind: Perform,
        fields: FIELDS,
        user: &["target_user", "user"],
        person: &["target_user.email", "user.email"],
        sample: include_str!("../../../tests/data/lumos/provision.request.json"),
        doc: "",
    }
}
