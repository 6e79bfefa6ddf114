//! Everything in one call: the files, the environment over them, and all that is wrong.

use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;

use super::environment::{Environment, Secrets};
use super::sections::{LATER, LISTS};
use super::settings::Settings;
use super::shadow::{self, Shadow};
use super::shape::Shape;
use super::{conceal, files, layers, overrides, paths, schema, watch};
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Problem, Severity, Source};
use crate::base::tree::{Entry, Node, Step, Table, Value, closest, salvage, unknown_key_finding};

/// What a configuration says.
#[derive(Debug)]
pub struct Loaded {
    /// The fixed sections; `None` where anything about them is wrong.
    pub settings: Option<Settings>,
    /// The fixed sections without the values in error: for looking for more errors, never to run with.
    pub salvaged: Option<Settings>,
    /// The fixed sections as they were written, with places.
    pub sections: Node,
    /// The lists, `rule` and its like, as they were written: a table of lists of tables.
    pub lists: Node,
    /// The shadow file, where one is named.
    pub shadow: Option<Shadow>,
    /// What is wrong.
    pub findings: Diagnostics,
    /// Every file that counts, for [`watch`].
    pub files: watch::Files,
    /// The main file, as it was named; empty where there is none.
    pub main: PathBuf,
    /// The main file's directory.
    pub base_dir: PathBuf,
    environment: Environment,
}

impl Loaded {
    /// The finding for a problem whose path begins with its section's name.
    pub fn locate(&self, problem: Problem) -> Diagnostic {
        locate(&self.sections, problem)
    }

    /// Where the secrets are that this configuration names.
    pub fn secrets(&self) -> Secrets {
        self.environment.secrets(&self.base_dir)
    }
}

/// Reads the configuration at `path`, or at the first default place, with `environment` over it.
pub fn load(path: Option<&Path>, environment: &Environment) -> Loaded {
    let schema = schema();
    let shape = Shape::root(&schema);
    let mut findings = Diagnostics::default();
    let mut watched = watch::Files::default();
    let read = files::read(path, &mut watched, &mut findings);
    let complete = read.as_ref().is_some_and(|files| files.complete);
    let (each, tree, main, shadow) = match read {
        Some(files) => (files.each, files.tree, files.main, files.shadow),
        None => (Vec::new(), empty(), path.map(Path::to_owned).unwrap_or_default(), None),
    };
    // What a file with a syntax error lacks, or has at the top, may only seem so: first it has to be TOML.
    let mut misnamed = Diagnostics::default();
    let mut lost = misplaced(&tree, &shape);
    let (sections, mut lists) = split(tree, &shape, &mut misnamed);
    findings.extend(misnamed.into_iter().filter(|_| complete));
    let variables = overrides::read(environment, &shape, &mut findings);
    let mut sections = layers::merge(&sections, &variables, &mut findings);
    paths::resolve(&mut sections, &shape, &mut watched);
    paths::resolve(&mut lists, &shape, &mut watched);
    let shadow = shadow.map(|named| shadow::load(&named, (&sections, &lists), &shape, &mut watched));
    let salvaged = if complete { salvage::<Settings>(&sections, &mut findings) } else { None };
    if let Some(salvaged) = &salvaged {
        lost.extend(salvaged.lost.iter().map(|path| path.iter().map(Step::to_string).collect()));
        let problems = salvaged.value.problems().into_iter();
        let certain = problems.filter(|problem| !is_doubtful(&problem.path, &lost, &salvaged.rest));
        findings.extend(certain.map(|problem| locate(&salvaged.rest, problem)));
    }
    let salvaged = salvaged.map(|salvaged| salvaged.value);
    conceal::conceal(&each, &shape, &mut findings);
    overrides::hush(environment, &mut findings);
    let findings = in_order(findings, &each);
    let settings = salvaged.clone().filter(|_| !findings.has_errors());
    let base_dir = absolute(main.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")));
    let base_dir = base_dir.unwrap_or_default();
    Loaded {
        settings,
        salvaged,
        sections,
        lists,
        shadow,
        findings,
        files: watched,
        main,
        base_dir,
        environment: environment.clone(),
    }
}

/// The fixed sections, and the lists. What is neither is reported and left out.
pub(super) fn split(tree: Node, shape: &Shape<'_>, findings: &mut Diagnostics) -> (Node, Node) {
    let Node { value, place } = tree;
    let (mut sections, mut lists) = (Table::new(), Table::new());
    if let Value::Table(table) = value {
        for (name, entry) in table {
            if LISTS.iter().any(|list| list.name == name) {
                if entry.node.as_array().is_some_and(|items| items.iter().all(|item| item.as_table().is_some())) {
                    lists.insert(name, entry);
                } else {
                    findings.push(no_list(&name, &entry));
                }
            } else if shape.keys().contains(&name.as_str()) {
                sections.insert(name, entry);
            } else {
                findings.push(unknown(&name, &entry, shape).at(&entry.key));
            }
        }
    }
    let table = |table| Node { value: Value::Table(table), place: place.clone() };
    (table(sections), table(lists))
}

/// The paths of what stands at the top and was meant to be a section, or a section's key.
fn misplaced(tree: &Node, shape: &Shape<'_>) -> Vec<Vec<String>> {
    let sections = shape.keys();
    let mut paths = Vec::new();
    for name in tree.as_table().into_iter().flat_map(Table::keys).filter(|name| !sections.contains(&name.as_str())) {
        let owners = owners(name, shape);
        let meant = closest(name, &sections).filter(|_| owners.is_empty());
        paths.extend(meant.map(|section| vec![section.to_owned()]));
        paths.extend(owners.into_iter().map(|section| vec![section.to_owned(), name.clone()]));
    }
    paths
}

/// The sections that have a key of this name.
fn owners<'s>(name: &str, shape: &Shape<'s>) -> Vec<&'s str> {
    let has_it = |section: &&str| {
        shape.key(section).is_some_and(|section| section.keys().contains(&name) && section.item().is_none())
    };
    shape.keys().into_iter().filter(has_it).collect()
}

