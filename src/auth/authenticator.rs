//! Every credential that the configuration names, prepared; and the proof that they held.

use std::net::IpAddr;
use std::path::Path;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use super::basic::Passwords;
use super::check::Exposure;
use super::claims::Claims;
use super::config::{Config, Unverified};
use super::denied::{Denied, DeniedReason};
use super::identity::ClientIdentity;
use super::jwt::{MAX_TOKEN_BYTES, Verifier};
use super::prepare::Preparation;
use crate::base::clock::Clock;
use crate::base::diagnostic::{Problem, Severity};
use crate::base::net::Network;
use crate::base::secret::{Secret, SecretSource};

/// Decides whether an event comes from whom it should.
#[derive(Debug)]
pub struct Authenticator {
    unverified: Unverified,
    allow_from: Option<Vec<Network>>,
    path_secret: Option<Vec<Secret>>,
    client_names: Option<Vec<String>>,
    bearer: Option<Vec<Secret>>,
    header: Option<(HeaderName, Vec<Secret>)>,
    api_key: Option<Vec<Secret>>,
    basic: Option<Passwords>,
    jwt: Option<Verifier>,
}

/// What a request presents.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The client's address, `X-Forwarded-For` already resolved by [`client_address`](super::client_address).
    pub peer: IpAddr,
    /// The path's secret segment as it stands in the path, where there is one.
    pub path_secret: Option<&'a str>,
    /// Whom the client certificate names, where there is one.
    pub client: Option<&'a ClientIdentity>,
}

/// The proof that every credential held, or that none needs to. Only an [`Authenticator`] makes one.
#[derive(Clone, Debug)]
pub struct Verified {
    claims: Option<Claims>,
}

impl Authenticator {
    /// Prepares everything that `config` names; key files are relative to `base_dir`. Warnings are `Config::problems`'
    /// matter: here, an error is an error and everything else passes.
    pub fn try_new(
        config: &Config,
        secrets: &dyn SecretSource,
        base_dir: &Path,
        exposure: Exposure,
        clock: &Clock,
    ) -> Result<Self, Vec<Problem>> {
        // The library guesses its backend from the features of the whole build, and panics where it cannot. An error
        // means that it is set already.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let mut problems = config.problems(exposure);
        problems.retain(|problem| problem.severity == Severity::Error);
        let mut preparation = Preparation { secrets, base_dir, clock, problems };
        let client_names = config.client_cert.as_ref().map(|asked| asked.names.clone());
        let authenticator = Self {
            unverified: config.unverified,
            allow_from: config.allow_from.clone(),
            path_secret: config.path_secret.as_ref().map(|places| preparation.path_secrets(places.iter())),
            client_names: client_names.or_else(|| exposure.client_ca.then(Vec::new)),
            bearer: config.bearer.as_ref().map(|places| preparation.secrets(&["bearer"], places.iter())),
            header: config.header.as_ref().and_then(|header| preparation.header(header)),
            api_key: config.api_key.as_ref().map(|places| preparation.secrets(&["api_key"], places.iter())),
            basic: config.basic.as_ref().map(|entries| preparation.basic(entries)),
            jwt: config.jwt.as_ref().map(|jwt| preparation.jwt(jwt)),
        };
        if preparation.problems.is_empty() { Ok(authenticator) } else { Err(preparation.problems) }
    }

    /// Takes over the signer's keys that `previous` has fetched, where both read them from the same place. For a reload.
    pub fn inherit(&self, previous: &Self) {
        let sources = (self.jwt.as_ref(), previous.jwt.as_ref());
        if let (Some(Verifier { published: Some(own), .. }), Some(Verifier { published: Some(theirs), .. })) = sources {
            own.inherit(theirs);
        }
    }

