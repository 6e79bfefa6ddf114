//! An expression, a line end of its own (`\n--\n`), and a JSON body as its `user`: evaluated within the budget.

#![no_main]

use hookreeve::base::json::Document;
use hookreeve::expr::{BUDGET, Compiler, Paths, Schema, Scope, Type, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((source, body)) = text.split_once("\n--\n") else { return };
    let Ok(document) = Document::parse(body) else { return };
    let Ok(user) = Value::from_json(document.root()) else { return };
    let schema = Schema::default().variable("user", Type::Dyn);
    let mut paths = Paths::default();
    let Some(expression) = Compiler::new(&schema, &mut paths).compile(source, Type::Dyn).expression else { return };
    let mut scope = Scope::new(&paths);
    scope.set("user", &user);
    let value = expression.evaluate(&scope);
    assert!(scope.steps() <= BUDGET, "more steps than there are");
    scope.set_budget(BUDGET);
    if let (Ok(truth), Ok(value)) = (expression.holds(&scope), &value) {
        assert_eq!(Some(truth), value.as_bool(), "the quick answer is another");
    }
    match value {
        Ok(value) => _ = value.to_json(),
        Err(error) => assert!(source.get(error.span()).is_some(), "{error:?} is not in the source"),
    }
});
