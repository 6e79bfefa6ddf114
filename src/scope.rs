//! The variables that expressions on an event see, as a schema at load and as values for an event: those of rules, and
//! those of whatever else reads events. What an expression is for is the matter of who compiles it.

pub mod address;
mod fields;
mod prices;
mod template;
mod tree;

use std::ops::Range;

use std::sync::Arc;

use indexmap::IndexMap;

pub use address::Address;
pub use fields::UnknownFields;
pub use prices::{Price, Prices, steps, whole};
pub use template::{Template, text_of};
pub use tree::Tree;

use crate::base::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::base::json::Json;
use crate::base::tree::Node;
use crate::event::catalog::{Care, FieldType, Spec};
use crate::event::{Event, FieldPath, SecretFields};
use crate::expr::{Compiler, Expression, Map, Paths, Priced, Schema, Scope, Text, Type, UnknownField, Value};
use crate::facts::{Answer, Facts};

/// The variable under which expressions find what lookups found.
const LOOKUP: &str = "lookup";

/// What a set of expressions on one event names.
#[derive(Debug)]
pub struct Names {
    spec: &'static Spec,
    schema: Schema,
    /// Secret fields, from `request` downwards.
    secrets: Vec<FieldPath>,
    paths: Paths,
    /// The lookups that there are.
    lookups: Vec<Arc<str>>,
    /// Whether an expression names as a whole what a secret lies in.
    exposes_user: bool,
    exposes_request: bool,
    /// What was named and is not listed.
    unknown: Vec<(UnknownField, Place)>,
    /// Where what is compiled is noted with its cost.
    prices: Option<Prices>,
}

impl Names {
    /// No names yet. `attributes` are the tenant's own fields with their types.
    pub fn new(spec: &'static Spec, secrets: &SecretFields, attributes: &IndexMap<String, Type>) -> Self {
        let secrets = secrets.of(spec);
        let schema = schema(spec, &secrets, attributes);
        let paths = Paths::default();
        Self {
            spec,
            schema,
            secrets,
            paths,
            lookups: Vec::new(),
            exposes_user: false,
            exposes_request: false,
            unknown: Vec::new(),
            prices: None,
        }
    }

    /// Notes there what each expression costs that is compiled.
    #[must_use]
    pub fn noting(self, prices: Option<&Prices>) -> Self {
        Self { prices: prices.cloned(), ..self }
    }

