//! The specification's own conformance cases, where they are there.

use std::path::Path;

use serde_json::Value as Json;

use super::*;

mod cost;
mod properties;
mod quick;

/// Which cases are left out, and why.
fn left_out(case: &Json) -> Option<&'static str> {
    let text = case.to_string();
    if text.contains("TestAllTypes")
        || text.contains("google.protobuf.") && !text.contains("\"type\":\"google.protobuf")
    {
        return Some("protocol buffers messages");
    }
    if case["container"].as_str().is_some_and(|container| container.starts_with("cel.expr.conformance")) {
        return Some("protocol buffers messages");
    }
    if case["name"] == "triple_single_quoted_unescaped_punctuation" && case["section"] == "bytes_literals" {
        return Some("it wants a backslash that its expression does not have");
    }
    match case["file"].as_str().unwrap_or_default() {
        "math_ext" | "encoders_ext" => Some("an extension that is not supported"),
        _ => None,
    }
}

fn value(tagged: &Json) -> Value<'static> {
    let (tag, content) = tagged.as_object().and_then(|object| object.iter().next()).expect("a tagged value");
    let text = || content.as_str().expect("text");
    match tag.as_str() {
        "int" => Value::Int(text().parse().expect("an int")),
        "uint" => Value::Uint(text().parse().expect("a uint")),
        "double" => Value::Double(match text() {
            "Infinity" | "inf" => f64::INFINITY,
            "-Infinity" | "-inf" => f64::NEG_INFINITY,
            "NaN" | "nan" => f64::NAN,
            text => text.parse().expect("a double"),
        }),
        "bool" => Value::Bool(content.as_bool().expect("a bool")),
        "string" => Value::text(text()),
        "bytes" => {
            let bytes: Vec<u8> = (0..text().len() / 2)
                .map(|at| u8::from_str_radix(&text()[at * 2..at * 2 + 2], 16).expect("hex"))
                .collect();
            Value::Bytes(value::Blob::Shared(bytes.into()))
        }
        "null" => Value::Null,
        "list" => Value::list(content.as_array().expect("a list").iter().map(value).collect()),
        "map" => {
            let members = content.as_array().expect("members").iter();
            Value::Map(Map::Shared(members.map(|pair| (value(&pair[0]), value(&pair[1]))).collect()))
        }
        "type" => Value::Type(Box::leak(text().to_owned().into_boxed_str())),
        other => panic!("a value tagged {other}"),
    }
}

/// Whether the case comes out as it should; else what came out.
fn run(case: &Json) -> Result<(), String> {
    let bindings = case["bindings"].as_object().cloned().unwrap_or_default();
    let mut schema = Schema::default();
    for name in bindings.keys() {
        schema = schema.variable(name, Type::Dyn);
    }
    let mut paths = Paths::default();
    let mut compiler = Compiler::new(&schema, &mut paths);
    compiler.container = case["container"].as_str().unwrap_or_default();
    compiler.macros = case["disable_macros"] != true;
    compiler.max_nodes = 10_000;
    compiler.max_source = 1 << 20;
    let source = case["expr"].as_str().expect("an expression");
    let wants_error = case.get("error").is_some();
    let expr = match compiler.parse(source) {
        Ok(expr) => expr,
        Err(finding) => return if wants_error { Ok(()) } else { Err(finding.message) },
    };
    let mut findings = Vec::new();
    let Some(expression) = compiler.lower(&expr, "", &mut findings) else {
        return if wants_error { Ok(()) } else { Err(format!("{findings:?}")) };
    };
    let values: Vec<(String, Value<'static>)> =
        bindings.iter().map(|(name, tagged)| (name.clone(), value(tagged))).collect();
    let mut scope = Scope::new(&paths);
    for (name, value) in &values {
        scope.set(name, value);
    }
    match (expression.evaluate(&scope), case.get("value")) {
        (Err(_), _) if wants_error => Ok(()),
        (Err(error), _) => Err(error.to_string()),
        (Ok(found), Some(wanted)) => {
            let wanted = value(wanted);
            let same = found.same(&wanted)
                || matches!((&found, &wanted), (Value::Double(a), Value::Double(b)) if a.is_nan() && b.is_nan());
            if same { Ok(()) } else { Err(format!("{found:?}")) }
        }
        (Ok(found), None) => Err(format!("{found:?} instead of an error")),
    }
}

#[test]
fn the_specifications_cases_come_out_as_they_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cel-conformance");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("left out: the specification's cases are not at {}", folder.display());
        return;
    };
    let mut failed = Vec::new();
    let (mut passed, mut out) = (0, std::collections::BTreeMap::new());
    for file in files.filter_map(Result::ok).filter(|file| file.path().extension().is_some_and(|kind| kind == "json")) {
        let text = std::fs::read_to_string(file.path()).expect("a file that can be read");
        let cases: Vec<Json> = serde_json::from_str(&text).expect("a list of cases");
        for case in &cases {
            if let Some(reason) = left_out(case) {
                *out.entry(reason).or_insert(0) += 1;
            } else if case["check_only"] == true {
                *out.entry("only for a checker that names result types").or_insert(0) += 1;
            } else if let Err(found) = run(case) {
                failed.push(format!("{}/{} {}: {found}", case["file"], case["section"], case["expr"]));
            } else {
                passed += 1;
            }
        }
    }
    println!("{passed} cases passed, {} failed, left out: {out:?}", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
