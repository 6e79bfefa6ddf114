//! Long, deep and shared: what is small to write and would be large to evaluate.

use super::*;
use crate::expr::functions::FUNCTIONS;

fn body(members: &[(&str, String)]) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// The message of an expression that has no value, or nothing, and the steps it took.
fn steps(source: &str, body: &str) -> (Option<String>, u64) {
    steps_on(source, &Document::parse(body).expect("JSON"))
}

fn steps_on(source: &str, document: &Document) -> (Option<String>, u64) {
    let schema = Schema::default().variable("user", Type::Dyn);
    let mut paths = Paths::default();
    let compiled = Compiler::new(&schema, &mut paths).compile(source, Type::Dyn);
    let expression = compiled.expression.unwrap_or_else(|| panic!("{source}: {:?}", compiled.findings));
    let user = Value::from_json(document.root()).expect("an object");
    let mut scope = Scope::new(&paths);
    scope.set("user", &user);
    let message = expression.evaluate(&scope).err().map(|error| error.to_string());
    assert!(scope.steps() <= BUDGET);
    let cost = Priced::parse(&schema, source).expect("it compiled").at(document.text().len() as u64);
    assert!(scope.steps() <= cost.steps, "{source}: {} steps, not {}", scope.steps(), cost.steps);
    (message, scope.steps())
}

#[test]
fn any_part_repeated_is_read_or_refused() {
    let body = body(&[("a", "1".to_owned()), ("list", "[1]".to_owned())]);
    for part in PARTS.into_iter().chain(VALID) {
        for between in ["", " ", "1", "user", "+", ")"] {
            for length in [64, 200, MAX_SOURCE_BYTES] {
                let unit = format!("{part}{between}");
                let source = unit.repeat(length / unit.len());
                try_it(&source, &body).expect("nothing wrong");
                try_it(&format!("{source}1"), &body).expect("nothing wrong");
            }
        }
    }
}

#[test]
fn brackets_that_close_are_no_deeper_than_they_may_be() {
    let body = body(&[("a", "1".to_owned()), ("list", "[1]".to_owned())]);
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{'a':", "1", "}"),
        ("size(", "'a'", ")"),
        ("!(", "true", ")"),
        ("-(", "1", ")"),
        ("user.list[", "0", "]"),
        ("true ? ", "1", " : 2"),
        ("true ? 1 : ", "2", ""),
        ("cel.bind(x, 1, ", "x", ")"),
        ("user.?a.optMap(x, ", "x", ")"),
        ("user.list.map(x, ", "x", ")"),
        ("1 + (", "1", ")"),
    ] {
        for depth in [1, 8, 62, 63, 64, 65, 100, 500] {
            let source = format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
            try_it(&source, &body).expect("nothing wrong");
        }
    }
}

