//! The most steps that an expression can take, told before an event comes.
//!
//! Assumed is an event of so many bytes, anything of which may be all of it: each field that an expression names may be a
//! text, a list or an object of that size. From there sizes are followed through the tree: what `+` makes is as long as
//! both sides, what `split` makes has as many items as the text has characters. Where a loop goes through a list, its
//! elements are together no larger than the list, so that the cost of a body is kept in two parts: what each element
//! costs, and what each of its bytes does.
//!
//! It is a bound, not a guess: no event of that size takes more. Nothing here overflows; what is beyond all numbers stays
//! at the largest.

mod calls;
mod linear;

use std::cell::RefCell;
use std::collections::HashMap;

use super::ast::{Binary, Expr, Fold, FoldKind, Kind, Literal, Member, Span};
use super::compile::TOO_COSTLY;
use super::names::{Meaning, Names, chain};
use super::parse::parse;
use super::pattern::Most;
use super::schema::{Schema, Type};
use super::{MAX_ELEMENTS, MAX_NODES};
use linear::{Linear, STEP};

/// The bytes that a value without a length may come to as text.
const SCALAR_BYTES: u64 = 40;
/// 32nds of a step for each byte of two lists or maps that are compared: the members of a map are counted, found by key,
/// and compared.
const COMPARED: u64 = 28;
/// The same for a whole that is written out: one in another is gone through at each level, of which there are 64.
const WRITTEN: u64 = 84;

/// The most that an expression takes on an event of a certain size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Steps.
    pub steps: u64,
    /// Steps to write its value down as JSON and to compare it with another, as `set` and `map` do.
    pub writing: u64,
    /// The innermost part that is too costly on its own, in bytes of the source.
    pub excess: Option<std::ops::Range<usize>>,
}

/// What is known of a value.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// Its length as JSON, and a byte for what stands behind it; for a value that holds another twice, twice.
    bytes: Linear,
    nature: Nature,
    /// The items or members that it has, at most, where that is known better than by its bytes.
    items: Option<u64>,
}

/// What a value may be, from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Nature {
    /// No text, list or map.
    Scalar,
    /// Or a text, or bytes.
    Text,
    Any,
}

/// An expression whose cost can be told for events of any size.
#[derive(Debug)]
pub struct Priced<'a> {
    expr: Expr,
    schema: &'a Schema,
    searches: RefCell<Searches>,
}

impl<'a> Priced<'a> {
    /// An expression that sees `schema`; none where it cannot be read.
    pub fn parse(schema: &'a Schema, source: &str) -> Option<Self> {
        let expr = parse(source, MAX_NODES, true).ok()?;
        Some(Self { expr, schema, searches: RefCell::default() })
    }

    /// The most that it takes on an event of so many bytes.
    pub fn at(&self, event_bytes: u64) -> Cost {
        let names = Names { schema: self.schema, container: "", locals: Vec::new() };
        most(&self.expr, names, event_bytes, &mut self.searches.borrow_mut())
    }
}

/// What is known of regular expressions, by their text: one that was compiled is not compiled again.
pub(super) type Searches = HashMap<String, Most>;

/// The cost of `expr` on an event of so many bytes.
pub(super) fn most(expr: &Expr, names: Names<'_>, event_bytes: u64, searches: &mut Searches) -> Cost {
    let mut walk = Walk { names, locals: Vec::new(), searches, event_bytes, largest: 0, excess: None };
    let (shape, steps) = walk.expr(expr);
    let bytes = shape.bytes.at(0);
    let writing = match shape.nature {
        Nature::Scalar => STEP * 2,
        Nature::Text => bytes.saturating_mul(2).saturating_add(STEP * 2),
        Nature::Any => bytes.saturating_mul(WRITTEN + COMPARED).saturating_add(STEP * 2),
    };
    Cost { steps: steps.at(0).div_ceil(STEP), writing: writing.div_ceil(STEP), excess: walk.excess.map(Span::range) }
}

