//! One kept event, opened to be judged again, and what judges it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::event::{Decision, Event, catalog};
use crate::facts::{Answer, Fact, FactSource, Facts};
use crate::journal::{self, Entry};
use crate::lookup::LookupSet;
use crate::record::{ReadError, Record};
use crate::rules::{Explained, Judged, RuleError, RuleSet, Stopwatch};

use super::Verdict;

/// Why a lookup has no answer that nobody recorded.
const NOT_RECORDED: &str = "its answer was not recorded";

/// A kept event, with what is known of the first time.
#[derive(Debug)]
pub struct Case<'a> {
    entry: &'a Entry,
    record: Record<'a>,
    event: Arc<Event>,
    facts: Facts,
    /// Whether they were looked up now.
    is_live: bool,
}

/// Rules that judge again, but for events that the program has a handler of its own for.
#[derive(Clone, Debug)]
pub struct Court {
    rules: Arc<RuleSet>,
    handled: Vec<&'static str>,
    distrusted: Vec<String>,
    lookups: Option<Arc<LookupSet>>,
}

/// Why it cannot be told what rules would say, or have said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Untold {
    /// The payload was destroyed.
    #[error("its person was forgotten")]
    Forgotten,
    /// The payload cannot be opened.
    #[error("it is sealed under a key that is not set in [journal] encryption_key")]
    Sealed,
    /// The payload has names and no values.
    #[error("its body was kept masked")]
    Masked,
    /// The payload was not kept, or is none.
    #[error("{0}")]
    Record(String),
    /// It was not rules that decide such an event.
    #[error("this program has a handler of its own for {0}")]
    Handled(&'static str),
    /// A rule asks for what nobody looked up then.
    #[error("rule `{0}` asks for a lookup that was not recorded then")]
    Fact(String),
    /// A rule asks for what cannot be looked up now.
    #[error("rule `{0}` asks for a lookup that failed now: {1}")]
    Failed(String, String),
    /// It was not rules that decided it then.
    #[error("its answer was the fallback then, for rules did not decide it in time")]
    Fallback,
}

impl<'a> Case<'a> {
    /// Opens a kept event, whose record must have been read.
    pub fn open(entry: &'a Entry) -> Result<Self, Untold> {
        let record = match &entry.record {
            journal::Record::Bytes(bytes) => Record::parse(bytes)?,
            journal::Record::Forgotten => return Err(Untold::Forgotten),
            journal::Record::Sealed => return Err(Untold::Sealed),
            journal::Record::Unread => return Err(Untold::Record("it was not read".to_owned())),
        };
        if record.is_masked() {
            return Err(Untold::Masked);
        }
        let event = record.event_of(&entry.event, entry.received_at, &entry.tenant, || entry.id.to_string())?;
        let facts = record.facts();
        Ok(Self { entry, record, event: Arc::new(event), facts, is_live: false })
    }

    /// The same as if lookups had found this.
    #[must_use]
    pub fn with_facts(self, facts: Facts) -> Self {
        Self { facts, is_live: true, ..self }
    }

    /// Nothing can be told, either, where a rule that counts errs by a lookup that fails now.
    fn looked_up(&self, judged: &Judged) -> Result<(), Untold> {
        for fact in &self.facts {
            let Err(why) = &fact.answer else { continue };
            let by_it = format!("lookup `{}` failed: {why}", fact.lookup);
            let mut errors = judged.trace.errors().filter(|(rule, _)| !rule.shadow);
            if let Some((rule, _)) = errors.find(|(_, error)| error.message.contains(&by_it)) {
                return Err(Untold::Failed(rule.id.to_string(), by_it));
            }
        }
        Ok(())
    }

    /// The event as it was, without its secret fields.
    pub fn event(&self) -> &Arc<Event> {
        &self.event
    }

    /// What lookups found then.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Its entry.
    pub fn entry(&self) -> &'a Entry {
        self.entry
    }

    /// What is kept of it.
    pub fn record(&self) -> &Record<'a> {
        &self.record
    }

    /// What was answered then, whoever decided it.
    pub fn answered(&self) -> Verdict<'_> {
        Verdict::recorded(self.entry, &self.record)
    }

    /// What was decided then, where rules decided it.
    pub fn recorded(&self) -> Result<Verdict<'_>, Untold> {
        let known = catalog::find(&self.entry.event).is_some();
        if !known || self.record.trace.iter().any(|note| note.did == "out_of_time") {
            return Err(Untold::Fallback);
        }
        match (self.entry.cause.as_str(), &self.record.held) {
            ("decided" | "released", _) => Ok(self.answered()),
            // What went out was not what the rules said.
            ("guarded", Some(held)) if !held.fallback => {
                Ok(Verdict::held_back(&held.decision, self.entry, &self.record))
            }
            _ => Err(Untold::Fallback),
        }
    }
}

impl Court {
    /// These rules, where the program has handlers of its own for the events `handled`.
    pub fn new(rules: Arc<RuleSet>, handled: Vec<&'static str>) -> Self {
        Self { rules, handled, distrusted: Vec::new(), lookups: None }
    }

