//! Evaluation: a walk over code, within a budget, with errors that hold places and names but no values.
//!
//! `&&` and `||` absorb errors as the specification says: a side that decides the matter wins over an error on the other.
//! A spent budget is no such error; it ends everything.

use super::ast::{FoldKind, Span};
use super::code::{Code, Fold, Op};
use super::functions::Failure;
use super::ops;
use super::slots::Slot;
use super::value::{Map, Value};

/// Why an expression has no value for an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault<'a> {
    pub(super) span: Span,
    pub(super) kind: FaultKind<'a>,
}

/// What went wrong, with names from the expression's source only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum FaultKind<'a> {
    /// A field that the expression names, or a key that it computes, is not there.
    Missing(Option<&'a str>),
    /// The field at this depth of an interned path is not there.
    MissingSlot(u16, u8),
    /// What should hold the field at this depth of an interned path is of this type.
    NoFieldsSlot(u16, u8, &'static str),
    /// The field is looked for in what has none.
    NoFields(&'a str, &'static str),
    /// Operator or function, and the types that it was given.
    NoOverload(&'a str, [Option<&'static str>; 3]),
    Reason(&'a str, &'static str),
    Unreadable,
    Unknown(&'a str),
    Budget,
}

/// Sees each value as it is made.
pub(super) trait Tracer {
    fn note(&mut self, span: Span, value: &Result<Value<'_>, Fault<'_>>);
}

/// Sees nothing, at no cost.
pub(super) struct Blind;

impl Tracer for Blind {
    #[inline]
    fn note(&mut self, _: Span, _: &Result<Value<'_>, Fault<'_>>) {}
}

/// What an evaluation works on.
pub(super) struct Run<'a, 's, T> {
    pub(super) slots: &'s [Slot<'a>],
    /// The depth of each slot's last field.
    pub(super) depths: &'s [u8],
    pub(super) locals: Vec<Value<'a>>,
    pub(super) budget: u64,
    pub(super) tracer: T,
}

type Evaluated<'a> = Result<Value<'a>, Fault<'a>>;

