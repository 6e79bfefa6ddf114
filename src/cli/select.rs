//! Which entries are meant: filters, persons and ids, as commands take them.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::store::Store;
use crate::base::tree::closest;
use crate::base::units::Span;
use crate::event::{Decision, Person, catalog};
use crate::journal::sqlite::SqliteReader;
use crate::journal::{Entry, EntryId, Filter, Full, Reader as _};

/// How many entries are looked at at once for the tenants that there are.
const TENANT_SAMPLE: usize = 10_000;
/// How many are asked for at once.
const PAGE: usize = 500;

/// Filters; all that are given must hold
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Selection {
    /// Of this event; more than once for several
    #[arg(long, value_name = "EVENT", value_parser = PossibleValuesParser::new(catalog::names()), ignore_case = true)]
    pub(super) event: Vec<String>,

    #[command(flatten)]
    pub(super) person: OfPerson,

    /// With this outcome
    #[arg(long, value_parser = PossibleValuesParser::new(Decision::OUTCOMES))]
    pub(super) outcome: Option<String>,

    /// Received at this time or later: 2h ago, a day, or a time
    #[arg(long, value_name = "2h|2026-11-21|TIME")]
    pub(super) since: Option<When>,

    /// Received before this time
    #[arg(long, value_name = "2h|2026-11-21|TIME")]
    pub(super) until: Option<When>,

    /// Only those with a dead delivery, or one that was tried and still waits
    #[arg(long)]
    pub(super) failed: bool,

    /// With a delivery to this action
    #[arg(long, value_name = "ACTION")]
    pub(super) action: Option<String>,
}

/// A person
#[derive(Clone, Debug, Default, Args)]
pub(super) struct OfPerson {
    /// Of this person: the login, or what the system that tells of it has instead, in any case
    #[arg(long, visible_alias = "login", value_name = "KEY")]
    pub(super) person: Option<String>,

    /// Of this tenant. Needed only where several have such a person
    #[arg(long, value_name = "TENANT")]
    pub(super) tenant: Option<String>,

    /// Of this system
    #[arg(long, value_name = "SYSTEM", default_value = catalog::USUAL_SYSTEM, hide_default_value = true,
        value_parser = PossibleValuesParser::new(catalog::systems()))]
    pub(super) system: String,
}

/// A time as one types it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Ago(Duration),
    At(DateTime<Utc>),
}

/// Filters that were made out.
pub(super) struct Wanted {
    pub(super) filter: Filter,
    pub(super) tenant: Option<String>,
}

impl FromStr for When {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(Span(ago)) = text.parse() {
            return Ok(Self::Ago(ago));
        }
        if let Ok(day) = text.parse::<NaiveDate>() {
            return Ok(Self::At(day.and_time(NaiveTime::MIN).and_utc()));
        }
        let time = DateTime::parse_from_rfc3339(text);
        time.map(|time| Self::At(time.to_utc()))
            .map_err(|_| "expected how long ago (`2h`, `30d`), a day (`2026-11-21`) or a time (`2026-11-21T08:30:00Z`)")
    }
}

impl When {
    pub(super) fn before(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Ago(ago) => chrono::TimeDelta::from_std(ago)
                .ok()
                .and_then(|ago| now.checked_sub_signed(ago))
                .unwrap_or(DateTime::<Utc>::MIN_UTC),
            Self::At(time) => time,
        }
    }
}

impl Selection {
    /// Whether nothing is said, so that everything is meant.
    pub(super) fn is_empty(&self) -> bool {
        self.event.is_empty()
            && self.person.person.is_none()
            && self.person.tenant.is_none()
            && self.outcome.is_none()
            && self.since.is_none()
            && self.until.is_none()
            && !self.failed
            && self.action.is_none()
    }

    /// What is meant. An action that never had a delivery is a typing error.
    pub(super) fn made_out(&self, store: &Store<'_>, reader: &SqliteReader) -> anyhow::Result<Wanted> {
        if let Some(action) = &self.action {
            known_action(action, store, reader)?;
        }
        let now = store.source.clock.now();
        let person = match &self.person.person {
            Some(key) => Some(self.person.made_out(key, store, reader)?),
            None => None,
        };
        let (since, until) = (self.since.map(|when| when.before(now)), self.until.map(|when| when.before(now)));
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            bail!("--since is not before --until, so that nothing can be between them");
        }
        let events = self.event.iter().filter_map(|name| catalog::find(name)).map(|spec| spec.name.to_owned());
        Ok(Wanted {
            filter: Filter {
                events: events.collect(),
                person,
                outcome: self.outcome.clone(),
                since,
                until,
                failed: self.failed,
                action: self.action.clone(),
                ..Filter::default()
            },
            tenant: self.person.tenant.clone(),
        })
    }
}

/// The tenants that the newest entries name.
pub(super) fn newest_tenants(store: &Store<'_>, reader: &SqliteReader) -> anyhow::Result<Vec<String>> {
    let page = store.wait(reader.entries(Filter::default(), TENANT_SAMPLE))?;
    let mut tenants: Vec<String> = page.items.into_iter().map(|entry| entry.tenant).collect();
    tenants.sort();
    tenants.dedup();
    Ok(tenants)
}

