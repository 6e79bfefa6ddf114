//! The way of one request: limits, base path, method, credential, event, body, decision, reply. In this order, so that
//! nobody who may not send an event makes us read or parse one.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, EXPECT};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};

use super::body::{self, Body, BodyLimits, whole};
use super::listener::{Connection, Stop};
use super::perform::{self, Waiting};
use super::refusal::Refusal;
use super::report::report;
use super::system::System;
use crate::auth::{self, Claims, Presented, Unverified, Verified};
use crate::base::clock::Clock;
use crate::base::ids::{RequestId, new_uuid};

use crate::base::net::Network;
use crate::delivery::Performances;
use crate::dialect::Reply;
use crate::event::{Arrival, Spec, Token};
use crate::journal::Health;
use crate::judge::{Asked, Cause, GuardSet, Guards, Judge, Recorded, Recorder, Timing};
use crate::telemetry::PersonName;
use crate::telemetry::metrics::Metrics;

/// The header that names a request, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Replies hold what nobody in between may keep.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What is in force: made whole from one configuration, replaced whole by the next.
pub struct Active {
    /// Who sends events.
    pub systems: Vec<System>,
    /// Who decides them.
    pub judge: Judge,
    /// Who keeps them.
    pub recorder: Recorder,
    /// What guards know.
    pub guards: Arc<Guards>,
    /// What guards there are.
    pub guard_set: Arc<GuardSet>,
    /// How many rules it has.
    pub rules: usize,
    /// What a body may be.
    pub body: BodyLimits,
    /// How many requests may be worked on at once.
    pub max_in_flight: usize,
    /// Whose word counts in `X-Forwarded-For`.
    pub trusted_proxies: Vec<Network>,
    /// How lines name persons.
    pub person: PersonName,
}

/// What outlasts every configuration.
pub struct Receiver {
    active: ArcSwapOption<Active>,
    refused_reload: ArcSwapOption<String>,
    in_flight: AtomicUsize,
    performances: Arc<Performances>,
    clock: Clock,
    metrics: Metrics,
    stop: Stop,
}

impl Receiver {
    /// A receiver that has no configuration yet.
    pub fn new(clock: Clock, metrics: Metrics, stop: Stop) -> Self {
        let (active, refused_reload) = (ArcSwapOption::empty(), ArcSwapOption::empty());
        let performances = Performances::new();
        Self { active, refused_reload, in_flight: AtomicUsize::new(0), performances, clock, metrics, stop }
    }

    /// Who waits for what is performed.
    pub fn performances(&self) -> &Arc<Performances> {
        &self.performances
    }

    /// Puts a configuration in force. Requests that are under way finish with the one they began with.
    pub fn activate(&self, active: Arc<Active>) {
        self.active.store(Some(active));
    }

    /// The configuration in force.
    pub fn active(&self) -> Option<Arc<Active>> {
        self.active.load_full()
    }

    /// Says why the files hold another configuration than the one in force; none: they do not.
    pub fn set_refused_reload(&self, why: Option<String>) {
        self.refused_reload.store(why.map(Arc::new));
    }

    /// Why the last reload was not taken, where it was not.
    pub fn refused_reload(&self) -> Option<Arc<String>> {
        self.refused_reload.load_full()
    }

    /// Whether verdicts can be given, and more may come.
    pub fn is_ready(&self) -> bool {
        self.active.load().is_some() && !self.stop.is_draining()
    }

    /// The metrics, up to date.
    pub fn metrics(&self) -> &Metrics {
        self.metrics.set_in_flight(self.in_flight.load(Ordering::Relaxed));
        if let Some(active) = &*self.active.load() {
            self.metrics.set_journal(active.recorder.journal().health() == Health::Ok);
            for (guard, held) in active.guards.held() {
                self.metrics.set_guarded(&guard, held);
            }
        }
        &self.metrics
    }
}

/// One place among the requests that are worked on; given back when dropped, which a sender who leaves causes too.
struct Slot<'a>(&'a Receiver);

