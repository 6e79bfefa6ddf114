//! The table of events. Routes, `check`, `send`, documents, log words and the JSON Schema derive from it.
//!
//! A new event is one row. What a row says of the wire has its source in the vendor's documents; where those are silent
//! the safest reading is a setting, not a row.

use FieldType::{Any, Bool, List, Object, Text};
use Kind::{Decide, Map, Mutate, Notice, Probe, Verdict};

/// One event that a system sends.
#[derive(Debug, PartialEq, Eq)]
pub struct Spec {
    /// As the documents spell it; it is matched without regard to case.
    pub name: &'static str,
    /// The system that sends it.
    pub system: &'static str,
    /// What is expected in reply.
    pub kind: Kind,
    /// Known fields of `request`; real events bring more.
    pub fields: &'static [Field],
    /// Fields of the person, in order, of which the first that is there is the person's key.
    pub person: &'static [&'static str],
    /// The vendor's documented request.
    pub sample: &'static str,
    /// One line of what it asks or tells.
    pub doc: &'static str,
}

/// What kind of reply an event wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The person, as it is or changed.
    Mutate,
    /// A yes, maybe with changes, or a no with a word.
    Verdict,
    /// A value for an attribute.
    Map,
    /// A yes or no to the removal of access.
    Decide,
    /// None; it tells what has happened.
    Notice,
    /// None; it asks whether anybody is there.
    Probe,
}

/// What a rule can do to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// `deny`
    Deny,
    /// `set` and `unset`
    Set,
    /// `map`
    Map,
    /// `deprovision`
    Deprovision,
}

/// A known field.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// From `request` downwards.
    pub path: &'static str,
    /// What stands there.
    pub kind: FieldType,
    /// How carefully it is to be handled.
    pub care: Care,
}

/// What stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// Text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A number without a fraction.
    Integer,
    /// A list.
    List,
    /// An object.
    Object,
    /// Anything.
    Any,
}

/// How carefully a field is to be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// It tells nothing of a person.
    Plain,
    /// It tells of a person: masked where it is shown.
    Personal,
    /// It is left out, key and all, of everything but the reply to the system that sent it; no rule can name it.
    Secret,
}

/// A set of [`Kind`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSet(u8);

const fn field(path: &'static str, kind: FieldType) -> Field {
    Field { path, kind, care: Care::Plain }
}

const fn personal(path: &'static str, kind: FieldType) -> Field {
    Field { path, kind, care: Care::Personal }
}

const fn secret(path: &'static str) -> Field {
    Field { path, kind: Any, care: Care::Secret }
}

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
            person: &["login", "id"],
            sample: include_str!(concat!("../../tests/data/cymmetri/", $name, ".request.json")),
            doc: $doc,
        }
    };
}

/// Every event, in the order in which documents list them. Source: the vendor's webhook guide.
pub static EVENTS: [Spec; 12] = [
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

/// The event of that name, whatever its case.
pub fn find(name: &str) -> Option<&'static Spec> {
    EVENTS.iter().find(|spec| spec.name.eq_ignore_ascii_case(name))
}

/// The names of all events.
pub fn names() -> impl Iterator<Item = &'static str> {
    EVENTS.iter().map(|spec| spec.name)
}

impl Spec {
    /// Whether an equal one shortly after is the same told twice. One that brings a secret of its own, beside the person, is
    /// there to be done each time: a password that is set twice was set twice.
    pub fn can_repeat(&self) -> bool {
        self.fields.iter().all(|field| field.care != Care::Secret || field.path.starts_with("user."))
    }

    /// What a rule can do to it.
    pub fn effects(&self) -> &'static [Effect] {
        match self.kind {
            Mutate => &[Effect::Set],
            Verdict => &[Effect::Deny, Effect::Set],
            Map => &[Effect::Map],
            Decide => &[Effect::Deprovision],
            Notice | Probe => &[],
        }
    }
}

impl Effect {
    /// The key that rules write it with.
    pub fn key(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Set => "set",
            Self::Map => "map",
            Self::Deprovision => "deprovision",
        }
    }
}

impl KindSet {
    /// These kinds.
    pub fn of(kinds: &[Kind]) -> Self {
        Self(kinds.iter().fold(0, |bits, kind| bits | 1 << *kind as u8))
    }

    /// Every kind.
    pub fn all() -> Self {
        Self::of(&[Mutate, Verdict, Map, Decide, Notice, Probe])
    }

    /// Whether `kind` is one of them.
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_found_whatever_its_case() {
        assert_eq!(find("policymap").map(|spec| spec.name), Some("policyMap"));
        assert_eq!(find("VALIDATEUSER").map(|spec| spec.name), Some("validateUser"));
        assert_eq!(find("deleteUser"), None);
    }

    #[test]
    fn every_sample_has_only_fields_that_its_row_knows() {
        for spec in &EVENTS {
            let sample: serde_json::Value = serde_json::from_str(spec.sample).expect(spec.name);
            let Some(request) = sample.get("request").and_then(|request| request.as_object()) else {
                assert_eq!(spec.kind, Probe);
                continue;
            };
            let known = |path: &str| spec.fields.iter().any(|field| field.path == path);
            for key in request.keys() {
                assert!(known(key), "{}: {key}", spec.name);
            }
            for key in request["user"].as_object().expect("a user").keys() {
                assert!(known(&format!("user.{key}")), "{}: user.{key}", spec.name);
            }
        }
    }
}
