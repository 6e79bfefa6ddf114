//! What holds of every expression and every input, however they are made.

mod bounds;
mod oracle;

use proptest::prelude::*;

use super::*;
use crate::base::json::Document;

/// So many times as many cases as usual, unless `PROPTEST_CASES` says how many.
fn times(factor: u32) -> ProptestConfig {
    let usual = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    ProptestConfig { cases: usual.cases * factor, ..usual }
}

/// What every random event holds somewhere, and no message may repeat.
const MARKER: &str = "Zaphod";

/// Expressions to be mutated.
const VALID: [&str; 14] = [
    r#"user.email.endsWith("@corp.example") || user.contractor"#,
    "size(user.firstName) > 64 || size(user.?lastName.orValue('')) > 64",
    "re(user.login, '^[a-z][a-z0-9._-]{2,31}$')",
    r#"user.country in ["India", "Germany"] ? -1 : 0x1f + 3"#,
    "user.groups.all(group, group.startsWith('grp-')) && user.groups.exists_one(g, g == 'x')",
    r#"text(user.?firstName) != "" && has(user.a.b) && !has(user["a"].c)"#,
    "user.list.map(x, x + 1).filter(x, x % 2 == 0) == [2, 4, 6u, 1.5e3]",
    "{'a': user.a, ?'b': user.?b, true: [1, ?user[?'c']]}['a']",
    "cel.bind(x, user.list, x + x)[0] >= user.a.b.c",
    "user.?a.optMap(v, fold(v)).or(optional.of(r'\\')).hasValue()",
    "timestamp('2026-11-21T08:30:00Z') + duration('1h30m') < date(user.hired, '%d-%b-%Y')",
    "'%s %d %.3f %x'.format([user, 1, 2.5, b'\\xff'])",
    "user.m.transformMap(k, v, v != null, string(v)).transformList(k, v, k + v).join(', ')",
    "user.list.exists(i, v, v < i) ? type(user.b) : dyn(int('7') / 0)",
];

/// Parts of expressions, valid or not on their own.
const PARTS: [&str; 74] = [
    "user",
    ".",
    ".?",
    "[",
    "]",
    "[?",
    "(",
    ")",
    "{",
    "}",
    ",",
    ":",
    "?",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "==",
    "!=",
    "<",
    ">=",
    "&&",
    "||",
    "in",
    "a",
    "b",
    "list",
    "`a`",
    "x",
    "0",
    "1",
    "-9223372036854775808",
    "1u",
    "0xff",
    "1.5",
    "1e400",
    "''",
    "'é'",
    "\"a\\n\"",
    "r'\\'",
    "b'\\377'",
    "'''a'b'''",
    "null",
    "true",
    "false",
    "has(",
    "size(",
    "text(",
    "re(",
    "'(a'",
    "int(",
    "string(",
    "date(",
    "duration(",
    ".all(x,",
    ".exists(x,",
    ".map(x,",
    ".filter(x,",
    ".optMap(x,",
    "cel.bind(x,",
    ".split(",
    ".replace(",
    ".format(",
    ".join(",
    ".orValue(",
    "optional.none()",
    " ",
    "\n",
    "//",
    "\\",
    "é",
    "\u{0}",
];

fn soup() -> impl Strategy<Value = String> {
    let part = || prop::sample::select(&PARTS[..]);
    prop_oneof![
        prop::collection::vec(part(), 0..40).prop_map(|parts| parts.concat()),
        r#"[a-fux0-9_.?:,+*/%<>=!&|(){}\[\]'"`\\ \n-]{0,60}"#,
        any::<String>(),
    ]
}

/// A valid expression of which some parts are gone, doubled, exchanged for others, or of another expression.
fn mutated() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0..12_usize, prop::sample::select(&PARTS[..]), 0..4_u8);
    (prop::sample::select(&VALID[..]), prop::collection::vec(edit, 1..4)).prop_map(|(valid, edits)| {
        let mut text: Vec<char> = valid.chars().collect();
        for (at, length, part, how) in edits {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            let cut: Vec<char> = text[start..end].to_vec();
            let put: Vec<char> = match how {
                0 => Vec::new(),
                1 => part.chars().collect(),
                2 => [cut.as_slice(), &cut].concat(),
                _ => cut.iter().copied().chain(part.chars()).collect(),
            };
            text.splice(start..end, put);
        }
        text.into_iter().collect()
    })
}

