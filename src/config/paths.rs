//! Paths are relative to the file that names them: here they become absolute, and the files among them watched.

use std::path::{Path, absolute};

use super::shape::Shape;
use super::watch;
use crate::base::tree::{Node, Value};

/// Makes every path absolute that the schema marks as one, and adds those of files to `watched`.
///
/// One that an environment variable names is relative to the working directory.
pub(super) fn resolve(node: &mut Node, shape: &Shape<'_>, watched: &mut watch::Files) {
    let is_file = shape.is_marked("file") || shape.is_marked("data-file");
    match &mut node.value {
        Value::Table(table) => {
            for (name, entry) in table {
                if let Some(inner) = shape.key(name) {
                    resolve(&mut entry.node, &inner, watched);
                }
            }
        }
        Value::Array(items) => {
            if let Some(inner) = shape.item() {
                for item in items {
                    resolve(item, &inner, watched);
                }
            }
        }
        Value::String(text) if !text.is_empty() && (is_file || shape.is_marked("directory")) => {
            let source = &node.place.source;
            let directory = Path::new(&source.name).parent().filter(|_| !source.text.is_empty());
            let path = directory.unwrap_or(Path::new("")).join(&text);
            // It fails only without a working directory; then the path stays as it is, and reading it says why.
            if let Some(path) = absolute(path).ok().and_then(|path| path.into_os_string().into_string().ok()) {
                *text = path;
            }
            if is_file {
                watched.insert(Path::new(text.as_str()), None);
            }
        }
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Datetime(_) => {}
    }
}
