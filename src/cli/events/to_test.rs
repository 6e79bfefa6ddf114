//! `events to-test`: a recorded event as a `[[test]]`, with made-up values in place of a person's.

use clap::Args;
use serde_json::Value;

use crate::app::testables;
use crate::cli::Ended;
use crate::cli::output::{self, harmless, time};
use crate::cli::select;
use crate::cli::store::Store;
use crate::event::{Decision, Kind, Mapped, Spec};
use crate::journal::{EntryKind, Record};
use crate::record;
use crate::testing::{Kept, Subject, kept_changes, written};

/// Prints an event as a test of the rules, with made-up values in place of a person's
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hookreeve events to-test 1042 >> rules/tests.toml
  hookreeve events to-test 01a1ff67-1160 | tee -a config/hookreeve.toml

Names, addresses and numbers are made up, the same for the same, of the same length. What the rules name stays, and what \
is the same for many: status, userType, department, country, first and last day. Read it before you give it away: names \
of fields and groups are as they came in.")]
pub(super) struct Arguments {
    /// Its number, its id, or how its id begins
    #[arg(value_name = "ID")]
    id: String,
}

pub(super) fn run(arguments: &Arguments, store: &Store<'_>) -> anyhow::Result<Ended> {
    let Some(plan) = store.plan() else { return Ok(Ended::Nothing) };
    let reader = store.reader()?;
    let Some((entry, deliveries)) = store.wait(select::entry(&reader, &arguments.id))? else {
        output::complain(&format!("there is no entry {}", harmless(&arguments.id)));
        return Ok(Ended::Findings);
    };
    let bytes = match &entry.record {
        Record::Bytes(bytes) if entry.kind == EntryKind::Event => bytes,
        Record::Bytes(_) => return Ok(no_test("it is no event")),
        Record::Forgotten => return Ok(no_test("its person was forgotten")),
        Record::Sealed => return Ok(no_test("it is sealed under a key that is not set in [journal] encryption_key")),
        Record::Unread => return Ok(no_test("it was not read")),
    };
    let kept = record::Record::parse(bytes)?;
    if kept.is_masked() {
        return Ok(no_test("its body was kept masked"));
    }
    let event = match kept.event(&entry.event, entry.received_at, &entry.id.to_string()) {
        Ok(event) => event,
        Err(error) => return Ok(no_test(&error.to_string())),
    };
    if !plan.rules.events().any(|(name, _)| name == event.name()) && !plan.actions.follows(event.name()) {
        return Ok(no_test(&format!("no rule and no action is on {}", event.name())));
    }
    let facts = kept.facts();
    let erred = kept.trace.iter().filter(|note| note.did == "erred" && !note.shadow);
    // What a guard held back is what the rules had decided.
    let (decision, rule) = match (entry.cause.as_str(), &kept.held) {
        ("decided" | "released", _) => {
            let note = (entry.outcome.as_str(), &kept.message, &kept.mapped, kept.changes.as_slice(), &*kept.perform);
            (decision(note, event.spec()), entry.rule.clone())
        }
        ("guarded", Some(held)) if !held.fallback => {
            let held = &held.decision;
            let note = (held.outcome.as_str(), &held.message, &held.mapped, held.changes.as_slice(), &*held.perform);
            (decision(note, event.spec()), held.rule.clone())
        }
        _ => (None, None),
    };
    let kept = Kept {
        decision,
        rule,
        erred: erred.map(|note| note.rule.clone()).collect(),
        sent: deliveries.iter().map(|delivery| delivery.action.clone()).collect(),
        facts,
    };
    let id = format!("{} of {}, entry {}", event.name(), time(entry.received_at), entry.seq);
    let subject = Subject { rules: &plan.rules, actions: &plan.actions };
    let test = written(&id, &event, &kept, &subject, &testables(&store.loaded));
    if !test.passes {
        output::complain("warning: with today's rules this test fails; its comment says why");
    }
    output::print(&test.text);
    Ok(Ended::Well)
}

fn no_test(why: &str) -> Ended {
    output::complain(&format!("no test can be made of it: {why}"));
    Ended::Findings
}

/// What was decided, put together again.
fn decision(
    (outcome, message, mapped, changes, perform): (&str, &Option<String>, &Option<Value>, &[Value], &[String]),
    spec: &Spec,
) -> Option<Decision> {
    match (outcome, message, mapped) {
        ("refused", Some(message), _) => Some(Decision::Refuse(message.clone())),
        ("changed", ..) => kept_changes(changes).map(Decision::Accept),
        ("mapped", _, Some(value)) => Some(Decision::Map(Mapped::Value(value.clone()))),
        ("deprovision", ..) => Some(Decision::Deprovision(true)),
        ("perform", ..) => Some(Decision::Perform(perform.iter().map(|action| action.as_str().into()).collect())),
        ("accepted" | "mapped_neutral" | "kept" | "no_action" | "acknowledged", ..) if spec.kind != Kind::Probe => {
            Some(Decision::neutral(spec.kind))
        }
        _ => None,
    }
}
