//! What a command asks a server that runs, and what it hears: one line of JSON there, one or several back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Person, catalog};
use crate::journal::DeliveryId;

/// The longest line, in bytes, either way.
pub const MAX_LINE: usize = 1 << 20;

/// How many deliveries, or guarded persons, one request may name, so that it fits in a line.
pub const MAX_DELIVERIES: usize = 1000;

/// How many people one request may name, and how many bytes their fields may have together.
pub const MAX_PEOPLE: usize = 500;
/// See [`MAX_PEOPLE`].
pub const MAX_PEOPLE_BYTES: usize = MAX_LINE / 4;

/// What changes the journal, or what is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Makes dead deliveries pending again.
    Retry {
        /// Which.
        deliveries: Vec<Id>,
    },
    /// Drops dead or pending deliveries.
    Drop {
        /// Which.
        deliveries: Vec<Id>,
        /// What is kept as why.
        reason: String,
    },
    /// Drops the head of a lane.
    Skip {
        /// The action.
        action: String,
        /// The lane's person.
        person: Whom,
        /// What is kept as why.
        reason: String,
    },
    /// Delivers events again.
    Replay {
        /// Which of them where to.
        deliveries: Vec<Again>,
    },
    /// Brings unverified notices in as events.
    Admit {
        /// Up to this number.
        up_to: u64,
    },
    /// Destroys what is known of a person.
    Forget {
        /// Whom.
        person: Whom,
    },
    /// Gives persons whom guards hold a pass for the next call.
    GuardRelease {
        /// Which, by their numbers.
        guarded: Vec<u64>,
        /// What is kept as why.
        reason: String,
    },
    /// Takes persons whom guards hold off the list.
    GuardDrop {
        /// Which, by their numbers.
        guarded: Vec<u64>,
        /// What is kept as why.
        reason: String,
    },
    /// Tells the directory of people.
    Tell {
        /// Whom, and their fields.
        people: Vec<Introduced>,
    },
    /// Takes people out of the directory.
    Remove {
        /// Whom.
        people: Vec<Whom>,
    },
    /// Ends a list of people: the directory knows these fields of everybody now.
    Complete {
        /// Which.
        fields: Vec<String>,
    },
    /// Tells the directory again what the journal's notices told.
    Rebuild,
    /// Seals everything under the first of the keys.
    Rekey,
    /// Reads the configuration again.
    Reload {
        /// Whatever `[reload]` says against it.
        force: bool,
    },
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Each delivery that was named.
    Deliveries(Vec<Told>),
    /// The head of the lane was dropped.
    Skipped {
        /// Which it was.
        delivery: Id,
    },
    /// Unverified notices were brought in.
    Admitted(Admitted),
    /// A person was forgotten.
    Forgotten {
        /// How many entries there were.
        entries: u64,
    },
    /// Each guarded person that was named.
    Guarded(Vec<ToldGuarded>),
    /// The directory knows what it was told.
    Listed {
        /// How many people or notices were looked at.
        told: u64,
        /// By how many of these something changed.
        changed: u64,
    },
    /// Keys and secrets are sealed under the first of the keys.
    Rekeyed {
        /// How many were under another.
        sealed: u64,
    },
    /// The configuration was read again and is in force.
    Reloaded {
        /// How many rules it has.
        rules: usize,
        /// What there is to say of it.
        said: Vec<String>,
    },
    /// It was not done, or not wholly.
    Failed {
        /// Why.
        message: String,
    },
}

/// A line of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// It goes on; so much is done.
    Progress(u64),
    /// It has ended.
    Reply(Reply),
}

/// What came of one delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Which.
    pub delivery: Id,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What came of one person whom a guard held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldGuarded {
    /// Which.
    pub guarded: u64,
    /// Until when the pass lasts, where one was given; RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_until: Option<String>,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What came of unverified notices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admitted {
    /// How many are events now.
    pub events: u64,
    /// How many deliveries these have set off.
    pub deliveries: u64,
    /// How many repeat an earlier event, so that nothing is delivered for them.
    pub repeats: u64,
    /// How many were no event that is known; they are removed like the others.
    pub unreadable: u64,
}

