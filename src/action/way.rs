//! The way that an action's requests go out by, of the keys that such types share: TLS, a proxy, and where they may go.

use super::written::Written;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::outgoing::{self, Client, Guard, Outlet};

/// The keys, checked, with their places: some of what can be wrong with them shows when a client is made.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) outlet: Outlet,
    places: [(&'static str, Place); 2],
    place: Place,
}

impl Way {
    /// Checks `tls`, `proxy`, `allow_private` and `allow` of a table. What is wrong goes to `findings`.
    pub(super) fn compile(written: &Written<'_>, findings: &mut Diagnostics) -> Self {
        let raw = written.raw;
        let proxy = raw.proxy.as_deref().and_then(|text| {
            let proxy = outgoing::proxy(text);
            proxy
                .map_err(|problem| findings.push(Diagnostic::error("action-proxy", problem).at(written.place("proxy"))))
                .ok()
        });
        let tls = raw.tls.clone().unwrap_or_default();
        if tls.cert.is_some() != tls.key.is_some() {
            let finding = Diagnostic::error("action-tls", "a client certificate takes both `cert` and `key`");
            findings.push(finding.at(written.place("tls")));
        }
        let guard = Guard { allow_private: raw.allow_private, allow: raw.allow.clone() };
        Self {
            outlet: Outlet { timeout: written.timeout, guard, proxy, tls },
            places: ["tls", "proxy"].map(|key| (key, written.place(key).clone())),
            place: written.entry.place.clone(),
        }
    }

    /// A client of it, with certificates read. What is wrong with them goes to `findings`.
    pub(super) fn client(&self, findings: &mut Diagnostics) -> Option<Client> {
        let wrong = |(key, problem)| {
            let place = self.places.iter().find(|(name, _)| *name == key).map_or(&self.place, |(_, place)| place);
            findings.push(Diagnostic::error("action-client", problem).at(place));
        };
        Client::try_new(&self.outlet).map_err(wrong).ok()
    }
}