    /// The event.
    pub fn spec(&self) -> &'static Spec {
        self.spec
    }

    /// The event's secret fields, from `request` downwards.
    pub fn secrets(&self) -> &[FieldPath] {
        &self.secrets
    }

    /// Adds a variable that is not the event's own, with those of its fields that are known. Whoever makes a scope sets its
    /// value.
    #[must_use]
    pub fn with_variable(mut self, name: &str, kind: Type, fields: &[(&str, Type)]) -> Self {
        self.schema = self.schema.variable(name, kind);
        for (field, kind) in fields {
            self.schema.add_field(&[name, field], *kind);
        }
        self
    }

    /// Adds what lookups find, `lookup.<id>.found` and `lookup.<id>.value`, for the lookups of these ids.
    #[must_use]
    pub fn with_lookups(mut self, lookups: &[Arc<str>]) -> Self {
        self.schema = self.schema.family(LOOKUP);
        for id in lookups {
            self.schema.add_field(&[LOOKUP, id, "found"], Type::Bool);
            self.schema.add_field(&[LOOKUP, id, "value"], Type::Dyn);
        }
        self.lookups = lookups.to_vec();
        self
    }

    /// Adds a variable under which only these names stand. Whoever makes a scope gives each its value, or the reason why it
    /// has none.
    #[must_use]
    pub fn with_family(mut self, variable: &str, names: &[&str]) -> Self {
        self.schema = self.schema.family(variable);
        for name in names {
            self.schema.add_field(&[variable, name], Type::Dyn);
        }
        self
    }

    /// Adds a variable under which only these names stand, each with only these fields. `remedy` says what makes one stand
    /// there.
    #[must_use]
    pub fn with_answers(mut self, variable: &str, remedy: &str, names: &[(&str, &[String])]) -> Self {
        self.schema = self.schema.family_with(variable, remedy);
        for (name, fields) in names {
            for field in *fields {
                self.schema.add_field(&[variable, name, field], Type::Dyn);
            }
        }
        self
    }

    /// The lookups that expressions name, in the order in which they are declared.
    pub fn lookups(&self) -> Vec<Arc<str>> {
        let named: Vec<&str> = self.paths.below(LOOKUP).collect();
        self.lookups.iter().filter(|id| named.contains(&id.as_ref())).cloned().collect()
    }

    /// Compiles the text of `node`, whose value must be of type `wanted`, and adds the names in it to these.
    pub fn compile(&mut self, node: &Node, wanted: Type, findings: &mut Diagnostics) -> Option<Expression> {
        self.compile_typed(node, wanted, findings).map(|(expression, _)| expression)
    }

    /// The same, with the type of the value as far as it is known.
    pub fn compile_typed(
        &mut self,
        node: &Node,
        wanted: Type,
        findings: &mut Diagnostics,
    ) -> Option<(Expression, Type)> {
        self.compile_stretch(node, 0..node.as_str()?.len(), wanted, findings)
    }

    /// [`Names::compile`] for a stretch of the text, in bytes: an expression within a template.
    pub fn compile_part(
        &mut self,
        node: &Node,
        part: Range<usize>,
        wanted: Type,
        findings: &mut Diagnostics,
    ) -> Option<Expression> {
        self.compile_stretch(node, part, wanted, findings).map(|(expression, _)| expression)
    }

    fn compile_stretch(
        &mut self,
        node: &Node,
        part: Range<usize>,
        wanted: Type,
        findings: &mut Diagnostics,
    ) -> Option<(Expression, Type)> {
        let start = part.start;
        let source = node.as_str()?.get(part.clone())?;
        let compiled = Compiler::new(&self.schema, &mut self.paths).compile(source, wanted);
        if let Some(prices) = &self.prices {
            prices.note(self.spec, node.place_within(part), &self.schema, source);
        }
        for finding in compiled.findings {
            let span = start + finding.span.start..start + finding.span.end;
            let mut diagnostic = Diagnostic::error(finding.code, finding.message).at(&node.place_within(span));
            diagnostic.severity = finding.severity;
            diagnostic.hint = finding.hint;
            findings.push(diagnostic);
        }
        let unknown = compiled.unknown.into_iter();
        self.unknown
            .extend(unknown.map(|(field, span)| (field, node.place_within(start + span.start..start + span.end))));
        if compiled.expression.is_some() {
            self.find_exposed();
        }
        compiled.expression.map(|expression| (expression, compiled.kind))
    }

    /// The fields that were named since the last call and that nobody has listed, with places: for [`UnknownFields`].
    pub fn take_unknown(&mut self) -> Vec<(UnknownField, Place)> {
        std::mem::take(&mut self.unknown)
    }

    /// The first name on a path, `user` or `request` first, that nobody has listed.
    pub fn unknown(&self, path: &[String]) -> Option<UnknownField> {
        self.schema.unknown(path)
    }

    /// The paths that were named so far, a variable's name first.
    pub fn paths(&self) -> impl Iterator<Item = &[String]> {
        (0..self.paths.len()).filter_map(|slot| u16::try_from(slot).ok()).map(|slot| self.paths.path(slot))
    }

    /// The text of `node`, whose cost can be told; none where it cannot be read.
    pub fn price(&self, node: &Node) -> Option<Priced<'_>> {
        Priced::parse(&self.schema, node.as_str()?)
    }

    /// Finds out whether an expression names as a whole what a secret lies in, so that the secret must be taken out.
    fn find_exposed(&mut self) {
        let exposed = |root: &str, secret: &[String]| {
            let names: Vec<&str> = [root].into_iter().chain(secret.iter().map(String::as_str)).collect();
            (1..names.len()).any(|length| self.paths.has(&names[..length]))
        };
        let below = |secret: &'_ FieldPath| self.spec.below_user(secret.names()).map(<[String]>::to_vec);
        self.exposes_user =
            self.secrets.iter().any(|secret| below(secret).is_some_and(|below| exposed("user", &below)));
        self.exposes_request = self.secrets.iter().any(|secret| exposed("request", secret.names()));
    }

    /// The values of these names for an event and what lookups found for it, and the person as a value that can be changed.
    pub fn scope<'a>(&'a self, event: &'a Event, facts: &'a Facts) -> (Scope<'a>, Value<'a>) {
        let mut scope = Scope::new(&self.paths);
        scope.begin("event", &Value::String(Text::Borrowed(event.name())));
        scope.begin("now", &Value::Timestamp(event.received_at()));
        if self.paths.names("token") {
            scope.begin("token", &event.token().map_or(Value::Null, Value::from_value));
        }
        let user = match event.user() {
            Some(user) => hidden(user, self.spec, &self.secrets, Of::User, self.exposes_user),
            None => Value::Map(Map::Borrowed(&[])),
        };
        scope.begin("user", &user);
        if self.paths.names("request")
            && let Some(request) = event.request()
        {
            scope.begin("request", &hidden(request, self.spec, &self.secrets, Of::Request, self.exposes_request));
        }
        if !self.lookups.is_empty() {
            scope.begin_each(LOOKUP, |id| fact(facts, id));
        }
        (scope, user)
    }
}