    /// The same, who knows by these lookups where nothing is asked, so that nobody had to record an answer.
    #[must_use]
    pub fn knowing(self, lookups: Arc<LookupSet>) -> Self {
        Self { lookups: Some(lookups), ..self }
    }

    /// The same, to whom what was recorded of these lookups is nothing: they are others now.
    #[must_use]
    pub fn distrusting(self, lookups: Vec<String>) -> Self {
        Self { distrusted: lookups, ..self }
    }

    /// The rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Judges a kept event by what lookups found then.
    pub fn judge(&self, case: &Case<'_>) -> Result<Judged, Untold> {
        self.concerns(case)?;
        let judged = self.rules.decide(&case.event, &self.facts(case), &Stopwatch::stopped());
        told(&judged)?;
        if case.is_live {
            case.looked_up(&judged)?;
        }
        Ok(judged)
    }

    /// The same, and of each rule that was not reached whether it would have held; not of one that asks for what nobody
    /// looked up then.
    pub(super) fn survey(&self, case: &Case<'_>) -> Result<(Judged, BTreeMap<usize, bool>), Untold> {
        self.concerns(case)?;
        let (judged, beyond) = self.rules.survey(&case.event, &self.facts(case));
        told(&judged)?;
        let known = beyond.into_iter().filter_map(|(index, held)| match held {
            Ok(held) => Some((index, held)),
            Err(why) => (!why.ends_with(NOT_RECORDED)).then_some((index, false)),
        });
        Ok((judged, known.collect()))
    }

    /// The rule that refuses a kept event, where one does. This can often be told although a rule asks for what was not
    /// recorded: whether that one refuses too makes no difference to whoever is refused anyhow.
    pub fn refusal(&self, case: &Case<'_>) -> Result<Option<Arc<str>>, Untold> {
        self.concerns(case)?;
        let judged = self.rules.decide(&case.event, &self.facts(case), &Stopwatch::stopped());
        let refused = matches!(judged.decision, Decision::Refuse(_));
        let mut lacking = lacking(&judged);
        let makes_no_difference =
            |rule: &Arc<str>| judged.rule.as_ref() != Some(rule) && self.rules.denies(case.event.name(), rule);
        if !(refused && lacking.all(makes_no_difference)) {
            told(&judged)?;
        }
        Ok(refused.then(|| judged.rule.clone().unwrap_or_default()))
    }

    /// The same with the values of everything that was evaluated; also where a rule asks for what was not recorded, which is
    /// that rule's error then.
    pub fn explain(&self, case: &Case<'_>) -> Result<Explained, Untold> {
        self.concerns(case)?;
        Ok(self.rules.explain(&case.event, &self.facts(case)))
    }

    /// What was recorded, and that the rest was not.
    fn facts<'a>(&self, case: &'a Case<'_>) -> Cow<'a, Facts> {
        let named = self.rules.lookups(case.event.name());
        let is_known = |lookup: &Arc<str>| {
            case.facts.get(lookup).is_some() && !self.distrusted.iter().any(|other| **other == **lookup)
        };
        if named.iter().all(is_known) {
            return Cow::Borrowed(&case.facts);
        }
        let is_not_asked =
            |lookup: &str| self.lookups.as_ref().is_some_and(|lookups| lookups.is_not_asked(lookup, &case.event));
        let missing = named.iter().filter(|lookup| !is_known(lookup)).map(|lookup| Fact {
            lookup: lookup.clone(),
            answer: if is_not_asked(lookup) { Ok(Answer::nothing()) } else { Err(NOT_RECORDED.to_owned()) },
            source: FactSource::Given,
            as_of: case.event.received_at(),
            took: Duration::ZERO,
        });
        Cow::Owned(case.facts.iter().filter(|fact| is_known(&fact.lookup)).cloned().chain(missing).collect())
    }

    fn concerns(&self, case: &Case<'_>) -> Result<(), Untold> {
        match self.handled.iter().find(|name| name.eq_ignore_ascii_case(case.event.name())) {
            Some(name) => Err(Untold::Handled(name)),
            None => Ok(()),
        }
    }
}

/// Nothing can be told where a rule that counts asks for what nobody knows any more.
fn told(judged: &Judged) -> Result<(), Untold> {
    match lacking(judged).next() {
        Some(rule) => Err(Untold::Fact(rule.to_string())),
        None => Ok(()),
    }
}

/// The rules that count and ask for what nobody knows any more.
fn lacking(judged: &Judged) -> impl Iterator<Item = &Arc<str>> {
    let errors = judged.trace.errors().filter(|(rule, error)| !rule.shadow && is_unrecorded(error));
    errors.map(|(rule, _)| rule.id)
}

/// Whether a rule erred only because a lookup's answer was not recorded.
pub(super) fn is_unrecorded(error: &RuleError) -> bool {
    error.message.ends_with(NOT_RECORDED)
}

impl From<ReadError> for Untold {
    fn from(error: ReadError) -> Self {
        Self::Record(error.to_string())
    }
}
