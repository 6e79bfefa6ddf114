//! Macros that go through a list or a map, element by element.

use super::fault::{Fault, FaultKind, no_overload};
use super::{Evaluated, Run, Tracer};
use crate::expr::MAX_ELEMENTS;
use crate::expr::ast::{FoldKind, Span};
use crate::expr::code::Fold;
use crate::expr::value::{Map, Value};

impl<'a, T: Tracer> Run<'a, '_, T> {
    pub(super) fn fold(&mut self, fold: &'a Fold, span: Span) -> Evaluated<'a> {
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
                self.spend(list.reading_cost(), span)?;
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
                self.spend(map.reading_cost(), span)?;
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

fn bounded<'a>(length: usize, span: Span) -> Result<(), Fault<'a>> {
    if length > MAX_ELEMENTS {
        return Err(Fault { span, kind: FaultKind::Reason("a macro", "more elements than it may go through (1000)") });
    }
    Ok(())
}
