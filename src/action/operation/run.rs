//! One attempt at operations, step by step. What an attempt that was broken off has done is not done again, as far as this
//! server knows what was answered.

use std::sync::Arc;

use ::http::{HeaderMap, HeaderValue, header as names};
use serde_json::Value as Json;

use super::memory::{Answers, Memory};
use super::plan::{Act, EventPlan, Plan, Step};
use super::{STEP, Verdict, WORD, caution};
use crate::action::api::Api;
use crate::action::caller::Said;
use crate::action::headers::header;
use crate::action::{Action, Answer, Fate, Job, view, within};
use crate::base::future::BoxFuture;
use crate::expr::{EvalError, Scope, Value};
use crate::outgoing::{Method, Request};
use crate::scope::text_of;

/// How much of an answer is read.
const MAX_SAID_BYTES: usize = 256 << 10;

/// Operations, ready to run.
pub(super) struct Steps {
    plan: Arc<Plan>,
    api: Api,
    memory: Memory,
}

/// What a step is to do.
enum Next {
    Ask(Box<Request>),
    /// Its `when` does not hold.
    Skip,
}

impl Steps {
    pub(super) fn new(plan: Arc<Plan>, api: Api) -> Self {
        Self { plan, api, memory: Memory::default() }
    }

    /// Makes each step that is not known to be done.
    async fn go(&self, job: &Job) -> Answer {
        let event = self.plan.events.iter().find(|(event, _)| *event == job.event.name()).map(|(_, plan)| plan);
        let Some(event) = event else {
            return Answer::dead("the action does not follow events of this name any more");
        };
        let key = &job.idempotency_key;
        let mut done = Done { memory: &self.memory, key, answers: self.memory.take(key) };
        let answer = self.api.within(self.run(job, event, &mut done.answers)).await;
        if answer.fate == Fate::Done {
            done.answers.clear();
        }
        answer
    }

    async fn run(&self, job: &Job, event: &EventPlan, done: &mut Answers) -> Answer {
        let mut last = Answer::done("nothing to do");
        // In the order of the steps; none of one that was left out.
        let mut answers: Vec<Option<Arc<Json>>> = Vec::new();
        for step in &event.steps {
            if let Some(answer) = done.get(&step.name) {
                answers.push(Some(answer.clone()));
                continue;
            }
            let next = match next(job, event, step, &answers) {
                Ok(next) => next,
                Err(error) => return Answer::dead(format!("{}: {error}", step.name)),
            };
            let request = match next {
                Next::Ask(request) => *request,
                Next::Skip => {
                    answers.push(None);
                    continue;
                }
            };
            let asked = match self.api.send(step.method, request, MAX_SAID_BYTES + 1).await {
                Ok(said) => self.read(step, &said, !job.secrets.is_empty()),
                Err(answer) => Err(answer),
            };
            match asked {
                Ok((answer, value)) => {
                    last = answer;
                    let value = Arc::new(value);
                    // What is only read is read anew by the next attempt: it may have changed.
                    if step.method != Method::Get {
                        done.insert(step.name.clone(), value.clone());
                    }
                    answers.push(Some(value));
                }
                Err(mut answer) => {
                    if event.steps.len() > 1 {
                        answer.what = format!("{}: {}", step.name, answer.what);
                    }
                    return answer;
                }
            }
        }
        if self.plan.captures { self.api.with_said(last, whole(event, &answers)) } else { last }
    }

    /// What an answer comes to, and what later steps see of it.
    fn read(&self, step: &Step, said: &Said, given_secrets: bool) -> Result<(Answer, Json), Answer> {
        let status = said.received.status;
        let by_status = || self.api.answer(said, &step.expect, given_secrets);
        let with_detail = |answer: Answer| self.api.with_detail(answer, said, given_secrets);
        let expected = if step.expect.is_empty() { said.is_success() } else { step.expect.contains(&status) };
        let body = match (expected, said.body(MAX_SAID_BYTES)) {
            (_, Ok(body)) => body.trim_ascii(),
            // Asked again it would do twice what it has done, for an answer of the same size.
            (true, Err(answer)) if said.received.broken.is_none() => return Err(Answer::dead(answer.what)),
            (true, Err(answer)) => return Err(answer),
            (false, Err(_)) => return Err(by_status()),
        };
        let json = match serde_json::from_slice(body) {
            Ok(json) => json,
            Err(_) if body.is_empty() => Json::Null,
            Err(_) if expected && body.starts_with(b"<") => {
                return Err(with_detail(Answer::trouble(format!("HTTP {status}, but it is HTML or XML"))));
            }
            Err(_) => Json::from(String::from_utf8_lossy(body)),
        };
        let mut value = match self.plan.reading.judge(step.method, said, &json) {
            Some(Verdict::Failed(answer)) => return Err(with_detail(answer)),
            Some(Verdict::Done) => self.plan.reading.value(json),
            None if expected => self.plan.reading.value(json),
            None if said.is_success() => {
                let expect: Vec<String> = step.expect.iter().map(ToString::to_string).collect();
                let what = format!("HTTP {status}, and {} is expected", expect.join(" or "));
                return Err(with_detail(Answer::dead(what)));
            }
            None => return Err(by_status()),
        };
        step.lists.iter().for_each(|way| way.make_list(&mut value));
        Ok((Answer::done(format!("HTTP {status}")), value))
    }
}

