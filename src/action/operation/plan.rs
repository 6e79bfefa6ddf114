//! Templates, checked and compiled for each event that an action follows.

use std::sync::Arc;

use reqwest::Url;

use super::content::{Content, Pairs};
use super::lists::Way;
use super::raw::{Confirm, RawOperation};
use super::run::Steps;
use super::{Reading, STEP, WORD, caution};
use crate::action::api::{self, Api};
use crate::action::headers::Texts;
use crate::action::set::Tools;
use crate::action::{Action, kind, written};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::Node;
use crate::event::{FieldPath, Spec};
use crate::expr::{Expression, Type};
use crate::outgoing::Method;
use crate::scope::{Address, Names};

/// What an action that runs operations needs beside a job and secrets.
#[derive(Debug)]
pub(in crate::action) struct Plan {
    pub(in crate::action) api: api::Plan,
    pub(in crate::action) reading: Arc<dyn Reading>,
    /// Whether parts of what is answered are kept.
    pub(in crate::action) captures: bool,
    pub(in crate::action) events: Vec<(&'static str, EventPlan)>,
}

/// The operations for one event, in the order in which they are run.
#[derive(Debug)]
pub(in crate::action) struct EventPlan {
    /// Without granted secret fields: addresses end up in logs.
    pub(super) plain: Names,
    pub(super) granted: Names,
    pub(super) headers: Texts,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) when: Option<Expression>,
    pub(super) address: Address,
    pub(super) query: Pairs,
    pub(super) content: Content,
    pub(super) expect: Vec<u16>,
    pub(super) lists: Vec<Way>,
    pub(super) act: Option<Act>,
    pub(super) confirm: Option<Confirm>,
}

/// An act on a task: its word, and those that the task allows.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) word: Expression,
    pub(super) possible: Expression,
}

/// An operation as it is written, by its name, with its place.
pub(in crate::action) type Written<'a> = (&'a str, &'a RawOperation, &'a Node);

impl kind::Plan for Plan {
    fn lookups(&self, event: &str) -> Vec<Arc<str>> {
        let own = self.events.iter().find(|(name, _)| *name == event).map(|(_, plan)| plan);
        own.map_or_else(Vec::new, |plan| [plan.plain.lookups(), plan.granted.lookups()].concat())
    }

