//! Before changed rules are put in force: whom of the last events they would newly refuse, as `[reload]` bounds it.
//!
//! The rules in force and the new ones judge the kept events, in pages, on a thread that may block, for a bounded time. What
//! counts is what `[reload]` says that is in force: a configuration cannot lift the bound that keeps it out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::App;
use crate::config::reload::Config;
use crate::event::{Kind, Person, catalog};
use crate::journal::{Entry, Filter, JournalError, Order, Record};
use crate::retrial::{Court, Refusals, Untold};

/// How long the sample may take, and as long again protected persons. What could not be looked at by then is said.
const TIME: Duration = Duration::from_secs(10);

/// How many entries are read at once.
const PAGE: usize = 64;

/// How many events of each protected person are looked at, the newest.
const PERSONAL: usize = 100;

/// How many rules are named.
const NAMED: usize = 5;

impl App {
    /// What there is to say of new rules, as an error where they must not be put in force. None where nothing is looked at:
    /// `[reload]` does not ask for it, or the rules are the same.
    pub(super) async fn check(&self, new: &(Court, [u8; 32])) -> Option<Result<String, String>> {
        let config = &self.settings.reload;
        if !config.is_on() || self.judging.1 == new.1 {
            return None;
        }
        Some(match self.refusals(config, &new.0).await {
            Ok(refusals) => verdict(config, &refusals),
            Err(error) => Err(format!("the last events cannot be read, on which its rules were to be tried: {error}")),
        })
    }

    async fn refusals(&self, config: &Config, new: &Court) -> Result<Found, JournalError> {
        let protected: Vec<String> = config.protected.iter().map(|key| Person::normal_key(key)).collect();
        let trial = Arc::new(Trial { in_force: self.judging.0.clone(), new: new.clone(), protected });
        let verdicts = catalog::events().filter(|spec| spec.kind == Kind::Verdict);
        let last = Filter {
            events: verdicts.map(|spec| spec.name.to_owned()).collect(),
            records: true,
            order: Order::Newest,
            ..Filter::default()
        };
        let mut tenants = vec![String::new()];
        tenants.extend(self.settings.cymmetri.auth.jwt.iter().flat_map(|jwt| jwt.tenants.clone()));
        // Protected persons first, in a time of their own: no sample, however large, takes it from them.
        let (mut personal, mut sample) = (Look::default(), Look::default());
        self.personal(&trial, &last, &tenants, &mut personal).await?;
        let of_sample = self.look(&trial, last.clone(), config.sample, &mut sample).await?;
        let others: Vec<String> = of_sample.into_iter().filter(|tenant| !tenants.contains(tenant)).collect();
        self.personal(&trial, &last, &others, &mut personal).await?;
        Ok(Found { sample, personal })
    }

    /// Looks at the newest events of protected persons.
    async fn personal(
        &self,
        trial: &Arc<Trial>,
        last: &Filter,
        tenants: &[String],
        look: &mut Look,
    ) -> Result<(), JournalError> {
        for person in protected_persons(tenants, &trial.protected) {
            self.look(trial, Filter { person: Some(person), ..last.clone() }, PERSONAL, look).await?;
        }
        Ok(())
    }

    /// Looks at so many events, as long as there is time; answers their tenants.
    async fn look(
        &self,
        trial: &Arc<Trial>,
        mut filter: Filter,
        mut left: usize,
        look: &mut Look,
    ) -> Result<BTreeSet<String>, JournalError> {
        let mut tenants = BTreeSet::new();
        while left > 0 {
            if look.spent >= TIME {
                look.is_cut_short = true;
                break;
            }
            let begun = self.source.clock.instant();
            let page = self.lasting.journal.entries(filter.clone(), left.min(PAGE)).await?;
            left -= page.items.len();
            tenants.extend(page.items.iter().map(|entry| entry.tenant.clone()));
            look.found =
                trial.clone().judge(std::mem::take(&mut look.found), page.items, filter.person.is_some()).await?;
            look.spent += self.source.clock.instant().duration_since(begun);
            match page.next {
                Some(next) => filter.after = Some(next),
                None => break,
            }
        }
        Ok(tenants)
    }
}

/// What is tried.
struct Trial {
    in_force: Court,
    new: Court,
    protected: Vec<String>,
}

/// What was found: over the sample, and over what protected persons did.
#[derive(Default)]
struct Found {
    sample: Look,
    personal: Look,
}

/// What was found over some events, in what time.
#[derive(Default)]
struct Look {
    found: Refusals,
    spent: Duration,
    /// Whether the time was up before all of them were looked at.
    is_cut_short: bool,
}

