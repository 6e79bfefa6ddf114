//! Evaluation: a walk over code, within a budget, with errors that hold places and names but no values.
//!
//! `&&` and `||` absorb errors as the specification says: a side that decides the matter wins over an error on the other.
//! A spent budget is no such error; it ends everything.

mod fault;
mod fields;
mod fold;

use super::ast::Span;
use super::code::{Code, Op};
use super::ops;
use super::slots::Slot;
use super::value::{Map, Value};

pub(super) use fault::{Fault, FaultKind};
use fault::{fault, missing, no_overload};

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

    #[expect(clippy::too_many_lines, reason = "one walk, in which each kind of code is a few lines")]
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
                Value::Map(map) => Ok(Value::Bool(self.look_up(&map, name, span)?.is_some())),
                Value::Optional(None) => Ok(Value::Bool(false)),
                Value::Optional(Some(inner)) => match inner.as_ref() {
                    Value::Map(map) => Ok(Value::Bool(self.look_up(map, name, span)?.is_some())),
                    other => Err(Fault { span, kind: FaultKind::NoFields(name, other.kind()) }),
                },
                other => Err(Fault { span, kind: FaultKind::NoFields(name, other.kind()) }),
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
                self.spend(left.compare_cost(&right), span)?;
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
                    let found = regex.is_match(text.as_str(), &mut self.budget);
                    found.map(Value::Bool).map_err(|failure| fault(failure, "re", &[], span))
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

    // --- comparing ---

    fn equal(&mut self, left: &Value<'a>, right: &Value<'a>, span: Span) -> Result<bool, Fault<'a>> {
        left.equals(right, &mut self.budget).map_err(|failure| fault(failure, "==", &[left, right], span))
    }

    fn contains(&mut self, left: &Value<'a>, right: &Value<'a>, span: Span) -> Evaluated<'a> {
        let unreadable = |_| Fault { span, kind: FaultKind::Unreadable };
        match right {
            Value::List(list) => {
                self.spend(list.reading_cost(), span)?;
                for item in list.iter() {
                    let item = item.map_err(unreadable)?;
                    if self.equal(left, &item, span)? {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            Value::Map(map) => {
                let found = map.get(left, &mut self.budget);
                found
                    .map(|found| Value::Bool(found.is_some()))
                    .map_err(|failure| fault(failure, "in", &[left, right], span))
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

    fn spend(&mut self, steps: u64, span: Span) -> Result<(), Fault<'a>> {
        if let Some(left) = self.budget.checked_sub(steps) {
            self.budget = left;
            Ok(())
        } else {
            self.budget = 0;
            Err(Fault { span, kind: FaultKind::Budget })
        }
    }
}
