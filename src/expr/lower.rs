//! From a tree to code: names become slots, constants are folded, literal regular expressions compiled.

use std::sync::Arc;

use super::ast::{Binary, Expr, Kind, Literal, Span, Unary};
use super::code::{Arithmetic, Code, Fold, Op, Order};
use super::cost::Searches;
use super::eval::{Blind, Run};
use super::names::{Meaning, Names, chain};
use super::pattern::Pattern;
use super::slots::Paths;
use super::value::{Blob, List, Map, Text, Value};

/// The steps that folding a constant may take; what takes more is left for the event.
const FOLD_BUDGET: u64 = 1000;

/// What cannot be lowered; `check` has found everything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LowerError {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
}

pub(super) struct Lowering<'a> {
    pub(super) names: Names<'a>,
    pub(super) paths: &'a mut Paths,
    /// What the regular expressions that were compiled may cost, for `cost`.
    pub(super) searches: &'a mut Searches,
}

impl Lowering<'_> {
    pub(super) fn lower(&mut self, expr: &Expr) -> Result<Code, LowerError> {
        let op = self.op(expr)?;
        Ok(fold_constant(Code { op, span: expr.span }))
    }

    fn boxed(&mut self, expr: &Expr) -> Result<Box<Code>, LowerError> {
        self.lower(expr).map(Box::new)
    }

    #[expect(clippy::match_same_arms, reason = "the arms stand in the order of the tree's kinds")]
    fn op(&mut self, expr: &Expr) -> Result<Op, LowerError> {
        if let Some(op) = self.named(expr)? {
            return Ok(op);
        }
        Ok(match &expr.kind {
            Kind::Literal(literal) => Op::Const(constant(literal)),
            Kind::Name { name, .. } => Op::Unknown(name.as_str().into()),
            Kind::Select { operand, field, optional: false } => {
                Op::Field { operand: self.boxed(operand)?, name: field.as_str().into() }
            }
            Kind::Select { operand, field, optional: true } => {
                Op::OptionalField { operand: self.boxed(operand)?, name: field.as_str().into() }
            }
            Kind::Has(operand) => self.has(operand)?,
            Kind::Index { operand, index, optional } => {
                Op::Index { operand: self.boxed(operand)?, index: self.boxed(index)?, optional: *optional }
            }
            Kind::Call { function, receiver, arguments, .. } => {
                self.call(function, receiver.as_deref(), arguments, expr.span)?
            }
            Kind::Unary(Unary::Not, operand) => Op::Not(self.boxed(operand)?),
            Kind::Unary(Unary::Negate, operand) => Op::Negate(self.boxed(operand)?),
            Kind::Binary(operator, left, right) => self.binary(*operator, left, right)?,
            Kind::Conditional(condition, yes, no) => {
                Op::Conditional(Box::new((self.lower(condition)?, self.lower(yes)?, self.lower(no)?)))
            }
            Kind::List(items) => {
                let items = items.iter().map(|item| Ok((self.lower(&item.value)?, item.optional)));
                Op::List(items.collect::<Result<_, LowerError>>()?)
            }
            Kind::Map(members) => {
                let members = members
                    .iter()
                    .map(|member| Ok((self.lower(&member.key)?, self.lower(&member.value)?, member.optional)));
                Op::Map(members.collect::<Result<_, LowerError>>()?)
            }
            Kind::Message(name) => Op::Unknown(name.as_str().into()),
            Kind::Fold(fold) => {
                let range = self.lower(&fold.range)?;
                let locals = [Some(&fold.first), fold.second.as_ref()];
                let depth = self.names.locals.len();
                self.names.locals.extend(locals.into_iter().flatten().map(|name| (name.clone(), super::Type::Dyn)));
                let filter = fold.filter.as_ref().map(|filter| self.lower(filter)).transpose()?;
                let body = self.lower(&fold.body)?;
                self.names.locals.truncate(depth);
                Op::Fold(Box::new(Fold { kind: fold.kind, range, two: fold.second.is_some(), filter, body }))
            }
            Kind::Bind { name, value, body } => {
                let value = self.boxed(value)?;
                Op::Bind { value, body: self.with_local(name, body)? }
            }
            Kind::Optional { target, name, body, flat } => {
                let target = self.boxed(target)?;
                Op::MapOptional { target, body: self.with_local(name, body)?, flat: *flat }
            }
        })
    }

    fn with_local(&mut self, name: &str, body: &Expr) -> Result<Box<Code>, LowerError> {
        self.names.locals.push((name.to_owned(), super::Type::Dyn));
        let body = self.boxed(body);
        self.names.locals.pop();
        body
    }

    /// A chain of names, where the expression is one: a slot, a local with fields, a type.
    fn named(&mut self, expr: &Expr) -> Result<Option<Op>, LowerError> {
        let Some(chain) = chain(expr) else { return Ok(None) };
        Ok(match self.names.meaning(&chain) {
            // Only the name alone is the local; what stands under it is lowered step by step.
            Meaning::Local(local) if chain.steps.len() == 1 => {
                Some(Op::Local(u16::try_from(local).unwrap_or(u16::MAX)))
            }
            Meaning::Path(path, optional) => {
                let slot = self.intern(&path, expr.span)?;
                Some(match optional.iter().position(|optional| *optional) {
                    None => Op::Slot(slot),
                    Some(from) => {
                        Op::OptionalSlot { slot, from: u8::try_from(from).unwrap_or(u8::MAX), steps: mask(&optional) }
                    }
                })
            }
            Meaning::Type(name) => Some(Op::Const(Value::Type(name))),
            Meaning::Local(_) | Meaning::Unknown => None,
        })
    }

    fn intern(&mut self, path: &[String], span: Span) -> Result<u16, LowerError> {
        let error =
            || LowerError { span, message: "the rules of this event name too many fields".to_owned(), hint: None };
        self.paths.intern(path).ok_or_else(error)
    }

    fn has(&mut self, operand: &Expr) -> Result<Op, LowerError> {
        if let Some(chain) = chain(operand)
            && let Meaning::Path(path, optional) = self.names.meaning(&chain)
            && path.len() > 1
            && optional.iter().all(|optional| !optional)
        {
            return self.intern(&path, operand.span).map(Op::HasSlot);
        }
        match &operand.kind {
            Kind::Select { operand: inner, field, .. } => {
                Ok(Op::HasField { operand: self.boxed(inner)?, name: field.as_str().into() })
            }
            _ => Err(LowerError { span: operand.span, message: "`has` takes a field".to_owned(), hint: None }),
        }
    }

    fn call(
        &mut self,
        function: &str,
        receiver: Option<&Expr>,
        arguments: &[Expr],
        span: Span,
    ) -> Result<Op, LowerError> {
        let (forms, with_receiver) = self.names.function(function, receiver);
        let operands: Vec<&Expr> = receiver.filter(|_| with_receiver).into_iter().chain(arguments).collect();
        if let ("re" | "matches", [text, pattern]) = (function, operands.as_slice())
            && let Kind::Literal(Literal::String(literal)) = &pattern.kind
        {
            let regex = Arc::new(Pattern::compile(literal, pattern.span)?);
            self.searches.insert(literal.clone(), regex.most());
            return Ok(Op::Find { text: self.boxed(text)?, regex });
        }
        let Some(form) = forms.first() else { return Ok(Op::Unknown(function.into())) };
        let mut lowered = operands.into_iter().map(|operand| self.lower(operand)).collect::<Result<Vec<_>, _>>()?;
        if form.name == "text"
            && lowered.len() == 1
            && let Op::OptionalSlot { slot, from, steps } = lowered[0].op
        {
            return Ok(Op::TextOfSlot { slot, from, steps });
        }
        // A call that no form takes the number of is refused by the function itself, which looks at its arguments.
        let _ = span;
        lowered.shrink_to_fit();
        Ok(Op::Call { function: form.name, run: form.run, arguments: lowered.into() })
    }

    fn binary(&mut self, operator: Binary, left: &Expr, right: &Expr) -> Result<Op, LowerError> {
        let sides = |this: &mut Self| Ok::<_, LowerError>(Box::new((this.lower(left)?, this.lower(right)?)));
        Ok(match operator {
            Binary::And => Op::And(self.operands(Binary::And, left, right)?),
            Binary::Or => Op::Or(self.operands(Binary::Or, left, right)?),
            Binary::Equal => Op::Equal(sides(self)?, true),
            Binary::NotEqual => Op::Equal(sides(self)?, false),
            Binary::Less => Op::Order(sides(self)?, Order::Less),
            Binary::LessEqual => Op::Order(sides(self)?, Order::LessEqual),
            Binary::Greater => Op::Order(sides(self)?, Order::Greater),
            Binary::GreaterEqual => Op::Order(sides(self)?, Order::GreaterEqual),
            Binary::Add => Op::Arithmetic(sides(self)?, Arithmetic::Add),
            Binary::Subtract => Op::Arithmetic(sides(self)?, Arithmetic::Subtract),
            Binary::Multiply => Op::Arithmetic(sides(self)?, Arithmetic::Multiply),
            Binary::Divide => Op::Arithmetic(sides(self)?, Arithmetic::Divide),
            Binary::Remainder => Op::Arithmetic(sides(self)?, Arithmetic::Remainder),
            Binary::In => match texts(right) {
                Some(texts) => Op::InTexts(self.boxed(left)?, texts),
                None => Op::In(sides(self)?),
            },
        })
    }

    /// `a && b && c` is one operation on three, not one in another.
    fn operands(&mut self, operator: Binary, left: &Expr, right: &Expr) -> Result<Box<[Code]>, LowerError> {
        let mut operands = Vec::new();
        let mut todo = vec![right, left];
        while let Some(next) = todo.pop() {
            match &next.kind {
                Kind::Binary(inner, left, right) if *inner == operator => todo.extend([right.as_ref(), left.as_ref()]),
                _ => operands.push(self.lower(next)?),
            }
        }
        Ok(operands.into())
    }
}