/// A walk through a tree. Costs are in 32nds of a step.
struct Walk<'a> {
    names: Names<'a>,
    /// One for each of the names in force.
    locals: Vec<Shape>,
    searches: &'a mut Searches,
    event_bytes: u64,
    /// The bytes of the largest element of the loop that we are in.
    largest: u64,
    excess: Option<Span>,
}

impl Shape {
    const SCALAR: Self = Self { bytes: Linear::flat(SCALAR_BYTES), nature: Nature::Scalar, items: None };

    fn text(bytes: Linear) -> Self {
        Self { bytes: bytes.plus(Linear::flat(3)), nature: Nature::Text, items: None }
    }

    fn any(bytes: Linear) -> Self {
        Self { bytes, nature: Nature::Any, items: None }
    }

    /// Whichever of the two it is.
    fn or(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.or(other.bytes),
            nature: self.nature.max(other.nature),
            items: self.items.zip(other.items).map(|(a, b)| a.max(b)),
        }
    }

    /// How many items or members there may be. One takes two bytes at least.
    fn count(self) -> Linear {
        self.items.map_or(self.bytes.half(), Linear::flat)
    }

    /// What looking at its bytes costs where it is a text, and what going through it once where it is a list or a map.
    fn reading(self) -> Linear {
        match self.nature {
            Nature::Scalar => Linear::flat(0),
            Nature::Text => self.bytes,
            Nature::Any => self.bytes.times(2),
        }
    }

    /// Looking up a computed key, for which each member may have to be looked at.
    fn looking_up(self) -> Linear {
        self.bytes.times(10)
    }
}

type Walked = (Shape, Linear);

