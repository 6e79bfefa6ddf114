//! The environment over the files, by the config crate.
//!
//! That crate decides which layer's value counts, and nothing more: it would turn numbers into text and print values in
//! its errors, so what it decides is taken back into a tree, with each value's type and place as they were.

use config::{Config, ConfigError, Map, Source};

use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::{Entry, Node, Table, Value};

const FILES: &str = "files";
const ENVIRONMENT: &str = "environment";

/// One layer as the config crate wants it.
#[derive(Clone, Debug)]
struct Layer(Map<String, config::Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, config::Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// The tree of both.
pub(super) fn merge(files: &Node, environment: &Node, findings: &mut Diagnostics) -> Node {
    let mut environment = environment.clone();
    drop_impossible(files, &mut environment);
    let built = Config::builder().add_source(layer(files, FILES)).add_source(layer(&environment, ENVIRONMENT)).build();
    let merged = built.ok().and_then(|config| take_back(&config.cache, Some(files), Some(&environment)));
    merged.unwrap_or_else(|| {
        // What the crate says may hold values.
        findings.push(Diagnostic::error("layers", "the environment could not be laid over the files"));
        files.clone()
    })
}

/// Takes out of `environment` what would replace something else than a table by a table: that is a mistake in the file,
/// which must not be hidden.
fn drop_impossible(files: &Node, environment: &mut Node) {
    let (Value::Table(files), Value::Table(environment)) = (&files.value, &mut environment.value) else { return };
    environment.retain(|key, entry| match (files.get(key), &entry.node.value) {
        (Some(file), Value::Table(_)) => {
            drop_impossible(&file.node, &mut entry.node);
            file.node.as_table().is_some()
        }
        _ => true,
    });
}

fn layer(tree: &Node, origin: &str) -> Layer {
    Layer(tree.as_table().map(|table| values(table, origin)).unwrap_or_default())
}

fn values(table: &Table, origin: &str) -> Map<String, config::Value> {
    table.iter().map(|(key, entry)| (key.clone(), value(&entry.node, origin))).collect()
}

fn value(node: &Node, origin: &str) -> config::Value {
    let kind = match &node.value {
        Value::String(text) | Value::Datetime(text) => config::ValueKind::String(text.clone()),
        Value::Integer(integer) => config::ValueKind::I64(*integer),
        Value::Float(float) => config::ValueKind::Float(*float),
        Value::Bool(truth) => config::ValueKind::Boolean(*truth),
        Value::Array(items) => config::ValueKind::Array(items.iter().map(|item| value(item, origin)).collect()),
        Value::Table(table) => config::ValueKind::Table(values(table, origin)),
    };
    config::Value::new(Some(&origin.to_owned()), kind)
}

/// The node that `value` came from; a table is made of both layers' nodes.
fn take_back(value: &config::Value, files: Option<&Node>, environment: Option<&Node>) -> Option<Node> {
    let config::ValueKind::Table(map) = &value.kind else {
        return if value.origin() == Some(ENVIRONMENT) { environment.cloned() } else { files.cloned() };
    };
    let mut table = Table::new();
    for (key, value) in map {
        let file = files.and_then(|node| node.entry(key));
        let variable = environment.and_then(|node| node.entry(key));
        let node = take_back(value, file.map(|entry| &entry.node), variable.map(|entry| &entry.node));
        if let (Some(node), Some(either)) = (node, file.or(variable)) {
            table.insert(key.clone(), Entry { key: either.key.clone(), node });
        }
    }
    let place = files.or(environment).map(|node| node.place.clone())?;
    Some(Node { value: Value::Table(table), place })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::diagnostic::Source;
    use crate::base::tree::parse;

    fn tree(name: &str, text: &str) -> Node {
        parse(&Arc::new(Source { name: name.into(), text: text.into() }), &mut Diagnostics::default())
    }

    #[test]
    fn the_environment_counts_and_the_rest_keeps_type_case_order_and_place() {
        let files =
            tree("file", "[server]\nzebra = 1\nApple = 1979-05-27\nlist = [1, 'x']\nempty = {}\n[log]\nlevel = '277'");
        let environment = tree("environment", "[server]\nlist = ['y']\n[metrics]\nlisten = 'z'");
        let mut findings = Diagnostics::default();
        let merged = merge(&files, &environment, &mut findings);
        assert!(findings.is_empty());
        let mut expected = files.clone();
        let Value::Table(table) = &mut expected.value else { panic!("a table") };
        let Value::Table(server) = &mut table["server"].node.value else { panic!("a table") };
        server["list"].node = environment.get("server").and_then(|server| server.get("list")).expect("list").clone();
        table.insert("metrics".into(), environment.entry("metrics").expect("metrics").clone());
        assert_eq!(merged, expected);
    }

    #[test]
    fn a_mistake_in_the_file_is_not_hidden_by_a_variable() {
        let files = tree("file", "server = 3");
        let environment = tree("environment", "[server]\nlisten = 'x'");
        assert_eq!(merge(&files, &environment, &mut Diagnostics::default()), files);
    }
}
