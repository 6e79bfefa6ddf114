//! How the fields of an event drift: those that came up, stopped to arrive, or changed their type. Names and types only.

use crate::record::{Field, Fields};

/// In so many events a field must have been missed for it to count as gone: one that was always rare may just not have come.
const MISSED: u64 = 3;

/// Of fewer events before, nobody knows what was usual.
const USUAL: u64 = 5;

/// A field that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The field, from `request` downwards.
    pub field: String,
    /// How.
    pub how: Drifted,
    /// In how many events it was there before, and of how many.
    pub before: (u64, u64),
    /// The same of late.
    pub late: (u64, u64),
}

/// How a field drifts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drifted {
    /// It was not there before.
    New,
    /// It is not there any more.
    Vanished,
    /// It has types that it did not have.
    Retyped {
        /// Those that it had.
        was: Vec<&'static str>,
        /// Those that are new.
        is: Vec<&'static str>,
    },
}

impl Drift {
    /// What is different of late. Of what came up or vanished as a whole, the parts are not told.
    pub fn between(before: &Fields, late: &Fields) -> Vec<Self> {
        if before.events < USUAL || late.events == 0 {
            return Vec::new();
        }
        let mut found: Vec<Self> = Vec::new();
        let paths: std::collections::BTreeSet<&String> = before.fields.keys().chain(late.fields.keys()).collect();
        for path in paths {
            let (old, new) = (before.fields.get(path), late.fields.get(path));
            let how = match (old, new) {
                (None, Some(_)) if !before.more => Some(Drifted::New),
                (Some(old), None) if !late.more && missed(old, before, late) >= MISSED => Some(Drifted::Vanished),
                (Some(old), Some(new)) => retyped(old, new),
                _ => None,
            };
            let Some(how) = how else { continue };
            if found.iter().any(|other| other.how == how && is_below(path, &other.field)) {
                continue;
            }
            let times = |field: Option<&Field>, of: &Fields| (field.map_or(0, |field| field.events), of.events);
            found.push(Self { field: path.clone(), how, before: times(old, before), late: times(new, late) });
        }
        found
    }
}

/// In how many of the late events the field would be expected.
fn missed(old: &Field, before: &Fields, late: &Fields) -> u64 {
    old.events.saturating_mul(late.events) / before.events.max(1)
}

/// An empty value and a masked one have no type of their own.
fn retyped(old: &Field, new: &Field) -> Option<Drifted> {
    let types = |field: &Field| -> Vec<&'static str> {
        field.types.keys().copied().filter(|kind| !matches!(*kind, "null" | "masked")).collect()
    };
    let (was, is) = (types(old), types(new));
    let fresh: Vec<&'static str> = is.into_iter().filter(|kind| !was.contains(kind)).collect();
    (!was.is_empty() && !fresh.is_empty()).then_some(Drifted::Retyped { was, is: fresh })
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('.') || rest.starts_with("[]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::json::Document;

    fn fields(times: usize, request: &str) -> Fields {
        let document = Document::parse(request).expect("JSON");
        let mut fields = Fields::default();
        for _ in 0..times {
            fields.note(document.root());
        }
        fields
    }

    #[test]
    fn fields_that_come_go_and_change_their_type_are_told_by_name() {
        let before = fields(9, r#"{"user":{"login":"a","age":3,"address":{"city":"Pune"},"note":null}}"#);
        let late = fields(3, r#"{"user":{"login":"a","age":"3","badge":{"number":1},"note":"x"}}"#);
        let found = Drift::between(&before, &late);
        let told: Vec<(&str, &Drifted)> = found.iter().map(|drift| (drift.field.as_str(), &drift.how)).collect();
        let retyped = Drifted::Retyped { was: vec!["int"], is: vec!["string"] };
        assert_eq!(told, [("user.address", &Drifted::Vanished), ("user.age", &retyped), ("user.badge", &Drifted::New)]);
        assert_eq!((found[0].before, found[0].late), ((9, 9), (0, 3)));
    }

    #[test]
    fn a_field_that_was_always_rare_is_not_missed_and_nothing_is_said_of_no_events() {
        let mut before = fields(99, r#"{"user":{"login":"a"}}"#);
        before.add(fields(1, r#"{"user":{"login":"a","rare":1}}"#));
        let late = fields(50, r#"{"user":{"login":"a"}}"#);
        assert_eq!(Drift::between(&before, &late), []);
        assert_eq!(Drift::between(&Fields::default(), &late), []);
        assert_eq!(Drift::between(&before, &Fields::default()), []);
        assert_eq!(Drift::between(&fields(4, r#"{"user":{}}"#), &late), [], "so few tell nothing");
    }
}
