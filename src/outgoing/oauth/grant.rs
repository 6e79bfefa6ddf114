//! The keys of `oauth = { … }`, checked, and the request for a token.

use ::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::secret::{Secret, SecretRef, SecretText};
use crate::base::tree::Node;
use crate::outgoing::{Guard, Request, check_host, encode, is_open};

/// `oauth = { … }`: the client's credentials, for which a server gives out tokens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOAuth {
    /// Where tokens are given out.
    pub token_url: String,
    /// The client's name there.
    pub client_id: String,
    /// The client's secret there.
    pub client_secret: SecretRef,
    /// What the token is to be good for, in the server's words, with spaces between them. Default: what the server gives.
    pub scope: Option<String>,
    /// Whom the token is for, where the server asks for that. Default: not said.
    pub audience: Option<String>,
    /// How the secret is shown. Default: `client_secret_basic`.
    #[serde(default)]
    pub auth: ClientAuth,
}

/// How a client shows its secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// In the header `Authorization`.
    #[default]
    ClientSecretBasic,
    /// In the body.
    ClientSecretPost,
}

/// The keys, checked.
#[derive(Clone, Debug)]
pub struct OAuth {
    /// Where the secret is kept.
    pub client_secret: SecretText,
    /// Where that stands.
    pub place: Place,
    url: Url,
    client_id: String,
    scope: Option<String>,
    audience: Option<String>,
    auth: ClientAuth,
}

impl OAuth {
    /// Checks the keys that stand at `node`. `code` is that of what is found wrong with them.
    pub fn compile(
        raw: &RawOAuth,
        node: &Node,
        guard: &Guard,
        code: &'static str,
        findings: &mut Diagnostics,
    ) -> Option<Self> {
        let place = |key: &str| node.get(key).map_or(&node.place, |node| &node.place).clone();
        let before = findings.errors();
        let url = address(&raw.token_url, guard).map_err(|(message, hint)| {
            findings.push(Diagnostic::error(code, message).at(&place("token_url")).hint(hint));
        });
        if raw.client_id.is_empty() {
            findings.push(Diagnostic::error(code, "a client has a name").at(&place("client_id")));
        }
        let oauth = Self {
            client_secret: SecretText { place: raw.client_secret.clone(), prefix: String::new() },
            place: place("client_secret"),
            url: url.ok()?,
            client_id: raw.client_id.clone(),
            scope: raw.scope.clone(),
            audience: raw.audience.clone(),
            auth: raw.auth,
        };
        (findings.errors() == before).then_some(oauth)
    }

    /// The request for a token.
    pub(super) fn request(&self, secret: &Secret) -> Result<Request, &'static str> {
        let secret = std::str::from_utf8(secret.expose()).map_err(|_| "the client's secret is no text")?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("hookreeve/", env!("CARGO_PKG_VERSION"))));
        let mut pairs = vec![("grant_type", "client_credentials")];
        match self.auth {
            ClientAuth::ClientSecretBasic => {
                // Both are encoded first (section 2.3.1): a colon in either does not end the name.
                let both = STANDARD.encode(format!("{}:{}", encode(&self.client_id), encode(secret)));
                let mut value = HeaderValue::from_str(&format!("Basic {both}"))
                    .map_err(|_| "the client's secret fits into no header")?;
                value.set_sensitive(true);
                headers.insert(header::AUTHORIZATION, value);
            }
            ClientAuth::ClientSecretPost => {
                pairs.extend([("client_id", self.client_id.as_str()), ("client_secret", secret)]);
            }
        }
        pairs.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        pairs.extend(self.audience.as_deref().map(|audience| ("audience", audience)));
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        Ok(Request { url: self.url.clone(), headers, body: Some(pairs.join("&").into_bytes()) })
    }
}

/// A token server's address; the error is what is wrong with it, and what to do about that.
fn address(text: &str, guard: &Guard) -> Result<Url, (String, &'static str)> {
    const SUCH: &str = "such as \"https://login.example/oauth2/token\"";
    let url = Url::parse(text).map_err(|error| (format!("this is no address: {error}"), SUCH))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(("the scheme must be `https`".to_owned(), SUCH));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(("an address holds no name and password".to_owned(), "they are `client_id` and `client_secret`"));
    }
    if url.fragment().is_some() {
        return Err(("what follows `#` is never sent".to_owned(), SUCH));
    }
    if is_open(&url) {
        return Err(("a client's secret is sent over TLS only".to_owned(), "write `https://`"));
    }
    check_host(&url, guard).map_err(|refused| {
        let hint = "`allow_private = true` allows addresses within the house, `allow = [\"10.0.0.0/8\"]` those listed";
        (format!("the destination cannot be used: {refused}"), hint)
    })?;
    Ok(url)
}
