//! From a loaded configuration to what is in force.

use std::sync::Arc;

use super::fit::{performed, unknown_lookups, unsealed, unused, uses};
use super::rule_text::RuleText;
use super::shadow::{self, Beside};
use super::systems::systems;
use super::{Source, journal, person};
use crate::action::{self, ActionSet, Ready};
use crate::base::clock::Clock;
use crate::base::diagnostic::{Diagnostic, Diagnostics, Problem, Severity};
use crate::base::tree::Node;
use crate::config::{Loaded, Settings};
use crate::directory::{self, Directory, Fields, LeaveOut};
use crate::event::{SecretFields, catalog};
use crate::http::body::BodyLimits;
use crate::http::receive::Active;
use crate::http::tls::{self, TlsError};
use crate::journal::Journal;
use crate::judge::{self, Aside, GuardSet, Guards, Judge, Recorder, Registry, RegistryError, Worker};
use crate::lookup::{self, LookupSet, Lookups};
use crate::retrial::Court;
use crate::rules::{self, Reads, RuleSet};
use crate::telemetry::PersonName;
use crate::telemetry::metrics::Metrics;
use crate::testing::{self, TestSet};

/// A configuration in which nothing was found wrong.
pub struct Plan {
    /// The fixed sections.
    pub settings: Settings,
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// The actions.
    pub actions: Arc<ActionSet>,
    /// The guards.
    pub guards: Arc<GuardSet>,
    /// The tests of the rules.
    pub tests: TestSet,
    /// What is kept of the people that are seen, where anything is.
    pub directory: Option<Arc<directory::Plan>>,
    /// The lookups.
    pub lookups: Arc<LookupSet>,
    /// What its entries in the journal name as what they were judged by.
    pub rule_text: RuleText,
}

/// A plan put into practice.
pub(super) struct Built {
    pub(super) lasting: Lasting,
    pub(super) aside: Worker,
    pub(super) active: Active,
    pub(super) beside: Beside,
    pub(super) ready: Ready,
}

/// What outlasts every configuration, and requests need.
#[derive(Clone)]
pub(super) struct Lasting {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) guards: Arc<Guards>,
    pub(super) aside: Aside,
    pub(super) metrics: Metrics,
}

/// Finds everything that is wrong with a configuration, and makes a plan of one that is right. `secrets` says how bad a
/// missing secret is; `None` does not look for them.
pub fn plan(loaded: &Loaded, registry: &Registry, secrets: Option<Severity>) -> (Option<Plan>, Diagnostics) {
    let mut findings = loaded.findings.clone();
    let entries = list(loaded, "rule");
    let ids = lookup::ids(list(loaded, "lookup"));
    // Rules are looked at even where a fixed section is wrong, so that everything is said at once.
    let rules = loaded.salvaged.as_ref().map(|settings| {
        let rules = rules::compile(entries, &context(settings, &ids), &mut findings);
        findings.extend(unused(entries, registry));
        rules
    });
    let actions = loaded.salvaged.as_ref().map(|settings| {
        let actions = ActionSet::compile(list(loaded, "action"), &action_context(settings, &ids), &mut findings);
        findings.extend(unsealed(&actions, settings, loaded));
        actions
    });
    let actions = actions.zip(rules.as_ref()).map(|(actions, rules)| {
        findings.extend(performed(entries, &actions, list(loaded, "action")));
        actions.with_performed(rules.performed())
    });
    let guards = GuardSet::compile(list(loaded, "guard"), &mut findings);
    let lookups = loaded.salvaged.as_ref().zip(rules.as_ref()).zip(actions.as_ref());
    let lookups = lookups.map(|((settings, rules), actions)| {
        findings.extend(unknown_lookups(registry, &ids));
        let uses = uses(rules, actions, registry, &ids);
        LookupSet::compile(list(loaded, "lookup"), &lookup_context(settings, uses), &mut findings)
    });
    let tests = TestSet::compile(list(loaded, "test"), &testables(loaded), &mut findings);
    let directory = loaded.salvaged.as_ref().zip(lookups.as_ref());
    let directory = directory
        .map(|(settings, lookups)| directory_plan(loaded, settings, lookups, &mut findings))
        .unwrap_or_default();
    if let Err(error) = registry.handlers() {
        findings.push(Diagnostic::error("handler", error.to_string()));
    }
    if let Some(severity) = secrets {
        findings.extend(loaded.missing_secrets(severity));
    }
    let whole = loaded.settings.clone().zip(rules).zip(actions).zip(lookups).filter(|_| !findings.has_errors());
    let plan = whole.map(|(((settings, rules), actions), lookups)| Plan {
        rule_text: RuleText::of(&loaded.lists, &loaded.sections, &settings),
        directory,
        settings,
        rules: Arc::new(rules),
        actions: Arc::new(actions),
        guards: Arc::new(guards),
        tests,
        lookups: Arc::new(lookups),
    });
    (plan, findings)
}

