//! The table of functions that expressions can call: it documents them, checks calls, and runs them.
//!
//! Operators and macros are the language's own and stand in `check` and `eval`.

use super::schema::Type;
use super::value::{Unreadable, Value};
use super::{convert, format, own, strings, times};
use Type::{Bool, Bytes, Double, Duration, Dyn, Int, List, Optional, String, Timestamp, Uint};

/// Why a function has no value. It holds no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It takes no values of these types.
    NoOverload,
    /// This.
    Reason(&'static str),
    /// A received number is out of range, or a text has half a character.
    Unreadable,
    /// The budget is spent.
    Budget,
}

impl From<Unreadable> for Failure {
    fn from(_: Unreadable) -> Self {
        Self::Unreadable
    }
}

/// Runs a function; a receiver is the first argument. It looks at the types itself, and pays for what it looks at.
pub(super) type Run = for<'a> fn(&[Value<'a>], &mut u64) -> Result<Value<'a>, Failure>;

/// Takes `steps` from a budget, of which nothing is left if they are too many.
pub(super) fn spend(budget: &mut u64, steps: u64) -> Result<(), Failure> {
    let left = budget.checked_sub(steps);
    *budget = left.unwrap_or(0);
    left.map(|_| ()).ok_or(Failure::Budget)
}

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
    pub(super) run: Run,
}

const fn global(name: &'static str, arguments: &'static [Type], result: Type, run: Run, doc: &'static str) -> Function {
    Function { name, receiver: None, arguments, result, doc, own: false, run }
}

const fn on(
    receiver: Type,
    name: &'static str,
    arguments: &'static [Type],
    result: Type,
    run: Run,
    doc: &'static str,
) -> Function {
    Function { name, receiver: Some(receiver), arguments, result, doc, own: false, run }
}

const fn own(name: &'static str, arguments: &'static [Type], result: Type, run: Run, doc: &'static str) -> Function {
    Function { name, receiver: None, arguments, result, doc, own: true, run }
}

