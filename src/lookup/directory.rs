//! `type = "directory"`: the people that this server has seen. Who they are, and how their fields are compared, is told by
//! whoever keeps them; here is only what is asked.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::asking::Asking;
use super::compile::Written;
use super::{Asked, Failure, Source};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::future::BoxFuture;
use crate::base::tree::Node;
use crate::event::{Event, FieldPath};
use crate::facts::Answer;

/// Who knows the people.
pub trait People: Send + Sync {
    /// Looks for another person than that of the event. That nobody can say is a failure, never "not found".
    fn find<'a>(&'a self, sought: Sought<'a>) -> BoxFuture<'a, Result<Answer, Failure>>;
}

/// Who is looked for.
#[derive(Clone, Debug)]
pub struct Sought<'a> {
    /// The lookup's name.
    pub lookup: &'a str,
    /// The event on which it is asked.
    pub event: &'a Event,
    /// The other person has all of these: the field's path below the person, and a text.
    pub all: Vec<(Arc<str>, String)>,
    /// And none of these that are not empty.
    pub except: Vec<(Arc<str>, String)>,
    /// For how long values that nobody has are held for the person of the event.
    pub reserve: Option<Duration>,
    /// Which of the other person's fields are wanted.
    pub give: &'a [Arc<str>],
}

/// Where whoever knows the people comes in, once there is somebody.
pub(super) type Door = Arc<OnceLock<Arc<dyn People>>>;

/// The keys of the table, checked.
#[derive(Debug)]
pub(super) struct Plan {
    lookup: Arc<str>,
    matches: Vec<Arc<str>>,
    except: Vec<Arc<str>>,
    reserve: Option<Duration>,
    give: Vec<Arc<str>>,
    /// All of these fields.
    pub(super) fields: Vec<FieldPath>,
}

/// The lookup, ready to be asked.
pub(super) struct Directory {
    plan: Arc<Plan>,
    door: Door,
}

impl Plan {
    pub(super) fn compile(written: &Written<'_>, findings: &mut Diagnostics) -> Option<(Vec<Asking>, Self)> {
        let before = findings.errors();
        written.missing("match", "match = { mobile = 'text(user.?mobile)' }", findings);
        for key in ["cache", "stale_for", "cache_entries"] {
            if written.has(key) {
                let message = format!("`{key}` changes nothing: what the directory said a moment ago may be wrong now");
                findings.push(Diagnostic::warning("lookup-limits", message).at(written.key_place(key)));
            }
        }
        let reserve = written.raw.reserve.map(|time| time.0);
        if reserve == Some(Duration::ZERO) {
            let finding = Diagnostic::error("lookup-limits", "what is reserved is held for some time");
            findings.push(finding.at(written.place("reserve")).hint("leave it out where nothing is to be reserved"));
        }
        let mut fields = Vec::new();
        let matches = named(written, "match", &mut fields, findings);
        let except = named(written, "except", &mut fields, findings);
        if matches.is_empty() && findings.errors() == before {
            let finding = Diagnostic::error("lookup-directory", "no field is named by which people are found");
            findings.push(finding.at(written.place("match")));
        }
        let mut give: Vec<Arc<str>> = Vec::new();
        for node in written.entry.get("return").and_then(Node::as_array).unwrap_or_default() {
            give.extend(field(written, node.as_str().unwrap_or_default(), node, &mut fields, findings));
        }
        let askings = written.askings(findings, |asking, findings| {
            let errors = findings.errors();
            // Each of them is looked at, even if one before it is wrong.
            for (name, node) in &matches {
                let _ = asking.key(format!("match.{name}"), node, findings);
            }
            for (name, node) in &except {
                let _ = asking.free(format!("except.{name}"), node, findings);
            }
            (findings.errors() == errors).then_some(())
        });
        let names = |named: Vec<(Arc<str>, Node)>| named.into_iter().map(|(name, _)| name).collect();
        let plan = Self {
            lookup: written.raw.id.as_str().into(),
            matches: names(matches),
            except: names(except),
            reserve,
            give,
            fields,
        };
        (findings.errors() == before).then_some((askings, plan))
    }
}

/// The fields of a key with the expressions of what they must have.
fn named(
    written: &Written<'_>,
    key: &str,
    fields: &mut Vec<FieldPath>,
    findings: &mut Diagnostics,
) -> Vec<(Arc<str>, Node)> {
    let table = written.entry.get(key).and_then(Node::as_table);
    let mut named = Vec::new();
    for (name, entry) in table.into_iter().flatten() {
        let at = Node { value: entry.node.value.clone(), place: entry.key.clone() };
        let name = field(written, name, &at, fields, findings);
        named.extend(name.map(|name| (name, entry.node.clone())));
    }
    named
}

/// The field of that name, which `at` has the place of.
fn field(
    written: &Written<'_>,
    name: &str,
    at: &Node,
    fields: &mut Vec<FieldPath>,
    findings: &mut Diagnostics,
) -> Option<Arc<str>> {
    let wrong = match FieldPath::parse(name) {
        Ok(path) if written.is_secret(&path) => format!("`{name}` is a secret field, which the directory cannot keep"),
        Ok(path) => {
            let name = path.to_string().into();
            if !fields.contains(&path) {
                fields.push(path);
            }
            return Some(name);
        }
        Err(error) => error.to_string(),
    };
    let finding = Diagnostic::error("lookup-directory", wrong).at(&at.place);
    findings.push(finding.hint("fields are named from the person downwards: `mobile`, `\"address.city\"`"));
    None
}

impl Directory {
    pub(super) fn new(plan: &Arc<Plan>, door: &Door) -> Self {
        Self { plan: plan.clone(), door: door.clone() }
    }
}

impl Source for Directory {
    fn ask<'a>(&'a self, asked: &'a Asked) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let people = self.door.get().ok_or_else(|| Failure("no directory is kept here".to_owned()))?;
            let plan = &self.plan;
            let mut texts = asked.question.texts().into_iter();
            let all = plan.matches.iter().cloned().zip(texts.by_ref()).collect();
            let except = plan.except.iter().cloned().zip(texts).collect();
            people
                .find(Sought {
                    lookup: &plan.lookup,
                    event: &asked.event,
                    all,
                    except,
                    reserve: plan.reserve,
                    give: &plan.give,
                })
                .await
        })
    }

    /// Who has a value may change with the next notice, and whose a reservation is depends on who asks.
    fn is_shared(&self) -> bool {
        false
    }
}
