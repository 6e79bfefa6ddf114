//! Which rules tests have reached, and which sides of their conditions.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::rules::{Explained, RuleOutcome, RuleSet};

/// What tests have reached so far.
#[derive(Debug, Default)]
pub struct Coverage {
    rules: HashMap<(&'static str, Arc<str>), Counts>,
    /// By rule and part: whether it was seen true, and false.
    sides: HashMap<(Arc<str>, String), Sides>,
}

/// By place in the source.
type Sides = HashMap<(usize, usize), [bool; 2]>;

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    held: usize,
    not_held: usize,
    erred: usize,
}

/// How often tests have reached a rule on one of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCoverage {
    /// The event.
    pub event: &'static str,
    /// The rule's id.
    pub rule: Arc<str>,
    /// How often it held.
    pub held: usize,
    /// How often it did not.
    pub not_held: usize,
    /// How often it could not be evaluated.
    pub erred: usize,
}

/// What of a rule no test has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The rule's id.
    pub rule: Arc<str>,
    /// The rule's key: `when`, `map`, `set.displayName`.
    pub key: String,
    /// Which part of the text under that key, in bytes.
    pub span: Range<usize>,
    /// What was not seen of it.
    pub unseen: Unseen,
}

/// What was not seen of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// It was never true.
    True,
    /// It was never false.
    False,
    /// It was never evaluated to either.
    Both,
}

impl RuleCoverage {
    /// How often it was reached at all.
    pub fn reached(&self) -> usize {
        self.held + self.not_held + self.erred
    }
}

impl Unseen {
    fn of([seen_true, seen_false]: [bool; 2]) -> Option<Self> {
        match (seen_true, seen_false) {
            (true, true) => None,
            (false, true) => Some(Self::True),
            (true, false) => Some(Self::False),
            (false, false) => Some(Self::Both),
        }
    }

    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "never true",
            Self::False => "never false",
            Self::Both => "never evaluated",
        }
    }
}

impl Coverage {
    /// An event was decided.
    pub(super) fn add(&mut self, event: &'static str, explained: &Explained) {
        for (rule, parts) in explained.judged.trace.rules().zip(&explained.rules) {
            let counts = self.rules.entry((event, rule.id.clone())).or_default();
            match rule.outcome {
                RuleOutcome::Held { .. } => counts.held += 1,
                RuleOutcome::NotHeld => counts.not_held += 1,
                RuleOutcome::Erred(_) => counts.erred += 1,
                RuleOutcome::NotReached | RuleOutcome::OutOfTime => {}
            }
            for part in parts {
                let sides = self.sides.entry((rule.id.clone(), part.key.clone())).or_default();
                for step in &part.steps {
                    if let Ok(serde_json::Value::Bool(truth)) = step.value {
                        let seen = sides.entry((step.span.start, step.span.end)).or_default();
                        seen[usize::from(!truth)] = true;
                    }
                }
            }
        }
    }

    /// Each rule on each of its events.
    pub fn rules(&self, rules: &RuleSet) -> Vec<RuleCoverage> {
        let covered = rules.outlines().map(|rule| {
            let counts = self.rules.get(&(rule.event, rule.id.clone())).copied().unwrap_or_default();
            let Counts { held, not_held, erred } = counts;
            RuleCoverage { event: rule.event, rule: rule.id.clone(), held, not_held, erred }
        });
        covered.collect()
    }

    /// The conditions, and the parts of them, that were not seen both ways, on whatever event.
    pub fn gaps(&self, rules: &RuleSet) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        for (rule, key, span) in conditions(rules) {
            let unseen = Unseen::of(self.seen(&rule, &key, &span));
            gaps.extend(unseen.map(|unseen| Gap { rule, key, span, unseen }));
        }
        gaps
    }

    /// How many points are covered, of how many: each rule on each event that is reached, and both sides of each condition.
    pub fn points(&self, rules: &RuleSet) -> (usize, usize) {
        let reached = self.rules(rules);
        let mut covered = reached.iter().filter(|rule| rule.reached() > 0).count();
        let mut all = reached.len();
        for (rule, key, span) in conditions(rules) {
            covered += self.seen(&rule, &key, &span).into_iter().filter(|seen| *seen).count();
            all += 2;
        }
        (covered, all)
    }

    fn seen(&self, rule: &Arc<str>, key: &str, span: &Range<usize>) -> [bool; 2] {
        let sides = self.sides.get(&(rule.clone(), key.to_owned()));
        sides.and_then(|sides| sides.get(&(span.start, span.end))).copied().unwrap_or_default()
    }
}

/// Each condition of each rule, once: the whole of a `when`, and what branches within any expression.
fn conditions(rules: &RuleSet) -> Vec<(Arc<str>, String, Range<usize>)> {
    let mut found: IndexMap<(Arc<str>, String, usize, usize), ()> = IndexMap::new();
    for rule in rules.outlines() {
        for (key, expression) in &rule.parts {
            if key == "when" && rule.conditional {
                let whole = expression.whole();
                found.insert((rule.id.clone(), key.clone(), whole.start, whole.end), ());
            }
            for span in expression.branches() {
                found.insert((rule.id.clone(), key.clone(), span.start, span.end), ());
            }
        }
    }
    found.into_keys().map(|(rule, key, start, end)| (rule, key, start..end)).collect()
}