/// What tests can speak of.
pub fn testables(loaded: &Loaded) -> testing::Known<'_> {
    testing::Known { rules: list(loaded, "rule"), actions: list(loaded, "action"), lookups: list(loaded, "lookup") }
}

/// What is kept of people: nothing where neither a lookup nor the section asks for it.
fn directory_plan(
    loaded: &Loaded,
    settings: &Settings,
    lookups: &LookupSet,
    findings: &mut Diagnostics,
) -> Option<Arc<directory::Plan>> {
    let mut named = lookups.directory_fields();
    // What is wrong with a shadow file is said elsewhere.
    if let Some(fields) = shadow::shadow(loaded).0.and_then(|shadow| shadow.directory_fields()) {
        named.get_or_insert_default().extend(fields);
    }
    if settings.directory.is_none() && named.is_none() {
        return None;
    }
    let config = settings.directory.clone().unwrap_or_default();
    let context = context(settings, &[]);
    let section = loaded.sections.get("directory");
    let node = section.and_then(|section| section.get("leave_out"));
    let leave_out = node.and_then(|node| LeaveOut::compile(node, &context.secrets, &context.attributes, findings));
    for path in directory::secret_fields(&config, &context.secrets) {
        let message = format!("`{path}` is a secret field, which the directory cannot keep");
        let problem = Problem::error("directory-field", &["directory", "fields", &path], message).on_key();
        findings.push(loaded.locate(problem));
    }
    let fields = Arc::new(Fields::new(&config, named.unwrap_or_default()));
    Some(Arc::new(directory::Plan { fields, leave_out }))
}

/// The entries of a list, as they were written.
pub(super) fn list<'a>(loaded: &'a Loaded, name: &str) -> &'a [Node] {
    loaded.lists.get(name).and_then(Node::as_array).unwrap_or_default()
}

