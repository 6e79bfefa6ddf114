//! Fields and items: of interned paths, of maps and lists, of optionals.

use std::sync::Arc;

use super::fault::{Fault, FaultKind, fault, missing, no_overload};
use super::{Evaluated, Run, Tracer};
use crate::expr::ast::Span;
use crate::expr::code::Code;
use crate::expr::functions::Failure;
use crate::expr::ops;
use crate::expr::schema::Type;
use crate::expr::slots::Slot;
use crate::expr::value::{Map, Unreadable, Value};

impl<'a, T: Tracer> Run<'a, '_, T> {
    pub(super) fn slot(&self, slot: u16) -> &Slot<'a> {
        self.slots.get(usize::from(slot)).unwrap_or(&Slot::Missing(0))
    }

    pub(super) fn has_slot(&self, slot: u16, code: &'a Code) -> Evaluated<'a> {
        match self.slot(slot) {
            // A field that is there and cannot be read is there.
            Slot::Value(_) | Slot::Unreadable => Ok(Value::Bool(true)),
            Slot::Missing(depth) if self.is_last(slot, *depth) => Ok(Value::Bool(false)),
            state => Err(missing(slot, state, code.span)),
        }
    }

    pub(super) fn is_last(&self, slot: u16, depth: u8) -> bool {
        self.depths.get(usize::from(slot)).is_some_and(|last| *last == depth)
    }

    pub(super) fn optional_slot(
        &self,
        slot: u16,
        from: u8,
        steps: u32,
        span: Span,
    ) -> Result<Option<Value<'a>>, Fault<'a>> {
        match self.slot(slot) {
            Slot::Value(value) => Ok(Some(value.clone())),
            Slot::Missing(depth) if *depth >= from => Ok(None),
            // Systems send null where nothing is: an optional step takes it for nothing.
            Slot::NoMap(depth, Type::Null) if *depth < 32 && steps >> depth & 1 == 1 => Ok(None),
            state => Err(missing(slot, state, span)),
        }
    }

    /// The member of a map, paid for.
    pub(super) fn look_up(
        &mut self,
        map: &Map<'a>,
        name: &str,
        span: Span,
    ) -> Result<Option<Result<Value<'a>, Unreadable>>, Fault<'a>> {
        self.spend(map.reading_cost(), span)?;
        Ok(map.field(name))
    }

    pub(super) fn field(&mut self, operand: &Value<'a>, name: &'a str, span: Span) -> Evaluated<'a> {
        match operand {
            Value::Map(map) => match self.look_up(map, name, span)? {
                Some(Ok(value)) => Ok(value),
                Some(Err(_)) => Err(Fault { span, kind: FaultKind::Unreadable }),
                None => Err(Fault { span, kind: FaultKind::Missing(Some(name)) }),
            },
            Value::Optional(None) => Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => match inner.as_ref() {
                Value::Map(map) => optional(self.look_up(map, name, span)?, span),
                other => Err(Fault { span, kind: FaultKind::NoFields(name, other.kind()) }),
            },
            other => Err(Fault { span, kind: FaultKind::NoFields(name, other.kind()) }),
        }
    }

    pub(super) fn optional_field(&mut self, operand: Value<'a>, name: &'a str, span: Span) -> Evaluated<'a> {
        match operand {
            Value::Map(map) => optional(self.look_up(&map, name, span)?, span),
            Value::Null | Value::Optional(None) => Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => match inner.as_ref() {
                Value::Map(map) => optional(self.look_up(map, name, span)?, span),
                Value::Null => Ok(Value::Optional(None)),
                other => Err(Fault { span, kind: FaultKind::NoFields(name, other.kind()) }),
            },
            other => Err(Fault { span, kind: FaultKind::NoFields(name, other.kind()) }),
        }
    }

    pub(super) fn index(&mut self, operand: Value<'a>, index: &Value<'a>, optional: bool, span: Span) -> Evaluated<'a> {
        let (operand, optional) = match operand {
            Value::Optional(None) => return Ok(Value::Optional(None)),
            Value::Optional(Some(inner)) => (Value::clone(&inner), true),
            other => (other, optional),
        };
        let found = match &operand {
            Value::List(list) => match ops::index_of(index) {
                Some(at) => {
                    self.spend(list.reading_cost().min(1 + at as u64), span)?;
                    list.get(at).transpose().map_err(Failure::from)
                }
                None if matches!(index, Value::Int(_) | Value::Uint(_)) => Ok(None),
                None => return Err(no_overload("[]", &[&operand, index], span)),
            },
            Value::Map(map) => match index {
                Value::String(_) | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) => {
                    map.get(index, &mut self.budget)
                }
                _ if optional => Ok(None),
                _ => return Err(no_overload("[]", &[&operand, index], span)),
            },
            Value::Null if optional => Ok(None),
            _ => return Err(no_overload("[]", &[&operand, index], span)),
        };
        match found {
            Err(failure) => Err(fault(failure, "[]", &[&operand, index], span)),
            Ok(found) if optional => Ok(Value::Optional(found.map(Arc::new))),
            Ok(Some(found)) => Ok(found),
            Ok(None) if matches!(operand, Value::List(_)) => {
                Err(Fault { span, kind: FaultKind::Reason("[]", "the list is shorter than this index") })
            }
            Ok(None) => Err(Fault { span, kind: FaultKind::Missing(None) }),
        }
    }
}

fn optional(found: Option<Result<Value<'_>, Unreadable>>, span: Span) -> Result<Value<'_>, Fault<'_>> {
    let found = found.transpose().map_err(|_| Fault { span, kind: FaultKind::Unreadable })?;
    Ok(Value::Optional(found.map(Arc::new)))
}
