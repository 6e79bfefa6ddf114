//! One attempt at a resource: found first, then made, changed or taken away as the operation says.
//!
//! Whatever was done before, by an attempt whose answer was lost too, the same attempt leads to the same end. What changes
//! in between, told by its version, is found anew.

use ::http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value as Json};

use super::change;
use super::filter::Filter;
use super::message::{self, Found, Resource};
use super::plan::Terms;
use super::raw::{Absent, Change, Operation};
use crate::action::Answer;
use crate::action::api::Api;
use crate::action::caller::Said;
use crate::outgoing::{Method, Request};

/// How much of an answer is read.
const MAX_SAID_BYTES: usize = 1 << 20;
/// How often a resource is found anew within one attempt.
const ROUNDS: usize = 3;
/// A conflict with what a search does not show is tried again so often: a server's index may lag behind what it holds.
const LAGGING_ATTEMPTS: u32 = 5;

/// What an attempt is about.
pub(super) struct Walk<'w> {
    pub(super) api: &'w Api,
    pub(super) terms: &'w Terms,
    pub(super) headers: HeaderMap,
    pub(super) filter: Filter,
    pub(super) wanted: Map<String, Json>,
    pub(super) attempt: u32,
    pub(super) given_secrets: bool,
    pub(super) captures: bool,
}

/// What a round came to.
enum Step {
    End(Answer),
    /// What was found has changed, or is there after all.
    Again,
}