/// A list of nothing but texts, sorted for the search.
fn texts(expr: &Expr) -> Option<Box<[Box<str>]>> {
    let Kind::List(items) = &expr.kind else { return None };
    let text = |item: &super::ast::Item| match &item.value.kind {
        Kind::Literal(Literal::String(text)) if !item.optional => Some(text.as_str().into()),
        _ => None,
    };
    let mut texts = items.iter().map(text).collect::<Option<Vec<Box<str>>>>()?;
    texts.sort();
    Some(texts.into())
}

/// Bit n: whether the step to depth n is optional.
fn mask(optional: &[bool]) -> u32 {
    optional.iter().take(32).enumerate().fold(0, |mask, (depth, optional)| mask | u32::from(*optional) << depth)
}

fn constant(literal: &Literal) -> Value<'static> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(truth) => Value::Bool(*truth),
        Literal::Int(number) => Value::Int(*number),
        Literal::Uint(number) => Value::Uint(*number),
        Literal::Double(number) => Value::Double(*number),
        Literal::String(text) => Value::text(text.as_str()),
        Literal::Bytes(bytes) => Value::Bytes(Blob::Shared(bytes.as_slice().into())),
    }
}

/// What depends on nothing is evaluated now, unless it errs: then it errs where it is reached.
#[expect(clippy::match_same_arms, reason = "the arms stand in the order of the code's kinds")]
fn fold_constant(code: Code) -> Code {
    let is_const = |code: &Code| matches!(code.op, Op::Const(_));
    let foldable = match &code.op {
        Op::Not(operand) | Op::Negate(operand) => is_const(operand),
        Op::Field { operand, .. } | Op::HasField { operand, .. } | Op::OptionalField { operand, .. } => {
            is_const(operand)
        }
        Op::Index { operand, index, .. } => is_const(operand) && is_const(index),
        Op::And(operands) | Op::Or(operands) => operands.iter().all(is_const),
        Op::Conditional(parts) => is_const(&parts.0) && is_const(&parts.1) && is_const(&parts.2),
        Op::Equal(sides, _) | Op::Order(sides, _) | Op::Arithmetic(sides, _) | Op::In(sides) => {
            is_const(&sides.0) && is_const(&sides.1)
        }
        Op::InTexts(operand, _) => is_const(operand),
        Op::Call { arguments, .. } => arguments.iter().all(is_const),
        Op::Find { text, .. } => is_const(text),
        Op::List(items) => items.iter().all(|(item, _)| is_const(item)),
        Op::Map(members) => members.iter().all(|(key, value, _)| is_const(key) && is_const(value)),
        Op::Const(_)
        | Op::Slot(_)
        | Op::HasSlot(_)
        | Op::OptionalSlot { .. }
        | Op::TextOfSlot { .. }
        | Op::Local(_)
        | Op::Fold(_)
        | Op::Bind { .. }
        | Op::MapOptional { .. }
        | Op::Unknown(_) => false,
    };
    if !foldable {
        return code;
    }
    let mut run = Run { slots: &[], depths: &[], locals: Vec::new(), budget: FOLD_BUDGET, tracer: Blind };
    let folded = run.eval(&code).ok().and_then(|value| owned(&value));
    match folded {
        Some(value) => Code { op: Op::Const(value), span: code.span },
        None => code,
    }
}