/// What a lookup found, as expressions see it; or why nobody can say.
fn fact<'a>(facts: &'a Facts, id: &str) -> Result<Value<'a>, &'a str> {
    let fact = facts.get(id).ok_or("it was not asked")?;
    let Answer { found, value } = fact.answer.as_ref().map_err(String::as_str)?;
    let members = [
        (Value::String(Text::Borrowed("found")), Value::Bool(*found)),
        (Value::String(Text::Borrowed("value")), Value::from_value(value)),
    ];
    Ok(Value::Map(Map::Shared(Arc::from(members))))
}

/// What expressions on this event can name.
fn schema(spec: &Spec, secrets: &[FieldPath], attributes: &IndexMap<String, Type>) -> Schema {
    let mut schema = Schema::default()
        .variable("event", Type::String)
        .variable("user", Type::Map)
        .variable("request", Type::Map)
        .variable("token", Type::Dyn)
        .variable("now", Type::Timestamp);
    // An attribute goes before the catalogue's field of that name: the operator knows the tenant.
    for (path, kind) in attributes {
        let Ok(path) = FieldPath::parse(path) else { continue };
        for path in both_ways(spec, path.names()) {
            // Of an object that is declared as such, the fields that are declared need not be all.
            if matches!(kind, Type::Map | Type::Dyn) {
                schema.leave_open(&path);
            }
            schema.add_field(&path, *kind);
        }
    }
    for field in spec.fields.iter().filter(|field| field.care != Care::Secret) {
        let names: Vec<String> = ["request"].into_iter().chain(field.path.split('.')).map(str::to_owned).collect();
        for path in both_ways(spec, &names) {
            schema.add_field(&path, field_type(field.kind));
        }
    }
    for secret in secrets {
        let mut path = vec!["request".to_owned()];
        path.extend_from_slice(secret.names());
        schema.add_secret(&path);
        if let Some(below) = spec.below_user(secret.names()).filter(|below| !below.is_empty()) {
            schema.add_secret(&[&["user".to_owned()], below].concat());
        }
    }
    schema
}

/// The paths of a field: one of the person's is found under `user` and where the person stands in `request`.
fn both_ways(spec: &Spec, path: &[String]) -> Vec<Vec<String>> {
    let join = |first: &[&str], names: &[String]| {
        let first = first.iter().filter(|name| !name.is_empty()).map(|&name| name.to_owned());
        first.chain(names.iter().cloned()).collect::<Vec<String>>()
    };
    match path.split_first() {
        Some((request, rest)) if request == "request" => {
            let below = spec.below_user(rest).filter(|below| !below.is_empty());
            below.map(|below| join(&["user"], below)).into_iter().chain([path.to_vec()]).collect()
        }
        Some((user, rest)) if user == "user" && !rest.is_empty() => {
            let whole = spec.user.iter().map(|member| join(&["request", member], rest));
            [path.to_vec()].into_iter().chain(whole).collect()
        }
        _ => vec![path.to_vec()],
    }
}

fn field_type(kind: FieldType) -> Type {
    match kind {
        FieldType::Text => Type::String,
        FieldType::Bool => Type::Bool,
        FieldType::Integer => Type::Int,
        FieldType::List => Type::List,
        FieldType::Object => Type::Map,
        FieldType::Any => Type::Dyn,
    }
}

/// What a value is.
#[derive(Clone, Copy)]
enum Of {
    User,
    Request,
}

/// Received JSON as expressions see it. Secrets cannot be named; they are taken out where a whole that they lie in is.
fn hidden<'a>(json: Json<'a>, spec: &Spec, secrets: &[FieldPath], of: Of, exposed: bool) -> Value<'a> {
    if !exposed {
        // An object always has a value.
        return Value::from_json(json).unwrap_or(Value::Null);
    }
    let paths: Vec<&[String]> = secrets
        .iter()
        .filter_map(|secret| match of {
            Of::User => spec.below_user(secret.names()),
            Of::Request => Some(secret.names()),
        })
        .filter(|path| !path.is_empty())
        .collect();
    Value::without(json, &paths).unwrap_or(Value::Null)
}
