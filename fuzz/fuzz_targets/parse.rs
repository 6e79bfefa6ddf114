//! Any bytes as an expression's source: compiled or refused, and every finding has its place in the source.

#![no_main]

use hookreeve::expr::{Compiler, Paths, Schema, Type};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = std::str::from_utf8(bytes) else { return };
    let schema = Schema::default().variable("user", Type::Map).variable("now", Type::Timestamp);
    let mut paths = Paths::default();
    let compiled = Compiler::new(&schema, &mut paths).compile(source, Type::Dyn);
    assert!(compiled.expression.is_some() || !compiled.findings.is_empty(), "refused without a word");
    for finding in compiled.findings {
        assert!(source.get(finding.span.clone()).is_some(), "{finding:?} is not in the source");
    }
});
