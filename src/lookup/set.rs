//! Lookups that are correct, and those that are ready to be asked.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::asking::{Asking, Unasked};
use super::frame::{Frame, Terms};
use super::{People, Source, csv, directory, http, sql};
use crate::base::clock::Clock;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::secret::{Secret, SecretSource, SecretText};
use crate::event::{Event, FieldPath};
use crate::facts::Facts;
use crate::telemetry::metrics::Metrics;

/// Lookups that are correct, in the order written.
#[derive(Debug, Default)]
pub struct LookupSet {
    pub(super) lookups: Vec<Arc<Definition>>,
}

/// One lookup, as far as it is known before it is asked.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) id: Arc<str>,
    pub(super) terms: Terms,
    /// The table as it was written.
    pub(super) written: serde_json::Value,
    /// What it is asked, for each event on which something names it.
    pub(super) askings: Vec<Asking>,
    pub(super) plan: Plan,
}

/// What a lookup of each kind needs beside a question.
#[derive(Debug)]
pub(super) enum Plan {
    Csv(csv::Plan),
    Directory(Arc<directory::Plan>),
    Http(http::Plan),
    Sql(sql::Plan),
}

/// What making lookups ready takes.
pub struct Tools<'a> {
    /// Where secrets are kept.
    pub secrets: &'a dyn SecretSource,
    /// The clock.
    pub clock: &'a Clock,
    /// Where lookups are counted.
    pub metrics: &'a Metrics,
    /// Those that were in force until now: a lookup that stays the same keeps its answers.
    pub previous: Option<&'a Lookups>,
}

impl Tools<'_> {
    /// A secret that a lookup names.
    pub(super) fn secret(&self, text: &SecretText, place: &Place, findings: &mut Diagnostics) -> Option<Secret> {
        let missing = |error: crate::base::secret::SecretError| {
            let finding = Diagnostic::error("missing-secret", error.to_string()).at(place).hint(error.remedy());
            findings.push(finding.without_line());
        };
        text.resolve(self.secrets).map_err(missing).ok()
    }
}

/// Lookups that are ready to be asked.
#[derive(Default)]
pub struct Lookups {
    /// Those of each event, in the order written.
    events: Vec<(&'static str, Vec<Arc<Frame>>)>,
    /// Through which those of type directory find people.
    door: directory::Door,
}

impl LookupSet {
    /// How many lookups there are.
    pub fn len(&self) -> usize {
        self.lookups.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lookups.is_empty()
    }

    /// The fields of people that lookups of type directory name; none where there is no such lookup.
    pub fn directory_fields(&self) -> Option<Vec<FieldPath>> {
        let plans = self.lookups.iter().filter_map(|lookup| match &lookup.plan {
            Plan::Directory(plan) => Some(&plan.fields),
            Plan::Csv(_) | Plan::Http(_) | Plan::Sql(_) => None,
        });
        plans.fold(None, |all: Option<Vec<FieldPath>>, fields| {
            let mut all = all.unwrap_or_default();
            all.extend(fields.iter().cloned());
            Some(all)
        })
    }

    /// Whether a lookup has nothing to ask for an event, because what names the thing is empty: then it is not found, whatever
    /// its source knows.
    pub fn is_not_asked(&self, id: &str, event: &Event) -> bool {
        let lookup = self.lookups.iter().find(|lookup| &*lookup.id == id);
        let asking = lookup.and_then(|lookup| lookup.askings.iter().find(|asking| asking.event == event.name()));
        asking.is_some_and(|asking| asking.question(event) == Err(Unasked::Empty))
    }

    /// Reads the secrets and files that lookups name, and makes each ready to be asked. No server is asked yet, so that one
    /// that is down keeps nobody from starting. All that is missing or wrong goes to `findings`, each with its place; where
    /// one of them is an error there are no lookups.
    pub fn prepare(&self, tools: &Tools<'_>, findings: &mut Diagnostics) -> Option<Lookups> {
        let before = findings.errors();
        let mut ready = Lookups::default();
        for lookup in &self.lookups {
            let Some(source) = lookup.plan.prepare(tools, &ready.door, findings) else { continue };
            let previous = tools.previous.and_then(|previous| previous.find(&lookup.id));
            let frame = Frame::new(lookup, source, previous.map(Arc::as_ref), (tools.clock, tools.metrics));
            ready.add(&Arc::new(frame));
        }
        (findings.errors() == before).then_some(ready)
    }
}

impl Plan {
    fn prepare(
        &self,
        tools: &Tools<'_>,
        door: &directory::Door,
        findings: &mut Diagnostics,
    ) -> Option<Arc<dyn Source>> {
        match self {
            Self::Csv(plan) => csv::Csv::prepare(plan, findings).map(|made| Arc::new(made) as _),
            Self::Directory(plan) => Some(Arc::new(directory::Directory::new(plan, door))),
            Self::Http(plan) => http::Http::prepare(plan, tools, findings).map(|made| Arc::new(made) as _),
            Self::Sql(plan) => plan.prepare(tools, findings),
        }
    }
}

impl Lookups {
    /// Makes whoever knows the people known to those of type directory. The first one counts.
    pub fn introduce(&self, people: Arc<dyn People>) {
        let _ = self.door.set(people);
    }

    /// Whether an event of this name waits for none.
    pub fn is_idle(&self, event: &str) -> bool {
        self.of(event).is_empty()
    }

    /// What the lookups come to that something on this event names, all of them asked together, no later than `deadline`.
    pub async fn fetch(&self, event: &Arc<Event>, deadline: Instant) -> Facts {
        match self.of(event.name()) {
            [] => Facts::default(),
            [only] => Facts::from_iter([only.ask(event, deadline).await]),
            several => join_all(several.iter().map(|frame| frame.ask(event, deadline))).await.into_iter().collect(),
        }
    }

    fn of(&self, event: &str) -> &[Arc<Frame>] {
        self.events.iter().find(|(name, _)| *name == event).map_or(&[], |(_, frames)| frames)
    }

    fn find(&self, id: &str) -> Option<&Arc<Frame>> {
        self.events.iter().flat_map(|(_, frames)| frames).find(|frame| &*frame.lookup.id == id)
    }

    fn add(&mut self, frame: &Arc<Frame>) {
        for event in frame.lookup.askings.iter().map(|asking| asking.event) {
            match self.events.iter_mut().find(|(name, _)| *name == event) {
                Some((_, frames)) => frames.push(frame.clone()),
                None => self.events.push((event, vec![frame.clone()])),
            }
        }
    }
}
