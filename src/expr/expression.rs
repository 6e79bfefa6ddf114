//! An expression's value on the values of one event, and why it has none.

use std::cell::Cell;
use std::fmt;

use super::ast::Span;
use super::code::{Code, Op};
use super::eval::{Blind, Fault, FaultKind, Run, Tracer};
use super::quick::Test;
use super::slots::{Paths, Slot};
use super::value::Value;

/// The steps that an event's expressions may take together: some milliseconds' worth.
pub const BUDGET: u64 = 1_000_000;

const SPENT: &str = "the rules of this event take more steps than they may";

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    code: Code,
    /// The same, where it is a condition of the usual kind.
    test: Option<Test>,
    source: Box<str>,
}

/// Why an expression has no value for an event. The message holds names from the expression's source, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    message: String,
    span: Span,
    spent: bool,
}

/// The values of one event, at the paths that its expressions name.
pub struct Scope<'a> {
    paths: &'a Paths,
    slots: Vec<Slot<'a>>,
    budget: Cell<u64>,
    locals: Cell<Vec<Value<'a>>>,
}

/// A part of an expression with its value, as a trace tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where the part stands in the source, in bytes.
    pub span: std::ops::Range<usize>,
    /// Its value as JSON; or why there is none.
    pub value: Result<serde_json::Value, String>,
}

impl Expression {
    pub(super) fn new(code: Code, source: &str) -> Self {
        Self { test: Test::of(&code), code, source: source.into() }
    }

    /// What was compiled.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether a condition holds. It takes no more steps than the scope has left.
    pub fn holds<'a>(&'a self, scope: &Scope<'a>) -> Result<bool, EvalError> {
        if let Some(test) = &self.test {
            let mut budget = scope.budget.get();
            if let Some(truth) = test.holds(&scope.slots, &mut budget) {
                scope.budget.set(budget);
                return Ok(truth);
            }
        }
        self.evaluate(scope)?.as_bool().ok_or_else(|| EvalError::new("it is no bool"))
    }

    /// The value. It depends on nothing but the scope, and takes no more steps than the scope has left.
    pub fn evaluate<'a>(&'a self, scope: &Scope<'a>) -> Result<Value<'a>, EvalError> {
        let (value, _) = self.run(scope, Blind);
        value.map_err(|fault| scope.explain(&fault))
    }

    /// The value, and that of every part of the expression that was evaluated, in the order in which they were.
    pub fn trace<'a>(&'a self, scope: &Scope<'a>) -> (Result<Value<'a>, EvalError>, Vec<Step>) {
        let (value, recorder) = self.run(scope, Recorder { paths: scope.paths, steps: Vec::new(), budget: BUDGET });
        (value.map_err(|fault| scope.explain(&fault)), recorder.steps)
    }

    fn run<'a, T: Tracer>(&'a self, scope: &Scope<'a>, tracer: T) -> (Result<Value<'a>, Fault<'a>>, T) {
        let mut run = Run {
            slots: &scope.slots,
            depths: scope.paths.depths(),
            // Taken over from expression to expression, so that one event allocates it once.
            locals: scope.locals.take(),
            budget: scope.budget.get(),
            tracer,
        };
        let value = run.eval(&self.code);
        run.locals.clear();
        scope.locals.set(run.locals);
        scope.budget.set(run.budget);
        (value, run.tracer)
    }

    /// Whether it is always `true`.
    pub fn is_always_true(&self) -> bool {
        matches!(self.code.op, Op::Const(Value::Bool(true)))
    }
}

thread_local! {
    /// The room that the last event's values had, for the next event.
    static SPARE: Cell<Vec<Slot<'static>>> = const { Cell::new(Vec::new()) };
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        let mut slots = std::mem::take(&mut self.slots);
        slots.clear();
        // Nothing is in it, so that nothing is borrowed any more; collecting in place keeps the room.
        SPARE.set(slots.into_iter().map(|_| Slot::Missing(0)).collect());
    }
}

struct Recorder<'p> {
    paths: &'p Paths,
    steps: Vec<Step>,
    /// What writing down values may cost, in all.
    budget: u64,
}

impl Tracer for Recorder<'_> {
    fn note(&mut self, span: Span, value: &Result<Value<'_>, Fault<'_>>) {
        let value = match value {
            Ok(value) => value.to_json_within(&mut self.budget).map_err(str::to_owned),
            Err(fault) => Err(message(fault, self.paths)),
        };
        self.steps.push(Step { span: span.range(), value });
    }
}

impl<'a> Scope<'a> {
    /// A scope without values.
    pub fn new(paths: &'a Paths) -> Self {
        let mut slots: Vec<Slot<'a>> = SPARE.take();
        slots.resize(paths.len(), Paths::unfilled());
        Self { paths, slots, budget: Cell::new(BUDGET), locals: Cell::default() }
    }

