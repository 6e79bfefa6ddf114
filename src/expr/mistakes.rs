//! What people write who know other languages, and what to write here instead.
//!
//! Hints only: whether something is wrong at all is found where it is read or checked.

use super::schema::Type;

/// Signs of other languages, of which no expression can hold any; longer ones before those that they begin with.
pub(super) const SIGNS: &[(&str, &str)] = &[
    ("===", "`==` compares"),
    ("!==", "`!=` is the opposite of `==`"),
    ("<>", "`!=` is the opposite of `==`"),
    ("=~", "`re(text, 'regex')` looks for a regular expression"),
    ("=>", "`>=` compares; a condition for each item is written `list.all(name, condition)`"),
    ("=<", "`<=` compares"),
    ("->", "a field is written with a dot: `user.email`"),
    ("::", "a field is written with a dot: `user.email`"),
    ("??", "`user.?email.orValue(\"none\")` says what counts where the field is missing"),
    ("?:", "`user.?email.orValue(\"none\")` says what counts where the field is missing"),
];

/// The same for single characters, which may be the first of a sign that there is.
pub(super) fn character(character: char) -> Option<&'static str> {
    Some(match character {
        '=' => "`==` compares",
        '&' => "`&&` is the logical and",
        '|' => "`||` is the logical or",
        ';' => "an expression has no `;` at its end",
        '#' => "a comment begins with `//`, and a name with a letter: `user.email`",
        '$' | '@' => "names are written as they are: `user.email`",
        '\\' => "a `\\` stands only in texts",
        '^' | '~' => "there are no operators on bits; a regular expression is a text: `re(user.login, '^[a-z]+$')`",
        '“' | '”' | '„' | '‟' | '«' | '»' | '″' | '‘' | '’' | '‚' | '‛' | '′' | '´' => {
            "a text stands in straight quotes: \"…\" or '…'"
        }
        '–' | '—' | '−' => "the minus sign is `-`",
        '≠' => "write `!=`",
        '≤' => "write `<=`",
        '≥' => "write `>=`",
        _ => return None,
    })
}

/// Words that are operators elsewhere, in lower case.
pub(super) fn operator(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "and" => "`&&` is the logical and",
        "or" => "`||` is the logical or",
        "not" => "`!` is the logical not, as in `!(user.login in [\"a\", \"b\"])`",
        "xor" => "`!=` between two conditions holds if only one of them does",
        "eq" | "equals" => "`==` compares",
        "ne" | "neq" => "`!=` is the opposite of `==`",
        "gt" => "write `>`",
        "ge" | "gte" => "write `>=`",
        "lt" => "write `<`",
        "le" | "lte" => "write `<=`",
        "in" => "write `in`, in lower case",
        "is" => "`==` compares; `has(user.email)` asks whether a field is there",
        "like" | "ilike" => "use `.contains(…)`, `.startsWith(…)`, `.endsWith(…)` or `re(text, 'regex')`",
        "regexp" | "rlike" => "`re(text, 'regex')` looks for a regular expression",
        "between" => "write `x >= low && x <= high`",
        "div" => "write `/`",
        "mod" => "write `%`",
        "then" | "else" => "write `condition ? this : that`",
        "instanceof" => "write `type(x) == string`",
        _ => return None,
    })
}

/// Words that no name can be, with what takes their place.
pub(super) fn reserved(word: &str) -> Option<&'static str> {
    Some(match word {
        "if" | "else" => "write `condition ? this : that`",
        "return" => "leave it out: the expression is the value",
        "var" | "let" | "const" => "`cel.bind(name, value, expression)` names a value",
        "for" | "while" | "loop" => "`list.all(name, condition)` and its like go through a list",
        _ => return None,
    })
}