pub(super) fn lookup_context(settings: &Settings, uses: Vec<(&'static str, Vec<Arc<str>>)>) -> lookup::Context {
    let context = context(settings, &[]);
    lookup::Context { secrets: context.secrets, attributes: context.attributes, uses, prices: None }
}

pub(super) fn action_context(settings: &Settings, ids: &[Arc<str>]) -> action::Context {
    let context = context(settings, ids);
    let rules::Context { secrets, attributes, lookups, .. } = context;
    action::Context { secrets, attributes, lookups, prices: None }
}

pub(super) fn context(settings: &Settings, lookups: &[Arc<str>]) -> rules::Context {
    rules::Context {
        on_error: settings.cymmetri.on_error,
        error_message: settings.cymmetri.error_message.clone(),
        // What is wrong with them is said where they are written.
        secrets: SecretFields::parse(&settings.cymmetri.secret_fields).unwrap_or_default(),
        attributes: settings.attributes.iter().map(|(path, kind)| (path.clone(), kind.as_type())).collect(),
        lookups: lookups.to_vec(),
    }
}

impl Plan {
    /// Everything that a server is made of: the journal opened, secrets read.
    pub(super) fn put_together(
        &self,
        loaded: &Loaded,
        source: &Source,
        metrics: &Metrics,
        findings: &mut Diagnostics,
    ) -> Result<Built, Diagnostics> {
        let one = |finding| Diagnostics::from_iter([finding]);
        // Last, so that nothing is made on the disk of a server that cannot run.
        let ready = self.ready(loaded, source, &self.person(loaded)?)?;
        let lookups = self.lookups(loaded, source, metrics, None, findings).ok_or_else(Diagnostics::default)?;
        let journal = journal::open(loaded, &self.settings, source.clock.clone()).map_err(one)?;
        let guards = Arc::new(Guards::new(journal.clone(), self.settings.journal.repeat_window.0));
        let (aside, worker) = Aside::new();
        let lasting = Lasting { journal, guards, aside, metrics: metrics.clone() };
        let (active, beside) = self.activate(loaded, source, &lasting, lookups, None)?;
        Ok(Built { lasting, aside: worker, active, beside, ready })
    }

    /// The actions with what they need: secrets, certificates, programs.
    pub(super) fn ready(&self, loaded: &Loaded, source: &Source, person: &PersonName) -> Result<Ready, Diagnostics> {
        let secrets = loaded.secrets();
        let variable = |name: &str| source.environment.variable(name);
        self.actions.prepare(&action::Tools { secrets: &secrets, variable: &variable, clock: &source.clock, person })
    }

    /// The lookups with what they need: secrets, files. What is wrong, or odd, goes to `findings`.
    pub fn lookups(
        &self,
        loaded: &Loaded,
        source: &Source,
        metrics: &Metrics,
        previous: Option<&Active>,
        findings: &mut Diagnostics,
    ) -> Option<Lookups> {
        let secrets = loaded.secrets();
        let previous = previous.map(|previous| previous.judge.lookups());
        let tools = lookup::Tools { secrets: &secrets, clock: &source.clock, metrics, previous };
        self.lookups.prepare(&tools, findings)
    }

    /// How log lines name persons. A key that is not there is made.
    pub(super) fn person(&self, loaded: &Loaded) -> Result<PersonName, Diagnostics> {
        person::name(&self.settings.log, &loaded.secrets(), &self.settings.server.data_dir)
            .map_err(|problem| Diagnostics::from_iter([loaded.locate(within(&["log"], problem))]))
    }

    /// What is wrong with the contents of what it names: secrets, keys, certificates.
    pub fn look_into(&self, loaded: &Loaded, source: &Source) -> Diagnostics {
        let mut findings = systems(&self.settings, loaded, source).err().unwrap_or_default();
        findings.extend(self.tls(loaded).err());
        findings.extend(self.ready(loaded, source, &PersonName::None).err().unwrap_or_default());
        self.lookups(loaded, source, &Metrics::new(), None, &mut findings);
        findings
    }

    /// Which fields each of its rules reads.
    pub fn reads(&self, loaded: &Loaded) -> Vec<Reads> {
        let ids = lookup::ids(list(loaded, "lookup"));
        rules::reads(list(loaded, "rule"), &context(&self.settings, &ids))
    }

    /// The certificate, where it has one.
    pub(super) fn tls(&self, loaded: &Loaded) -> Result<Option<tls::Acceptor>, Diagnostic> {
        let files = self.settings.server.tls.as_ref();
        let acceptor = files.map(|files| tls::Acceptor::try_new(files, &loaded.base_dir)).transpose();
        acceptor.map_err(|error| tls_problem(loaded, &error))
    }

    /// Who decides events.
    pub fn judge(&self, source: &Source) -> Result<Judge, RegistryError> {
        let cymmetri = &self.settings.cymmetri;
        let settings = judge::Settings { on_error: cymmetri.on_error, error_message: cymmetri.error_message.clone() };
        Judge::try_new(settings, self.rules.clone(), &source.registry, source.clock.clone())
    }

    /// What judges kept events again.
    pub fn court(&self, registry: &Registry) -> Court {
        let handled = registry.events().filter_map(catalog::find).map(|spec| spec.name);
        Court::new(self.rules.clone(), handled.collect()).knowing(self.lookups.clone())
    }

    /// Who keeps events in this journal. What they are judged by is kept there, too.
    pub fn recorder(&self, journal: &Arc<dyn Journal>, directory: Option<Arc<Directory>>) -> Recorder {
        let secrets = context(&self.settings, &[]).secrets;
        let (config, actions) = (self.settings.journal.clone(), self.actions.clone());
        // Entries that name it come behind it in the same queue.
        drop(journal.keep_rule_set(self.rule_text.hash, self.rule_text.text.clone().into_bytes()));
        Recorder::new(journal.clone(), config, actions, directory, &secrets, self.rule_text.hash)
    }

    /// The directory in this journal, where one is kept. What `previous` has reserved stays so.
    pub fn directory(
        &self,
        journal: &Arc<dyn Journal>,
        clock: &Clock,
        previous: Option<&Directory>,
    ) -> Option<Arc<Directory>> {
        let make = |plan: &Arc<directory::Plan>| Directory::new(plan.clone(), journal.clone(), clock.clone(), previous);
        self.directory.as_ref().map(|plan| Arc::new(make(plan)))
    }

    /// Everything that requests need, secrets read and keys prepared, and what there is to say of the shadow file. Keys that
    /// `previous` has fetched are taken over.
    pub(super) fn activate(
        &self,
        loaded: &Loaded,
        source: &Source,
        lasting: &Lasting,
        lookups: Lookups,
        previous: Option<&Active>,
    ) -> Result<(Active, Beside), Diagnostics> {
        let server = &self.settings.server;
        let mut findings = Diagnostics::default();
        let systems = systems(&self.settings, loaded, source).map_err(|more| findings.extend(more));
        let person = self.person(loaded).map_err(|more| findings.extend(more));
        let judge = self.judge(source).map_err(|error| findings.push(Diagnostic::error("handler", error.to_string())));
        let (Ok(systems), Ok(person), Ok(judge)) = (systems, person, judge) else { return Err(findings) };
        if let Some(previous) = previous {
            for system in &systems {
                let before = previous.systems.iter().find(|before| before.name() == system.name());
                if let Some(before) = before {
                    system.authenticator.inherit(&before.authenticator);
                }
            }
        }
        let directory_before = previous.and_then(|previous| previous.recorder.directory()).map(AsRef::as_ref);
        let directory = self.directory(&lasting.journal, &source.clock, directory_before);
        if let Some(directory) = &directory {
            lookups.introduce(directory.clone());
        }
        let lookups = Arc::new(lookups);
        let (shadow, beside) = shadow::ready(loaded, source, lasting, directory.as_ref());
        let active = Active {
            recorder: self.recorder(&lasting.journal, directory).with_shadow(shadow, &lasting.aside),
            systems,
            judge: judge.with_lookups(lookups).with_guards(self.guards.clone(), lasting.guards.clone()),
            guards: lasting.guards.clone(),
            guard_set: self.guards.clone(),
            rules: self.rules.len(),
            body: BodyLimits { size: server.body_limit.0, time: server.body_timeout.0 },
            max_in_flight: server.max_in_flight,
            trusted_proxies: server.trusted_proxies.clone(),
            person,
        };
        Ok((active, beside))
    }
}

/// What is wrong with the certificate, where it is named.
pub(super) fn tls_problem(loaded: &Loaded, error: &TlsError) -> Diagnostic {
    loaded.locate(Problem::error("tls", &["server", "tls"], error.to_string()))
}

pub(super) fn within(section: &[&str], mut problem: Problem) -> Problem {
    problem.path = section.iter().map(|&name| name.to_owned()).chain(problem.path).collect();
    problem
}