fn no_list(name: &str, entry: &Entry) -> Diagnostic {
    Diagnostic::error("invalid-value", format!("`{name}`: expected a list of tables, found {}", entry.node.kind()))
        .at(&entry.key)
        .hint(format!("each entry begins with `[[{name}]]`"))
}

fn unknown(name: &str, entry: &Entry, shape: &Shape<'_>) -> Diagnostic {
    if LATER.contains(&name) {
        let header = if entry.node.as_array().is_some() { format!("[[{name}]]") } else { format!("[{name}]") };
        let finding = Diagnostic::error("not-available", format!("`{header}` is not available in this version"));
        return finding.hint("remove it, or use a version that has it");
    }
    let owners: Vec<String> = owners(name, shape).into_iter().map(|section| format!("`[{section}]`")).collect();
    if owners.is_empty() {
        return unknown_key_finding(name, &shape.keys());
    }
    Diagnostic::error("unknown-key", format!("unknown key `{name}`"))
        .hint(format!("move it below {}", owners.join(" or ")))
}

/// Whether what is said of `path` may not be so, because something was lost there: a misspelt `jwt` is no missing credential.
fn is_doubtful(path: &[String], lost: &[Vec<String>], rest: &Node) -> bool {
    let is_there = || find(rest, path).depth == path.len();
    lost.iter().any(|lost| lost.starts_with(path) || (path.starts_with(lost) && !is_there()))
}

pub(super) fn locate(sections: &Node, problem: Problem) -> Diagnostic {
    let Found { key, node, depth } = find(sections, &problem.path);
    let mut finding = match problem.severity {
        Severity::Error => Diagnostic::error(problem.code, problem.message),
        Severity::Warning => Diagnostic::warning(problem.code, problem.message),
    };
    finding.hint = problem.hint;
    // What is missing altogether is missing in the file, and not in its first line.
    finding.show_line = depth > 0;
    finding.at(key.filter(|_| problem.on_key).unwrap_or(&node.place))
}

/// The last node on a path that is there.
struct Found<'a> {
    key: Option<&'a Place>,
    node: &'a Node,
    /// How far the path led.
    depth: usize,
}

fn find<'a>(tree: &'a Node, path: &[String]) -> Found<'a> {
    let mut found = Found { key: None, node: tree, depth: 0 };
    for name in path {
        let next = match found.node.as_array() {
            Some(items) => name.parse().ok().and_then(|index: usize| items.get(index)).map(|item| (None, item)),
            None => found.node.entry(name).map(|entry| (Some(&entry.key), &entry.node)),
        };
        let Some((key, node)) = next else { break };
        found = Found { key, node, depth: found.depth + 1 };
    }
    found
}

/// As one reads: what belongs to no file, then file by file from the top, then the environment.
fn in_order(findings: Diagnostics, files: &[Node]) -> Diagnostics {
    let rank = |finding: &Diagnostic| {
        let place = finding.place.as_ref()?;
        let file = files.iter().position(|file| Arc::ptr_eq(&file.place.source, &place.source));
        Some((file.unwrap_or(files.len()), place.span.start))
    };
    let mut all: Vec<Diagnostic> = findings.into_iter().collect();
    all.sort_by_key(rank);
    let mut findings = Diagnostics::default();
    findings.extend(all);
    findings
}

fn empty() -> Node {
    let source = Source { name: "configuration".into(), text: String::new() };
    Node { value: Value::Table(Table::new()), place: Place { source: source.into(), span: 0..0 } }
}