#[test]
fn a_deep_event_is_gone_through() {
    let depth = crate::base::json::MAX_DEPTH - 1;
    let deep = format!("{}1{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let maps = format!("{}1{}", "{\"a\":".repeat(depth - 1), "}".repeat(depth - 1));
    let body = body(&[("l", deep), ("m", maps)]);
    for source in
        ["user.l == user.l", "user == user", "'%s'.format([user]) != ''", "user.l in [user.m, user.l]", "user"]
    {
        assert_eq!(steps(source, &body).0, None, "{source}");
        try_it(source, &body).expect("nothing wrong");
    }
    assert_eq!(try_it(&format!("user.m{}", ".a".repeat(depth - 1)), &body).expect("nothing wrong"), Some(1.into()));
}

/// A list that holds another twice, and so on: few steps to make, a million and more to go through.
fn shared(levels: usize, end: &str) -> String {
    let mut source = "cel.bind(a0, [1, 1], ".to_owned();
    for level in 1..levels {
        source = format!("{source}cel.bind(a{level}, [a{0}, a{0}], ", level - 1);
    }
    format!("{source}{}{}", end.replace("LAST", &format!("a{}", levels - 1)), ")".repeat(levels))
}

#[test]
fn a_small_value_that_is_long_to_go_through_spends_the_budget() {
    const SPENT: &str = "the rules of this event take more steps than they may";
    let body = body(&[("a", "1".to_owned())]);
    for end in ["LAST == LAST", "LAST in [LAST]", "LAST != LAST", "'%s'.format([LAST])", "{'a': LAST} == {'a': LAST}"] {
        assert_eq!(steps(&shared(30, end), &body).0.as_deref(), Some(SPENT), "{end}");
        assert_eq!(steps(&shared(8, end), &body).0, None, "{end}");
    }
    let source = shared(30, "LAST");
    assert_eq!(steps(&source, &body).0, None);
    assert_eq!(try_it(&source, &body).expect("nothing wrong"), None, "it is too large for JSON");
}

#[test]
fn a_long_list_is_refused_or_paid_for() {
    let long = format!("[{}]", vec!["1"; 400_000].join(","));
    let thousand = format!("[{}]", vec!["\"a\""; MAX_ELEMENTS].join(","));
    let text = format!("{:?}", "a".repeat(1 << 20));
    let body = body(&[("long", long), ("list", thousand), ("t", text)]);
    for source in ["user.long.all(x, x == 1)", "user.long.map(x, x)"] {
        let (message, steps) = steps(source, &body);
        assert!(message.is_some_and(|message| message.contains("1000")), "{source}");
        assert!(steps > 10_000, "{source}: {steps}");
    }
    for source in [
        "size(user.long) > 0",
        "user.long == user.long",
        "user.long + user.long != []",
        "2 in user.long",
        "user.long[399999] == 1",
        "user.?list.optMap(l, size(user.long))",
    ] {
        let (_, steps) = steps(source, &body);
        assert!(steps > 10_000, "{source}: {steps}");
    }
    // Each of a thousand copies of a long text counts.
    for source in [
        "user.list.map(x, user.t) == user.list.map(x, user.t)",
        "size('%s'.format([user.list.map(x, user.t)]))",
        "size(user.list.map(x, user.t).join())",
        "user.list.all(x, user.t <= user.t)",
    ] {
        assert!(steps(source, &body).0.is_some(), "{source}");
    }
    assert_eq!(try_it("user.list.map(x, user.t)", &body).expect("nothing wrong"), None, "it is too large for JSON");
}

/// Functions that hand on a value, or tell its type, without a look at it.
const BLIND: [&str; 11] = [
    "text",
    "type",
    "dyn",
    "string",
    "optional.of",
    "optional.ofNonZeroValue",
    "orValue",
    "or",
    "hasValue",
    "value",
    "join",
];

#[test]
fn every_function_pays_for_a_long_text() {
    let kinds = ["a", "é", " ", "0", "1s", "\u{301}", "ﷺ"];
    for kind in kinds {
        let text = Json::from(kind.repeat((1 << 20) / kind.len())).to_string();
        let body = body(&[("t", text), ("u", Json::from(kind).to_string())]);
        let document = Document::parse(body).expect("JSON");
        for function in FUNCTIONS {
            // The long text in the first place that takes one, short ones in the others.
            let mut left = Some("user.t");
            let mut argument = |kind: Type| match kind {
                Type::String => left.take().map_or("user.u".to_owned(), |long| format!("({long})")),
                Type::Dyn => left.take().map_or("user.u".to_owned(), |long| format!("dyn({long})")),
                Type::Int => "3".to_owned(),
                Type::List => left.take().map_or("[user.u]".to_owned(), |long| format!("[{long}, user.u]")),
                Type::Timestamp => "timestamp('2026-11-21T08:30:00Z')".to_owned(),
                Type::Optional => left.take().map_or("user.?u".to_owned(), |long| format!("optional.of({long})")),
                other => panic!("no argument of type {other}"),
            };
            let receiver = function.receiver.map(&mut argument);
            let mut arguments: Vec<String> = function.arguments.iter().map(|kind| argument(*kind)).collect();
            if matches!(function.name, "re" | "matches") {
                *arguments.last_mut().expect("a pattern") = "'(a|aa)+$'".to_owned();
            } else if function.name == "date" && arguments.len() == 2 {
                arguments[1] = "'%d-%b-%Y'".to_owned();
            }
            let arguments = arguments.join(", ");
            let source = match receiver {
                Some(receiver) => format!("{receiver}.{}({arguments})", function.name),
                None => format!("{}({arguments})", function.name),
            };
            let (message, steps) = steps_on(&source, &document);
            let refused = message.is_some_and(|message| message.contains("does not take"));
            let blind = BLIND.contains(&function.name);
            assert!(
                refused || blind || left.is_some() || steps > 10_000,
                "{source} on {kind:?} takes {steps} steps only"
            );
        }
    }
}

#[test]
fn looking_for_a_long_text_in_a_longer_one_does_not_take_its_square() {
    let body = body(&[
        ("t", Json::from("a".repeat(1 << 20)).to_string()),
        ("u", Json::from(format!("b{}", "a".repeat(1 << 19))).to_string()),
    ]);
    for source in [
        "user.t.lastIndexOf(user.u, 1000000)",
        "user.t.lastIndexOf(user.u)",
        "user.t.indexOf(user.u)",
        "user.t.contains(user.u)",
        "user.t.replace(user.u, '')",
        "user.t.split(user.u)",
    ] {
        assert_eq!(steps(source, &body).0, None, "{source}");
    }
}

#[test]
fn the_last_index_up_to_one_is_that_of_a_text_that_begins_there() {
    for (source, wanted) in [
        ("'ababa'.lastIndexOf('aba', 4)", 2),
        ("'ababa'.lastIndexOf('aba', 2)", 2),
        ("'ababa'.lastIndexOf('aba', 1)", 0),
        ("'éaéa'.lastIndexOf('a', 2)", 1),
        ("'éaéa'.lastIndexOf('é', 2)", 2),
        ("'a€a€'.lastIndexOf('a', 2)", 2),
        ("'abc'.lastIndexOf('', 1)", 1),
        ("'abc'.lastIndexOf('c', 1)", -1),
    ] {
        assert_eq!(try_it(source, "{}").expect("nothing wrong"), Some(wanted.into()), "{source}");
    }
}

#[test]
fn an_empty_text_has_no_characters_to_be_split_in() {
    for (source, wanted) in [
        ("''.split('')", serde_json::json!([])),
        ("''.split('', 1)", serde_json::json!([])),
        ("''.split(',')", serde_json::json!([""])),
        ("'aé'.split('')", serde_json::json!(["a", "é"])),
        ("'aéb'.split('', 2)", serde_json::json!(["a", "éb"])),
    ] {
        assert_eq!(try_it(source, "{}").expect("nothing wrong"), Some(wanted), "{source}");
    }
}

#[test]
fn a_duration_that_is_too_large_by_a_fraction_is_an_error() {
    for text in
        ["170141183460469231731687303715.9s", "170141183460469231731687303715s884105728ns", "9223372036854775808s"]
    {
        let (message, _) = steps(&format!("duration('{text}')"), "{}");
        assert_eq!(message.as_deref(), Some("`duration`: the text is no duration"), "{text}");
    }
}
