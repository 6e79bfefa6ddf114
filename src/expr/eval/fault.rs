//! What goes wrong in an evaluation: places, names and types, never a value.

use crate::expr::ast::Span;
use crate::expr::functions::Failure;
use crate::expr::schema::Type;
use crate::expr::slots::Slot;
use crate::expr::value::Value;

/// Why an expression has no value for an event.
#[derive(Clone, Copy, Debug)]
pub(in crate::expr) struct Fault<'a> {
    pub(in crate::expr) span: Span,
    pub(in crate::expr) kind: FaultKind<'a>,
}

/// What went wrong, with names from the expression's source only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::expr) enum FaultKind<'a> {
    /// A field that the expression names, or a key that it computes, is not there.
    Missing(Option<&'a str>),
    /// The field at this depth of an interned path is not there.
    MissingSlot(u16, u8),
    /// What should hold the field at this depth of an interned path is of this type.
    NoFieldsSlot(u16, u8, Type),
    /// What an interned path starts from could not be had, for this reason.
    FailedSlot(u16, &'a str),
    /// The field is looked for in what has none.
    NoFields(&'a str, Type),
    /// Operator or function, and the types that it was given.
    NoOverload(&'a str, [Option<Type>; 3]),
    Reason(&'a str, &'static str),
    Unreadable,
    Unknown(&'a str),
    Budget,
}

/// The fault of a slot without a value.
pub(super) fn missing<'a>(slot: u16, state: &Slot<'a>, span: Span) -> Fault<'a> {
    let kind = match state {
        Slot::Unreadable => FaultKind::Unreadable,
        Slot::NoMap(depth, found) => FaultKind::NoFieldsSlot(slot, *depth, *found),
        Slot::Missing(depth) => FaultKind::MissingSlot(slot, *depth),
        Slot::Failed(reason) => FaultKind::FailedSlot(slot, reason),
        Slot::Value(_) => FaultKind::Missing(None),
    };
    Fault { span, kind }
}

pub(super) fn no_overload<'a>(name: &'a str, arguments: &[&Value<'_>], span: Span) -> Fault<'a> {
    let mut types = [None; 3];
    for (slot, argument) in types.iter_mut().zip(arguments) {
        *slot = Some(argument.kind());
    }
    Fault { span, kind: FaultKind::NoOverload(name, types) }
}

pub(super) fn fault<'a>(failure: Failure, name: &'a str, arguments: &[&Value<'_>], span: Span) -> Fault<'a> {
    match failure {
        Failure::NoOverload => no_overload(name, arguments, span),
        Failure::Reason(reason) => Fault { span, kind: FaultKind::Reason(name, reason) },
        Failure::Unreadable => Fault { span, kind: FaultKind::Unreadable },
        Failure::Budget => Fault { span, kind: FaultKind::Budget },
    }
}
