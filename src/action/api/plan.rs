//! The keys of an API: its address, headers and OAuth, and the way to it.

use ::http::{HeaderName, HeaderValue};
use indexmap::IndexMap;
use reqwest::Url;

use crate::action::caller;
use crate::action::headers::{SecretHeaders, Texts};
use crate::action::way::Way;
use crate::action::written::Written;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::secret::{SecretText, TextOrSecret};
use crate::outgoing::oauth::{OAuth, RawOAuth};
use crate::outgoing::{headers, is_open};
use crate::scope::{Names, address};

/// The keys as they are written.
pub(in crate::action) struct Keys<'a> {
    pub(in crate::action) url: Option<&'a str>,
    pub(in crate::action) headers: &'a IndexMap<String, TextOrSecret>,
    pub(in crate::action) oauth: Option<&'a RawOAuth>,
}

/// The keys, checked.
#[derive(Debug)]
pub(in crate::action) struct Plan {
    pub(super) base: Url,
    pub(super) way: Way,
    /// What every request bears that is no secret, beside what is made of an event.
    pub(super) literal: Vec<(HeaderName, HeaderValue)>,
    pub(super) secret_headers: SecretHeaders,
    pub(super) oauth: Option<OAuth>,
}

impl Plan {
    /// Checks the keys of a table. `such` is an address as an example.
    pub(in crate::action) fn compile(
        keys: &Keys<'_>,
        written: &Written<'_>,
        such: &str,
        findings: &mut Diagnostics,
    ) -> Option<Self> {
        let before = findings.errors();
        let way = Way::compile(written, findings);
        let base = base(keys.url, written, &way, such, findings);
        let names = headers::names(written.entry.get("headers"), "action-header", findings);
        let oauth = caller::oauth(keys.oauth, written, &names, &way, findings);
        let secret_headers = SecretHeaders::of(&names, keys.headers);
        let plan = Self { base: base?, way, literal: Vec::new(), secret_headers, oauth };
        if !written.granted.is_empty() && is_open(&plan.base) {
            let finding = Diagnostic::error("action-url", address::TLS_ONLY).at(written.place("url"));
            findings.push(finding.hint("write `https://`"));
        }
        (findings.errors() == before).then_some(plan)
    }

    /// The address below which requests go.
    pub(in crate::action) fn base(&self) -> &Url {
        &self.base
    }

    /// Adds a header that every request bears.
    pub(in crate::action) fn add_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.literal.push((name, value));
    }

    /// Adds a header that is a secret.
    pub(in crate::action) fn add_secret(&mut self, name: HeaderName, text: SecretText, place: Place) {
        self.secret_headers.add(name, text, place);
    }
}

/// The headers that are made of an event. What is wrong with their names is said by [`Plan::compile`].
pub(in crate::action) fn texts(written: &Written<'_>, names: &mut Names, findings: &mut Diagnostics) -> Texts {
    let headers = headers::names(written.entry.get("headers"), "action-header", &mut Diagnostics::default());
    Texts::compile(&headers, names, findings)
}

fn base(url: Option<&str>, written: &Written<'_>, way: &Way, such: &str, findings: &mut Diagnostics) -> Option<Url> {
    let Some(text) = url else {
        if !written.has("url") {
            let finding = Diagnostic::error("action-url", "the action takes a `url`").at(written.place("type"));
            findings.push(finding.hint(format!("such as \"{such}\"")));
        }
        return None;
    };
    let base = address::base(text, &way.outlet.guard).map_err(|(message, hint)| {
        let finding = Diagnostic::error("action-url", message).at(written.place("url"));
        findings.push(match hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        });
    });
    base.ok()
}