impl<'a> Slot<'a> {
    fn take(receiver: &'a Receiver, limit: usize) -> Option<Self> {
        let slot = Self(receiver);
        (receiver.in_flight.fetch_add(1, Ordering::Relaxed) < limit).then_some(slot)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers a request to any path but the health checks'.
pub async fn receive<B>(receiver: &Receiver, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let given = request.headers().get(REQUEST_ID).and_then(|id| RequestId::parse(id.to_str().ok()?));
    let request_id = given.unwrap_or_else(RequestId::random);
    match answer(receiver, request, &request_id).await {
        Ok(reply) => into_response(reply, &request_id),
        Err(refused) => refused,
    }
}

/// Finds out who sends, and answers in that system's words, refusals included.
async fn answer<B>(receiver: &Receiver, request: Request<B>, request_id: &RequestId) -> Result<Reply, Response<Body>>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let tell = |refusal: &Refusal| {
        receiver.metrics.refused(refusal.code());
        tracing::debug!(%request_id, code = refusal.code(), "refused");
    };
    let plain = |refusal: Refusal| {
        tell(&refusal);
        refusal.into_response(request_id)
    };
    let active = receiver.active.load_full().ok_or_else(|| plain(Refusal::Starting))?;
    let Some(_slot) = Slot::take(receiver, active.max_in_flight) else {
        tracing::warn!(%request_id, "refused: as many requests are worked on as are allowed");
        return Err(plain(Refusal::Overloaded));
    };
    let (head, body) = request.into_parts();
    let Some((system, rest)) = System::find(&active.systems, head.uri.path()) else {
        drain(&head, body, active.body).await;
        return Err(plain(Refusal::NotFound));
    };
    let answered = answer_system(receiver, &active, system, rest, &head, body, request_id).await;
    answered.map_err(|refusal| {
        tell(&refusal);
        refusal.in_words_of(&*system.dialect, request_id)
    })
}

async fn answer_system<B>(
    receiver: &Receiver,
    active: &Active,
    system: &System,
    rest: &str,
    head: &Parts,
    body: B,
    request_id: &RequestId,
) -> Result<Reply, Refusal>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let Admitted { spec, verified, peer } = match admit(active, system, rest, head, request_id).await {
        Ok(Some(admitted)) => admitted,
        Ok(None) => {
            drain(head, body, active.body).await;
            return Ok(system.dialect.acknowledgement());
        }
        Err(refusal) => {
            drain(head, body, active.body).await;
            return Err(refusal);
        }
    };
    let unread = |refusal: &Refusal| {
        tracing::warn!(%request_id, %peer, event = spec.name, code = refusal.code(), "a body could not be read");
    };
    if let Err(refusal) = body::check_head(&head.headers, active.body).inspect_err(unread) {
        drain(head, body, active.body).await;
        return Err(refusal);
    }
    let body = body::read(body, active.body).await.inspect_err(unread)?;
    let received = receiver.clock.instant();
    let is_verified = verified.is_some();
    let claims = verified.and_then(Verified::into_claims).map(Claims::into_parts);
    let token = claims.map(|(raw, tenant)| Token::new(raw, tenant));
    let arrival = Arrival { token, received_at: receiver.clock.now(), request_id: request_id.clone() };
    let event = system.dialect.decode(spec, body, arrival).map_err(|error| {
        tracing::warn!(%request_id, %peer, event = spec.name, code = error.code(), "a body is no event");
        Refusal::Body(error)
    })?;
    let event = Arc::new(event);
    let timing = Timing { received, deadline: system.deadline };
    let judgement = if !is_verified {
        active.judge.pass(&event, received, Cause::Unverified)
    } else if system.dialect.is_trial(&event) {
        active.judge.pass(&event, received, Cause::Trial)
    } else {
        active.judge.judge(&event, timing).await
    };
    let id = event.request_id().uuid().unwrap_or_else(new_uuid);
    let waiting = Waiting::of(&receiver.performances, id, &event, &judgement.decision, timing);
    let same_as = system.dialect.idempotency_key(&event);
    let request = Asked { id, same_as: same_as.as_deref(), until: perform::until(&event, timing) };
    let recorded = active.recorder.record(&event, &judgement, timing, &request).await;
    let mut performance = waiting.end(&recorded, &**active.recorder.journal()).await;
    if system.dialect.wants_number(&event, &judgement.decision, &performance) {
        performance.number = active.recorder.number(event.spec().system, timing).await;
        if performance.number.is_none() {
            return Err(Refusal::Unrecorded);
        }
    }
    report(&receiver.metrics, active, &event, &judgement, &recorded, &performance);
    if matches!(recorded, Recorded::Refused { .. }) {
        return Err(Refusal::Unrecorded);
    }
    let reply = system.dialect.encode(&event, &judgement.decision, &performance).map_err(|_| Refusal::Internal)?;
    if receiver.clock.instant().saturating_duration_since(received) > system.deadline {
        receiver.metrics.late();
        tracing::warn!(%request_id, event = spec.name, "the reply is late: the process was not given time to run");
    }
    Ok(reply)
}

