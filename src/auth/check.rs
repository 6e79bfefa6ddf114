//! What can be said against a [`Config`] without a look at secrets, key files or the network.

use std::net::IpAddr;
use std::str::FromStr as _;
use std::time::Duration;

use http::HeaderName;
use http::header::AUTHORIZATION;
use jsonwebtoken::Algorithm;
use reqwest::Url;

use super::config::{Config, JwtConfig, Unverified};
use super::keys::is_symmetric;
use crate::base::diagnostic::Problem;
use crate::base::tree::closest;

/// What the listener in front lets through, which decides what must be asked of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// The listener verifies client certificates.
    pub client_ca: bool,
    /// Only this machine can reach the listener.
    pub loopback: bool,
}

/// The code of the finding that no credential is named.
pub const NO_CREDENTIAL: &str = "auth-none";

/// The algorithms that a configuration may name.
const ALGORITHMS: [&str; 12] =
    ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
const MAX_USUAL_LEEWAY: Duration = Duration::from_secs(600);
const MIN_JWKS_REFRESH: Duration = Duration::from_secs(10);

impl Config {
    /// Everything that is wrong with what is written here, behind a listener that is open as `exposure` says.
    pub fn problems(&self, exposure: Exposure) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.check_unverified(exposure, &mut problems);
        self.check_lists(exposure, &mut problems);
        if let Some(jwt) = &self.jwt {
            jwt.check(&mut problems);
        }
        self.check_contradictions(&mut problems);
        self.check_others(&mut problems);
        problems
    }

    /// One header cannot hold two credentials. An API key and a password are two ways to show the same.
    fn check_contradictions(&self, problems: &mut Vec<Problem>) {
        let keys = [
            ("jwt", self.jwt.is_some()),
            ("bearer", self.bearer.is_some()),
            ("api_key", self.api_key.is_some()),
            ("basic", self.basic.is_some()),
        ];
        let named: Vec<&str> = keys.into_iter().filter(|(_, named)| *named).map(|(key, _)| key).collect();
        if let [first, second, ..] = named[..]
            && (first, second) != ("api_key", "basic")
        {
            let message = format!("{first} and {second} need the same header, and both must hold");
            let problem = Problem::error("auth-contradiction", &[second], message);
            problems.push(problem.hint("keep one of the two; path_secret goes with either"));
        }
    }

    fn check_others(&self, problems: &mut Vec<Problem>) {
        if let Some(header) = &self.header {
            match HeaderName::from_bytes(header.name.as_bytes()) {
                Err(_) => {
                    let problem = Problem::error("auth-header", &["header", "name"], "this is no name of a header");
                    problems.push(problem.hint("for example \"X-Webhook-Secret\""));
                }
                Ok(AUTHORIZATION) if self.uses_authorization() => {
                    let message = "another credential needs this header";
                    problems.push(Problem::error("auth-contradiction", &["header", "name"], message));
                }
                Ok(_) => {}
            }
        }
        for (index, entry) in self.basic.iter().flatten().enumerate() {
            let path = ["basic", &index.to_string(), "user"];
            if entry.user.is_empty() || entry.user.contains(':') {
                problems.push(Problem::error("auth-basic", &path, "a name is not empty and has no colon"));
            }
        }
    }

    fn uses_authorization(&self) -> bool {
        self.jwt.is_some() || self.bearer.is_some() || self.api_key.is_some() || self.basic.is_some()
    }

    fn check_unverified(&self, exposure: Exposure, problems: &mut Vec<Problem>) {
        let named = self.jwt.is_some()
            || self.path_secret.is_some()
            || self.bearer.is_some()
            || self.header.is_some()
            || self.api_key.is_some()
            || self.basic.is_some()
            || self.allow_from.is_some()
            || self.client_cert.is_some()
            || exposure.client_ca;
        let everyone = self.unverified == Unverified::Accept;
        if !named && !everyone {
            let message = "no credential is named, so nobody could tell who sends an event";
            problems.push(Problem::error(NO_CREDENTIAL, &[], message));
        }
        if everyone && !self.accept_everyone && !exposure.loopback {
            let message = "unverified = \"accept\" takes events from everyone who can reach this listener";
            let problem = Problem::error("auth-accept-everyone", &["unverified"], message);
            problems.push(problem.hint("listen on a loopback address, or say accept_everyone = true if that is meant"));
        }
        if self.accept_everyone && !everyone {
            let message = "accept_everyone does nothing without unverified = \"accept\"";
            problems.push(Problem::warning("auth-no-effect", &["accept_everyone"], message));
        }
    }

    fn check_lists(&self, exposure: Exposure, problems: &mut Vec<Problem>) {
        let lists = [
            ("bearer", self.bearer.as_ref().is_some_and(Vec::is_empty)),
            ("basic", self.basic.as_ref().is_some_and(Vec::is_empty)),
            ("allow_from", self.allow_from.as_ref().is_some_and(Vec::is_empty)),
        ];
        for (key, _) in lists.iter().filter(|(_, empty)| *empty) {
            let problem = Problem::error("auth-empty", &[key], format!("{key} is empty, so that nothing could hold"));
            problems.push(problem.hint("name a value, or take the key out"));
        }
        if self.client_cert.is_some() && !exposure.client_ca {
            let message = "client_cert asks for certificates that the listener does not verify";
            let problem = Problem::error("auth-no-client-ca", &["client_cert"], message);
            problems.push(problem.hint("name the authority in [server] tls = { …, client_ca = \"ca.pem\" }"));
        }
    }
}

