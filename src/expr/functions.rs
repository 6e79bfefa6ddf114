//! The table of functions that expressions can call: it documents them and checks calls.
//!
//! Operators and macros are the language's own and stand in `check`.

use super::Type;
use Type::{Bool, Bytes, Double, Duration, Dyn, Int, List, Optional, String, Timestamp, Uint};

/// One form of a function.
#[derive(Debug)]
pub struct Function {
    /// As it is called; with a dot where the name has one.
    pub name: &'static str,
    /// The type it is called on, `x.name(…)`; none for `name(…)`.
    pub receiver: Option<Type>,
    /// The types of its arguments.
    pub arguments: &'static [Type],
    /// The type of its result.
    pub result: Type,
    /// What it does.
    pub doc: &'static str,
    /// Whether it is ours, not CEL's.
    pub own: bool,
}

const fn global(name: &'static str, arguments: &'static [Type], result: Type, doc: &'static str) -> Function {
    Function { name, receiver: None, arguments, result, doc, own: false }
}

const fn on(
    receiver: Type,
    name: &'static str,
    arguments: &'static [Type],
    result: Type,
    doc: &'static str,
) -> Function {
    Function { name, receiver: Some(receiver), arguments, result, doc, own: false }
}

const fn own(name: &'static str, arguments: &'static [Type], result: Type, doc: &'static str) -> Function {
    Function { name, receiver: None, arguments, result, doc, own: true }
}

