//! JSON whose bytes matter: a received body as a tree of places in it, and edits that leave every other byte alone.
//!
//! `serde_json` reads into values; it rewrites `0.10`, `1E5` and escapes, fails on `1e400`, and keeps the last of two equal
//! keys in silence. What we pass on must be what came in, so this reads into places. For everything else there is `serde_json`.

mod edit;
mod parse;
mod text;

use std::borrow::Cow;

pub use edit::{EditError, Edited};
pub use parse::{MAX_DEPTH, ParseError};
pub use text::LoneSurrogate;

/// A JSON text that was found correct: one value, no key twice in an object, at most [`MAX_DEPTH`] deep.
#[derive(Debug)]
pub struct Document {
    text: String,
    /// In the order in which the values start, so that a container's children follow it.
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    kind: Kind,
    /// For a text, whether it has escapes; for a member of an object, whether its key has.
    escaped: bool,
    key_escaped: bool,
    start: u32,
    end: u32,
    /// The key's place, quotes included; both zero where there is none.
    key_start: u32,
    key_end: u32,
    /// The index of the first slot behind this value and all that is in it.
    after: u32,
}

/// What kind of JSON value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `false`
    False,
    /// `true`
    True,
    /// A number of any size and form.
    Number,
    /// A text.
    String,
    /// A list.
    Array,
    /// An object.
    Object,
}

/// One value in a [`Document`].
#[derive(Clone, Copy)]
pub struct Json<'a> {
    document: &'a Document,
    at: u32,
}

/// A key as it stands in the document.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    /// With its quotes and escapes.
    raw: &'a str,
    escaped: bool,
}

impl Document {
    /// Reads a whole body. A UTF-8 byte order mark in front of it is skipped.
    pub fn parse(body: impl Into<Vec<u8>>) -> Result<Self, ParseError> {
        parse::parse(body.into())
    }

    /// The outermost value.
    pub fn root(&self) -> Json<'_> {
        Json { document: self, at: 0 }
    }

    /// The text, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The value that stands in slot `at`, as [`Json::slot`] told it.
    ///
    /// # Panics
    ///
    /// If `at` is not a slot of this document.
    pub fn at(&self, at: u32) -> Json<'_> {
        assert!((at as usize) < self.slots.len(), "a slot of another document");
        Json { document: self, at }
    }
}

// === impl Json ===

/// It shows what kind of value it is, never the value.
impl std::fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Json({:?})", self.kind())
    }
}

impl<'a> Json<'a> {
    fn slot_ref(self) -> &'a Slot {
        &self.document.slots[self.at as usize]
    }

    /// A number for this value that [`Document::at`] takes.
    pub fn slot(self) -> u32 {
        self.at
    }

    /// What kind it is.
    pub fn kind(self) -> Kind {
        self.slot_ref().kind
    }

    /// Its bytes as received.
    pub fn raw(self) -> &'a str {
        let slot = self.slot_ref();
        &self.document.text[slot.start as usize..slot.end as usize]
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// The text, where it is one: decoded, unless a `\u` escape stands for half a character.
    pub fn as_text(self) -> Option<Result<Cow<'a, str>, LoneSurrogate>> {
        (self.kind() == Kind::String).then(|| text::decode(self.raw(), self.slot_ref().escaped))
    }

    /// `true` or `false`, where it is one.
    pub fn as_bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            Kind::Null | Kind::Number | Kind::String | Kind::Array | Kind::Object => None,
        }
    }

    /// The members, where it is an object; else none.
    pub fn members(self) -> impl Iterator<Item = (Key<'a>, Json<'a>)> {
        self.children(Kind::Object).map(|member| (member.key(), member))
    }

    /// The items, where it is a list; else none.
    pub fn items(self) -> impl Iterator<Item = Json<'a>> {
        self.children(Kind::Array)
    }

    /// The member of that name, where it is an object that has it.
    pub fn get(self, name: &str) -> Option<Json<'a>> {
        self.members().find(|(key, _)| key.is(name)).map(|(_, value)| value)
    }

    /// The value that `path` leads to.
    pub fn find<S: AsRef<str>>(self, path: &[S]) -> Option<Json<'a>> {
        path.iter().try_fold(self, |value, key| value.get(key.as_ref()))
    }

    /// As a `serde_json` value, for output that need not keep the bytes. Numbers that fit no type and half characters become `null`.
    pub fn to_value(self) -> serde_json::Value {
        serde_json::from_str(self.raw()).unwrap_or(serde_json::Value::Null)
    }

    fn key(self) -> Key<'a> {
        let slot = self.slot_ref();
        Key { raw: &self.document.text[slot.key_start as usize..slot.key_end as usize], escaped: slot.key_escaped }
    }

    fn children(self, kind: Kind) -> Children<'a> {
        let slot = self.slot_ref();
        let end = if slot.kind == kind { slot.after } else { self.at + 1 };
        Children { document: self.document, next: self.at + 1, end }
    }
}

struct Children<'a> {
    document: &'a Document,
    next: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        (self.next < self.end).then(|| {
            let child = Json { document: self.document, at: self.next };
            self.next = child.slot_ref().after;
            child
        })
    }
}

// === impl Key ===

impl<'a> Key<'a> {
    /// With quotes and escapes, as received.
    pub fn raw(self) -> &'a str {
        self.raw
    }

    /// As received, without its quotes.
    pub fn bytes(self) -> &'a [u8] {
        let raw = self.raw.as_bytes();
        raw.get(1..raw.len() - 1).unwrap_or_default()
    }

    /// Decoded.
    pub fn decode(self) -> Result<Cow<'a, str>, LoneSurrogate> {
        text::decode(self.raw, self.escaped)
    }

    /// Whether it has escapes, so that it is not what it looks like.
    pub fn is_escaped(self) -> bool {
        self.escaped
    }

    /// Whether it is `name`.
    pub fn is(self, name: &str) -> bool {
        let raw = &self.raw[1..self.raw.len() - 1];
        if !self.escaped {
            return raw == name;
        }
        // An escape is six times as long as what it stands for, at most: a key that is longer need not be decoded.
        raw.len() <= name.len().saturating_mul(6) && self.decode().is_ok_and(|key| key == name)
    }
}

/// `text` as a JSON text with its quotes.
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
