//! The keys of an action of type cymmetri, checked and compiled for each of its events.

use std::sync::Arc;

use ::http::{HeaderName, header};

use super::envelope::Envelope;
use super::raw::RawCymmetri;
use crate::action::operation::{self, EventPlan, Plan};
use crate::action::written::Written;
use crate::action::{api, kind};
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::secret::SecretText;
use crate::outgoing::headers;

/// What is said of an action without a path.
const UNDOCUMENTED: &str = "take it from the documentation of Cymmetri's API";

impl kind::Keys for RawCymmetri {
    fn compile(&self, written: &Written<'_>, findings: &mut Diagnostics) -> Option<Arc<dyn kind::Plan>> {
        let before = findings.errors();
        let mut api = api::Plan::compile(&self.keys(), written, "https://<tenant>.cymmetri.in", findings);
        for (key, name, value) in [("tenant", "tenant", &self.tenant), ("user_id", "userid", &self.user_id)] {
            let Some(text) = value else { continue };
            let Some(value) = headers::value(text).ok().filter(|value| !value.is_empty()) else {
                let finding = Diagnostic::error("action-header", "this is no header's value");
                findings.push(finding.at(written.place(key)));
                continue;
            };
            if let Some(api) = &mut api {
                api.add_header(HeaderName::from_static(name), value);
            }
        }
        self.token(written, api.as_mut(), findings);
        let raw = self.operation();
        let only = [("call", &raw, written.entry)];
        operation::check(&only[0], written.has("when"), UNDOCUMENTED, findings);
        let base = api.as_ref()?.base().clone();
        let events = written
            .for_each_event(findings, |spec, findings| EventPlan::compile(written, spec, &base, &only, findings));
        let reading = Envelope {
            expect_data: self.expect_data,
            retry_codes: self.retry_codes.clone(),
            done_codes: self.done_codes.clone(),
        };
        let plan = Plan { api: api?, reading: Arc::new(reading), captures: written.captures(), events };
        (findings.errors() == before).then(|| Arc::new(plan) as _)
    }
}

impl RawCymmetri {
    /// Adds the client's token; there is one credential.
    fn token(&self, written: &Written<'_>, api: Option<&mut api::Plan>, findings: &mut Diagnostics) {
        let authorized = self.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"));
        match &self.token {
            Some(_) if self.oauth.is_some() || authorized => {
                let finding = Diagnostic::error("action-header", "`token` makes the header `authorization`");
                findings.push(finding.at(written.key_place("token")).hint("write one of the two"));
            }
            Some(place) => {
                let text = SecretText { place: place.clone(), prefix: "Bearer ".to_owned() };
                if let Some(api) = api {
                    api.add_secret(header::AUTHORIZATION, text, written.place("token").clone());
                }
            }
            None if authorized || written.has("oauth") || written.has("token") => {}
            None => {
                let finding = Diagnostic::error("action-header", "no credential is named");
                findings.push(finding.at(written.place("type")).hint("token = { env = \"NAME\" }: a client's token"));
            }
        }
    }
}