/// Every function. Forms of one name stand together.
pub static FUNCTIONS: &[Function] = &[
    own(
        "text",
        &[Dyn],
        String,
        "text of anything: none and null are \"\", text is itself, numbers and bools are their JSON text; a list or map is an error",
    ),
    own("lower", &[String], String, "in lower case, in every script, whatever the locale"),
    own("upper", &[String], String, "in upper case, in every script, whatever the locale"),
    own("trim", &[String], String, "without white space at both ends"),
    own("fold", &[String], String, "for comparing: compatibility forms, case and combining marks are taken away"),
    own("re", &[String, String], Bool, "whether the regular expression, a literal, is found anywhere in the text"),
    own(
        "date",
        &[Dyn],
        Timestamp,
        "the time that a text such as 2026-11-21 or 2026-11-21T08:30:00+05:30 stands for; a date alone is its midnight, UTC",
    ),
    own("date", &[Dyn, String], Timestamp, "the same for a format of your own, a literal such as '%d-%b-%Y'"),
    global("size", &[Dyn], Int, "how many characters, bytes, items or members"),
    on(Dyn, "size", &[], Int, "how many characters, bytes, items or members"),
    global("type", &[Dyn], Type::Type, "the type of a value"),
    global("dyn", &[Dyn], Dyn, "the value, of a type that is not checked at load"),
    global("bool", &[Dyn], Bool, "as a bool"),
    global("bytes", &[Dyn], Bytes, "as bytes"),
    global("double", &[Dyn], Double, "as a double"),
    global("duration", &[Dyn], Duration, "as a duration, from a text such as \"90s\""),
    global("int", &[Dyn], Int, "as an int"),
    global("string", &[Dyn], String, "as text"),
    global("timestamp", &[Dyn], Timestamp, "as a time, from RFC 3339 text"),
    global("uint", &[Dyn], Uint, "as a uint"),
    on(String, "contains", &[String], Bool, "whether the other text is in it"),
    on(String, "startsWith", &[String], Bool, "whether it starts with the other text"),
    on(String, "endsWith", &[String], Bool, "whether it ends with the other text"),
    global("matches", &[String, String], Bool, "whether a regular expression, a literal, is found in it"),
    on(String, "matches", &[String], Bool, "whether a regular expression, a literal, is found in it"),
    on(String, "charAt", &[Int], String, "the character at this index"),
    on(String, "indexOf", &[String], Int, "the index of the other text in it, or -1"),
    on(String, "indexOf", &[String, Int], Int, "the same from an index on"),
    on(String, "lastIndexOf", &[String], Int, "the last such index, or -1"),
    on(String, "lastIndexOf", &[String, Int], Int, "the same up to an index"),
    on(String, "lowerAscii", &[], String, "A to Z in lower case"),
    on(String, "upperAscii", &[], String, "a to z in upper case"),
    on(String, "replace", &[String, String], String, "with every first text replaced by the second"),
    on(String, "replace", &[String, String, Int], String, "the same, at most so often"),
    on(String, "split", &[String], List, "the parts between the separators"),
    on(String, "split", &[String, Int], List, "the same, at most so many"),
    on(String, "substring", &[Int], String, "from this index on"),
    on(String, "substring", &[Int, Int], String, "from the first index up to the second"),
    on(String, "trim", &[], String, "without white space at both ends"),
    on(String, "reverse", &[], String, "its characters backwards"),
    on(String, "format", &[List], String, "with %s, %d and the like filled in from the list"),
    global("strings.quote", &[String], String, "in quotes, with escapes"),
    on(List, "join", &[], String, "the texts of the list, one after another"),
    on(List, "join", &[String], String, "the same with a separator between them"),
    on(Timestamp, "getFullYear", &[], Int, "the year"),
    on(Timestamp, "getFullYear", &[String], Int, "the year, in a time zone"),
    on(Timestamp, "getMonth", &[], Int, "the month, from 0"),
    on(Timestamp, "getMonth", &[String], Int, "the month, from 0, in a time zone"),
    on(Timestamp, "getDate", &[], Int, "the day of the month, from 1"),
    on(Timestamp, "getDate", &[String], Int, "the day of the month, from 1, in a time zone"),
    on(Timestamp, "getDayOfMonth", &[], Int, "the day of the month, from 0"),
    on(Timestamp, "getDayOfMonth", &[String], Int, "the day of the month, from 0, in a time zone"),
    on(Timestamp, "getDayOfWeek", &[], Int, "the day of the week, from 0 for Sunday"),
    on(Timestamp, "getDayOfWeek", &[String], Int, "the same in a time zone"),
    on(Timestamp, "getDayOfYear", &[], Int, "the day of the year, from 0"),
    on(Timestamp, "getDayOfYear", &[String], Int, "the same in a time zone"),
    on(Dyn, "getHours", &[], Int, "the hour of a time, the whole hours of a duration"),
    on(Timestamp, "getHours", &[String], Int, "the hour, in a time zone"),
    on(Dyn, "getMinutes", &[], Int, "the minute of a time, the whole minutes of a duration"),
    on(Timestamp, "getMinutes", &[String], Int, "the minute, in a time zone"),
    on(Dyn, "getSeconds", &[], Int, "the second of a time, the whole seconds of a duration"),
    on(Timestamp, "getSeconds", &[String], Int, "the second, in a time zone"),
    on(Dyn, "getMilliseconds", &[], Int, "the milliseconds"),
    on(Timestamp, "getMilliseconds", &[String], Int, "the milliseconds, in a time zone"),
    global("optional.none", &[], Optional, "the optional without a value; a `set` of it leaves the field alone"),
    global("optional.of", &[Dyn], Optional, "the optional of a value"),
    global("optional.ofNonZeroValue", &[Dyn], Optional, "the optional of a value, none if it is empty, zero or false"),
    on(Optional, "hasValue", &[], Bool, "whether there is a value"),
    on(Optional, "value", &[], Dyn, "the value; an error where there is none"),
    on(Optional, "or", &[Optional], Optional, "this one if it has a value, else the other"),
    on(Optional, "orValue", &[Dyn], Dyn, "the value, or this one"),
];

/// Names of types that can be written as values, `type(x) == string`.
pub(super) const TYPE_NAMES: &[&str] = &[
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "uint",
    "type",
    "optional_type",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
];

/// Macros that the language expands, for "did you mean".
pub(super) const MACROS: &[&str] =
    &["has", "all", "exists", "exists_one", "existsOne", "map", "filter", "optMap", "optFlatMap"];

/// Functions of CEL's other extensions, which this version does not have.
pub(super) const UNSUPPORTED: &[&str] = &["math", "base64", "cel", "sets", "lists", "proto", "regex"];

/// The forms of the function of that name that are called the same way.
pub(super) fn forms(name: &str, receiver: bool) -> impl Iterator<Item = &'static Function> + Clone {
    let name = name.to_owned();
    FUNCTIONS.iter().filter(move |function| function.name == name && function.receiver.is_some() == receiver)
}
