//! Strict RFC 8259, one pass, no recursion, and no key twice in an object.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Document, Json, Kind, Slot, text};

/// How deep lists and objects may stand in each other.
pub const MAX_DEPTH: usize = 64;

/// As much of a path is told as helps to find it; a key may be as long as a body.
const MAX_PATH_BYTES: usize = 200;

/// Up to this many members are compared pair by pair; with more a set is quicker.
const FEW: usize = 32;

/// Why a body is not a [`Document`]. No variant holds a value from the body; a path holds names of its keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not JSON from this byte on.
    #[error("not JSON: unexpected {found} at byte {offset}")]
    Syntax {
        /// In bytes from the start.
        offset: usize,
        /// What stands there, in words.
        found: &'static str,
    },
    /// Not UTF-8 from this byte on.
    #[error("not UTF-8 at byte {offset}")]
    Utf8 {
        /// In bytes from the start.
        offset: usize,
    },
    /// Too deep.
    #[error("nested deeper than {MAX_DEPTH} levels at byte {offset}")]
    Depth {
        /// In bytes from the start.
        offset: usize,
    },
    /// An object has the same key twice, maybe with different escapes.
    #[error("the key {path} stands twice")]
    DuplicateKey {
        /// From the root, joined by dots.
        path: String,
    },
    /// Longer than places can point.
    #[error("longer than 4 GiB")]
    Length,
}

pub(super) fn parse(mut body: Vec<u8>) -> Result<Document, ParseError> {
    if body.starts_with(b"\xEF\xBB\xBF") {
        body.drain(..3);
    }
    if u32::try_from(body.len()).is_err() {
        return Err(ParseError::Length);
    }
    let text =
        String::from_utf8(body).map_err(|error| ParseError::Utf8 { offset: error.utf8_error().valid_up_to() })?;
    let mut parser = Parser { bytes: text.as_bytes(), at: 0, slots: Vec::with_capacity(32), open: Vec::new() };
    parser.document()?;
    let slots = parser.slots;
    let document = Document { text, slots };
    document.find_duplicates()?;
    Ok(document)
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    slots: Vec<Slot>,
    /// The slots of the containers that are open, outermost first.
    open: Vec<u32>,
}

#[derive(Clone, Copy, Default)]
struct KeyPlace {
    start: u32,
    end: u32,
    escaped: bool,
}