impl<'a, T: Tracer> Run<'a, '_, T> {
    /// The value of `code`.
    pub(super) fn eval(&mut self, code: &'a Code) -> Evaluated<'a> {
        self.spend(1, code.span)?;
        let value = self.op(code);
        self.tracer.note(code.span, &value);
        value
    }

    fn op(&mut self, code: &'a Code) -> Evaluated<'a> {
        let span = code.span;
        match &code.op {
            Op::Const(value) => Ok(value.borrow()),
            Op::Slot(slot) => match self.slot(*slot) {
                Slot::Value(value) => Ok(value.clone()),
                other => Err(missing(*slot, other, span)),
            },
            Op::HasSlot(slot) => self.has_slot(*slot, code),
            Op::OptionalSlot { slot, from, steps } => {
                Ok(Value::Optional(self.optional_slot(*slot, *from, *steps, span)?.map(std::sync::Arc::new)))
            }
            Op::TextOfSlot { slot, from, steps } => match self.optional_slot(*slot, *from, *steps, span)? {
                None => Ok(Value::String(super::value::Text::Borrowed(""))),
                Some(value) => self.call("text", super::own::text, &[value], span),
            },
            Op::Local(local) => {
                let value = self.locals.get(usize::from(*local)).cloned();
                value.ok_or(Fault { span, kind: FaultKind::Missing(None) })
            }
            Op::Field { operand, name } => {
                let operand = self.eval(operand)?;
                self.field(&operand, name, span)
            }
            Op::HasField { operand, name } => match self.eval(operand)? {
                Value::Map(map) => Ok(Value::Bool(map.field(name).is_some())),
                Value::Optional(None) => Ok(Value::Bool(false)),
                Value::Optional(Some(inner)) => match inner.as_ref() {
                    Value::Map(map) => Ok(Value::Bool(map.field(name).is_some())),
                    other => Err(Fault { span, kind: FaultKind::NoFields(name, other.type_name()) }),
                },
                other => Err(Fault { span, kind: FaultKind::NoFields(name, other.type_name()) }),
            },
            Op::OptionalField { operand, name } => {
                let operand = self.eval(operand)?;
                self.optional_field(operand, name, span)
            }
            Op::Index { operand, index, optional } => {
                let operand = self.eval(operand)?;
                let index = self.eval(index)?;
                self.index(operand, &index, *optional, span)
            }
            Op::Not(operand) => match self.eval(operand)? {
                Value::Bool(truth) => Ok(Value::Bool(!truth)),
                other => Err(no_overload("!", &[&other], span)),
            },
            Op::Negate(operand) => {
                let operand = self.eval(operand)?;
                ops::negate(&operand).map_err(|failure| fault(failure, "-", &[&operand], span))
            }
            Op::And(operands) => self.logic(operands, false, "&&", span),
            Op::Or(operands) => self.logic(operands, true, "||", span),
            Op::Conditional(parts) => match self.eval(&parts.0)? {
                Value::Bool(true) => self.eval(&parts.1),
                Value::Bool(false) => self.eval(&parts.2),
                other => Err(no_overload("?:", &[&other], span)),
            },
            Op::Equal(sides, wanted) => {
                let (left, right) = (self.eval(&sides.0)?, self.eval(&sides.1)?);
                Ok(Value::Bool(self.equal(&left, &right, span)? == *wanted))
            }
            Op::Order(sides, order) => {
                let (left, right) = (self.eval(&sides.0)?, self.eval(&sides.1)?);
                match left.compare(&right) {
                    Some(ordering) => Ok(Value::Bool(ordering.is_some_and(|ordering| order.holds(ordering)))),
                    None => Err(no_overload(order.sign(), &[&left, &right], span)),
                }
            }
            Op::Arithmetic(sides, operator) => {
                let (left, right) = (self.eval(&sides.0)?, self.eval(&sides.1)?);
                let result = ops::arithmetic(*operator, &left, &right, &mut self.budget);
                result.map_err(|failure| fault(failure, operator.sign(), &[&left, &right], span))
            }
            Op::In(sides) => {
                let (left, right) = (self.eval(&sides.0)?, self.eval(&sides.1)?);
                self.contains(&left, &right, span)
            }
            Op::InTexts(operand, texts) => {
                let operand = self.eval(operand)?;
                let found =
                    operand.as_str().is_some_and(|text| texts.binary_search_by(|known| (**known).cmp(text)).is_ok());
                Ok(Value::Bool(found))
            }
            Op::Call { function, run, arguments } => match &**arguments {
                [] => self.call(function, *run, &[], span),
                [one] => {
                    let one = self.eval(one)?;
                    self.call(function, *run, &[one], span)
                }
                [one, two] => {
                    let arguments = [self.eval(one)?, self.eval(two)?];
                    self.call(function, *run, &arguments, span)
                }
                many => {
                    let arguments = many.iter().map(|argument| self.eval(argument)).collect::<Result<Vec<_>, _>>()?;
                    self.call(function, *run, &arguments, span)
                }
            },
            Op::Find { text, regex } => match self.eval(text)? {
                Value::String(text) => {
                    self.spend(1 + text.as_str().len() as u64 / 16, span)?;
                    Ok(Value::Bool(regex.is_match(text.as_str())))
                }
                other => Err(no_overload("re", &[&other], span)),
            },
            Op::List(items) => self.list(items),
            Op::Map(members) => self.map(members, span),
            Op::Fold(fold) => self.fold(fold, span),
            Op::Bind { value, body } => {
                let value = self.eval(value)?;
                self.with_local(value, body)
            }
            Op::MapOptional { target, body, flat } => match self.eval(target)? {
                Value::Optional(None) => Ok(Value::Optional(None)),
                Value::Optional(Some(value)) => {
                    let result = self.with_local(Value::clone(&value), body)?;
                    match (flat, result) {
                        (false, result) => Ok(Value::Optional(Some(result.into()))),
                        (true, result @ Value::Optional(_)) => Ok(result),
                        (true, other) => Err(no_overload("optFlatMap", &[&other], span)),
                    }
                }
                other => Err(no_overload("optMap", &[&other], span)),
            },
            Op::Unknown(name) => Err(Fault { span, kind: FaultKind::Unknown(name) }),
        }
    }

    /// `&&` where `decisive` is false, `||` where it is true.
    fn logic(&mut self, operands: &'a [Code], decisive: bool, sign: &'static str, span: Span) -> Evaluated<'a> {
        let mut error = None;
        for operand in operands {
            match self.eval(operand) {
                Ok(Value::Bool(truth)) if truth == decisive => return Ok(Value::Bool(decisive)),
                Ok(Value::Bool(_)) => {}
                Ok(other) => error = error.or(Some(no_overload(sign, &[&other], span))),
                Err(fault @ Fault { kind: FaultKind::Budget, .. }) => return Err(fault),
                Err(fault) => error = error.or(Some(fault)),
            }
        }
        error.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    // --- fields ---

    fn slot(&self, slot: u16) -> &Slot<'a> {
        self.slots.get(usize::from(slot)).unwrap_or(&Slot::Missing(0))
    }

    fn has_slot(&self, slot: u16, code: &'a Code) -> Evaluated<'a> {
        match self.slot(slot) {
            // A field that is there and cannot be read is there.
            Slot::Value(_) | Slot::Unreadable => Ok(Value::Bool(true)),
            Slot::Missing(depth) if self.is_last(slot, *depth) => Ok(Value::Bool(false)),
            state => Err(missing(slot, state, code.span)),
        }
    }

    fn is_last(&self, slot: u16, depth: u8) -> bool {
        self.depths.get(usize::from(slot)).is_some_and(|last| *last == depth)
    }

    fn optional_slot(&self, slot: u16, from: u8, steps: u32, span: Span) -> Result<Option<Value<'a>>, Fault<'a>> {
        match self.slot(slot) {
            Slot::Value(value) => Ok(Some(value.clone())),
            Slot::Missing(depth) if *depth >= from => Ok(None),
            // Systems send null where nothing is: an optional step takes it for nothing.
            Slot::NoMap(depth, "null_type") if *depth < 32 && steps >> depth & 1 == 1 => Ok(None),
            state => Err(missing(slot, state, span)),
        }
    }

    fn field(&mut self, operand: &Value<'a>, name: &'a str, span: Span) -> Evaluated<'a> {
        match operand {
            Value::Map(map) => match map.field(name) {
                Some(Ok(value)) => Ok(value),
                Some(Err(_)) => Err(Fault { span, kind: FaultKind::Unreadable }),
                None => Err(Fault { span, kind: FaultKind::Missing(Some(name)) }),
            },
            Value::Optional(None) => Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => match inner.as_ref() {
                Value::Map(map) => optional(map.field(name), span),
                other => Err(Fault { span, kind: FaultKind::NoFields(name, other.type_name()) }),
            },
            other => Err(Fault { span, kind: FaultKind::NoFields(name, other.type_name()) }),
        }
    }

    fn optional_field(&mut self, operand: Value<'a>, name: &'a str, span: Span) -> Evaluated<'a> {
        match operand {
            Value::Map(map) => optional(map.field(name), span),
            Value::Null | Value::Optional(None) => Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => match inner.as_ref() {
                Value::Map(map) => optional(map.field(name), span),
                Value::Null => Ok(Value::Optional(None)),
                other => Err(Fault { span, kind: FaultKind::NoFields(name, other.type_name()) }),
            },
            other => Err(Fault { span, kind: FaultKind::NoFields(name, other.type_name()) }),
        }
    }

    fn index(&mut self, operand: Value<'a>, index: &Value<'a>, optional: bool, span: Span) -> Evaluated<'a> {
        let (operand, optional) = match operand {
            Value::Optional(None) => return Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => (Value::clone(&inner), true),
            other => (other, optional),
        };
        let mut cost = 0;
        let found = match &operand {
            Value::List(list) => match ops::index_of(index) {
                Some(at) => {
                    cost = at as u64 / 8;
                    list.get(at).transpose()
                }
                None if matches!(index, Value::Int(_) | Value::Uint(_)) => Ok(None),
                None => return Err(no_overload("[]", &[&operand, index], span)),
            },
            Value::Map(map) => match index {
                Value::String(_) | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) => {
                    map.get(index, &mut cost)
                }
                _ if optional => Ok(None),
                _ => return Err(no_overload("[]", &[&operand, index], span)),
            },
            Value::Null if optional => Ok(None),
            _ => return Err(no_overload("[]", &[&operand, index], span)),
        };
        self.spend(cost, span)?;
        match found {
            Err(_) => Err(Fault { span, kind: FaultKind::Unreadable }),
            Ok(found) if optional => Ok(Value::Optional(found.map(std::sync::Arc::new))),
            Ok(Some(found)) => Ok(found),
            Ok(None) if matches!(operand, Value::List(_)) => {
                Err(Fault { span, kind: FaultKind::Reason("[]", "the list is shorter than this index") })
            }
            Ok(None) => Err(Fault { span, kind: FaultKind::Missing(None) }),
        }
    }

    // --- comparing ---

    fn equal(&mut self, left: &Value<'a>, right: &Value<'a>, span: Span) -> Result<bool, Fault<'a>> {
        let mut cost = 0;
        let equal = left.equals(right, &mut cost).map_err(|_| Fault { span, kind: FaultKind::Unreadable });
        self.spend(cost, span)?;
        equal
    }

    fn contains(&mut self, left: &Value<'a>, right: &Value<'a>, span: Span) -> Evaluated<'a> {
        let unreadable = |_| Fault { span, kind: FaultKind::Unreadable };
        match right {
            Value::List(list) => {
                for item in list.iter() {
                    let item = item.map_err(unreadable)?;
                    if self.equal(left, &item, span)? {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            Value::Map(map) => {
                let mut cost = 0;
                let found = map.get(left, &mut cost).map_err(unreadable)?.is_some();
                self.spend(cost, span)?;
                Ok(Value::Bool(found))
            }
            _ => Err(no_overload("in", &[left, right], span)),
        }
    }

    // --- making ---

    fn call(
        &mut self,
        name: &'a str,
        run: super::functions::Run,
        arguments: &[Value<'a>],
        span: Span,
    ) -> Evaluated<'a> {
        run(arguments, &mut self.budget).map_err(|failure| {
            let arguments: Vec<&Value<'_>> = arguments.iter().collect();
            fault(failure, name, &arguments, span)
        })
    }

    fn list(&mut self, items: &'a [(Code, bool)]) -> Evaluated<'a> {
        let mut list = Vec::with_capacity(items.len());
        for (item, optional) in items {
            match (self.eval(item)?, optional) {
                (value, false) => list.push(value),
                (Value::Optional(value), true) => list.extend(value.map(|value| Value::clone(&value))),
                (other, true) => return Err(no_overload("[?]", &[&other], item.span)),
            }
        }
        Ok(Value::list(list))
    }

    fn map(&mut self, members: &'a [(Code, Code, bool)], span: Span) -> Evaluated<'a> {
        let mut map = Vec::with_capacity(members.len());
        for (key, value, optional) in members {
            let place = key.span;
            let key = self.eval(key)?;
            let value = match (self.eval(value)?, optional) {
                (value, false) => Some(value),
                (Value::Optional(value), true) => value.map(|value| Value::clone(&value)),
                (other, true) => return Err(no_overload("{?}", &[&other], span)),
            };
            self.insert(&mut map, key, value, place)?;
        }
        Ok(Value::Map(Map::Shared(map.into())))
    }

    fn insert(
        &mut self,
        map: &mut Vec<(Value<'a>, Value<'a>)>,
        key: Value<'a>,
        value: Option<Value<'a>>,
        span: Span,
    ) -> Result<(), Fault<'a>> {
        if !matches!(key, Value::String(_) | Value::Bool(_) | Value::Int(_) | Value::Uint(_)) {
            return Err(Fault {
                span,
                kind: FaultKind::Reason("{}", "a map's key is a text, a bool, an int or a uint"),
            });
        }
        for (known, _) in map.iter() {
            if self.equal(known, &key, span)? {
                return Err(Fault { span, kind: FaultKind::Reason("{}", "a map has the same key twice") });
            }
        }
        map.extend(value.map(|value| (key, value)));
        Ok(())
    }

    // --- macros ---

    fn with_local(&mut self, value: Value<'a>, body: &'a Code) -> Evaluated<'a> {
        self.locals.push(value);
        let result = self.eval(body);
        self.locals.pop();
        result
    }

    fn fold(&mut self, fold: &'a Fold, span: Span) -> Evaluated<'a> {
        let range = self.eval(&fold.range)?;
        let depth = self.locals.len();
        let mut state = FoldState::new(fold.kind);
        let outcome = self.fold_over(fold, &range, &mut state, span);
        self.locals.truncate(depth);
        outcome?;
        state.finish()
    }

    fn fold_over(
        &mut self,
        fold: &'a Fold,
        range: &Value<'a>,
        state: &mut FoldState<'a>,
        span: Span,
    ) -> Result<(), Fault<'a>> {
        let unreadable = Fault { span, kind: FaultKind::Unreadable };
        match range {
            Value::List(list) => {
                bounded(list.len(), span)?;
                for (index, item) in list.iter().enumerate() {
                    let item = item.map_err(|_| unreadable)?;
                    let index = Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
                    let pair = if fold.two { (index, Some(item)) } else { (item, None) };
                    if self.step(fold, pair, state, span)? {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                bounded(map.len(), span)?;
                for member in map.iter() {
                    let (key, value) = member.map_err(|_| unreadable)?;
                    if self.step(fold, (key, fold.two.then_some(value)), state, span)? {
                        break;
                    }
                }
            }
            other => return Err(no_overload("in a macro", &[other], span)),
        }
        Ok(())
    }

    /// One element; true where the result is found.
    fn step(
        &mut self,
        fold: &'a Fold,
        (first, second): (Value<'a>, Option<Value<'a>>),
        state: &mut FoldState<'a>,
        span: Span,
    ) -> Result<bool, Fault<'a>> {
        self.spend(1, span)?;
        let depth = self.locals.len();
        let element = if second.is_none() { first.clone() } else { Value::Null };
        let key = if fold.kind == FoldKind::TransformMap { first.clone() } else { Value::Null };
        self.locals.push(first);
        self.locals.extend(second);
        let done = self.element(fold, element, key, state, span);
        self.locals.truncate(depth);
        done
    }

    fn element(
        &mut self,
        fold: &'a Fold,
        element: Value<'a>,
        key: Value<'a>,
        state: &mut FoldState<'a>,
        span: Span,
    ) -> Result<bool, Fault<'a>> {
        if let Some(filter) = &fold.filter {
            match self.eval(filter)? {
                Value::Bool(true) => {}
                Value::Bool(false) => return Ok(false),
                other => return Err(no_overload("filter", &[&other], filter.span)),
            }
        }
        let result = self.eval(&fold.body);
        let body = fold.body.span;
        match state {
            // An element that errs does not stop the search for one that decides.
            FoldState::Search { decisive, found, error } => match result {
                Ok(Value::Bool(truth)) if truth == *decisive => {
                    *found = true;
                    return Ok(true);
                }
                Ok(Value::Bool(_)) => {}
                Ok(other) => *error = error.or(Some(no_overload("a macro's condition", &[&other], body))),
                Err(fault @ Fault { kind: FaultKind::Budget, .. }) => return Err(fault),
                Err(fault) => *error = error.or(Some(fault)),
            },
            FoldState::Count(count) => match result? {
                Value::Bool(truth) => *count += u64::from(truth),
                other => return Err(no_overload("a macro's condition", &[&other], body)),
            },
            FoldState::Filter(items) => match result? {
                Value::Bool(true) => items.push(element),
                Value::Bool(false) => {}
                other => return Err(no_overload("a macro's condition", &[&other], body)),
            },
            FoldState::Items(items) => items.push(result?),
            FoldState::Members(_) => {
                let value = result?;
                let entries = match (fold.kind, value) {
                    (FoldKind::TransformMapEntry, Value::Map(map)) => map
                        .iter()
                        .collect::<Result<Vec<_>, _>>()
                        .map_err(|_| Fault { span: body, kind: FaultKind::Unreadable })?,
                    (FoldKind::TransformMapEntry, other) => {
                        return Err(no_overload("transformMapEntry", &[&other], body));
                    }
                    (_, value) => vec![(key, value)],
                };
                let FoldState::Members(members) = state else { return Ok(false) };
                for (key, value) in entries {
                    self.insert(members, key, Some(value), span)?;
                }
            }
        }
        Ok(false)
    }

    fn spend(&mut self, steps: u64, span: Span) -> Result<(), Fault<'a>> {
        match self.budget.checked_sub(steps) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => {
                self.budget = 0;
                Err(Fault { span, kind: FaultKind::Budget })
            }
        }
    }
}