// === impl JwtConfig ===

impl JwtConfig {
    /// The algorithms that are named and known.
    pub(super) fn known_algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        self.algorithms.iter().filter_map(|name| Algorithm::from_str(name).ok())
    }

    fn check(&self, problems: &mut Vec<Problem>) {
        self.check_algorithms(problems);
        self.check_keys(problems);
        if let Some(url) = &self.jwks_url {
            problems.extend(check_url(url));
        }
        if self.jwks_refresh.0 < MIN_JWKS_REFRESH {
            problems.push(Problem::error(
                "auth-jwks",
                &["jwt", "jwks_refresh"],
                "keys are not fetched more than every 10s",
            ));
        }
        if self.leeway.0 > MAX_USUAL_LEEWAY {
            let message = "tokens stay valid this long after they expire";
            problems.push(Problem::warning("auth-leeway", &["jwt", "leeway"], message).hint("a minute is usual"));
        }
    }

    fn check_algorithms(&self, problems: &mut Vec<Problem>) {
        if self.algorithms.is_empty() {
            problems.push(Problem::error(
                "auth-algorithm",
                &["jwt", "algorithms"],
                "no algorithm is named, so that no token could hold",
            ));
        }
        let named = self.algorithms.iter().enumerate();
        for (index, name) in named.filter(|(_, name)| !ALGORITHMS.contains(&name.as_str())) {
            let path = ["jwt", "algorithms", &index.to_string()];
            let problem = if name.eq_ignore_ascii_case("none") {
                Problem::error("auth-algorithm", &path, "tokens without a signature are never taken")
            } else {
                Problem::error("auth-algorithm", &path, format!("unknown algorithm `{name}`"))
            };
            problems.push(problem.hint(match closest(name, &ALGORITHMS) {
                Some(near) if !name.eq_ignore_ascii_case("none") => format!("did you mean `{near}`?"),
                _ => format!("known algorithms: {}", ALGORITHMS.join(", ")),
            }));
        }
    }

    fn check_keys(&self, problems: &mut Vec<Problem>) {
        let symmetric = self.known_algorithms().find(|algorithm| is_symmetric(*algorithm));
        let asymmetric = self.known_algorithms().find(|algorithm| !is_symmetric(*algorithm));
        if self.key.as_ref().is_some_and(|files| files.as_slice().is_empty()) {
            let problem = Problem::error("auth-empty", &["jwt", "key"], "key is empty, so that nothing could hold");
            problems.push(problem.hint("name a file, or take the key out"));
        }
        match (symmetric, &self.secret) {
            (Some(algorithm), None) => {
                let message = format!("{algorithm:?} needs a shared secret, and none is named");
                let problem = Problem::error("auth-no-key", &["jwt"], message);
                problems.push(problem.hint("secret = { env = \"HOOKREEVE_JWT_SECRET\" }, or other algorithms"));
            }
            (None, Some(_)) if asymmetric.is_some() => {
                let message = "no algorithm uses the secret: a shared secret verifies HS256, HS384 and HS512 only";
                problems.push(Problem::error("auth-unused-key", &["jwt", "secret"], message));
            }
            _ => {}
        }
        let public = [("key", self.key.is_some()), ("jwks_url", self.jwks_url.is_some())];
        let named = public.into_iter().find(|(_, named)| *named);
        match (asymmetric, named) {
            (Some(algorithm), None) => {
                let problem = Problem::error(
                    "auth-no-key",
                    &["jwt"],
                    format!("{algorithm:?} needs a public key, and none is named"),
                );
                problems.push(problem.hint("key = \"signer.pem\", or jwks_url = \"https://…\""));
            }
            (None, Some((key, _))) if symmetric.is_some() => {
                let message = "no algorithm uses public keys: a public key never stands in for a shared secret";
                problems.push(Problem::error("auth-unused-key", &["jwt", key], message));
            }
            _ => {}
        }
    }
}

fn check_url(text: &str) -> Option<Problem> {
    let problem = |message: &str| Some(Problem::error("auth-jwks", &["jwt", "jwks_url"], message));
    let Ok(url) = Url::parse(text) else { return problem("jwks_url is no URL") };
    if !url.username().is_empty() || url.password().is_some() {
        return problem("jwks_url holds a credential, which does not belong in a configuration");
    }
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => None,
        "http" if loopback => None,
        _ => problem("jwks_url must be https: whoever changes the keys on their way signs tokens"),
    }
}