    /// Looks at every credential that is named; the first that does not hold is the reason.
    pub async fn verify(&self, presented: &Presented<'_>) -> Result<Verified, Denied> {
        if let Some(networks) = &self.allow_from
            && !networks.iter().any(|network| network.contains(presented.peer))
        {
            return Err(DeniedReason::AddressNotAllowed.into());
        }
        if let Some(secrets) = &self.path_secret
            && !presented.path_secret.is_some_and(|segment| matches_any(secrets, segment))
        {
            return Err(DeniedReason::WrongPathSecret.into());
        }
        if let Some(names) = &self.client_names {
            let client = presented.client.ok_or(DeniedReason::NoClientCertificate)?;
            if !names.is_empty() && !client.bears_one_of(names) {
                return Err(DeniedReason::ClientCertificateName.into());
            }
        }
        if let Some(secrets) = &self.bearer
            && !matches_any(secrets, bearer_token(presented.headers)?)
        {
            return Err(DeniedReason::WrongBearer.into());
        }
        if let Some((name, secrets)) = &self.header {
            let value = only(presented.headers, name)?.ok_or(DeniedReason::WrongHeader)?;
            if !matches_any(secrets, value) {
                return Err(DeniedReason::WrongHeader.into());
            }
        }
        if self.api_key.is_some() || self.basic.is_some() {
            self.verify_key_or_password(presented.headers).await?;
        }
        let claims = match &self.jwt {
            Some(jwt) => Some(jwt.verify(bearer_token(presented.headers)?).await?),
            None => None,
        };
        Ok(Verified { claims })
    }

    /// An API key, or a name and its password, whichever is sent.
    async fn verify_key_or_password(&self, headers: &HeaderMap) -> Result<(), DeniedReason> {
        let missing = if self.api_key.is_some() { DeniedReason::WrongApiKey } else { DeniedReason::WrongPassword };
        let value = only(headers, &AUTHORIZATION)?.ok_or(missing)?;
        if let (Some(passwords), Some(credential)) = (&self.basic, after_scheme(value, "basic")) {
            return if passwords.verify(credential).await { Ok(()) } else { Err(DeniedReason::WrongPassword) };
        }
        let Some(keys) = &self.api_key else { return Err(missing) };
        let key = after_scheme(value, "bearer").or_else(|| after_scheme(value, "apikey")).unwrap_or(value);
        if matches_any(keys, key) { Ok(()) } else { Err(DeniedReason::WrongApiKey) }
    }

    /// What the configuration wants done with an event whose credentials do not hold.
    pub fn unverified(&self) -> Unverified {
        self.unverified
    }

    /// Whether a path to an event has a secret segment.
    pub fn wants_path_secret(&self) -> bool {
        self.path_secret.is_some()
    }

    /// Stands in for the proof where the configuration says that unverified events are accepted, and nowhere else.
    pub fn waive(&self) -> Option<Verified> {
        (self.unverified == Unverified::Accept).then_some(Verified { claims: None })
    }
}

impl Verified {
    /// The claims of the token, where one was asked for.
    pub fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    /// The same, to keep.
    pub fn into_claims(self) -> Option<Claims> {
        self.claims
    }
}

/// The one bearer token of the one `Authorization` header.
fn bearer_token(headers: &HeaderMap) -> Result<&str, DeniedReason> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(DeniedReason::MissingToken)?;
    if values.next().is_some() {
        return Err(DeniedReason::DuplicateHeader);
    }
    let text = value.to_str().map_err(|_| DeniedReason::MalformedToken)?;
    let (scheme, token) = text.split_once(' ').ok_or(DeniedReason::MissingToken)?;
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(DeniedReason::MissingToken);
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(DeniedReason::OversizedToken);
    }
    Ok(token)
}

/// The value of a header that must not stand twice.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, DeniedReason> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(DeniedReason::DuplicateHeader);
    }
    Ok(value.map(|value| value.to_str().unwrap_or_default()))
}

/// What stands behind a scheme, whatever its case.
fn after_scheme<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    let (written, rest) = value.trim().split_once(' ')?;
    written.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// Compares with every secret, whichever holds, so that the time does not tell which.
fn matches_any(secrets: &[Secret], presented: &str) -> bool {
    secrets.iter().fold(false, |held, secret| secret.matches(presented.as_bytes()) | held)
}