impl Action for Steps {
    fn attempt<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Answer> {
        Box::pin(self.go(job))
    }
}

/// What was answered so far. Kept also where the attempt is dropped in the middle of a step.
struct Done<'d> {
    memory: &'d Memory,
    key: &'d str,
    answers: Answers,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.memory.keep(self.key, std::mem::take(&mut self.answers));
    }
}

/// The request of a step, or that there is none.
fn next(job: &Job, event: &EventPlan, step: &Step, answers: &[Option<Arc<Json>>]) -> Result<Next, EvalError> {
    let mut plain = view::of_job(&event.plain, job, &[]);
    begin_steps(&mut plain, event, answers);
    if let Some(when) = &step.when
        && !when.holds(&plain).map_err(|error| within("when", &error))?
    {
        return Ok(Next::Skip);
    }
    let mut granted = view::of_job(&event.granted, job, &job.secrets);
    begin_steps(&mut granted, event, answers);
    if let Some(act) = &step.act {
        let word = act.word(&plain)?;
        plain.set(WORD, &Value::text(word.as_str()));
        granted.set(WORD, &Value::text(word.as_str()));
    }
    let mut url = step.address.expand(&plain).map_err(|error| within("path", &error))?;
    let query = step.query.make(&plain).map_err(|error| within("query", &error))?;
    if !query.is_empty() {
        let before = url.query().map(|query| format!("{query}&")).unwrap_or_default();
        url.set_query(Some(&format!("{before}{query}")));
    }
    if let Some(caution) = caution::of_address(&url)
        && step.confirm != Some(caution)
    {
        let word = caution.word();
        return Err(EvalError::new(format!("it would {word}, and nothing in the action says so")));
    }
    let mut headers = HeaderMap::new();
    headers.insert(names::ACCEPT, HeaderValue::from_static("application/json"));
    event.headers.add(&granted, &mut headers)?;
    let content = step.content.make(&granted, &job.entry_id).map_err(|error| within("body", &error))?;
    if let Some((_, content_type)) = &content {
        headers.insert(names::CONTENT_TYPE, header(content_type)?);
    }
    headers.insert("idempotency-key", header(&format!("{}-{}", job.idempotency_key, step.name))?);
    let body = content.map(|(bytes, _)| bytes);
    Ok(Next::Ask(Box::new(Request { url, headers, body })))
}

/// What parts are kept of: what the only step was answered, or what each of several was, by its name.
fn whole(event: &EventPlan, answers: &[Option<Arc<Json>>]) -> Json {
    let said = |answer: &Option<Arc<Json>>| answer.as_deref().cloned().unwrap_or_default();
    match (&event.steps[..], answers) {
        ([_], [only]) => said(only),
        (steps, answers) => steps.iter().zip(answers).map(|(step, answer)| (step.name.clone(), said(answer))).collect(),
    }
}

/// Gives each step its answer, or the reason why it has none.
fn begin_steps(scope: &mut Scope<'_>, event: &EventPlan, answers: &[Option<Arc<Json>>]) {
    scope.begin_each(STEP, |name| {
        let at = event.steps.iter().position(|step| step.name == name);
        match at.and_then(|at| answers.get(at)) {
            Some(Some(answer)) => Ok(Value::from_value(answer)),
            Some(None) => Err("it was left out"),
            None => Err("it has not been made yet"),
        }
    });
}

impl Act {
    /// The word, as the task itself has it among those that it allows.
    fn word<'a>(&'a self, scope: &Scope<'a>) -> Result<String, EvalError> {
        let word = self.word.evaluate(scope).and_then(|word| text_of(&word)).map_err(|error| within("word", &error))?;
        let possible = self.possible.evaluate(scope).map_err(|error| within("possible", &error))?;
        let possible = possible.unwrap_optional().and_then(|possible| possible.to_json().ok());
        let Some(Json::Array(possible)) = possible else {
            return Err(EvalError::new("`possible` is no list"));
        };
        let mut possible = possible.iter().filter_map(Json::as_str);
        let own = possible.find(|own| own.eq_ignore_ascii_case(word.trim()));
        own.map(str::to_owned).ok_or_else(|| EvalError::new("the task does not allow this word now"))
    }
}