    /// How many steps are left.
    pub fn budget(&self) -> u64 {
        self.budget.get()
    }

    /// Goes on with another account of steps.
    pub fn set_budget(&self, steps: u64) {
        self.budget.set(steps);
    }

    /// How many steps were taken so far.
    pub fn steps(&self) -> u64 {
        BUDGET - self.budget.get()
    }

    /// Gives a variable its value, instead of the one it may have.
    pub fn set(&mut self, name: &str, value: &Value<'a>) {
        self.paths.fill(name, value, &mut self.slots, false);
    }

    /// Gives a variable its first value.
    pub fn begin(&mut self, name: &str, value: &Value<'a>) {
        self.paths.fill(name, value, &mut self.slots, true);
    }

    /// Gives every name right under a variable its value, or the reason why it has none: then whatever names it errs, in
    /// whichever way it asks.
    pub fn begin_each(&mut self, variable: &str, value: impl Fn(&str) -> Result<Value<'a>, &'a str>) {
        self.paths.fill_each(variable, value, &mut self.slots);
    }

    /// Takes steps for work that no expression does.
    pub(crate) fn pay(&self, steps: u64) -> Result<(), EvalError> {
        let left = self.budget.get().checked_sub(steps);
        self.budget.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or_else(EvalError::spent)
    }

    /// Takes the steps that changing this map in so many places takes: it is copied, and the slots are filled again.
    pub(crate) fn pay_for_changes(&self, whole: &Value<'_>, places: usize) -> Result<(), EvalError> {
        let each = 1 + whole.copying_cost();
        self.pay(each.saturating_mul(places as u64))
    }

    /// A value as JSON, paid for.
    pub(crate) fn to_json(&self, value: &Value<'_>) -> Result<serde_json::Value, EvalError> {
        let mut budget = self.budget.get();
        let json = value.to_json_within(&mut budget);
        self.budget.set(budget);
        json.map_err(|why| if budget == 0 { EvalError::spent() } else { EvalError::new(why) })
    }

    /// Whether two values are the same, in type as well; paid for.
    pub(crate) fn is_same(&self, one: &Value<'_>, other: &Value<'_>) -> Result<bool, EvalError> {
        let mut budget = self.budget.get();
        let same = one.type_name() == other.type_name() && one.equals(other, &mut budget) == Ok(true);
        self.budget.set(budget);
        if budget == 0 { Err(EvalError::spent()) } else { Ok(same) }
    }

    fn explain(&self, fault: &Fault<'_>) -> EvalError {
        EvalError { message: message(fault, self.paths), span: fault.span, spent: fault.kind == FaultKind::Budget }
    }
}

/// A fault in words.
fn message(fault: &Fault<'_>, paths: &Paths) -> String {
    match fault.kind {
        FaultKind::Missing(Some(name)) => format!("the field `{name}` is missing"),
        FaultKind::Missing(None) => "a key is missing".to_owned(),
        FaultKind::MissingSlot(slot, depth) => match paths.path(slot).get(usize::from(depth)) {
            Some(name) => format!("the field `{name}` is missing"),
            None => "a field is missing".to_owned(),
        },
        FaultKind::NoFields(name, found) => format!("`.{name}` cannot be taken of {}", found.with_article()),
        FaultKind::NoFieldsSlot(slot, depth, found) => match paths.path(slot).get(..usize::from(depth)) {
            Some(above) => format!("`{}` is {} and has no fields", above.join("."), found.with_article()),
            None => format!("{} has no fields", found.with_article()),
        },
        FaultKind::FailedSlot(slot, reason) => match paths.path(slot) {
            [variable, name, ..] => format!("{variable} `{name}` failed: {reason}"),
            _ => reason.to_owned(),
        },
        FaultKind::NoOverload(name, types) => {
            let types: Vec<String> = types.into_iter().flatten().map(|kind| kind.to_string()).collect();
            format!("`{name}` does not take ({})", types.join(", "))
        }
        FaultKind::Reason(name, reason) => format!("`{name}`: {reason}"),
        FaultKind::Unreadable => "it names a number that is out of range, or a text with half a character".to_owned(),
        FaultKind::Unknown(name) => format!("unknown name `{name}`"),
        FaultKind::Budget => SPENT.to_owned(),
    }
}

impl EvalError {
    /// An error that has no place.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), span: Span::default(), spent: false }
    }

    fn spent() -> Self {
        Self { message: SPENT.to_owned(), span: Span::default(), spent: true }
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it arose in the source, in bytes.
    pub fn span(&self) -> std::ops::Range<usize> {
        self.span.range()
    }

    /// Whether the budget is spent, so that no further expression can be evaluated.
    pub fn is_spent(&self) -> bool {
        self.spent
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvalError {}