fn source() -> impl Strategy<Value = String> {
    prop_oneof![soup(), mutated(), mutated(), oracle::expression()]
}

/// A user, with fields of the names that the expressions use.
fn user() -> impl Strategy<Value = Json> {
    let text = prop_oneof![
        Just(MARKER.to_owned()),
        Just("2026-11-21".to_owned()),
        Just("1h".to_owned()),
        "[0-9]{1,25}".prop_map(|digits| format!("{digits}{MARKER}")),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-3..4_i64).prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(|number| serde_json::json!(number)),
        text.prop_map(Json::from),
    ];
    let key = || {
        let keys = ["a", "b", "c", "list", "m", "email", "groups", "login", "firstName", "hired", "", MARKER];
        prop::sample::select(keys.to_vec()).prop_map(str::to_owned)
    };
    let value = leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((key(), inner), 0..6).prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::vec((key(), value), 0..8).prop_map(|members| Json::Object(members.into_iter().collect()))
}

/// Compiles, and evaluates what compiles, twice over; whatever is said has its place, and holds nothing of the event.
fn try_it(source: &str, body: &str) -> Result<Option<Json>, TestCaseError> {
    let schema = Schema::default().variable("user", Type::Dyn).variable("now", Type::Timestamp);
    let mut paths = Paths::default();
    let compiled = Compiler::new(&schema, &mut paths).compile(source, Type::Dyn);
    for finding in &compiled.findings {
        prop_assert!(source.get(finding.span.clone()).is_some(), "{finding:?}");
    }
    let Some(expression) = compiled.expression else {
        prop_assert!(!compiled.findings.is_empty());
        return Ok(None);
    };
    let document = Document::parse(body).expect("JSON");
    let user = Value::from_json(document.root()).expect("an object");
    let mut scope = Scope::new(&paths);
    scope.set("user", &user);
    let value = expression.evaluate(&scope);
    prop_assert!(scope.steps() <= BUDGET);
    let cost = Priced::parse(&schema, source).expect("it compiled").at(body.len() as u64);
    let walked = scope.steps();
    scope.set_budget(BUDGET);
    let _ = expression.holds(&scope);
    prop_assert!(scope.steps() <= cost.steps, "{} quick steps of {}: {}", scope.steps(), cost.steps, source);
    scope.set_budget(BUDGET - walked);
    let spent = value.as_ref().is_err_and(EvalError::is_spent);
    prop_assert!(scope.steps() <= cost.steps, "{} steps of {}: {}", scope.steps(), cost.steps, source);
    prop_assert!(!spent || cost.steps > BUDGET, "it costs {} and spent all", cost.steps);
    let (traced, steps) = expression.trace(&scope);
    let unsaid = |message: &str| source.contains(MARKER) || !message.contains(MARKER);
    for message in steps.iter().filter_map(|step| step.value.as_ref().err()) {
        prop_assert!(unsaid(message), "{message}");
    }
    match value {
        Err(error) => {
            prop_assert!(source.get(error.span()).is_some(), "{error:?}");
            prop_assert!(unsaid(error.message()), "{error}");
            // What is cut short the first time may be so sooner the second time.
            prop_assert!(traced.is_err());
            Ok(None)
        }
        Ok(value) => match (value.to_json(), traced) {
            (Ok(json), Ok(traced)) => {
                prop_assert_eq!(Ok(json.clone()), traced.to_json());
                Ok(Some(json))
            }
            (_, Err(error)) => {
                prop_assert!(error.is_spent(), "{error}");
                Ok(None)
            }
            (Err(message), _) => {
                prop_assert!(unsaid(message), "{message}");
                Ok(None)
            }
        },
    }
}

proptest! {
    #![proptest_config(times(16))]

    #[test]
    fn no_source_and_no_event_make_it_fail(source in source(), user in user()) {
        try_it(&source, &user.to_string())?;
    }
}

proptest! {
    #![proptest_config(times(4))]

    #[test]
    fn folding_constants_changes_nothing((source, variables) in (oracle::expression(), oracle::variables())) {
        let literal = variables.put_in(&source);
        let by_name = oracle::ours(&source, &variables);
        let by_value = oracle::ours(&literal, &variables);
        // A literal's type is known, so that more is refused at load; and it is longer.
        if let (Some(by_name), Some(by_value)) = (by_name, by_value) {
            prop_assert_eq!(by_name.ok(), by_value.ok(), "{} and {}", source, literal);
        }
    }
}