impl Walk<'_> {
    pub(super) async fn go(&self) -> Answer {
        let mut conflict = false;
        for _ in 0..ROUNDS {
            let found = match self.find().await {
                Ok(found) => found,
                Err(answer) => return answer,
            };
            let step = match (found, self.terms.operation) {
                (Found::Several(count), _) => {
                    return Answer::dead(format!("{count} resources are found by `find`, and one is meant"));
                }
                (Found::None, Operation::Upsert | Operation::Create) if conflict => return self.hidden_conflict(),
                (Found::None, Operation::Upsert | Operation::Create) => self.create(&mut conflict).await,
                (Found::None, Operation::Update | Operation::Deactivate | Operation::Delete) => {
                    Ok(Step::End(self.absent()))
                }
                (Found::One(one), Operation::Create) => {
                    Ok(Step::End(self.with_resource(Answer::done("it is there"), None, &one.members)))
                }
                (Found::One(one), Operation::Upsert | Operation::Update | Operation::Deactivate) => {
                    self.change(&one).await
                }
                (Found::One(one), Operation::Delete) => self.delete(&one).await,
            };
            match step {
                Ok(Step::End(answer)) | Err(answer) => return answer,
                Ok(Step::Again) => {}
            }
        }
        Answer::retry("the resource changed each time it was to be changed")
    }

    async fn find(&self) -> Result<Found, Answer> {
        let query = [("filter", self.filter.text()), ("count", "2".to_owned())];
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let said = self.send(Method::Get, &[&self.terms.resource], &query, None, None).await?;
        if !said.is_success() {
            return Err(self.refused("find", &said));
        }
        let body = said.body(MAX_SAID_BYTES)?;
        let found = Found::parse(body).map_err(|why| {
            let answer = Answer::trouble(format!("find: HTTP {}, but {why}", said.received.status));
            self.api.with_detail(answer, &said, self.given_secrets)
        })?;
        match &found {
            Found::One(one) if !self.filter.is_met(&one.members) => {
                Err(Answer::dead("what is found does not have the values of `find`"))
            }
            Found::None | Found::One(_) | Found::Several(_) => Ok(found),
        }
    }

    async fn create(&self, conflict: &mut bool) -> Result<Step, Answer> {
        let body = change::creation(&self.wanted, self.filter.attributes(), &self.terms.schema);
        let said = self.send(Method::Post, &[&self.terms.resource], &[], None, Some(&body)).await?;
        match said.received.status {
            200..=299 => {
                let answer = done("created", &said)?;
                Ok(Step::End(self.with_resource(answer, Some(&said), &self.wanted)))
            }
            // Somebody else has made it meanwhile, or an attempt of ours whose answer was lost.
            409 => {
                *conflict = true;
                Ok(Step::Again)
            }
            _ => Err(self.refused("create", &said)),
        }
    }

    async fn change(&self, one: &Resource) -> Result<Step, Answer> {
        let operations = change::operations(&self.wanted, &one.members);
        if operations.is_empty() {
            return Ok(Step::End(self.with_resource(Answer::done("nothing to change"), None, &one.members)));
        }
        let (method, body) = match self.terms.change {
            Change::Patch => (Method::Patch, change::patch(&operations)),
            Change::Replace => (Method::Put, change::replacement(&self.wanted, &one.members, &self.terms.schema)),
        };
        let said =
            self.send(method, &[&self.terms.resource, &one.id], &[], one.version.as_deref(), Some(&body)).await?;
        match said.received.status {
            200..=299 => {
                let answer = done(&format!("{} changed", operations.len()), &said)?;
                Ok(Step::End(self.with_resource(answer, Some(&said), &one.members)))
            }
            404 | 412 => Ok(Step::Again),
            _ => Err(self.refused("change", &said)),
        }
    }

    async fn delete(&self, one: &Resource) -> Result<Step, Answer> {
        let path = [self.terms.resource.as_str(), &one.id];
        let said = self.send(Method::Delete, &path, &[], one.version.as_deref(), None).await?;
        match said.received.status {
            200..=299 => done("deleted", &said).map(Step::End),
            404 | 412 => Ok(Step::Again),
            _ => Err(self.refused("delete", &said)),
        }
    }

    /// The answer with the resource, of which parts are kept: as the server gives it back, or else as it was found.
    fn with_resource(&self, answer: Answer, said: Option<&Said>, found: &Map<String, Json>) -> Answer {
        if !self.captures {
            return answer;
        }
        let given = said.and_then(|said| serde_json::from_slice(&said.received.body).ok());
        self.api.with_said(answer, given.filter(Json::is_object).unwrap_or_else(|| Json::Object(found.clone())))
    }

    /// What becomes of the work where there is nothing to work on.
    fn absent(&self) -> Answer {
        match self.terms.absent {
            Absent::Done => Answer::done("there is none"),
            Absent::Dead => Answer::dead("there is none that `find` finds"),
            Absent::Retry => Answer::retry("there is none that `find` finds"),
        }
    }

    /// The server has something with a value that only one may have, and `find` does not find it.
    fn hidden_conflict(&self) -> Answer {
        let what = "HTTP 409: another resource has a value that only one may have, and `find` does not find it";
        if self.attempt < LAGGING_ATTEMPTS { Answer::retry(what) } else { Answer::dead(what) }
    }

    /// The answer by its status, with the word that says what was wrong.
    fn refused(&self, step: &str, said: &Said) -> Answer {
        let mut answer = self.api.answer(said, &[], self.given_secrets);
        answer.what = match message::word(&said.received.body) {
            Some(word) => format!("{step}: {}, {word}", answer.what),
            None => format!("{step}: {}", answer.what),
        };
        answer
    }

    async fn send(
        &self,
        method: Method,
        names: &[&str],
        query: &[(&str, &str)],
        version: Option<&str>,
        body: Option<&Json>,
    ) -> Result<Said, Answer> {
        let mut headers = self.headers.clone();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/scim+json, application/json"));
        if body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
        }
        if let Some(version) = version.and_then(|version| HeaderValue::from_str(version).ok()) {
            headers.insert(header::IF_MATCH, version);
        }
        let url = self.api.address(names, query).ok_or_else(|| Answer::dead("it is no address"))?;
        let body = body.map(|body| body.to_string().into_bytes());
        self.api.send(method, Request { url, headers, body }, MAX_SAID_BYTES + 1).await
    }
}

/// The answer of a step that succeeded, where the whole of what was said came.
fn done(what: &str, said: &Said) -> Result<Answer, Answer> {
    let status = said.received.status;
    match &said.received.broken {
        Some(failure) => Err(Answer::retry(format!("HTTP {status}, but {failure}"))),
        None => Ok(Answer::done(format!("{what}, HTTP {status}"))),
    }
}
