//! `leave_out`: who is not in the directory, by what a notice says.

use indexmap::IndexMap;

use super::TELLING;
use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::tree::Node;
use crate::event::{Event, SecretFields, catalog};
use crate::expr::{Expression, Type};
use crate::facts::Facts;
use crate::scope::{Names, UnknownFields};

/// A condition on the notices that tell of people.
#[derive(Debug)]
pub struct LeaveOut(Vec<(Names, Expression)>);

impl LeaveOut {
    /// Compiles it for each of these notices; what is wrong for both is said once.
    pub fn compile(
        node: &Node,
        secrets: &SecretFields,
        attributes: &IndexMap<String, Type>,
        findings: &mut Diagnostics,
    ) -> Option<Self> {
        let specs: Vec<_> = TELLING.iter().filter_map(|name| catalog::find(name)).collect();
        let mut unknown = UnknownFields::default();
        let mut said: Vec<Diagnostic> = Vec::new();
        let mut all = Vec::new();
        for spec in &specs {
            let mut names = Names::new(spec, secrets, attributes);
            let mut own = Diagnostics::default();
            let expression = names.compile(node, Type::Bool, &mut own);
            for (field, place) in names.take_unknown() {
                unknown.add(field, &place, spec);
            }
            let new = own.into_iter().filter(|finding| {
                !said.iter().any(|known| known.message == finding.message && known.place == finding.place)
            });
            let new: Vec<_> = new.collect();
            said.extend(new);
            all.extend(expression.map(|expression| (names, expression)));
        }
        findings.extend(said);
        findings.extend(unknown.findings(&specs));
        (all.len() == specs.len()).then_some(Self(all))
    }

    /// Whether the person of this notice is left out. Where that cannot be said it stays, and the log has why.
    pub(super) fn holds(&self, event: &Event) -> bool {
        let Some((names, expression)) = self.0.iter().find(|(names, _)| names.spec() == event.spec()) else {
            return false;
        };
        let facts = Facts::default();
        let (scope, _) = names.scope(event, &facts);
        expression.holds(&scope).unwrap_or_else(|error| {
            let request_id = event.request_id();
            let event = event.name();
            tracing::error!(%request_id, event, %error, "`leave_out` of [directory] erred: the person is kept");
            false
        })
    }
}