/// Whether deliveries ever went to this action.
pub(super) fn known_action(action: &str, store: &Store<'_>, reader: &SqliteReader) -> anyhow::Result<()> {
    let stats = store.wait(reader.stats())?;
    let names: Vec<&str> = stats.actions.iter().map(|(name, ..)| name.as_str()).collect();
    if names.contains(&action) {
        return Ok(());
    }
    match closest(action, &names) {
        Some(near) => bail!("no delivery ever went to `{action}`; did you mean `{near}`?"),
        None if names.is_empty() => bail!("no delivery ever went to `{action}`, nor to any action"),
        None => bail!("no delivery ever went to `{action}`; there are {}", names.join(", ")),
    }
}

impl OfPerson {
    /// The one person of this key that the journal knows. Without a tenant it must be clear which.
    pub(super) fn made_out(&self, key: &str, store: &Store<'_>, reader: &SqliteReader) -> anyhow::Result<Person> {
        let key = Person::normal_key(key);
        if key.is_empty() {
            bail!("the person's key is empty");
        }
        let system =
            catalog::systems().into_iter().find(|system| *system == self.system).unwrap_or(catalog::USUAL_SYSTEM);
        let person = |tenant: &str| Person { system, tenant: tenant.to_owned(), key: key.clone(), known: true };
        if let Some(tenant) = &self.tenant {
            return Ok(person(tenant));
        }
        let mut tenants = vec![String::new()];
        tenants.extend(store.settings.cymmetri.auth.jwt.iter().flat_map(|jwt| jwt.tenants.clone()));
        let mut filter = Filter::default();
        loop {
            // The newest entries tell, and all of them only where nothing is found.
            let page = store.wait(reader.entries(filter.clone(), TENANT_SAMPLE))?;
            tenants.extend(page.items.into_iter().map(|entry| entry.tenant));
            tenants.sort();
            tenants.dedup();
            let mut found = Vec::new();
            for tenant in &tenants {
                let filter = Filter { person: Some(person(tenant)), ..Filter::default() };
                if !store.wait(pages(reader, filter, None, 1))?.is_empty() {
                    found.push(tenant.as_str());
                }
            }
            match (&found[..], page.next) {
                ([], Some(next)) => filter.after = Some(next),
                ([], None) => break,
                ([tenant], _) => return Ok(person(tenant)),
                _ => bail!("several tenants have such a person ({}): say which with --tenant", found.join(", ")),
            }
        }
        Ok(person(tenants.iter().find(|tenant| !tenant.is_empty()).map_or("", String::as_str)))
    }
}

impl Wanted {
    /// Only events that rules can decide. Where others were asked for, that is an error.
    pub(super) fn only_decided(&mut self) -> anyhow::Result<()> {
        let decided = |name: &str| catalog::find(name).is_some_and(|spec| !spec.effects().is_empty());
        if let Some(other) = self.filter.events.iter().find(|name| !decided(name)) {
            bail!("no rule can change the answer to {other}: it only tells what has happened");
        }
        if self.filter.events.is_empty() {
            self.filter.events = catalog::names().filter(|name| decided(name)).map(str::to_owned).collect();
        }
        Ok(())
    }

    /// Whether an entry is of the tenant that is meant.
    pub(super) fn is_of_tenant(&self, entry: &Entry) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| entry.tenant == *tenant)
    }

    /// The entries that are meant, at most so many.
    pub(super) async fn entries(&self, reader: &SqliteReader, limit: usize) -> anyhow::Result<Vec<Entry>> {
        pages(reader, self.filter.clone(), self.tenant.as_deref(), limit).await
    }
}

async fn pages(
    reader: &SqliteReader,
    mut filter: Filter,
    tenant: Option<&str>,
    limit: usize,
) -> anyhow::Result<Vec<Entry>> {
    let mut found: Vec<Entry> = Vec::new();
    while found.len() < limit {
        let page = reader.entries(filter.clone(), (limit - found.len()).min(PAGE)).await?;
        found.extend(page.items.into_iter().filter(|entry| tenant.is_none_or(|tenant| entry.tenant == tenant)));
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    Ok(found)
}

/// The entry that is meant by its number, its name, or how its name begins; none where there is none.
pub(super) async fn entry(reader: &SqliteReader, text: &str) -> anyhow::Result<Option<Full>> {
    // No number begins with 0, and names do until the year 2109.
    if !text.starts_with('0')
        && let Ok(seq) = text.parse()
    {
        return Ok(reader.entry_at(seq).await?);
    }
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits.is_empty() || digits.len() > 32 || !is_hex {
        bail!("`{text}` names no entry: it takes its number, its id, or how its id begins");
    }
    let end = |fill: &str| {
        let whole = format!("{digits}{}", fill.repeat(32 - digits.len()));
        EntryId::try_parse(&whole).context("an id has 32 hex digits")
    };
    match reader.names(end("0")?, end("f")?, 2).await?[..] {
        [] => Ok(None),
        [id] => Ok(reader.entry(id).await?),
        _ => bail!("several entries have an id that begins with `{text}`: write more of it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_how_long_ago_or_a_day_or_a_time() {
        let now: DateTime<Utc> = "2026-11-21T08:30:00Z".parse().expect("a time");
        for (text, is) in [
            ("2h", "2026-11-21T06:30:00Z"),
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("2026-11-20T10:00:00+05:30", "2026-11-20T04:30:00Z"),
        ] {
            let is: DateTime<Utc> = is.parse().expect("a time");
            assert_eq!(text.parse::<When>().map(|when| when.before(now)), Ok(is), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "2h ago", "-2h"] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
        let long: When = "99999999d".parse().expect("a time");
        assert!(long.before(now) < now);
    }
}