/// Takes what is still sent, unless the sender waits to be asked for it.
async fn drain<B: http_body::Body<Data = Bytes> + Unpin>(head: &Parts, body: B, limits: BodyLimits) {
    if !head.headers.contains_key(EXPECT) {
        body::drain(body, limits).await;
    }
}

/// A request whose body may be read.
struct Admitted {
    spec: &'static Spec,
    /// The proof that the sender may; none for one that is only observed.
    verified: Option<Verified>,
    peer: IpAddr,
}

/// Looks at everything but the body. None is an event that nobody knows, and that is to be acknowledged.
async fn admit(
    active: &Active,
    system: &System,
    rest: &str,
    head: &Parts,
    request_id: &RequestId,
) -> Result<Option<Admitted>, Refusal> {
    let (path_secret, path) = system.split(rest);
    if head.method != Method::POST {
        return Err(Refusal::Method);
    }
    let connection = head.extensions.get::<Connection>().ok_or(Refusal::Internal)?;
    let peer = auth::client_address(connection.peer.ip(), &head.headers, &active.trusted_proxies);
    let presented = Presented { headers: &head.headers, peer, path_secret, client: connection.client.as_deref() };
    let verified = verify(system, &presented, request_id).await?;
    if let Some(spec) = system.event(path) {
        return Ok(Some(Admitted { spec, verified, peer }));
    }
    // Whoever is only observed may have put a secret there.
    let event = if verified.is_some() { printable(path) } else { "" };
    let (system, acknowledged) = (system.name(), system.acknowledge_unknown);
    tracing::warn!(%request_id, %peer, system, event, acknowledged, "an event that nobody knows");
    if acknowledged { Ok(None) } else { Err(Refusal::UnknownEvent) }
}

/// The proof that the sender may; none for one that is only observed.
async fn verify(
    system: &System,
    presented: &Presented<'_>,
    request_id: &RequestId,
) -> Result<Option<Verified>, Refusal> {
    let denied = match system.authenticator.verify(presented).await {
        Ok(verified) => return Ok(Some(verified)),
        Err(denied) => denied,
    };
    let reason = denied.code();
    match system.authenticator.unverified() {
        Unverified::Accept => Ok(system.authenticator.waive()),
        Unverified::Observe => {
            tracing::warn!(%request_id, peer = %presented.peer, reason, "not verified, only observed");
            Ok(None)
        }
        Unverified::Refuse => {
            tracing::warn!(%request_id, peer = %presented.peer, reason, "refused: not verified");
            Err(Refusal::Unauthorized(denied))
        }
    }
}

/// A name that a log line can hold: one that may be a path secret in the wrong place, or anything else, is left out.
fn printable(name: &str) -> &str {
    let plain = name.len() <= 24 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain { name } else { "" }
}

/// A request's id as its header has it.
pub(super) fn header_value(request_id: &RequestId) -> HeaderValue {
    HeaderValue::from_str(request_id.as_str()).expect("a request id has only letters, digits and marks")
}

fn into_response(reply: Reply, request_id: &RequestId) -> Response<Body> {
    let mut response = Response::new(match reply.body {
        std::borrow::Cow::Borrowed(text) => whole(text),
        std::borrow::Cow::Owned(text) => whole(text),
    });
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response.headers_mut().insert(REQUEST_ID, header_value(request_id));
    response
}
