//! The systems that a configuration names, put into practice: credentials read, words chosen.

use crate::app::Source;
use crate::auth::{self, Authenticator};
use crate::base::diagnostic::{Diagnostics, Problem};
use crate::config::cymmetri::UnknownEvent;
use crate::config::{Loaded, Settings};
use crate::dialect::Dialect;
use crate::dialect::cymmetri::Cymmetri;
use crate::dialect::lumos::Lumos;
use crate::dialect::paylocity::Paylocity;
use crate::http::route::BasePaths;
use crate::http::system::System;

/// Each system that sends events, ready to be listened to.
///
/// # Errors
///
/// All that is missing or wrong about their credentials, each with its place.
pub(super) fn systems(settings: &Settings, loaded: &Loaded, source: &Source) -> Result<Vec<System>, Diagnostics> {
    let mut making = Making { settings, loaded, source, findings: Diagnostics::default(), systems: Vec::new() };
    if settings.has_cymmetri() {
        let cymmetri = &settings.cymmetri;
        let dialect = Cymmetri { accept_shape: cymmetri.accept_shape };
        making.add("cymmetri", &cymmetri.base_paths, &cymmetri.auth, cymmetri.deadline.0, Box::new(dialect));
        for system in &mut making.systems {
            system.acknowledge_unknown = cymmetri.unknown_event == UnknownEvent::Acknowledge;
        }
    }
    if let Some(lumos) = &settings.lumos {
        let dialect = Lumos { response: lumos.response, trial: lumos.trial.clone() };
        making.add("lumos", &lumos.base_paths, &lumos.auth, lumos.deadline.0, Box::new(dialect));
    }
    if let Some(cloud) = &settings.optimalcloud {
        making.add("optimalcloud", &cloud.base_paths, &cloud.auth, cloud.deadline.0, Box::new(cloud.dialect()));
    }
    if let Some(paylocity) = &settings.paylocity {
        let people = settings.optimalcloud.clone().unwrap_or_default().dialect();
        let dialect = Box::new(Paylocity { people });
        making.add("paylocity", &paylocity.base_paths, &paylocity.auth, paylocity.deadline.0, dialect);
    }
    let Making { findings, systems, .. } = making;
    if findings.has_errors() { Err(findings) } else { Ok(systems) }
}

struct Making<'a> {
    settings: &'a Settings,
    loaded: &'a Loaded,
    source: &'a Source,
    findings: Diagnostics,
    systems: Vec<System>,
}

impl Making<'_> {
    fn add(
        &mut self,
        name: &'static str,
        base_paths: &[String],
        auth: &auth::Config,
        deadline: std::time::Duration,
        dialect: Box<dyn Dialect>,
    ) {
        let (settings, loaded, source) = (self.settings, self.loaded, self.source);
        let made =
            Authenticator::try_new(auth, &loaded.secrets(), &loaded.base_dir, settings.exposure(), &source.clock);
        match made {
            Ok(authenticator) => {
                let base_paths = BasePaths::parse(base_paths).unwrap_or_default();
                self.systems.push(System::new(name, base_paths, authenticator, dialect, deadline));
            }
            Err(problems) => {
                let within = |problem: Problem| loaded.locate(super::plan::within(&[name, "auth"], problem));
                self.findings.extend(problems.into_iter().map(within));
            }
        }
    }
}
