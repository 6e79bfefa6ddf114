//! The systems that a configuration names, put into practice: credentials read, words chosen.

use crate::app::Source;
use crate::auth::Authenticator;
use crate::base::diagnostic::{Diagnostics, Problem};
use crate::config::cymmetri::UnknownEvent;
use crate::config::{Loaded, Settings};
use crate::dialect::Dialect;
use crate::dialect::cymmetri::Cymmetri;
use crate::dialect::lumos::Lumos;
use crate::dialect::paylocity::Paylocity;
use crate::http::route::BasePaths;
use crate::http::system::System;

/// The words of the system that this section is of, as it is configured; none where nothing is configured.
pub(crate) fn dialect(settings: &Settings, section: &str) -> Option<Box<dyn Dialect>> {
    match section {
        "cymmetri" => {
            let accept_shape = settings.cymmetri.accept_shape;
            settings.has_cymmetri().then(|| Box::new(Cymmetri { accept_shape }) as Box<dyn Dialect>)
        }
        "lumos" => {
            let lumos = settings.lumos.as_ref()?;
            Some(Box::new(Lumos { response: lumos.response, trial: lumos.trial.clone() }))
        }
        "optimalcloud" => Some(Box::new(settings.optimalcloud.as_ref()?.dialect())),
        "paylocity" => {
            settings.paylocity.as_ref()?;
            Some(Box::new(Paylocity { people: settings.optimalcloud.clone().unwrap_or_default().dialect() }))
        }
        _ => None,
    }
}

/// Each system that sends events, ready to be listened to.
///
/// # Errors
///
/// All that is missing or wrong about their credentials, each with its place.
pub(super) fn systems(settings: &Settings, loaded: &Loaded, source: &Source) -> Result<Vec<System>, Diagnostics> {
    let mut findings = Diagnostics::default();
    let mut systems = Vec::new();
    for (section, paths, deadline) in settings.systems() {
        let (Some(auth), Some(dialect)) = (settings.auth_of(section), dialect(settings, section)) else { continue };
        let made =
            Authenticator::try_new(auth, &loaded.secrets(), &loaded.base_dir, settings.exposure(), &source.clock);
        match made {
            Ok(authenticator) => {
                let base_paths = BasePaths::parse(paths).unwrap_or_default();
                systems.push(System::new(section, base_paths, authenticator, dialect, deadline.0));
            }
            Err(problems) => {
                let within = |problem: Problem| loaded.locate(super::plan::within(&[section, "auth"], problem));
                findings.extend(problems.into_iter().map(within));
            }
        }
    }
    for system in systems.iter_mut().filter(|system| system.name() == "cymmetri") {
        system.acknowledge_unknown = settings.cymmetri.unknown_event == UnknownEvent::Acknowledge;
    }
    if findings.has_errors() { Err(findings) } else { Ok(systems) }
}