impl Walk<'_> {
    fn expr(&mut self, expr: &Expr) -> Walked {
        let (shape, below) = self.kind(expr);
        let steps = below.plus(Linear::flat(STEP));
        if steps.at(self.largest) > TOO_COSTLY.saturating_mul(STEP) && self.excess.is_none() {
            self.excess = Some(expr.span);
        }
        (shape, steps)
    }

    /// Without the step for the node itself.
    fn kind(&mut self, expr: &Expr) -> Walked {
        if let Some(shape) = self.named(expr) {
            return (shape, Linear::flat(0));
        }
        match &expr.kind {
            Kind::Literal(literal) => (literal_shape(literal), Linear::flat(0)),
            Kind::Name { .. } | Kind::Message(_) => (Shape::SCALAR, Linear::flat(0)),
            Kind::Select { operand, .. } => {
                let (operand, steps) = self.expr(operand);
                (Shape::any(operand.bytes), steps.plus(operand.reading()))
            }
            Kind::Has(operand) => {
                let (_, steps) = self.expr(operand);
                (Shape::SCALAR, steps)
            }
            Kind::Index { operand, index, .. } => {
                let (operand, steps) = self.expr(operand);
                let (_, more) = self.expr(index);
                let own = operand.looking_up().plus(Linear::flat(STEP));
                (Shape::any(operand.bytes), steps.plus(more).plus(own))
            }
            Kind::Call { function, receiver, arguments, .. } => self.call(function, receiver.as_deref(), arguments),
            Kind::Unary(_, operand) => (Shape::SCALAR, self.expr(operand).1),
            Kind::Binary(operator, left, right) => self.binary(*operator, left, right),
            Kind::Conditional(condition, yes, no) => {
                let (_, steps) = self.expr(condition);
                let ((yes, if_so), (no, if_not)) = (self.expr(yes), self.expr(no));
                (yes.or(no), steps.plus(if_so.or(if_not)))
            }
            Kind::List(items) => {
                let walked: Vec<Walked> = items.iter().map(|item| self.expr(&item.value)).collect();
                let bytes = walked.iter().fold(Linear::flat(3), |bytes, (item, _)| bytes.plus(item.bytes));
                let steps = walked.iter().fold(Linear::flat(0), |sum, (_, steps)| sum.plus(*steps));
                (Shape { bytes, nature: Nature::Any, items: Some(items.len() as u64) }, steps)
            }
            Kind::Map(members) => self.map(members),
            Kind::Fold(fold) => self.fold(fold),
            Kind::Bind { name, value, body } => {
                let (value, steps) = self.expr(value);
                let (body, more) = self.with_local(name, value, body);
                (body, steps.plus(more))
            }
            Kind::Optional { target, name, body, .. } => {
                let (target, steps) = self.expr(target);
                let (body, more) = self.with_local(name, target, body);
                (body, steps.plus(more))
            }
        }
    }

    fn named(&mut self, expr: &Expr) -> Option<Shape> {
        let chain = chain(expr)?;
        match self.names.meaning(&chain) {
            Meaning::Local(local) if chain.steps.len() == 1 => {
                Some(self.locals.get(local).copied().unwrap_or(Shape::any(Linear::flat(self.event_bytes))))
            }
            Meaning::Path(path, _) => Some(match self.names.schema.variable_type(&path[0]) {
                Some(
                    Type::Bool
                    | Type::Int
                    | Type::Uint
                    | Type::Double
                    | Type::Null
                    | Type::Timestamp
                    | Type::Duration
                    | Type::Type,
                ) => Shape::SCALAR,
                Some(Type::String | Type::Bytes) => Shape::text(Linear::flat(self.event_bytes)),
                Some(Type::List | Type::Map | Type::Optional | Type::Dyn) | None => {
                    Shape::any(Linear::flat(self.event_bytes.saturating_add(1)))
                }
            }),
            Meaning::Type(_) => Some(Shape::SCALAR),
            Meaning::Local(_) | Meaning::Unknown => None,
        }
    }

    fn with_local(&mut self, name: &str, shape: Shape, body: &Expr) -> Walked {
        self.push(name, shape);
        let walked = self.expr(body);
        self.pop();
        walked
    }

    fn push(&mut self, name: &str, shape: Shape) {
        self.names.locals.push((name.to_owned(), Type::Dyn));
        self.locals.push(shape);
    }

    fn pop(&mut self) {
        self.names.locals.pop();
        self.locals.pop();
    }

    // --- operators ---

    fn binary(&mut self, operator: Binary, left: &Expr, right: &Expr) -> Walked {
        if operator == Binary::In && is_texts(right) {
            return (Shape::SCALAR, self.expr(left).1);
        }
        let (left, steps) = self.expr(left);
        let (right, more) = self.expr(right);
        let (shape, own) = match operator {
            Binary::And | Binary::Or => (Shape::SCALAR, Linear::flat(0)),
            Binary::Equal | Binary::NotEqual => (Shape::SCALAR, self.comparing(left, right)),
            Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
                (Shape::SCALAR, left.bytes.less(right.bytes, self.largest))
            }
            Binary::In => (Shape::SCALAR, finding(left, right)),
            Binary::Add => adding(left, right),
            Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Remainder => {
                (Shape::SCALAR, Linear::flat(0))
            }
        };
        (shape, steps.plus(more).plus(own))
    }

    /// Comparing costs what the smaller one comes to.
    fn comparing(&self, left: Shape, right: Shape) -> Linear {
        let bytes = left.bytes.less(right.bytes, self.largest);
        Linear::flat(STEP).plus(match left.nature.min(right.nature) {
            Nature::Scalar => Linear::flat(0),
            Nature::Text => bytes,
            Nature::Any => bytes.times(COMPARED),
        })
    }

    // --- making ---

    fn map(&mut self, members: &[Member]) -> Walked {
        let (mut bytes, mut keys, mut steps) = (Linear::flat(3), Linear::flat(0), Linear::flat(0));
        for member in members {
            let (key, of_key) = self.expr(&member.key);
            let (value, of_value) = self.expr(&member.value);
            keys = keys.plus(key.bytes);
            bytes = bytes.plus(key.bytes).plus(value.bytes);
            steps = steps.plus(of_key).plus(of_value);
        }
        let number = members.len() as u64;
        (Shape { bytes, nature: Nature::Any, items: Some(number) }, steps.plus(unique(number, keys)))
    }

    fn fold(&mut self, fold: &Fold) -> Walked {
        let (range, steps) = self.expr(&fold.range);
        let outer = self.largest;
        let whole = range.bytes.at(outer);
        let number = range.count().at(outer).min(MAX_ELEMENTS as u64);
        // In here a byte is one of an element of this loop. What comes from outside is as large as it may be.
        let locals: Vec<Shape> = self.locals.clone();
        for local in &mut self.locals {
            local.bytes = Linear::flat(local.bytes.at(outer));
        }
        self.largest = whole;
        let element = Shape::any(Linear::each_byte());
        if let Some(second) = &fold.second {
            self.push(&fold.first, Shape::text(Linear::each_byte()).or(Shape::SCALAR));
            self.push(second, element);
        } else {
            self.push(&fold.first, element);
        }
        let filter = fold.filter.as_ref().map_or(Linear::flat(0), |filter| self.expr(filter).1);
        let (body, of_body) = self.expr(&fold.body);
        self.pop();
        if fold.second.is_some() {
            self.pop();
        }
        (self.locals, self.largest) = (locals, outer);
        let each = filter.plus(of_body).plus(Linear::flat(STEP)).sum(number, whole);
        let made = body.bytes.sum(number, whole);
        let shape = |bytes: u64, items| Shape {
            bytes: Linear::flat(bytes.saturating_add(3)),
            nature: Nature::Any,
            items: Some(items),
        };
        let (shape, own) = match fold.kind {
            FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne => (Shape::SCALAR, Linear::flat(0)),
            FoldKind::Filter => (shape(whole, number), Linear::flat(0)),
            FoldKind::Map => (shape(made, number), Linear::flat(0)),
            FoldKind::TransformMap => (shape(made.saturating_add(whole), number), unique(number, Linear::flat(whole))),
            FoldKind::TransformMapEntry => {
                let members = body.items.map_or(made / 4, |items| items.saturating_mul(number));
                (shape(made, members), unique(members, Linear::flat(made)))
            }
        };
        (shape, steps.plus(range.reading()).plus(Linear::flat(each)).plus(own))
    }
}