/// What a macro has found so far.
enum FoldState<'a> {
    Search { decisive: bool, found: bool, error: Option<Fault<'a>> },
    Count(u64),
    Filter(Vec<Value<'a>>),
    Items(Vec<Value<'a>>),
    Members(Vec<(Value<'a>, Value<'a>)>),
}

impl<'a> FoldState<'a> {
    fn new(kind: FoldKind) -> Self {
        match kind {
            FoldKind::All => Self::Search { decisive: false, found: false, error: None },
            FoldKind::Exists => Self::Search { decisive: true, found: false, error: None },
            FoldKind::ExistsOne => Self::Count(0),
            FoldKind::Filter => Self::Filter(Vec::new()),
            FoldKind::Map => Self::Items(Vec::new()),
            FoldKind::TransformMap | FoldKind::TransformMapEntry => Self::Members(Vec::new()),
        }
    }

    fn finish(self) -> Evaluated<'a> {
        match self {
            Self::Search { decisive, found: true, .. } => Ok(Value::Bool(decisive)),
            Self::Search { error: Some(fault), .. } => Err(fault),
            Self::Search { decisive, .. } => Ok(Value::Bool(!decisive)),
            Self::Count(count) => Ok(Value::Bool(count == 1)),
            Self::Filter(items) | Self::Items(items) => Ok(Value::list(items)),
            Self::Members(members) => Ok(Value::Map(Map::Shared(members.into()))),
        }
    }
}

/// The fault of a slot without a value.
fn missing<'a>(slot: u16, state: &Slot<'a>, span: Span) -> Fault<'a> {
    let kind = match state {
        Slot::Unreadable => FaultKind::Unreadable,
        Slot::NoMap(depth, found) => FaultKind::NoFieldsSlot(slot, *depth, found),
        Slot::Missing(depth) => FaultKind::MissingSlot(slot, *depth),
        Slot::Value(_) => FaultKind::Missing(None),
    };
    Fault { span, kind }
}

