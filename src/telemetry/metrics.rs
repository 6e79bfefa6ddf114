//! Every metric, in one block. Help texts are the documents' as well.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The media type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the duration buckets, in seconds: a verdict takes microseconds, its deadline is seconds.
const BUCKETS: [f64; 12] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0];

/// Upper bounds of the waits for a first attempt, in seconds.
const WAITS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 10.0, 60.0, 600.0];

/// What an answered event is counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Answered {
    event: &'static str,
    outcome: &'static str,
    cause: &'static str,
}

/// What an event's entry is counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Recorded {
    event: &'static str,
    record: &'static str,
}

/// What something that was to be performed is counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Performed {
    event: &'static str,
    result: &'static str,
}

/// What an attempt to deliver is counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Attempted {
    action: String,
    result: &'static str,
}

/// What is told of an action.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfAction {
    action: String,
}

/// What a decision that a guard held back is counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HeldBack {
    guard: String,
    event: &'static str,
    cause: &'static str,
}

/// What an event that a shadow file judges is counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Shadowed {
    event: &'static str,
    difference: &'static str,
}

/// What is told of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfRule {
    rule: String,
}

/// What is told of a guard.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfGuard {
    guard: String,
}

/// What the asking of a lookup is counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LookedUp {
    lookup: String,
    outcome: &'static str,
}

/// What is told of a lookup.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfLookup {
    lookup: String,
}

/// A histogram for each lookup.
type Durations = Family<OfLookup, Histogram, fn() -> Histogram>;

/// What a refused request is counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Refused {
    code: &'static str,
}

/// What a reload is counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Reloaded {
    result: &'static str,
}

