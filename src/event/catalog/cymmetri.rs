//! Cymmetri's events. Source: the vendor's webhook guide.

use super::FieldType::{Any, Bool, List, Object, Text};
use super::Kind::{Decide, Map, Mutate, Notice, Probe, Verdict};
use super::{Field, Spec, field, personal, secret};

macro_rules! with_user {
    ($($more:expr),* $(,)?) => {
        &[
            $($more,)*
            field("user", Object),
            personal("user.id", Text),
            personal("user.login", Text),
            personal("user.firstName", Text),
            personal("user.middleName", Text),
            personal("user.lastName", Text),
            personal("user.displayName", Text),
            personal("user.nickName", Text),
            personal("user.email", Text),
            personal("user.mobile", Text),
            personal("user.country", Text),
            personal("user.city", Text),
            field("user.userType", Text),
            field("user.status", Text),
            personal("user.department", Text),
            personal("user.designation", Text),
            personal("user.manager", Any),
            personal("user.startDate", Any),
            personal("user.endDate", Any),
            personal("user.dateOfBirth", Any),
            personal("user.address", Any),
            field("user.assignedGroups", List),
            field("user.provisionedApps", Object),
            secret("user.securityQuestion"),
            secret("user.password"),
        ]
    };
}

const USER: &[Field] = with_user!();
const PASSWORD: &[Field] = with_user!(secret("passwordText"));
const PROVISION: &[Field] = with_user!(
    field("policyMap", Any),
    field("form", Any),
    field("applicationId", Text),
    field("roleList", List),
    field("action", Text),
);
const PROVISIONED: &[Field] = with_user!(
    field("policyMap", Any),
    field("form", Any),
    field("applicationId", Text),
    field("roleList", List),
    field("action", Text),
    field("isSuccess", Bool),
    personal("uid", Text),
);
const MAPPING: &[Field] = with_user!(
    field("targetAttribute", Text),
    field("cymmetrifield", Text),
    personal("defaultValue", Any),
    field("formVeriable", Any),
);

macro_rules! cymmetri {
    ($name:literal, $kind:expr, $fields:expr, $doc:literal) => {
        Spec {
            name: $name,
            system: "cymmetri",
            kind: $kind,
            fields: $fields,
            path: $name,
            user: &["user"],
            person: &["user.login", "user.id"],
            sample: include_str!(concat!("../../../tests/data/cymmetri/", $name, ".request.json")),
            doc: $doc,
        }
    };
}

/// In the order in which its documents list them.
pub(super) static EVENTS: [Spec; 12] = [
    cymmetri!("test", Probe, &[], "Is anybody there?"),
    cymmetri!("preCreateUser", Mutate, USER, "A person is about to be created: with which fields?"),
    cymmetri!("validateUser", Verdict, USER, "May this person be created?"),
    cymmetri!("postCreateUser", Notice, USER, "A person was created."),
    cymmetri!("preUpdateUser", Mutate, USER, "A person is about to be changed: to which fields?"),
    cymmetri!("validateUpdateUser", Verdict, USER, "May this person be changed so?"),
    cymmetri!("postUpdateUser", Notice, USER, "A person was changed."),
    cymmetri!("changePassword", Notice, PASSWORD, "A password was changed."),
    cymmetri!("policyMap", Map, MAPPING, "What shall this mapped attribute be?"),
    cymmetri!("preProvision", Notice, PROVISION, "Access to an application is about to be given, changed or taken."),
    cymmetri!("postProvision", Notice, PROVISIONED, "Access to an application was given, changed or taken."),
    cymmetri!("runDeprovision", Decide, USER, "Shall access be removed now?"),
];
