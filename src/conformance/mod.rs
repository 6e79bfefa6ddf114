//! The documented cloud, played against a receiver, ours or another's: each expectation with its source, and whether it is met.
//!
//! Everything that is sent is about one made-up person. Which receiver, with which credentials, and how the report is shown
//! is the matter of the command line.

mod client;
mod credentials;
mod fidelity;
mod pace;
mod person;
mod shape;
mod trouble;

use std::fmt;
use std::time::Duration;

use crate::event::{Kind, Spec};

pub use client::{Client, ClientError, Reply};
pub use person::LOGIN;

/// Whom to play the cloud against, and how.
#[derive(Clone, Debug)]
pub struct Part {
    /// The events that are played.
    pub events: Vec<&'static Spec>,
    /// Whether only what the vendor documents is looked at, not how its documents are read where they are silent.
    pub documented_only: bool,
    /// How often an event is sent to see how long it takes.
    pub calls: usize,
    /// How long a reply may take.
    pub deadline: Duration,
    /// The largest body that is accepted, and whether the receiver's own configuration says so.
    pub body_limit: (usize, bool),
    /// A token that is good; none where the receiver asks for none.
    pub token: Option<String>,
    /// Credentials that are not good.
    pub bad: Vec<BadToken>,
}

/// A credential that must not be accepted.
#[derive(Clone, Debug)]
pub struct BadToken {
    /// What is wrong with it.
    pub what: &'static str,
    /// The token, where there is any; or why it cannot be played.
    pub token: Result<Option<String>, &'static str>,
}

/// One expectation and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The event that it was tried with.
    pub event: &'static str,
    /// What is expected.
    pub what: String,
    /// Why that is expected.
    pub source: Source,
    /// What came of it.
    pub result: Outcome,
    /// What was measured, where something was.
    pub measured: Option<String>,
}

/// Where an expectation comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The vendor's webhook guide says so.
    Documented(&'static str),
    /// The safest reading of it, where it is silent or contradicts itself.
    Reading(&'static str),
}

/// What came of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is met.
    Met,
    /// It is not: this was found.
    NotMet(String),
    /// It cannot be told, for this reason.
    Untold(String),
}

impl Source {
    /// `documented` or `reading`
    pub fn kind(self) -> &'static str {
        match self {
            Self::Documented(_) => "documented",
            Self::Reading(_) => "reading",
        }
    }

    /// What the source says.
    pub fn text(self) -> &'static str {
        match self {
            Self::Documented(text) | Self::Reading(text) => text,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind(), self.text())
    }
}

impl Outcome {
    fn of(met: bool, found: impl FnOnce() -> String) -> Self {
        if met { Self::Met } else { Self::NotMet(found()) }
    }
}

impl Part {
    /// About how many requests it sends.
    pub fn requests(&self) -> usize {
        self.events.len() * (3 + self.bad.len() + self.calls) + 16
    }

    /// Plays the cloud, and tells each expectation as it is tried.
    ///
    /// # Errors
    ///
    /// Where there is no reply to the first request.
    pub async fn play(&self, client: &Client, tell: &mut (dyn FnMut(Check) + Send)) -> Result<(), ClientError> {
        let mut stage = Stage { part: self, client, tell };
        // Whoever is not there meets no expectation: that is told once.
        client.post("test", b"{}".to_vec(), self.token.as_deref()).await?;
        for spec in &self.events {
            shape::play(&mut stage, spec).await;
            credentials::play(&mut stage, spec).await;
            fidelity::play(&mut stage, spec).await;
            pace::play(&mut stage, spec).await;
        }
        // What has nothing to do with the kind of event is tried with one.
        let usual = self.events.iter().find(|spec| spec.kind == Kind::Mutate);
        if let Some(spec) = usual.or_else(|| self.events.iter().find(|spec| spec.kind != Kind::Probe)) {
            trouble::play(&mut stage, spec).await;
            pace::play_connection(&mut stage, spec).await;
        }
        Ok(())
    }
}

/// What each part of the play needs.
struct Stage<'s> {
    part: &'s Part,
    client: &'s Client,
    tell: &'s mut (dyn FnMut(Check) + Send),
}

impl Stage<'_> {
    /// Sends a body with the good token.
    async fn post(&self, name: &str, body: Vec<u8>) -> Result<Reply, String> {
        self.client.post(name, body, self.part.token.as_deref()).await.map_err(|error| error.to_string())
    }

    fn tell(&mut self, spec: &Spec, what: impl Into<String>, source: Source, result: Outcome) {
        self.tell_measured(spec, what.into(), source, result, None);
    }

    fn tell_measured(&mut self, spec: &Spec, what: String, source: Source, result: Outcome, measured: Option<String>) {
        if self.part.documented_only && matches!(source, Source::Reading(_)) {
            return;
        }
        (self.tell)(Check { event: spec.name, what, source, result, measured });
    }
}