/// A copy that borrows nothing.
fn owned(value: &Value<'_>) -> Option<Value<'static>> {
    Some(match value {
        Value::Null => Value::Null,
        Value::Bool(truth) => Value::Bool(*truth),
        Value::Int(number) => Value::Int(*number),
        Value::Uint(number) => Value::Uint(*number),
        Value::Double(number) => Value::Double(*number),
        Value::String(text) => Value::String(Text::Shared(text.as_str().into())),
        Value::Bytes(bytes) => Value::Bytes(Blob::Shared(bytes.as_slice().into())),
        Value::Timestamp(time) => Value::Timestamp(*time),
        Value::Duration(duration) => Value::Duration(*duration),
        Value::Type(name) => Value::Type(name),
        Value::Unreadable => Value::Unreadable,
        Value::Optional(None) => Value::Optional(None),
        Value::Optional(Some(value)) => Value::Optional(Some(owned(value)?.into())),
        Value::List(list) => {
            let items = list.iter().map(|item| owned(&item.ok()?)).collect::<Option<Vec<_>>>()?;
            Value::List(List::Shared(items.into()))
        }
        Value::Map(map) => {
            let members = map.iter().map(|member| {
                let (key, value) = member.ok()?;
                Some((owned(&key)?, owned(&value)?))
            });
            Value::Map(Map::Shared(members.collect::<Option<Vec<_>>>()?.into()))
        }
    })
}
