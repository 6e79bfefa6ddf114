//! A signer's published keys, fetched when first needed, kept, and fetched again when they are old or lack a key.
//!
//! There is no task in the background: a request that needs the keys drives the fetch. Where that request goes away, the
//! fetch waits, half done, for the next one, so that nobody can starve it by hanging up.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::Algorithm;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::denied::DeniedReason;
use super::jwks::{self, JwksError};
use super::keys::Key;
use crate::base::clock::Clock;

/// Where published keys come from, and those that came last.
pub(super) struct Source {
    client: Client,
    url: Url,
    refresh: TimeDelta,
    clock: Clock,
    current: ArcSwapOption<KeySet>,
    turn: Mutex<Turn>,
}

/// Why the keys could not be fetched. It never holds the URL, whose query may be a credential.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceError {
    #[error("jwks_url is no URL")]
    Url,
    #[error("the client could not be set up: {0}")]
    Client(reqwest::Error),
    #[error("the request failed: {}", cause(.0))]
    Request(reqwest::Error),
    #[error("the answer's status is {0}")]
    Status(StatusCode),
    #[error("the answer is longer than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
    #[error("there was no answer within {} seconds", FETCH_TIMEOUT.as_secs())]
    TimedOut,
    #[error(transparent)]
    Keys(#[from] JwksError),
}

struct KeySet {
    keys: Arc<[Key]>,
    fetched: DateTime<Utc>,
}

/// What only the request that drives the fetch touches.
#[derive(Default)]
struct Turn {
    fetch: Option<Fetch>,
    ended: Option<DateTime<Utc>>,
}

type Fetch = Pin<Box<dyn Future<Output = Result<Vec<Key>, SourceError>> + Send>>;

const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_WAIT: Duration = Duration::from_secs(7);
const MIN_SPACING: TimeDelta = TimeDelta::seconds(10);
const MAX_ANSWER_BYTES: usize = 1 << 20;

impl Source {
    /// Prepares the source; nothing is fetched yet.
    pub(super) fn try_new(url: &str, refresh: Duration, clock: &Clock) -> Result<Self, SourceError> {
        let client = Client::builder().redirect(Policy::none()).no_proxy().build().map_err(SourceError::Client)?;
        Ok(Self {
            client,
            url: Url::parse(url).map_err(|_| SourceError::Url)?,
            refresh: TimeDelta::from_std(refresh).unwrap_or(TimeDelta::MAX),
            clock: clock.clone(),
            current: ArcSwapOption::empty(),
            turn: Mutex::default(),
        })
    }

    /// Takes over the keys that `previous` has, where it is the same source: a reload of the configuration must not need
    /// a source that happens to be down.
    pub(super) fn inherit(&self, previous: &Self) {
        if self.url == previous.url {
            self.current.store(previous.current.load_full());
        }
    }

    /// The keys, among which there is one for this algorithm and key id if the signer has published it.
    pub(super) async fn keys(&self, algorithm: Algorithm, id: Option<&str>) -> Result<Arc<[Key]>, DeniedReason> {
        let seen = self.current.load_full();
        let usable = seen.as_ref().filter(|set| set.keys.iter().any(|key| key.serves(algorithm, id)));
        match usable {
            Some(set) if !self.is_due(set.fetched, self.refresh) => return Ok(set.keys.clone()),
            // Old keys serve while one request fetches new ones, and for as long as the source errs.
            Some(_) => {
                if let Ok(turn) = self.turn.try_lock() {
                    self.fetch(turn, seen.as_ref()).await;
                }
            }
            None => {
                let turn = timeout(MAX_WAIT, self.turn.lock()).await.map_err(|_| DeniedReason::KeySourceUnavailable)?;
                self.fetch(turn, seen.as_ref()).await;
            }
        }
        self.current.load_full().map(|set| set.keys.clone()).ok_or(DeniedReason::KeySourceUnavailable)
    }

    /// Fetches, unless somebody did since `seen` or the last fetch ended too short a time ago.
    async fn fetch(&self, mut turn: MutexGuard<'_, Turn>, seen: Option<&Arc<KeySet>>) {
        let renewed = self.current.load_full();
        if renewed.as_ref().map(Arc::as_ptr) != seen.map(Arc::as_ptr) {
            return;
        }
        let resumed = turn.fetch.is_some();
        if !resumed && turn.ended.is_some_and(|ended| !self.is_due(ended, MIN_SPACING)) {
            return;
        }
        let mut outcome = self.drive(&mut turn).await;
        // Its time ran out while nobody drove it: that says nothing of the source.
        if resumed && matches!(outcome, Err(SourceError::TimedOut)) {
            outcome = self.drive(&mut turn).await;
        }
        let now = self.clock.now();
        turn.ended = Some(now);
        match outcome {
            Ok(keys) => self.current.store(Some(Arc::new(KeySet { keys: keys.into(), fetched: now }))),
            Err(error) => {
                let host = self.url.host_str().unwrap_or_default();
                tracing::warn!(host, %error, kept = renewed.is_some(), "the token signer's keys could not be fetched");
            }
        }
    }

    /// Drives the fetch under way, or a new one, to its end. Dropped half way, it stays in `turn`.
    async fn drive(&self, turn: &mut Turn) -> Result<Vec<Key>, SourceError> {
        let fetch = turn.fetch.get_or_insert_with(|| {
            let request = download(self.client.clone(), self.url.clone());
            Box::pin(async move { timeout(FETCH_TIMEOUT, request).await.unwrap_or(Err(SourceError::TimedOut)) })
        });
        let outcome = fetch.as_mut().await;
        turn.fetch = None;
        outcome
    }

    /// Whether `period` has passed since `then`, or the clock was set back meanwhile.
    fn is_due(&self, then: DateTime<Utc>, period: TimeDelta) -> bool {
        let passed = self.clock.now() - then;
        passed >= period || passed < TimeDelta::zero()
    }
}

async fn download(client: Client, url: Url) -> Result<Vec<Key>, SourceError> {
    let mut answer = client.get(url).send().await.map_err(|error| SourceError::Request(error.without_url()))?;
    if answer.status() != StatusCode::OK {
        return Err(SourceError::Status(answer.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| SourceError::Request(error.without_url()))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(SourceError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(jwks::parse(&body)?)
}

/// The last of an error's causes, which is the one that says something.
fn cause(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}