fn bounded<'a>(length: usize, span: Span) -> Result<(), Fault<'a>> {
    if length > super::MAX_ELEMENTS {
        return Err(Fault { span, kind: FaultKind::Reason("a macro", "more elements than it may go through (1000)") });
    }
    Ok(())
}

fn optional<'a>(
    found: Option<Result<Value<'a>, super::value::Unreadable>>,
    span: Span,
) -> Result<Value<'a>, Fault<'a>> {
    let found = found.transpose().map_err(|_| Fault { span, kind: FaultKind::Unreadable })?;
    Ok(Value::Optional(found.map(std::sync::Arc::new)))
}

fn no_overload<'a>(name: &'a str, arguments: &[&Value<'_>], span: Span) -> Fault<'a> {
    let mut types = [None; 3];
    for (slot, argument) in types.iter_mut().zip(arguments) {
        *slot = Some(argument.type_name());
    }
    Fault { span, kind: FaultKind::NoOverload(name, types) }
}

fn fault<'a>(failure: Failure, name: &'a str, arguments: &[&Value<'_>], span: Span) -> Fault<'a> {
    match failure {
        Failure::NoOverload => no_overload(name, arguments, span),
        Failure::Reason(reason) => Fault { span, kind: FaultKind::Reason(name, reason) },
        Failure::Unreadable => Fault { span, kind: FaultKind::Unreadable },
        Failure::Budget => Fault { span, kind: FaultKind::Budget },
    }
}