/// Every function. Forms of one name stand together.
#[rustfmt::skip]
pub static FUNCTIONS: &[Function] = &[
    own("text", &[Dyn], String, own::text, "text of anything: none and null are \"\", text is itself, numbers and bools are their JSON text; a list or map is an error"),
    own("lower", &[String], String, own::lower, "in lower case, in every script, whatever the locale"),
    own("upper", &[String], String, own::upper, "in upper case, in every script, whatever the locale"),
    own("trim", &[String], String, own::trim, "without white space at both ends"),
    own("fold", &[String], String, own::fold, "for comparing: compatibility forms, case and combining marks are taken away"),
    own("re", &[String, String], Bool, own::not_compiled, "whether the regular expression, a literal, is found anywhere in the text"),
    own("date", &[Dyn], Timestamp, own::date, "the time that a text such as 2026-11-21 or 2026-11-21T08:30:00+05:30 stands for; a date alone is its midnight, UTC"),
    own("date", &[Dyn, String], Timestamp, own::date, "the same for a format of your own, a literal such as '%d-%b-%Y'"),
    global("size", &[Dyn], Int, convert::size, "how many characters, bytes, items or members"),
    on(Dyn, "size", &[], Int, convert::size, "how many characters, bytes, items or members"),
    global("type", &[Dyn], Type::Type, convert::type_of, "the type of a value"),
    global("dyn", &[Dyn], Dyn, convert::dyn_, "the value, of a type that is not checked at load"),
    global("bool", &[Dyn], Bool, convert::bool, "as a bool"),
    global("bytes", &[Dyn], Bytes, convert::bytes, "as bytes"),
    global("double", &[Dyn], Double, convert::double, "as a double"),
    global("duration", &[Dyn], Duration, times::duration, "as a duration, from a text such as \"90s\""),
    global("int", &[Dyn], Int, convert::int, "as an int"),
    global("string", &[Dyn], String, convert::string, "as text"),
    global("timestamp", &[Dyn], Timestamp, times::timestamp, "as a time, from RFC 3339 text or seconds since 1970"),
    global("uint", &[Dyn], Uint, convert::uint, "as a uint"),
    on(String, "contains", &[String], Bool, strings::contains, "whether the other text is in it"),
    on(String, "startsWith", &[String], Bool, strings::starts_with, "whether it starts with the other text"),
    on(String, "endsWith", &[String], Bool, strings::ends_with, "whether it ends with the other text"),
    global("matches", &[String, String], Bool, own::not_compiled, "whether a regular expression, a literal, is found in it"),
    on(String, "matches", &[String], Bool, own::not_compiled, "whether a regular expression, a literal, is found in it"),
    on(String, "charAt", &[Int], String, strings::char_at, "the character at this index"),
    on(String, "indexOf", &[String], Int, strings::index_of, "the index of the other text in it, or -1"),
    on(String, "indexOf", &[String, Int], Int, strings::index_of, "the same from an index on"),
    on(String, "lastIndexOf", &[String], Int, strings::last_index_of, "the last such index, or -1"),
    on(String, "lastIndexOf", &[String, Int], Int, strings::last_index_of, "the same up to an index"),
    on(String, "lowerAscii", &[], String, strings::lower_ascii, "A to Z in lower case"),
    on(String, "upperAscii", &[], String, strings::upper_ascii, "a to z in upper case"),
    on(String, "replace", &[String, String], String, strings::replace, "with every first text replaced by the second"),
    on(String, "replace", &[String, String, Int], String, strings::replace, "the same, at most so often"),
    on(String, "split", &[String], List, strings::split, "the parts between the separators"),
    on(String, "split", &[String, Int], List, strings::split, "the same, at most so many"),
    on(String, "substring", &[Int], String, strings::substring, "from this index on"),
    on(String, "substring", &[Int, Int], String, strings::substring, "from the first index up to the second"),
    on(String, "trim", &[], String, own::trim, "without white space at both ends"),
    on(String, "reverse", &[], String, strings::reverse, "its characters backwards"),
    on(String, "format", &[List], String, format::format, "with %s, %d and the like filled in from the list"),
    global("strings.quote", &[String], String, strings::quote, "in quotes, with escapes"),
    on(List, "join", &[], String, strings::join, "the texts of the list, one after another"),
    on(List, "join", &[String], String, strings::join, "the same with a separator between them"),
    on(Timestamp, "getFullYear", &[], Int, times::full_year, "the year"),
    on(Timestamp, "getFullYear", &[String], Int, times::full_year, "the year, in a time zone"),
    on(Timestamp, "getMonth", &[], Int, times::month, "the month, from 0"),
    on(Timestamp, "getMonth", &[String], Int, times::month, "the month, from 0, in a time zone"),
    on(Timestamp, "getDate", &[], Int, times::date, "the day of the month, from 1"),
    on(Timestamp, "getDate", &[String], Int, times::date, "the day of the month, from 1, in a time zone"),
    on(Timestamp, "getDayOfMonth", &[], Int, times::day_of_month, "the day of the month, from 0"),
    on(Timestamp, "getDayOfMonth", &[String], Int, times::day_of_month, "the day of the month, from 0, in a time zone"),
    on(Timestamp, "getDayOfWeek", &[], Int, times::day_of_week, "the day of the week, from 0 for Sunday"),
    on(Timestamp, "getDayOfWeek", &[String], Int, times::day_of_week, "the same in a time zone"),
    on(Timestamp, "getDayOfYear", &[], Int, times::day_of_year, "the day of the year, from 0"),
    on(Timestamp, "getDayOfYear", &[String], Int, times::day_of_year, "the same in a time zone"),
    on(Dyn, "getHours", &[], Int, times::hours, "the hour of a time, the whole hours of a duration"),
    on(Timestamp, "getHours", &[String], Int, times::hours, "the hour, in a time zone"),
    on(Dyn, "getMinutes", &[], Int, times::minutes, "the minute of a time, the whole minutes of a duration"),
    on(Timestamp, "getMinutes", &[String], Int, times::minutes, "the minute, in a time zone"),
    on(Dyn, "getSeconds", &[], Int, times::seconds, "the second of a time, the whole seconds of a duration"),
    on(Timestamp, "getSeconds", &[String], Int, times::seconds, "the second, in a time zone"),
    on(Dyn, "getMilliseconds", &[], Int, times::milliseconds, "the milliseconds"),
    on(Timestamp, "getMilliseconds", &[String], Int, times::milliseconds, "the milliseconds, in a time zone"),
    global("optional.none", &[], Optional, convert::optional_none, "the optional without a value; a `set` of it leaves the field alone"),
    global("optional.of", &[Dyn], Optional, convert::optional_of, "the optional of a value"),
    global("optional.ofNonZeroValue", &[Dyn], Optional, convert::optional_of_non_zero, "the optional of a value, none if it is empty, zero or false"),
    on(Optional, "hasValue", &[], Bool, convert::has_value, "whether there is a value"),
    on(Optional, "value", &[], Dyn, convert::value, "the value; an error where there is none"),
    on(Optional, "or", &[Optional], Optional, convert::or, "this one if it has a value, else the other"),
    on(Optional, "orValue", &[Dyn], Dyn, convert::or_value, "the value, or this one"),
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

/// Macros, each as it is called.
#[rustfmt::skip]
pub(super) const MACROS: &[(&str, &str)] = &[
    ("has", "has(user.email)"),
    ("all", "list.all(name, condition)"),
    ("exists", "list.exists(name, condition)"),
    ("exists_one", "list.exists_one(name, condition)"),
    ("existsOne", "list.existsOne(name, condition)"),
    ("map", "list.map(name, value) or list.map(name, condition, value)"),
    ("filter", "list.filter(name, condition)"),
    ("optMap", "user.?email.optMap(name, value)"),
    ("optFlatMap", "user.?email.optFlatMap(name, optional)"),
    ("transformList", "list.transformList(index, name, value)"),
    ("transformMap", "map.transformMap(key, name, value)"),
    ("transformMapEntry", "map.transformMapEntry(key, name, {key: value})"),
];

/// The macro that is called on a name of its own.
pub(super) const BIND: &str = "cel.bind(name, value, expression)";

/// What CEL's other extensions begin with, which this version does not have.
pub(super) const UNSUPPORTED: &[&str] = &["math", "base64", "sets", "lists", "proto", "regex"];

/// The forms of the function of that name that are called the same way.
pub(super) fn forms(name: &str, receiver: bool) -> impl Iterator<Item = &'static Function> + Clone + use<'_> {
    FUNCTIONS.iter().filter(move |function| function.name == name && function.receiver.is_some() == receiver)
}