/// What it costs to make sure that no two of so many keys are the same: each is compared with those before it.
fn unique(number: u64, bytes: Linear) -> Linear {
    let pairs = number.saturating_mul(number.saturating_sub(1)) / 2;
    // The shorter of two is no longer than half of both, and each is compared with all others.
    Linear::flat(pairs.saturating_mul(STEP)).plus(bytes.times(number.saturating_sub(1).div_ceil(2)))
}

/// `left in right`: with each item of a list; or the key of a map.
fn finding(left: Shape, right: Shape) -> Linear {
    let each = if left.nature == Nature::Any { COMPARED } else { 1 };
    right.looking_up().plus(right.bytes.times(each)).plus(right.count().times(STEP))
}

fn adding(left: Shape, right: Shape) -> Walked {
    let bytes = left.bytes.plus(right.bytes);
    match left.nature.min(right.nature) {
        Nature::Scalar => (Shape::SCALAR, Linear::flat(0)),
        Nature::Text => (Shape::text(bytes), bytes),
        // The items of two lists are gone through and copied.
        Nature::Any => {
            let items = left.items.zip(right.items).map(|(a, b)| a.saturating_add(b));
            (Shape { bytes: bytes.plus(Linear::flat(3)), nature: Nature::Any, items }, bytes.times(18))
        }
    }
}

fn literal_shape(literal: &Literal) -> Shape {
    match literal {
        Literal::Null | Literal::Bool(_) | Literal::Int(_) | Literal::Uint(_) | Literal::Double(_) => Shape::SCALAR,
        Literal::String(text) => Shape::text(Linear::flat(text.len() as u64)),
        Literal::Bytes(bytes) => Shape::text(Linear::flat(bytes.len() as u64)),
    }
}

/// Whether it is a list of nothing but texts, in which a text is found without looking at each.
fn is_texts(expr: &Expr) -> bool {
    let is_text =
        |item: &super::ast::Item| !item.optional && matches!(&item.value.kind, Kind::Literal(Literal::String(_)));
    matches!(&expr.kind, Kind::List(items) if items.iter().all(is_text))
}