impl Trial {
    /// Judges these, on a thread that may block. Whoever was forgotten is nobody to protect.
    async fn judge(
        self: Arc<Self>,
        mut found: Refusals,
        entries: Vec<Entry>,
        personal: bool,
    ) -> Result<Refusals, JournalError> {
        let is_meant = move |entry: &&Entry| !personal || entry.record != Record::Forgotten;
        let judging = move || {
            for entry in entries.iter().filter(is_meant) {
                found.note(entry, &self.in_force, &self.new, &self.protected);
            }
            found
        };
        tokio::task::spawn_blocking(judging).await.map_err(|_| JournalError::Closed)
    }
}

fn protected_persons(tenants: &[String], protected: &[String]) -> Vec<Person> {
    let system = catalog::USUAL_SYSTEM;
    let person =
        |tenant: &String, key: &String| Person { system, tenant: tenant.clone(), key: key.clone(), known: true };
    tenants.iter().flat_map(|tenant| protected.iter().map(move |key| person(tenant, key))).collect()
}

/// The numbers, as an error where they are beyond the bounds, or where they cannot be told.
fn verdict(config: &Config, found: &Found) -> Result<String, String> {
    let Found { sample, personal } = found;
    let Refusals { told, unknown, refused, why, .. } = &sample.found;
    let numbers = numbers(found);
    if sample.found.protected + personal.found.refused > 0 {
        return Err(format!("it would newly refuse a protected person: {numbers}"));
    }
    let because = |why: &Option<Untold>| why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let of_persons = personal.found.unknown.max(sample.found.protected_unknown);
    if of_persons > 0 {
        let because = because(if personal.found.why.is_some() { &personal.found.why } else { why });
        let events = if of_persons == 1 { "1 event".to_owned() } else { format!("{of_persons} events") };
        return Err(format!(
            "whether it would refuse a protected person cannot be told of {events}{because} ({numbers})"
        ));
    }
    if personal.is_cut_short {
        let seconds = TIME.as_secs();
        return Err(format!("what protected persons did could not be looked at within {seconds} s ({numbers})"));
    }
    let Some(bound) = config.refuse_above else { return Ok(format!("tried on kept events: {numbers}")) };
    if bound.is_exceeded_by(*refused, *told) {
        return Err(format!("{numbers}, and [reload] refuse_above is {bound}"));
    }
    if unknown > told {
        let because = because(why);
        return Err(format!(
            "whom it would refuse cannot be told of more than half of the events{because} ({numbers})"
        ));
    }
    Ok(format!("tried on kept events: {numbers}"))
}

fn numbers(found: &Found) -> String {
    let Refusals { told, unknown, refused, rules, .. } = &found.sample.found;
    let rules = if rules.is_empty() { &found.personal.found.rules } else { rules };
    let mut most: Vec<(&String, &u64)> = rules.iter().collect();
    most.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
    let named = most.iter().take(NAMED).map(|(rule, times)| format!("`{rule}` {times}"));
    let mut by = named.collect::<Vec<_>>().join(", ");
    if most.len() > NAMED {
        by.push_str(", and others");
    }
    let by = if by.is_empty() { by } else { format!(" (by rule {by})") };
    let more = if *unknown > 0 { format!("; of {unknown} more it cannot be told") } else { String::new() };
    let short = if found.sample.is_cut_short { "; the time was up before the whole sample was looked at" } else { "" };
    format!("it would newly refuse {refused} of the last {told} validate events{by}{more}{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(told: u64, unknown: u64, refused: u64, is_cut_short: bool) -> Look {
        let why = (unknown > 0).then(|| Untold::Fact("mobile".to_owned()));
        let found = Refusals { told, unknown, why, refused, ..Refusals::default() };
        Look { found, spent: Duration::ZERO, is_cut_short }
    }

    #[test]
    fn what_cannot_be_told_is_no_leave_to_go_on() {
        let config = Config { refuse_above: "20%".parse().ok(), protected: vec!["admin".into()], ..Config::default() };
        let said = |sample: Look, personal: Look| verdict(&config, &Found { sample, personal });
        let well = || look(5, 0, 0, false);
        assert!(said(look(10, 10, 0, false), well()).is_ok());
        for (sample, personal, why) in [
            (
                look(10, 11, 0, false),
                well(),
                "whom it would refuse cannot be told of more than half of the events: rule",
            ),
            (look(10, 0, 3, false), well(), "refuse_above is 20%"),
            (
                well(),
                look(5, 1, 0, false),
                "whether it would refuse a protected person cannot be told of 1 event: rule",
            ),
            (well(), look(5, 0, 1, false), "it would newly refuse a protected person"),
            (well(), look(5, 0, 0, true), "what protected persons did could not be looked at within 10 s"),
        ] {
            let said = said(sample, personal).expect_err("it is refused");
            assert!(said.contains(why), "{said}");
        }
        let short = said(look(10, 0, 0, true), well()).expect("it is taken");
        assert!(short.ends_with("the time was up before the whole sample was looked at"), "{short}");
    }
}