/// An event that is to go to an action again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// The entry's number.
    pub seq: u64,
    /// The action.
    pub action: String,
}

/// A person, as a command names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whom {
    /// The system that tells of the person.
    pub system: String,
    /// Its tenant; empty for none.
    pub tenant: String,
    /// The key.
    pub key: String,
}

/// A person that is made known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introduced {
    /// Whom.
    pub person: Whom,
    /// What is said of it: the field's path below the person, and the text.
    pub fields: BTreeMap<String, String>,
}

/// A delivery's name as it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(pub DeliveryId);

// === impl Request ===

impl Request {
    /// One word for the log.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Retry { .. } => "retry",
            Self::Drop { .. } => "drop",
            Self::Skip { .. } => "skip",
            Self::Replay { .. } => "replay",
            Self::Admit { .. } => "admit",
            Self::Forget { .. } => "forget",
            Self::GuardRelease { .. } => "guard release",
            Self::GuardDrop { .. } => "guard drop",
            Self::Tell { .. } => "tell",
            Self::Remove { .. } => "remove",
            Self::Complete { .. } => "complete",
            Self::Rebuild => "rebuild",
            Self::Rekey => "rekey",
            Self::Reload { .. } => "reload",
        }
    }
}

// === impl Reply ===

impl Reply {
    /// It was not done, and this is why.
    pub fn failed(why: impl std::fmt::Display) -> Self {
        Self::Failed { message: why.to_string() }
    }
}

// === impl Whom ===

impl Whom {
    /// The person, where a system of that name sends events.
    pub fn person(&self) -> Option<Person> {
        let spec = catalog::events().find(|spec| spec.system == self.system)?;
        let key = Person::normal_key(&self.key);
        Some(Person { system: spec.system, tenant: self.tenant.clone(), known: !key.is_empty(), key })
    }
}

impl From<&Person> for Whom {
    fn from(person: &Person) -> Self {
        Self { system: person.system.to_owned(), tenant: person.tenant.clone(), key: person.key.clone() }
    }
}

// === impl Id ===

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        DeliveryId::parse(&text).map(Self).ok_or("a delivery is named like 12.0")
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_and_answered_reads_back_as_it_is_written() {
        let id = Id(DeliveryId::parse("12.3").expect("a name"));
        let request = Request::Drop { deliveries: vec![id], reason: "no use".into() };
        let text = serde_json::to_string(&request).expect("JSON");
        assert_eq!(text, r#"{"do":"drop","deliveries":["12.3"],"reason":"no use"}"#);
        assert_eq!(serde_json::from_str::<Request>(&text).expect("a request"), request);
        assert_eq!(serde_json::from_str::<Request>(r#"{"do":"rekey"}"#).expect("a request"), Request::Rekey);
        let line = Line::Reply(Reply::Deliveries(vec![Told { delivery: id, error: None }]));
        let text = serde_json::to_string(&line).expect("JSON");
        assert_eq!(text, r#"{"reply":{"deliveries":[{"delivery":"12.3"}]}}"#);
        assert_eq!(serde_json::from_str::<Line>(&text).expect("a line"), line);
    }

    #[test]
    fn what_is_no_request_is_an_error() {
        for text in ["", "{}", r#"{"do":"dance"}"#, r#"{"do":"retry","deliveries":["x"]}"#, r#"{"do":"retry"}"#] {
            assert!(serde_json::from_str::<Request>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_person_is_of_a_system_that_is_known() {
        let whom = |system: &str, key: &str| Whom { system: system.into(), tenant: "t".into(), key: key.into() };
        let person = whom("cymmetri", " Ada ").person().expect("a person");
        assert_eq!((person.key.as_str(), person.known), ("ada", true));
        assert!(whom("cymmetri", " ").person().is_some_and(|person| !person.known));
        assert_eq!(whom("another", "ada").person(), None);
    }
}
