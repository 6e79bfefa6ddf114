//! The quick tests say what the walk says, or nothing.

use proptest::prelude::*;

use super::*;
use crate::base::json::Document;

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "a",
        "A",
        "grp-a",
        " grp-A ",
        "grp",
        "é",
        "Straße",
        "İ",
        "x@corp.example",
        "\\u0061b",
        "K",
    ])
}

/// A value of a field, as JSON; one of many kinds, and none where the field is not there.
fn field() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        4 => text().prop_map(|text| Some(format!("\"{text}\""))),
        1 => prop::sample::select(vec!["null", "true", "false", "18", "17.5", "-3", "1e400", "\"\\ud800\"", "{}", "{\"a\":1}"])
            .prop_map(|json| Some(json.to_owned())),
        2 => prop::collection::vec(text(), 0..4)
            .prop_map(|items| Some(format!("[{}]", items.iter().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(",")))),
        1 => Just(Some("[\"grp-a\",1]".to_owned())),
        1 => Just(None),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(vec!["user.a", "user.b", "user.c", "user.c.a"]);
    let source = prop_oneof![
        name().prop_map(str::to_owned),
        prop::sample::select(vec!["text(user.?a)", "text(user.?b)", "text(user.?c.?a)"]).prop_map(str::to_owned),
    ];
    let source = (source, prop::sample::select(vec!["", "lower", "trim", "upper"]))
        .prop_map(|(source, function)| if function.is_empty() { source } else { format!("{function}({source})") });
    let literal = || text().prop_map(|text| format!("'{}'", text.replace("\\u0061", "a")));
    let sign = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let part = prop::sample::select(vec!["startsWith", "endsWith", "contains"]);
    let leaf = prop_oneof![
        (source.clone(), literal()).prop_map(|(source, text)| format!("{source} == {text}")),
        (source.clone(), literal()).prop_map(|(source, text)| format!("{text} != {source}")),
        (source.clone(), part.clone(), literal()).prop_map(|(source, part, text)| format!("{source}.{part}({text})")),
        (source.clone(), literal(), literal()).prop_map(|(source, a, b)| format!("{source} in [{a}, {b}]")),
        source.prop_map(|source| format!("re({source}, '^[a-z]+-')")),
        (name(), sign.clone()).prop_map(|(name, sign)| format!("{name} {sign} 18")),
        (name(), sign).prop_map(|(name, sign)| format!("size({name}) {sign} 2")),
        (literal(), name()).prop_map(|(text, name)| format!("{text} in {name}")),
        (name(), part, literal()).prop_map(|(name, part, text)| format!("{name}.all(x, x.{part}({text}))")),
        (name(), literal()).prop_map(|(name, text)| format!("{name}.exists(x, x == {text})")),
        name().prop_map(str::to_owned),
        name().prop_map(|name| format!("{name} == true")),
        name().prop_map(|name| format!("{name} != false")),
        Just("true".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("!({inner})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" && "))),
            prop::collection::vec(inner, 2..4).prop_map(|any| format!("({})", any.join(" || "))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_quick_answer_is_the_answer_of_the_walk_and_costs_no_more(
        condition in condition(),
        a in field(),
        b in field(),
        c in field(),
        budget in prop_oneof![Just(BUDGET), 0_u64..40],
    ) {
        let members: Vec<String> = [("a", a), ("b", b), ("c", c)]
            .into_iter()
            .filter_map(|(name, json)| json.map(|json| format!("\"{name}\":{json}")))
            .collect();
        let document = Document::parse(format!("{{{}}}", members.join(","))).expect("JSON");
        let user = Value::from_json(document.root()).expect("a map");
        let schema = Schema::default().variable("user", Type::Dyn);
        let mut paths = Paths::default();
        let compiled = Compiler::new(&schema, &mut paths).compile(&condition, Type::Dyn);
        let Some(expression) = compiled.expression else { return Ok(()) };
        let mut scope = Scope::new(&paths);
        scope.set("user", &user);
        scope.set_budget(budget);
        let quick = expression.holds(&scope);
        let left = scope.budget();
        scope.set_budget(budget);
        match (quick, expression.evaluate(&scope)) {
            (Ok(quick), Ok(walk)) => prop_assert_eq!(Some(quick), walk.as_bool(), "{} on {}", condition, document.text()),
            (Err(quick), Err(walk)) => prop_assert_eq!(quick, walk),
            (Ok(_), Err(error)) => prop_assert!(error.is_spent(), "{} on {}: {}", condition, document.text(), error),
            (Err(_), Ok(walk)) => prop_assert!(walk.as_bool().is_none(), "{} on {}", condition, document.text()),
        }
        prop_assert!(left >= scope.budget(), "{} on {}: {} and {}", condition, document.text(), left, scope.budget());
    }
}