#[expect(clippy::cast_possible_truncation, reason = "the text's length was found to fit u32")]
impl Parser<'_> {
    fn document(&mut self) -> Result<(), ParseError> {
        self.white();
        self.value(KeyPlace::default())?;
        while let Some(&container) = self.open.last() {
            self.next_in(container)?;
        }
        self.white();
        if self.at < self.bytes.len() { Err(self.unexpected()) } else { Ok(()) }
    }

    /// Reads on in an open container: its next member, or its end.
    fn next_in(&mut self, container: u32) -> Result<(), ParseError> {
        let slot = self.slots[container as usize];
        let is_object = slot.kind == Kind::Object;
        let first = container as usize + 1 == self.slots.len();
        self.white();
        if self.peek() == Some(if is_object { b'}' } else { b']' }) {
            self.at += 1;
            self.open.pop();
            let after = self.slots.len() as u32;
            let slot = &mut self.slots[container as usize];
            slot.end = self.at as u32;
            slot.after = after;
            return Ok(());
        }
        if !first {
            self.expect(b',')?;
            self.white();
        }
        let mut key = KeyPlace::default();
        if is_object {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected());
            }
            key.start = self.at as u32;
            key.escaped = self.string()?;
            key.end = self.at as u32;
            self.white();
            self.expect(b':')?;
            self.white();
        }
        self.value(key)
    }

    fn value(&mut self, key: KeyPlace) -> Result<(), ParseError> {
        let start = self.at as u32;
        let (kind, escaped) = match self.peek() {
            Some(b'{') => (Kind::Object, false),
            Some(b'[') => (Kind::Array, false),
            Some(b'"') => (Kind::String, self.string()?),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                (Kind::Number, false)
            }
            Some(b't') => (self.word(b"true", Kind::True)?, false),
            Some(b'f') => (self.word(b"false", Kind::False)?, false),
            Some(b'n') => (self.word(b"null", Kind::Null)?, false),
            _ => return Err(self.unexpected()),
        };
        let at = self.slots.len() as u32;
        if matches!(kind, Kind::Object | Kind::Array) {
            if self.open.len() == MAX_DEPTH {
                return Err(ParseError::Depth { offset: self.at });
            }
            self.at += 1;
            self.open.push(at);
        }
        self.slots.push(Slot {
            kind,
            escaped,
            key_escaped: key.escaped,
            start,
            end: self.at as u32,
            key_start: key.start,
            key_end: key.end,
            after: at + 1,
        });
        Ok(())
    }

    /// Reads a text and tells whether it has escapes.
    fn string(&mut self) -> Result<bool, ParseError> {
        let mut escaped = false;
        self.at += 1;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                Some(0x20..) => self.at += 1,
                Some(_) | None => return Err(self.unexpected()),
            }
        }
    }

    /// Goes on, eight bytes at once, as long as none of them ends a text, escapes or may not stand in one.
    fn skip_plain(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGHS: u64 = 0x8080_8080_8080_8080;
        // The high bit of each byte of the word that is zero; and, behind the first such byte, maybe of others.
        let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
        while let Some(bytes) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*bytes);
            let below_space = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
            let found = below_space | zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
            if found != 0 {
                self.at += found.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
    }

    fn escape(&mut self) -> Result<(), ParseError> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.unexpected());
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.unexpected()),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), ParseError> {
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _signed = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), ParseError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected()) } else { Ok(()) }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<Kind, ParseError> {
        for byte in word {
            self.expect(*byte)?;
        }
        Ok(kind)
    }

    fn white(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Result<(), ParseError> {
        if self.skip(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> ParseError {
        let found = match self.peek() {
            None => "end",
            Some(b',') => "comma",
            Some(b'}' | b']') => "closing bracket",
            Some(0..0x20) => "control character",
            Some(_) => "character",
        };
        ParseError::Syntax { offset: self.at, found }
    }
}

impl Document {
    fn find_duplicates(&self) -> Result<(), ParseError> {
        for at in 0..self.slots.len() {
            if self.slots[at].kind == Kind::Object {
                let object = self.at(u32::try_from(at).map_err(|_| ParseError::Length)?);
                if let Some(twice) = duplicate(object) {
                    return Err(ParseError::DuplicateKey { path: self.path_to(twice.slot()) });
                }
            }
        }
        Ok(())
    }

    /// The keys from the root to slot `to`, joined by dots; a list's items by their index.
    fn path_to(&self, to: u32) -> String {
        let mut path = Vec::new();
        let mut value = self.root();
        while value.slot() < to {
            let holds = |child: &Json<'_>| to >= child.slot() && to < child.slot_ref().after;
            if let Some((index, item)) = value.items().enumerate().find(|(_, item)| holds(item)) {
                path.push(index.to_string());
                value = item;
            } else if let Some((key, member)) = value.members().find(|(_, member)| holds(member)) {
                path.push(String::from_utf8_lossy(&text::decode_bytes(inner(key.raw()))).into_owned());
                value = member;
            } else {
                break;
            }
        }
        let mut path = path.join(".");
        if path.len() > MAX_PATH_BYTES {
            let cut = (0..=MAX_PATH_BYTES).rev().find(|at| path.is_char_boundary(*at)).unwrap_or(0);
            path.truncate(cut);
            path.push('…');
        }
        path
    }
}

/// The second member of `object` that has a key for the second time.
fn duplicate(object: Json<'_>) -> Option<Json<'_>> {
    let same = |a: &super::Key<'_>, b: &super::Key<'_>| {
        if a.escaped || b.escaped {
            text::decode_bytes(inner(a.raw)) == text::decode_bytes(inner(b.raw))
        } else {
            a.raw == b.raw
        }
    };
    if object.members().nth(FEW).is_none() {
        // Most keys differ from all before them in this bit, so that they need not be compared.
        let mut marks = 0_u64;
        return object
            .members()
            .enumerate()
            .find(|(index, (key, _))| {
                let mark = if key.escaped { u64::MAX } else { 1 << mark(key.bytes()) };
                let suspicious = marks & mark != 0;
                marks |= mark;
                suspicious && object.members().take(*index).any(|(earlier, _)| same(&earlier, key))
            })
            .map(|(_, (_, member))| member);
    }
    // Collected first: what was seen borrows the keys.
    let members: Vec<_> = object.members().collect();
    let mut seen = HashSet::new();
    members.iter().find(|(key, _)| !seen.insert(name_of(key))).map(|(_, member)| *member)
}

/// A number below 64 by which most names differ.
fn mark(name: &[u8]) -> usize {
    let (first, last) = (name.first().copied().unwrap_or(0), name.last().copied().unwrap_or(0));
    (name.len().wrapping_mul(11) ^ usize::from(first) ^ usize::from(last).rotate_left(2)) % 64
}

fn name_of<'a>(key: &super::Key<'a>) -> Cow<'a, [u8]> {
    let inner = inner(key.raw);
    if key.escaped { Cow::Owned(text::decode_bytes(inner)) } else { Cow::Borrowed(inner.as_bytes()) }
}

fn inner(raw: &str) -> &str {
    &raw[1..raw.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Document, ParseError> {
        Document::parse(text.as_bytes().to_vec())
    }

    #[test]
    fn every_form_of_value_keeps_its_bytes() {
        for text in [
            "{}",
            "[]",
            "null",
            "true",
            "false",
            "0",
            "-0",
            "0.10",
            "1E5",
            "1e400",
            "12345678901234567890",
            r#""""#,
            r#""\ud800 \u00e9 \/ \n""#,
            r#"{ "a" : [ 1 , { "b" : null } ] }"#,
        ] {
            assert_eq!(parse(text).expect(text).root().raw(), text);
        }
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        for (text, offset) in [
            ("", 0),
            (" ", 1),
            ("{", 1),
            ("[1,]", 3),
            ("{\"a\":1,}", 7),
            ("01", 1),
            ("1.", 2),
            ("+1", 0),
            (".5", 0),
            ("1e", 2),
            ("tru", 3),
            ("nul1", 3),
            ("\"a", 2),
            ("\"\\x\"", 2),
            ("\"\\u12g4\"", 5),
            ("\"\u{1}\"", 1),
            ("{} {}", 3),
            ("{a:1}", 1),
            ("'a'", 0),
            ("[1 2]", 3),
            ("{\"a\" 1}", 5),
            ("NaN", 0),
            ("]", 0),
        ] {
            match parse(text) {
                Err(ParseError::Syntax { offset: at, .. }) => assert_eq!(at, offset, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert_eq!(Document::parse(b"[\"\xff\"]".to_vec()).err(), Some(ParseError::Utf8 { offset: 2 }));
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let document = Document::parse(b"\xEF\xBB\xBF{}".to_vec()).expect("JSON after the mark");
        assert_eq!(document.text(), "{}");
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(parse(&nested(MAX_DEPTH + 1)).err(), Some(ParseError::Depth { offset: MAX_DEPTH }));
        assert!(parse(&"[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn a_key_that_stands_twice_is_found_at_any_depth_and_behind_escapes() {
        for (text, path) in [
            (r#"{"a":1,"a":2}"#, "a"),
            (r#"{"request":{"user":[{},{"login":1,"\u006cogin":2}]}}"#, "request.user.1.login"),
            (r#"{"\ud800":1,"\ud800":2}"#, "\u{fffd}\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(parse(text).err(), Some(ParseError::DuplicateKey { path: path.into() }), "{text}");
        }
        let many: Vec<String> = (0..100).map(|n| format!("\"k{n}\":0")).collect();
        assert!(parse(&format!("{{{}}}", many.join(","))).is_ok());
        let error = parse(&format!("{{{},\"k7\":1}}", many.join(","))).err();
        assert_eq!(error, Some(ParseError::DuplicateKey { path: "k7".into() }));
        assert!(parse(r#"{"\ud800":1,"\ud801":2,"a":{"a":{"a":1}}}"#).is_ok());
    }

    #[test]
    fn members_and_items_are_found() {
        let document = parse(r#"{"a":{"b":[10,"x\u00e9"]},"\u0063":true}"#).expect("JSON");
        let root = document.root();
        let items: Vec<&str> = root.find(&["a", "b"]).expect("the list").items().map(Json::raw).collect();
        assert_eq!(items, ["10", r#""x\u00e9""#]);
        assert_eq!(root.get("c").and_then(Json::as_bool), Some(true));
        assert_eq!(root.find(&["a", "b", "c"]).map(Json::raw), None);
        let text = root.find(&["a", "b"]).and_then(|list| list.items().nth(1)).and_then(Json::as_text);
        assert_eq!(text, Some(Ok("xé".into())));
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(|number| serde_json::json!(number)),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 60, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..20)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_serde_json_writes_is_read_as_the_same(value in json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.expect("JSON");
            let document = parse(&text).expect("JSON");
            let theirs: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            prop_assert_eq!(document.root().to_value(), theirs);
            prop_assert_eq!(document.root().raw(), text.as_str());
        }

        #[test]
        fn no_text_is_read_that_serde_json_would_not_read(text in r#"[\[\]{}:,"\\u0-9a-f.eE+\- tn]{0,24}"#) {
            let ours = parse(&text);
            let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&text);
            match ours {
                Ok(_) => prop_assert!(theirs.is_ok(), "{}", text),
                Err(ParseError::DuplicateKey { .. }) => {}
                Err(_) => prop_assert!(theirs.is_err(), "{}", text),
            }
        }
    }
}
