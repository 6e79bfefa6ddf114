//! The table of events. Routes, `check`, `send`, documents, log words and the JSON Schema derive from it.
//!
//! A new event is one row. What a row says of the wire has its source in the vendor's documents; where those are silent
//! the safest reading is a setting, not a row.

mod cymmetri;
mod lumos;
mod optimalcloud;
mod paylocity;

use crate::base::json::Json;

use FieldType::Any;
use Kind::{Decide, Map, Mutate, Notice, Perform, Probe, Verdict};

/// One event that a system sends.
#[derive(Debug, PartialEq, Eq)]
pub struct Spec {
    /// As the documents spell it, behind the system's name and a dot where that is not Cymmetri; it is matched without
    /// regard to case.
    pub name: &'static str,
    /// The system whose persons it is about.
    pub system: &'static str,
    /// Its path below the base path. `*` stands for a segment that the receiver's operator has chosen.
    pub path: &'static str,
    /// What is expected in reply.
    pub kind: Kind,
    /// Known fields of `request`; real events bring more.
    pub fields: &'static [Field],
    /// The members of `request` of which the first that is an object is the person; `""` is `request` itself.
    pub user: &'static [&'static str],
    /// Fields, from `request` downwards, of which the first that is there is the person's key.
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
    /// Whether something was done about it, now.
    Perform,
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
    /// `perform`
    Perform,
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

/// The tables, one for each system.
static SYSTEMS: [&[Spec]; 4] = [&cymmetri::EVENTS, &lumos::EVENTS, &optimalcloud::EVENTS, &paylocity::EVENTS];

/// The system whose persons are meant where nobody says which.
pub const USUAL_SYSTEM: &str = "cymmetri";

/// Every event, in the order in which documents list them.
pub fn events() -> impl Iterator<Item = &'static Spec> {
    SYSTEMS.iter().flat_map(|events| events.iter())
}

/// The systems that tell of persons.
pub fn systems() -> Vec<&'static str> {
    let mut systems: Vec<&str> = events().map(|spec| spec.system).collect();
    systems.dedup();
    systems
}

/// The events that a system sends.
pub fn of(system: &str) -> impl Iterator<Item = &'static Spec> {
    events().filter(move |spec| spec.sender() == system)
}

/// The event of that name, whatever its case.
pub fn find(name: &str) -> Option<&'static Spec> {
    events().find(|spec| spec.name.eq_ignore_ascii_case(name))
}

/// The names of all events.
pub fn names() -> impl Iterator<Item = &'static str> {
    events().map(|spec| spec.name)
}

/// The names of the events that a system sends.
pub fn names_of(system: &str) -> impl Iterator<Item = &'static str> {
    of(system).map(|spec| spec.name)
}

impl Spec {
    /// The documented request as a value; one of them has a comma too many, which is left out.
    pub fn sample_value(&self) -> serde_json::Value {
        let whole = self.sample.trim_end();
        let mended = || {
            let members = whole.strip_suffix('}')?.trim_end().strip_suffix(',')?;
            serde_json::from_str(&format!("{members}}}")).ok()
        };
        serde_json::from_str(whole).ok().or_else(mended).unwrap_or_default()
    }

    /// The system that sends it, whose section of the configuration says by which credentials.
    pub fn sender(&self) -> &'static str {
        self.name.split_once('.').map_or(self.system, |(sender, _)| sender)
    }

    /// The person in a request; none where it tells of none.
    pub fn user_of<'a>(&self, request: Json<'a>) -> Option<Json<'a>> {
        let member = |member: &&str| if member.is_empty() { Some(request) } else { request.get(member) };
        self.user.iter().filter_map(member).find(|user| user.is_object())
    }

    /// A field of the person, as expressions have it below `user`, from its path below `request`; none where it is no
    /// field of the person.
    pub fn below_user<'p>(&self, path: &'p [String]) -> Option<&'p [String]> {
        self.user.iter().find_map(|member| match path.split_first() {
            Some(_) if member.is_empty() => Some(path),
            Some((first, rest)) if first == member => Some(rest),
            _ => None,
        })
    }

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
            Perform => &[Effect::Perform, Effect::Deny],
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
            Self::Perform => "perform",
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
        Self::of(&[Mutate, Verdict, Map, Decide, Perform, Notice, Probe])
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
        for spec in events() {
            let sample = spec.sample_value();
            assert!(sample.is_object(), "{}", spec.name);
            let request = if spec.system == "cymmetri" { sample.get("request") } else { Some(&sample) };
            let Some(request) = request.and_then(|request| request.as_object()) else {
                assert_eq!(spec.kind, Probe);
                continue;
            };
            let known = |path: &str| spec.fields.iter().any(|field| field.path == path);
            for (key, value) in request {
                assert!(known(key), "{}: {key}", spec.name);
                for below in value.as_object().into_iter().flat_map(serde_json::Map::keys) {
                    let free = spec.fields.iter().any(|field| field.path == key && field.kind == FieldType::Any);
                    assert!(free || known(&format!("{key}.{below}")), "{}: {key}.{below}", spec.name);
                }
            }
        }
    }

    #[test]
    fn a_field_of_the_person_is_found_below_it() {
        let below = |event: &str, path: &str| {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            find(event).and_then(|spec| spec.below_user(&path).map(|path| path.join(".")))
        };
        assert_eq!(below("validateUser", "user.email").as_deref(), Some("email"));
        assert_eq!(below("validateUser", "targetAttribute"), None);
        assert_eq!(below("lumos.provision", "target_user.email").as_deref(), Some("email"));
        assert_eq!(below("optimalcloud.adduser", "email").as_deref(), Some("email"));
        assert_eq!(below("optimalcloud.createticket", "title"), None);
    }
}