/// Functions of other languages.
pub(super) fn function(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "isempty" | "isblank" | "empty" | "isnullorempty" => {
            "`text(x) == \"\"` asks whether a field is missing or empty, as in `text(user.?email) == \"\"`; `size(x) == 0` \
             whether a list is"
        }
        "isnotempty" | "isnotblank" => {
            "`text(x) != \"\"` asks whether a field is there and not empty, as in `text(user.?email) != \"\"`"
        }
        "length" | "len" | "count" => "write `size(x)`",
        "tolowercase" | "tolower" | "lcase" | "lowercase" => "write `lower(x)`",
        "touppercase" | "toupper" | "ucase" | "uppercase" => "write `upper(x)`",
        "strip" | "btrim" => "write `trim(x)`",
        "includes" => "`x.contains(y)` looks into a text, `x in list` into a list",
        "equals" | "eq" => "`==` compares",
        "equalsignorecase" => "write `lower(x) == lower(y)`",
        "concat" => "`+` joins texts, and lists",
        "tostring" | "str" | "valueof" => "write `text(x)`",
        "parseint" | "toint" | "tonumber" | "number" | "integer" => "write `int(x)`",
        "parsefloat" | "todouble" | "float" => "write `double(x)`",
        "todate" | "to_date" | "parsedate" | "strptime" => {
            "write `date(x)`, or `date(x, '%d-%b-%Y')` for a form of its own"
        }
        "ifnull" | "nvl" | "coalesce" | "orelse" | "getordefault" | "default" => {
            "`user.?email.orValue(\"none\")` says what counts where the field is missing"
        }
        "isnull" | "ispresent" | "exist" | "isset" | "defined" => {
            "`has(user.email)` asks whether a field is there, `text(user.?email) == \"\"` whether it is missing or empty"
        }
        "containskey" | "hasownproperty" | "haskey" => "write `has(user.email)`, or `\"email\" in user`",
        "get" => "write `user.email`, or `user[?\"email\"].orValue(\"none\")` where it may be missing",
        "first" | "at" | "nth" | "elementat" => "`list[0]` is the first item",
        "last" => "`list[size(list) - 1]` is the last item",
        "substr" | "mid" | "left" => "write `x.substring(from, to)`",
        "some" | "any" | "anymatch" => "write `list.exists(name, condition)`",
        "every" | "allmatch" => "write `list.all(name, condition)`",
        "find" | "select" | "where" => "write `list.filter(name, condition)`",
        "match" | "test" | "ismatch" | "regex" | "regexp" | "regexp_like" => {
            "`re(text, 'regex')` looks for a regular expression"
        }
        "today" | "sysdate" | "currentdate" | "current_timestamp" | "getdate" | "curdate" => {
            "`now` is when the event was received"
        }
        "getyear" | "year" => "write `x.getFullYear()`",
        "month" => "write `x.getMonth()`, which counts from 0",
        "getday" | "day" => "`x.getDate()` is the day of the month, `x.getDayOfWeek()` that of the week",
        "iif" => "write `condition ? this : that`",
        "not" => "`!` is the logical not",
        _ => return None,
    })
}

/// Names that are values elsewhere.
pub(super) fn name(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "null" | "nil" | "none" | "undefined" | "nothing" => "null",
        "true" | "yes" => "true",
        "false" | "no" => "false",
        _ => return None,
    })
}

/// A property that a text or a list has elsewhere, as it is written here.
pub(super) fn property(of: &str, name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "length" | "size" | "len" | "count").then(|| format!("write `size({of})`"))
}

/// How a condition is made of a value that is none.
pub(super) fn condition(kind: Type) -> Option<&'static str> {
    match kind {
        Type::String => Some("compare it: `!= \"\"` asks whether a text is not empty"),
        Type::Int | Type::Uint | Type::Double => Some("compare it, for example with `> 0`"),
        Type::List | Type::Map => Some("`size(…) > 0` asks whether it is not empty"),
        Type::Null => Some("`has(user.email)` asks whether a field is there"),
        Type::Optional => {
            Some("`.hasValue()` asks whether it is there, `.orValue(…)` says what counts where the field is missing")
        }
        Type::Bool | Type::Bytes | Type::Timestamp | Type::Duration | Type::Type | Type::Dyn => None,
    }
}
