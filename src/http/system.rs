//! A system that sends events, as it is configured: where they come in, who may send them, in which words they are answered.

use std::time::Duration;

use super::route::{BasePaths, fits, split_secret};
use crate::auth::Authenticator;
use crate::dialect::Dialect;
use crate::event::{Spec, catalog};

/// A system that sends events.
pub struct System {
    /// Where they come in.
    pub base_paths: BasePaths,
    /// Who may send them.
    pub authenticator: Authenticator,
    /// Its words.
    pub dialect: Box<dyn Dialect>,
    /// From the last byte of a body to the hand-over of the reply.
    pub deadline: Duration,
    /// Whether an event that nobody knows is acknowledged.
    pub acknowledge_unknown: bool,
    /// The name of its section.
    name: &'static str,
    /// What it sends.
    events: Vec<&'static Spec>,
}

impl System {
    /// A system of the catalogue, by the name of its section.
    pub fn new(
        name: &'static str,
        base_paths: BasePaths,
        authenticator: Authenticator,
        dialect: Box<dyn Dialect>,
        deadline: Duration,
    ) -> Self {
        let events = catalog::of(name).collect();
        Self { base_paths, authenticator, dialect, deadline, acknowledge_unknown: false, name, events }
    }

    /// The name of its section.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Of these systems the one whose base path leads furthest along a path, and what stands behind that.
    pub(super) fn find<'s, 'p>(systems: &'s [Self], path: &'p str) -> Option<(&'s Self, &'p str)> {
        let found = systems.iter().filter_map(|system| Some((system, system.base_paths.below(path)?)));
        found.max_by_key(|(_, (length, _))| *length).map(|(system, (_, rest))| (system, rest))
    }

    /// The path's secret segment, where it has one, and the path to the event.
    pub(super) fn split<'p>(&self, rest: &'p str) -> (Option<&'p str>, &'p str) {
        split_secret(rest, self.authenticator.wants_path_secret())
    }

    /// The event to which a path leads.
    pub(super) fn event(&self, path: &str) -> Option<&'static Spec> {
        self.events.iter().find(|spec| fits(spec.path, path)).copied()
    }
}
