//! An expression as it is evaluated: names resolved to slots, constants folded, functions looked up, regexes compiled.

use std::sync::Arc;

use super::ast::Span;
use super::functions::Run;
use super::pattern::Pattern;
use super::value::Value;

/// A node and its place.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) op: Op,
    pub(super) span: Span,
}

/// What a node does.
#[derive(Debug)]
pub(super) enum Op {
    Const(Value<'static>),
    /// The value of an interned path.
    Slot(u16),
    /// Whether the last field of an interned path is there.
    HasSlot(u16),
    /// The value of an interned path as an optional. From the depth `from` on, fields need not be there; where bit n of
    /// `steps` is set, what should hold the field at depth n may be null.
    OptionalSlot {
        slot: u16,
        from: u8,
        steps: u32,
    },
    /// `text(…)` of the same, which is what rules mostly want, without an optional in between.
    TextOfSlot {
        slot: u16,
        from: u8,
        steps: u32,
    },
    /// A macro's variable.
    Local(u16),
    Field {
        operand: Box<Code>,
        name: Box<str>,
    },
    HasField {
        operand: Box<Code>,
        name: Box<str>,
    },
    OptionalField {
        operand: Box<Code>,
        name: Box<str>,
    },
    Index {
        operand: Box<Code>,
        index: Box<Code>,
        optional: bool,
    },
    Not(Box<Code>),
    Negate(Box<Code>),
    And(Box<[Code]>),
    Or(Box<[Code]>),
    Conditional(Box<(Code, Code, Code)>),
    Equal(Box<(Code, Code)>, bool),
    Order(Box<(Code, Code)>, Order),
    Arithmetic(Box<(Code, Code)>, Arithmetic),
    In(Box<(Code, Code)>),
    /// `x in ["a", "b"]`, the texts sorted.
    InTexts(Box<Code>, Box<[Box<str>]>),
    Call {
        function: &'static str,
        run: Run,
        arguments: Box<[Code]>,
    },
    Find {
        text: Box<Code>,
        regex: Arc<Pattern>,
    },
    List(Box<[(Code, bool)]>),
    Map(Box<[(Code, Code, bool)]>),
    Fold(Box<Fold>),
    /// A value that is given a name, which is a local.
    Bind {
        value: Box<Code>,
        body: Box<Code>,
    },
    /// `optMap` and `optFlatMap`.
    MapOptional {
        target: Box<Code>,
        body: Box<Code>,
        flat: bool,
    },
    /// A name or function that is not known: an error when it is reached.
    Unknown(Box<str>),
}

/// A macro that goes through something. Its variables are the next locals.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) kind: super::ast::FoldKind,
    pub(super) range: Code,
    pub(super) two: bool,
    pub(super) filter: Option<Code>,
    pub(super) body: Code,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Order {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }

    pub(super) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::LessEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterEqual => order.is_ge(),
        }
    }
}

impl Arithmetic {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl Code {
    /// The parts that this is made of, in the order in which they are evaluated.
    pub(super) fn parts(&self) -> Vec<&Code> {
        match &self.op {
            Op::Const(_)
            | Op::Slot(_)
            | Op::HasSlot(_)
            | Op::OptionalSlot { .. }
            | Op::TextOfSlot { .. }
            | Op::Local(_)
            | Op::Unknown(_) => Vec::new(),
            Op::Field { operand, .. } | Op::HasField { operand, .. } | Op::OptionalField { operand, .. } => {
                vec![operand]
            }
            Op::Not(operand) | Op::Negate(operand) | Op::InTexts(operand, _) => vec![operand],
            Op::Find { text, .. } => vec![text],
            Op::Index { operand, index, .. } => vec![operand, index],
            Op::And(parts) | Op::Or(parts) => parts.iter().collect(),
            Op::Call { arguments, .. } => arguments.iter().collect(),
            Op::Conditional(parts) => vec![&parts.0, &parts.1, &parts.2],
            Op::Equal(sides, _) | Op::Order(sides, _) | Op::Arithmetic(sides, _) | Op::In(sides) => {
                vec![&sides.0, &sides.1]
            }
            Op::List(items) => items.iter().map(|(item, _)| item).collect(),
            Op::Map(members) => members.iter().flat_map(|(key, value, _)| [key, value]).collect(),
            Op::Fold(fold) => [&fold.range].into_iter().chain(&fold.filter).chain([&fold.body]).collect(),
            Op::Bind { value, body } => vec![value, body],
            Op::MapOptional { target, body, .. } => vec![target, body],
        }
    }
}