    fn prepare(self: Arc<Self>, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn Action>> {
        let api = Api::prepare(&self.api, tools, findings)?;
        Some(Arc::new(Steps::new(self, api)))
    }
}

impl EventPlan {
    /// Compiles operations for one event. What is wrong with them whatever the event is said by [`check`].
    pub(in crate::action) fn compile(
        written: &written::Written<'_>,
        spec: &'static Spec,
        base: &Url,
        operations: &[Written<'_>],
        findings: &mut Diagnostics,
    ) -> Option<Self> {
        let before = findings.errors();
        let steps: Vec<&str> = operations.iter().map(|(name, ..)| *name).collect();
        let acts = operations.iter().any(|(_, raw, _)| raw.word.is_some());
        let names = |granted: &[FieldPath]| {
            let names = written.names(spec, granted).with_family(STEP, &steps);
            if acts { names.with_variable(WORD, Type::String, &[]) } else { names }
        };
        let (mut plain, mut granted) = (names(&[]), names(&written.granted_on(spec)));
        let headers = api::texts(written, &mut granted, findings);
        let steps: Vec<Option<Step>> =
            operations.iter().map(|written| Step::compile(written, base, &mut plain, &mut granted, findings)).collect();
        let steps: Option<Vec<Step>> = steps.into_iter().collect();
        written.note_unknown(&mut plain);
        written.note_unknown(&mut granted);
        let plan = Self { headers, steps: steps?, plain, granted };
        (findings.errors() == before).then_some(plan)
    }
}

impl Step {
    fn compile(
        (name, raw, node): &Written<'_>,
        base: &Url,
        plain: &mut Names,
        granted: &mut Names,
        findings: &mut Diagnostics,
    ) -> Option<Self> {
        // An operation may be written in the action's own table, which has a `when` of its own.
        let mut compile = |key: &str, text: &Option<String>, kind: Type| match node.get(key).filter(|_| text.is_some())
        {
            None => Some(None),
            Some(node) => plain.compile(node, kind, findings).map(Some),
        };
        let when = compile("when", &raw.when, Type::Bool);
        let word = compile("word", &raw.word, Type::String);
        let possible = compile("possible", &raw.possible, Type::List);
        let address = node.get("path").and_then(|path| Address::below(base, path, plain, "action-operation", findings));
        let query = Pairs::compile(node.get("query"), plain, findings);
        let content = Content::compile(raw, node, granted, findings);
        Some(Self {
            name: (*name).to_owned(),
            method: method(raw),
            when: when?,
            address: address?,
            query: query?,
            content: content?,
            expect: raw.expect.clone(),
            lists: raw.lists.iter().filter_map(|way| Way::parse(way)).collect(),
            act: word?.zip(possible?).map(|(word, possible)| Act { word, possible }),
            confirm: raw.confirm,
        })
    }
}

/// The method that is written, or that goes with what is sent.
pub(super) fn method(raw: &RawOperation) -> Method {
    let sends = raw.body.is_some() || raw.form.is_some() || raw.multipart.is_some();
    raw.method.unwrap_or(if sends { Method::Post } else { Method::Get })
}

/// Finds what is wrong with an operation whatever the event. `has_when` is whether the action itself says when it is wanted.
pub(in crate::action) fn check(
    (name, raw, node): &Written<'_>,
    has_when: bool,
    undocumented: &str,
    findings: &mut Diagnostics,
) {
    let place = |key: &str| node.entry(key).map_or(&node.place, |entry| &entry.key);
    let mut refuse = |key: &str, message: String, hint: &str| {
        let finding = Diagnostic::error("action-operation", message).at(place(key));
        findings.push(if hint.is_empty() { finding } else { finding.hint(hint) });
    };
    let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_name || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        refuse("", format!("`{name}` is no operation's name"), "a lower-case letter, then letters, digits and `_`");
    }
    if raw.path.as_deref().is_none_or(str::is_empty) && (node.get("path").is_none() || raw.path.is_some()) {
        refuse("path", format!("the operation `{name}` has no `path`"), undocumented);
    }
    let contents = [("body", raw.body.is_some()), ("form", raw.form.is_some()), ("multipart", raw.multipart.is_some())];
    let contents: Vec<&str> = contents.iter().filter(|(_, there)| *there).map(|(key, _)| *key).collect();
    if let [first, second, ..] = contents[..] {
        refuse(second, format!("`{first}` and `{second}` are two forms of the same"), "");
    }
    if let (Method::Get, [first, ..]) = (method(raw), &contents[..]) {
        refuse(first, "nothing is sent with a GET but its query".to_owned(), "write `query`, or another `method`");
    }
    if let Some(status) = raw.expect.iter().find(|status| !(200..=599).contains(*status)) {
        refuse("expect", format!("{status} is no status of an answer"), "such as 201");
    }
    if let Some(way) = raw.lists.iter().find(|way| Way::parse(way).is_none()) {
        refuse("lists", format!("`{way}` is no way to a list"), "such as \"$.items\"; `$` is the whole answer");
    }
    match (&raw.word, &raw.possible) {
        (Some(_), None) => refuse(
            "word",
            "an act on a task takes the words that the task allows".to_owned(),
            "fetch the task in a step before, and write `possible = 'step.task.possibleActions'`",
        ),
        (None, Some(_)) => refuse("possible", "`possible` goes with `word`".to_owned(), ""),
        (Some(_), Some(_)) if !has_when => refuse(
            "word",
            "a task is acted on only by a rule that says so".to_owned(),
            "write `when` beside the action's `type`: for whom, and under which condition",
        ),
        (Some(_), Some(_)) | (None, None) => {}
    }
    if let Some(caution) = caution::of(name, raw)
        && raw.confirm != Some(caution)
    {
        let word = caution.word();
        let hint = format!("write `confirm = \"{word}\"` where that is meant");
        refuse("path", format!("the operation `{name}` looks like one that cannot be taken back ({word})"), &hint);
    }
}
