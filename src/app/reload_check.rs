//! Before changed rules are put in force: whom of the last events they would newly refuse, as `[reload]` bounds it.
//!
//! The rules in force and the new ones judge the kept events, in pages, on a thread that may block, for a bounded time. What
//! counts is what `[reload]` says that is in force: a configuration cannot lift the bound that keeps it out.

use std::time::Duration;

use super::App;
use crate::config::reload::Config;
use crate::event::{Kind, Person, catalog};
use crate::journal::{Entry, Filter, JournalError, Order};
use crate::retrial::{Court, Refusals};

/// How long it may take. What could not be looked at by then is left out.
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

    async fn refusals(&self, config: &Config, new: &Court) -> Result<Refusals, JournalError> {
        let protected = config.protected.iter().map(|key| Person::normal_key(key)).collect();
        let until = self.source.clock.instant() + TIME;
        let mut trial =
            Trial { in_force: self.judging.0.clone(), new: new.clone(), protected, found: Refusals::default() };
        let verdicts = catalog::EVENTS.iter().filter(|spec| spec.kind == Kind::Verdict);
        let last = Filter {
            events: verdicts.map(|spec| spec.name.to_owned()).collect(),
            records: true,
            order: Order::Newest,
            ..Filter::default()
        };
        let mut tenants = vec![String::new()];
        tenants.extend(self.settings.cymmetri.auth.jwt.iter().flat_map(|jwt| jwt.tenants.clone()));
        let mut oldest = u64::MAX;
        let is_late = || self.source.clock.instant() >= until;
        let mut filter = last.clone();
        let mut left = config.sample;
        while left > 0 && !is_late() {
            let page = self.lasting.journal.entries(filter.clone(), left.min(PAGE)).await?;
            left -= page.items.len();
            oldest = page.items.last().map_or(oldest, |entry| entry.seq);
            for entry in &page.items {
                if !tenants.contains(&entry.tenant) {
                    tenants.push(entry.tenant.clone());
                }
            }
            trial = trial.go_on(page.items).await?;
            match page.next {
                Some(next) => filter.after = Some(next),
                None => break,
            }
        }
        // What protected persons did before: the bound counts the sample alone.
        let sampled = trial.found.clone();
        for person in protected_persons(&tenants, &trial.protected) {
            let mut filter = Filter { person: Some(person), after: Some(oldest), ..last.clone() };
            let mut left = PERSONAL;
            while left > 0 && !is_late() {
                let page = self.lasting.journal.entries(filter.clone(), left.min(PAGE)).await?;
                left -= page.items.len();
                trial = trial.go_on(page.items).await?;
                match page.next {
                    Some(next) => filter.after = Some(next),
                    None => break,
                }
            }
        }
        Ok(Refusals { protected: trial.found.protected, rules: trial.found.rules, ..sampled })
    }
}

/// What is tried, and what was found so far.
struct Trial {
    in_force: Court,
    new: Court,
    protected: Vec<String>,
    found: Refusals,
}

impl Trial {
    /// Judges these, on a thread that may block.
    async fn go_on(mut self, entries: Vec<Entry>) -> Result<Self, JournalError> {
        let judging = move || {
            for entry in &entries {
                self.found.note(entry, &self.in_force, &self.new, &self.protected);
            }
            self
        };
        tokio::task::spawn_blocking(judging).await.map_err(|_| JournalError::Closed)
    }
}

fn protected_persons(tenants: &[String], protected: &[String]) -> Vec<Person> {
    let system = catalog::EVENTS[0].system;
    let person =
        |tenant: &String, key: &String| Person { system, tenant: tenant.clone(), key: key.clone(), known: true };
    tenants.iter().flat_map(|tenant| protected.iter().map(move |key| person(tenant, key))).collect()
}

/// The numbers, as an error where they are beyond the bounds.
fn verdict(config: &Config, refusals: &Refusals) -> Result<String, String> {
    let Refusals { told, unknown, refused, protected, rules } = refusals;
    let mut most: Vec<(&String, &u64)> = rules.iter().collect();
    most.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
    let named = most.iter().take(NAMED).map(|(rule, times)| format!("`{rule}` {times}"));
    let mut by = named.collect::<Vec<_>>().join(", ");
    if most.len() > NAMED {
        by.push_str(", and others");
    }
    let by = if by.is_empty() { by } else { format!(" (by rule {by})") };
    let more = if *unknown > 0 { format!("; of {unknown} more it cannot be told") } else { String::new() };
    let numbers = format!("it would newly refuse {refused} of the last {told} validate events{by}{more}");
    if *protected > 0 {
        return Err(format!("it would newly refuse a protected person: {numbers}"));
    }
    match config.refuse_above {
        Some(bound) if bound.is_exceeded_by(*refused, *told) => {
            Err(format!("{numbers}, and [reload] refuse_above is {bound}"))
        }
        _ => Ok(format!("tried on kept events: {numbers}")),
    }
}
