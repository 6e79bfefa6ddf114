//! Paths that expressions name, interned: each is looked up once for an event, in one pass, however many rules name it.

use super::schema::Type;
use super::value::{Map, Value};
use crate::base::json::Key;

/// The paths of a set of expressions, a variable's name first.
#[derive(Debug, Default)]
pub struct Paths {
    all: Vec<Vec<String>>,
    depths: Vec<u8>,
    roots: Vec<Step>,
}

/// A step from a value to one of its fields.
#[derive(Debug)]
struct Step {
    name: String,
    depth: u8,
    slot: Option<u16>,
    /// All slots at and below this step.
    below: Vec<u16>,
    next: Vec<Step>,
    /// By the print of a name, the first next step of that print, counted from 1.
    by_print: PrintTable,
}

/// Steps by what most names are told apart by.
#[derive(Debug)]
struct PrintTable([u16; PRINTS]);

const PRINTS: usize = 64;

/// What stands at a path.
#[derive(Clone, Debug)]
pub enum Slot<'a> {
    /// This.
    Value(Value<'a>),
    /// The field at this depth is not there.
    Missing(u8),
    /// What should hold the field at this depth is no map, but this type; or null.
    NoMap(u8, Type),
    /// What stands there, or on the way, has no value.
    Unreadable,
    /// What holds it could not be had, for this reason.
    Failed(&'a str),
}

impl Paths {
    /// The slot of a path; the same path has the same slot. None where there are as many as there can be.
    pub(super) fn intern(&mut self, path: &[String]) -> Option<u16> {
        if let Some(slot) = self.all.iter().position(|known| known == path) {
            return u16::try_from(slot).ok();
        }
        if path.len() > usize::from(u8::MAX) {
            return None;
        }
        let slot = u16::try_from(self.all.len()).ok()?;
        self.all.push(path.to_vec());
        self.depths.push(u8::try_from(path.len().saturating_sub(1)).ok()?);
        let mut steps = &mut self.roots;
        for (depth, name) in path.iter().enumerate() {
            let at = steps.iter().position(|step| step.name == *name).unwrap_or_else(|| {
                let depth = u8::try_from(depth).unwrap_or(u8::MAX);
                steps.push(Step {
                    name: name.clone(),
                    depth,
                    slot: None,
                    below: Vec::new(),
                    next: Vec::new(),
                    by_print: PrintTable([0; PRINTS]),
                });
                steps.len() - 1
            });
            let step = &mut steps[at];
            step.below.push(slot);
            if depth + 1 == path.len() {
                step.slot = Some(slot);
            }
            if let Some(next) = path.get(depth + 1)
                && step.next.iter().all(|known| known.name != *next)
            {
                let first = &mut step.by_print.0[print(next.as_bytes())];
                if *first == 0 {
                    *first = u16::try_from(step.next.len() + 1).ok()?;
                }
            }
            steps = &mut step.next;
        }
        Some(slot)
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The path of a slot.
    pub fn path(&self, slot: u16) -> &[String] {
        self.all.get(usize::from(slot)).map_or(&[], Vec::as_slice)
    }

    /// The depth of each slot's last field.
    pub(super) fn depths(&self) -> &[u8] {
        &self.depths
    }

    /// Whether any path starts with this variable.
    pub fn names(&self, variable: &str) -> bool {
        self.roots.iter().any(|root| root.name == variable)
    }

    /// The names right under a variable.
    pub fn below(&self, variable: &str) -> impl Iterator<Item = &str> {
        let root = self.roots.iter().find(|root| root.name == variable);
        root.into_iter().flat_map(|root| root.next.iter().map(|step| step.name.as_str()))
    }

    /// Whether a path is exactly this.
    pub fn has(&self, path: &[&str]) -> bool {
        self.all.iter().any(|known| known.iter().map(String::as_str).eq(path.iter().copied()))
    }

    /// What a slot holds before its variable has a value: as if that were an empty map.
    pub(super) fn unfilled<'a>() -> Slot<'a> {
        Slot::Missing(1)
    }

    /// Fills the slots of a variable's paths. Those that are `fresh` are [unfilled](Self::unfilled) so far.
    pub(super) fn fill<'a>(&self, variable: &str, value: &Value<'a>, slots: &mut [Slot<'a>], fresh: bool) {
        if let Some(root) = self.roots.iter().find(|root| root.name == variable) {
            root.fill(Ok(value.clone()), slots, fresh);
        }
    }

    /// Fills the slots of a variable's paths, for each name right under it with what `value` says of that; or with why
    /// there is nothing to say.
    pub(super) fn fill_each<'a>(
        &self,
        variable: &str,
        value: impl Fn(&str) -> Result<Value<'a>, &'a str>,
        slots: &mut [Slot<'a>],
    ) {
        let root = self.roots.iter().find(|root| root.name == variable);
        for step in root.into_iter().flat_map(|root| &root.next) {
            match value(&step.name) {
                Ok(value) => step.fill(Ok(value), slots, false),
                Err(reason) => step.all(&Slot::Failed(reason), slots),
            }
        }
    }
}

impl Step {
    fn fill<'a>(&self, value: Result<Value<'a>, super::value::Unreadable>, slots: &mut [Slot<'a>], fresh: bool) {
        let Ok(value) = value else {
            self.all(&Slot::Unreadable, slots);
            return;
        };
        match &value {
            _ if self.next.is_empty() => {}
            Value::Map(map) => self.fill_next(map, slots, fresh && self.depth == 0),
            other => {
                for next in &self.next {
                    next.all(&Slot::NoMap(next.depth, other.kind()), slots);
                }
            }
        }
        if let Some(slot) = self.slot.and_then(|slot| slots.get_mut(usize::from(slot))) {
            *slot = Slot::Value(value);
        }
    }

    fn fill_next<'a>(&self, map: &Map<'a>, slots: &mut [Slot<'a>], fresh: bool) {
        match map {
            Map::Json(json) => {
                if !fresh {
                    for next in &self.next {
                        next.all(&Slot::Missing(next.depth), slots);
                    }
                }
                // One pass over what came in, instead of one for each path.
                for (key, member) in json.members() {
                    if let Some(next) = self.next_named(key) {
                        next.fill(Value::from_json(member), slots, false);
                    }
                }
            }
            Map::Borrowed(members) => self.fill_made(members, slots),
            Map::Shared(members) => self.fill_made(members, slots),
        }
    }

    fn fill_made<'a>(&self, members: &[(Value<'a>, Value<'a>)], slots: &mut [Slot<'a>]) {
        for next in &self.next {
            next.all(&Slot::Missing(next.depth), slots);
        }
        for (key, value) in members {
            if let Some(next) = key.as_str().and_then(|key| self.named(key.as_bytes())) {
                next.fill(value.readable(), slots, false);
            }
        }
    }

    fn next_named(&self, key: Key<'_>) -> Option<&Step> {
        if key.is_escaped() {
            // Decoded once, however many names there are.
            let name = key.decode().ok()?;
            return self.next.iter().find(|next| next.name == name);
        }
        self.named(key.bytes())
    }

    fn named(&self, name: &[u8]) -> Option<&Step> {
        let first = usize::from(self.by_print.0[print(name)]).checked_sub(1)?;
        self.next.get(first..)?.iter().find(|next| next.name.as_bytes() == name)
    }

    fn all<'a>(&self, state: &Slot<'a>, slots: &mut [Slot<'a>]) {
        for slot in &self.below {
            if let Some(slot) = slots.get_mut(usize::from(*slot)) {
                *slot = state.clone();
            }
        }
    }
}

/// Length and first byte, mixed.
fn print(name: &[u8]) -> usize {
    let first = name.first().copied().map_or(0, usize::from);
    (name.len().wrapping_mul(7) ^ first) % PRINTS
}
