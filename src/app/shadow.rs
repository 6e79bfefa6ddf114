//! The shadow file: compiled like the real rules, and never in their way. What is wrong with it costs the shadow alone.

use std::path::Path;
use std::sync::Arc;

use super::Source;
use super::plan::{Lasting, context};
use super::rule_text::RuleText;
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::future::BoxFuture;
use crate::base::tree::Node;
use crate::config::{Loaded, Settings};
use crate::directory::Directory;
use crate::event::{FieldPath, catalog};
use crate::facts::Answer;
use crate::judge::Shadow;
use crate::lookup::{self, Failure, LookupSet, People, Sought};
use crate::rules::{self, RuleSet};

/// The rules of a shadow file in which nothing was found wrong.
pub struct ShadowPlan {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// The lookups that they name.
    lookups: LookupSet,
    /// Those of them that are not as in the main file.
    own: Vec<Arc<str>>,
    /// What the journal keeps of them.
    text: RuleText,
}

/// Finds everything that is wrong with the shadow file, where one is named. `check` counts these findings like any others; a
/// server goes on without a shadow.
pub fn shadow(loaded: &Loaded) -> (Option<ShadowPlan>, Diagnostics) {
    let Some(shadow) = &loaded.shadow else { return (None, Diagnostics::default()) };
    let mut findings = Diagnostics::default();
    let list = |name: &str| shadow.lists.get(name).and_then(Node::as_array).unwrap_or_default();
    let plan = shadow.settings.as_ref().map(|settings| {
        if list("rule").is_empty() {
            let finding = Diagnostic::warning("no-rules", "it has no rules, and differs wherever a real one holds");
            findings.push(finding.at(&shadow.lists.place).without_line());
        }
        let ids = lookup::ids(list("lookup"));
        let rules = rules::compile(list("rule"), &context(settings, &ids), &mut findings);
        let mut own = Diagnostics::default();
        let lookups = LookupSet::compile(list("lookup"), &lookups(&rules, settings, &ids), &mut own);
        // One that no rule names may be an action's.
        findings.extend(own.into_iter().filter(|finding| finding.code != "lookup-unused"));
        let asks = |list: &Node, id: &str| {
            let entries = list.get("lookup").and_then(Node::as_array)?;
            entries.iter().find(|entry| entry.get("id").and_then(Node::as_str) == Some(id)).map(asks)
        };
        let own = ids.into_iter().filter(|id| asks(&shadow.lists, id) != asks(&loaded.lists, id)).collect();
        let text = RuleText::of(&shadow.lists, &shadow.sections, settings);
        ShadowPlan { rules: Arc::new(rules), lookups, own, text }
    });
    let findings = shadow.said(findings);
    (plan.filter(|_| !findings.has_errors()), findings)
}

/// What tells whether two lookups ask the same: the table, and the directory that a database in it is looked for in. Other
/// paths are whole by now.
fn asks(entry: &Node) -> (serde_json::Value, Option<String>) {
    let database = entry.get("url").and_then(Node::as_str).is_some_and(|url| url.starts_with("sqlite:"));
    let directory = Path::new(&entry.place.source.name).parent().filter(|_| database);
    (entry.to_json(), directory.map(|directory| directory.display().to_string()))
}

fn lookups(rules: &RuleSet, settings: &Settings, ids: &[Arc<str>]) -> lookup::Context {
    let context = context(settings, ids);
    let uses = catalog::events().map(|spec| (spec.name, rules.lookups(spec.name).to_vec())).collect();
    lookup::Context { secrets: context.secrets, attributes: context.attributes, uses, prices: None }
}

impl ShadowPlan {
    /// The fields of people that its lookups of type directory name; none where there is no such lookup.
    pub(super) fn directory_fields(&self) -> Option<Vec<FieldPath>> {
        self.lookups.directory_fields()
    }
}

/// The shadow that a server is to have beside its rules. What is wrong with it is told, and costs it alone.
pub(super) struct Beside {
    /// What is wrong, or odd.
    pub(super) findings: Diagnostics,
    /// The rules, and what the journal keeps of them.
    judges: Option<(usize, RuleText)>,
    is_named: bool,
}

/// Makes it ready. Nothing is told, and nothing kept, before [`Beside::begin`]. Its lookups share no answers with the real
/// ones, and hold no value for anybody.
pub(super) fn ready(
    loaded: &Loaded,
    source: &Source,
    lasting: &Lasting,
    directory: Option<&Arc<Directory>>,
) -> (Option<Shadow>, Beside) {
    let (plan, mut findings) = shadow(loaded);
    let mut more = Diagnostics::default();
    let secrets = loaded.secrets();
    let (clock, metrics) = (&source.clock, &lasting.metrics);
    let tools = lookup::Tools { secrets: &secrets, clock, metrics, previous: None };
    let ready = plan.and_then(|plan| Some((plan.lookups.prepare(&tools, &mut more)?, plan)));
    for mut finding in more {
        finding.message = format!("shadow file: {}", finding.message);
        findings.push(finding);
    }
    let is_named = loaded.shadow.is_some();
    let Some((lookups, plan)) = ready else { return (None, Beside { findings, judges: None, is_named }) };
    if let Some(directory) = directory {
        lookups.introduce(Arc::new(OnlyAsks(directory.clone())));
    }
    let except = source.registry.handlers().unwrap_or_default().into_iter().map(|(event, _)| event).collect();
    let shadow = Shadow::new(plan.rules.clone(), &plan.text.hash, except, clock.clone(), metrics.clone());
    let beside = Beside { findings, judges: Some((plan.rules.len(), plan.text)), is_named };
    (Some(shadow.with_lookups(lookups, plan.own)), beside)
}

impl Beside {
    /// It is put in force: its rules are kept, before any entry that names them.
    pub(super) fn begin(self, lasting: &Lasting) -> Diagnostics {
        match self.judges {
            Some((rules, text)) => {
                tracing::info!(rules, "the shadow file judges beside the rules");
                drop(lasting.journal.keep_rule_set(text.hash, text.text.into_bytes()));
            }
            None if self.is_named => tracing::warn!("the shadow file judges nothing until it is right"),
            None => {}
        }
        self.findings
    }
}

/// The people, for whoever only tries rules: it must take no value from those who are really to have it.
struct OnlyAsks(Arc<Directory>);

impl People for OnlyAsks {
    fn find<'a>(&'a self, sought: Sought<'a>) -> BoxFuture<'a, Result<Answer, Failure>> {
        self.0.find(Sought { reserve: None, ..sought })
    }
}