/// The server's metrics. Cloning gives another handle on the same numbers.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    events: Family<Answered, Counter>,
    records: Family<Recorded, Counter>,
    performances: Family<Performed, Counter>,
    attempts: Family<Attempted, Counter>,
    circuits: Family<OfAction, Gauge>,
    lookups: Family<LookedUp, Counter>,
    lookup_seconds: Option<Durations>,
    waits: Option<Histogram>,
    held_back: Family<HeldBack, Counter>,
    trips: Family<OfGuard, Counter>,
    guarded: Family<OfGuard, Gauge>,
    shadow: Family<Shadowed, Counter>,
    shadow_rules: Family<OfRule, Counter>,
    refusals: Family<Refused, Counter>,
    reloads: Family<Reloaded, Counter>,
    rule_errors: Counter,
    late: Counter,
    in_flight: Gauge,
    rules: Gauge,
    journal: Gauge,
    seconds: Option<Histogram>,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        Self {
            seconds: Some(Histogram::new(BUCKETS)),
            waits: Some(Histogram::new(WAITS)),
            lookup_seconds: Some(Family::new_with_constructor(|| Histogram::new(BUCKETS))),
            ..Self::default()
        }
    }

    /// An event was answered.
    pub fn answered(&self, event: &'static str, outcome: &'static str, cause: &'static str, took: Duration) {
        self.events.get_or_create(&Answered { event, outcome, cause }).inc();
        if let Some(seconds) = &self.seconds {
            seconds.observe(took.as_secs_f64());
        }
    }

    /// An event was kept, or not: `kept`, `repeat`, `queued`, `off`, `unrecorded` or `refused`.
    pub fn recorded(&self, event: &'static str, record: &'static str) {
        self.records.get_or_create(&Recorded { event, record }).inc();
    }

    /// What was to be performed for an event ended so: `done`, `rejected`, `failed`, `late`, or there was `nothing` to do.
    pub fn performed(&self, event: &'static str, result: &'static str) {
        self.performances.get_or_create(&Performed { event, result }).inc();
    }

    /// An attempt to deliver ended so: `done`, `retry`, `dead` or `dropped`.
    pub fn attempted(&self, action: &str, result: &'static str) {
        self.attempts.get_or_create(&Attempted { action: action.to_owned(), result }).inc();
    }

    /// A delivery was attempted for the first time, so long after its event was kept.
    pub fn first_attempt(&self, waited: Duration) {
        if let Some(waits) = &self.waits {
            waits.observe(waited.as_secs_f64());
        }
    }

    /// An action's target counts as dead, or no longer.
    pub fn set_circuit(&self, action: &str, open: bool) {
        self.circuits.get_or_create(&OfAction { action: action.to_owned() }).set(i64::from(open));
    }

    /// A guard held a decision back that came about so; `tripped` where it is the first since it last had room.
    pub fn held_back(&self, guard: &str, event: &'static str, cause: &'static str, tripped: bool) {
        self.held_back.get_or_create(&HeldBack { guard: guard.to_owned(), event, cause }).inc();
        if tripped {
            self.trips.get_or_create(&OfGuard { guard: guard.to_owned() }).inc();
        }
    }

    /// How many persons a guard holds.
    pub fn set_guarded(&self, guard: &str, persons: usize) {
        let persons = i64::try_from(persons).unwrap_or(i64::MAX);
        self.guarded.get_or_create(&OfGuard { guard: guard.to_owned() }).set(persons);
    }

    /// A shadow file judged an event, too, and came to this difference: `none`, its word, or `left_out` where it did not
    /// come to it.
    pub fn shadow(&self, event: &'static str, difference: &'static str) {
        self.shadow.get_or_create(&Shadowed { event, difference }).inc();
    }

    /// A shadow rule held.
    pub fn shadow_rule_held(&self, rule: &str) {
        self.shadow_rules.get_or_create(&OfRule { rule: rule.to_owned() }).inc();
    }

    /// An event waited so long for a lookup, which was `fetched`, `cached`, `stale`, `empty`, `failed` or `late`.
    pub fn looked_up(&self, lookup: &str, outcome: &'static str, waited: Duration) {
        self.lookups.get_or_create(&LookedUp { lookup: lookup.to_owned(), outcome }).inc();
        if let Some(seconds) = &self.lookup_seconds {
            seconds.get_or_create(&OfLookup { lookup: lookup.to_owned() }).observe(waited.as_secs_f64());
        }
    }

    /// A request was refused with this code.
    pub fn refused(&self, code: &'static str) {
        self.refusals.get_or_create(&Refused { code }).inc();
    }

    /// The configuration was read again: `applied`, `unchanged` or `rejected`.
    pub fn reloaded(&self, result: &'static str) {
        self.reloads.get_or_create(&Reloaded { result }).inc();
    }

    /// A rule could not be evaluated.
    pub fn rule_erred(&self) {
        self.rule_errors.inc();
    }

    /// A reply was handed over after its deadline.
    pub fn late(&self) {
        self.late.inc();
    }

    /// How many requests are worked on.
    pub fn set_in_flight(&self, requests: usize) {
        self.in_flight.set(i64::try_from(requests).unwrap_or(i64::MAX));
    }

    /// Whether the journal takes entries.
    pub fn set_journal(&self, writes: bool) {
        self.journal.set(i64::from(writes));
    }

    /// How many rules are in force.
    pub fn set_rules(&self, rules: usize) {
        self.rules.set(i64::try_from(rules).unwrap_or(i64::MAX));
    }

    /// Everything in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut registry = Registry::with_prefix("hookreeve");
        registry.register("events", "Events that were answered", self.events.clone());
        let help = "What was to be performed while the sender waits, by what became of it";
        registry.register("performances", help, self.performances.clone());
        registry.register("records", "What became of the journal's entry of an event", self.records.clone());
        registry.register("attempts", "Attempts to deliver, by what came of them", self.attempts.clone());
        registry.register("circuit_open", "Whether an action's target counts as dead", self.circuits.clone());
        registry.register("lookups", "Lookups that events waited for, by what came of them", self.lookups.clone());
        if let Some(seconds) = &self.lookup_seconds {
            registry.register("lookup_seconds", "How long an event waited for a lookup", seconds.clone());
        }
        if let Some(waits) = &self.waits {
            let help = "From the acknowledgement of an event to the first attempt to deliver it";
            registry.register("first_attempt_seconds", help, waits.clone());
        }
        registry.register("held_back", "Decisions that a guard held back", self.held_back.clone());
        registry.register("guard_trips", "Times a guard began to hold persons", self.trips.clone());
        registry.register("guarded_persons", "Persons whom a guard holds", self.guarded.clone());
        let help = "Events that the shadow file's rules judged, too, by how they differ";
        registry.register("shadow", help, self.shadow.clone());
        registry.register("shadow_rule_holds", "Times a shadow rule held", self.shadow_rules.clone());
        registry.register("refusals", "Requests that were refused before they were an event", self.refusals.clone());
        registry.register("reloads", "Times the configuration was read again", self.reloads.clone());
        registry.register("rule_errors", "Rules that could not be evaluated", self.rule_errors.clone());
        registry.register("late_replies", "Replies handed over after their deadline", self.late.clone());
        registry.register("in_flight", "Requests that are worked on now", self.in_flight.clone());
        registry.register("rules", "Rules in force", self.rules.clone());
        registry.register("journal_up", "Whether the journal takes entries", self.journal.clone());
        if let Some(seconds) = &self.seconds {
            let help = "From the last byte of an event to its reply";
            registry.register("event_duration_seconds", help, seconds.clone());
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_in_the_text() {
        let metrics = Metrics::new();
        metrics.answered("validateUser", "refused", "decided", Duration::from_micros(80));
        metrics.refused("unauthorized");
        metrics.set_rules(3);
        let text = metrics.encode();
        for line in [
            r#"hookreeve_events_total{event="validateUser",outcome="refused",cause="decided"} 1"#,
            r#"hookreeve_refusals_total{code="unauthorized"} 1"#,
            "hookreeve_rules 3",
            "hookreeve_event_duration_seconds_count 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} in\n{text}");
        }
    }
}
