//! The tests that rules are mostly made of, run on an event's slots with no value in between: a text is this one or begins
//! like this, a number is above that, every item of a list ends so.
//!
//! Where anything is out of the ordinary, a field that is missing or of another type, an account that runs out, there is no
//! answer here, and the walk over the code gives it, with its error. So an answer given here is the one that the walk gives;
//! a property test holds the two together.

use std::sync::Arc;

use super::MAX_ELEMENTS;
use super::ast::FoldKind;
use super::code::{Code, Fold, Op, Order};
use super::pattern::Pattern;
use super::schema::Type;
use super::slots::Slot;
use super::value::{List, Value, length_cost};
use crate::base::json::Json;

/// A condition, or a part of one.
#[derive(Debug)]
pub(super) enum Test {
    Always(bool),
    /// A bool of the event.
    Flag(u16),
    Not(Box<Test>),
    All(Box<[Test]>),
    Any(Box<[Test]>),
    Text(Source, TextTest),
    Number(u16, Compare, i64),
    /// The characters of a text, the items of a list.
    Size(u16, Compare, i64),
    /// A text is among the items of a list.
    Among(u16, Box<str>),
    /// Every item of a list passes, or some item does.
    Items {
        slot: u16,
        every: bool,
        test: TextTest,
    },
}

/// Where a text comes from.
#[derive(Debug)]
pub(super) enum Source {
    Slot(u16),
    /// `text(user.?name)`
    TextOf {
        slot: u16,
        from: u8,
        steps: u32,
    },
    /// `lower(…)` and `trim(…)` of it.
    Lower(Box<Source>),
    Trim(Box<Source>),
}

/// What is asked of a text.
#[derive(Debug)]
pub(super) enum TextTest {
    Is(Box<str>, bool),
    In(Box<[Box<str>]>),
    Starts(Box<str>),
    Ends(Box<str>),
    Contains(Box<str>),
    Matches(Arc<Pattern>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Compare {
    Is(bool),
    Order(Order),
}

/// A text, and whether it counts as if in lower case. Only one of nothing but ASCII does: others need a copy.
struct Found<'s> {
    text: &'s str,
    lower: bool,
}

// --- from code ---

impl Test {
    /// The same condition as `code`, where it is made of nothing else.
    pub(super) fn of(code: &Code) -> Option<Self> {
        let all = |operands: &[Code]| operands.iter().map(Self::of).collect::<Option<Box<[Self]>>>();
        match &code.op {
            Op::Const(Value::Bool(truth)) => Some(Self::Always(*truth)),
            Op::Slot(slot) => Some(Self::Flag(*slot)),
            Op::Not(operand) => Some(Self::Not(Box::new(Self::of(operand)?))),
            Op::And(operands) => all(operands).map(Self::All),
            Op::Or(operands) => all(operands).map(Self::Any),
            Op::Equal(sides, wanted) => Self::compare(sides, Compare::Is(*wanted)),
            Op::Order(sides, order) => Self::compare(sides, Compare::Order(*order)),
            Op::InTexts(operand, texts) => Some(Self::Text(Source::of(operand)?, TextTest::In(texts.clone()))),
            Op::In(sides) => match (&sides.0.op, &sides.1.op) {
                (Op::Const(Value::String(text)), Op::Slot(slot)) => Some(Self::Among(*slot, text.as_str().into())),
                _ => None,
            },
            Op::Find { text, regex } => Some(Self::Text(Source::of(text)?, TextTest::Matches(regex.clone()))),
            Op::Call { function, arguments, .. } => match &**arguments {
                [text, part] => Some(Self::Text(Source::of(text)?, TextTest::call(function, part)?)),
                _ => None,
            },
            Op::Fold(fold) => Self::items(fold),
            _ => None,
        }
    }

    fn compare(sides: &(Code, Code), compare: Compare) -> Option<Self> {
        match (&sides.0.op, &sides.1.op, compare) {
            (_, Op::Const(Value::String(text)), Compare::Is(wanted)) => {
                Some(Self::Text(Source::of(&sides.0)?, TextTest::Is(text.as_str().into(), wanted)))
            }
            (Op::Const(Value::String(text)), _, Compare::Is(wanted)) => {
                Some(Self::Text(Source::of(&sides.1)?, TextTest::Is(text.as_str().into(), wanted)))
            }
            (Op::Slot(slot), Op::Const(Value::Int(number)), _) => Some(Self::Number(*slot, compare, *number)),
            (Op::Slot(slot), Op::Const(Value::Bool(truth)), Compare::Is(wanted)) => {
                let flag = Self::Flag(*slot);
                Some(if *truth == wanted { flag } else { Self::Not(Box::new(flag)) })
            }
            (Op::Call { function: "size", arguments, .. }, Op::Const(Value::Int(number)), _) => match &**arguments {
                [Code { op: Op::Slot(slot), .. }] => Some(Self::Size(*slot, compare, *number)),
                _ => None,
            },
            _ => None,
        }
    }

    fn items(fold: &Fold) -> Option<Self> {
        let every = match fold.kind {
            FoldKind::All => true,
            FoldKind::Exists => false,
            _ => return None,
        };
        let Op::Slot(slot) = fold.range.op else { return None };
        if fold.two || fold.filter.is_some() {
            return None;
        }
        // The only local there is at this place is the macro's own.
        let is_item = |code: &Code| matches!(code.op, Op::Local(0));
        let test = match &fold.body.op {
            Op::Call { function, arguments, .. } => match &**arguments {
                [item, part] if is_item(item) => TextTest::call(function, part)?,
                _ => return None,
            },
            Op::Equal(sides, wanted) => match &sides.1.op {
                Op::Const(Value::String(text)) if is_item(&sides.0) => TextTest::Is(text.as_str().into(), *wanted),
                _ => return None,
            },
            Op::InTexts(item, texts) if is_item(item) => TextTest::In(texts.clone()),
            Op::Find { text, regex } if is_item(text) => TextTest::Matches(regex.clone()),
            _ => return None,
        };
        Some(Self::Items { slot, every, test })
    }
}

impl Source {
    fn of(code: &Code) -> Option<Self> {
        match &code.op {
            Op::Slot(slot) => Some(Self::Slot(*slot)),
            Op::TextOfSlot { slot, from, steps } => Some(Self::TextOf { slot: *slot, from: *from, steps: *steps }),
            Op::Call { function, arguments, .. } => match (*function, &**arguments) {
                ("lower", [text]) => Some(Self::Lower(Box::new(Self::of(text)?))),
                ("trim", [text]) => Some(Self::Trim(Box::new(Self::of(text)?))),
                _ => None,
            },
            _ => None,
        }
    }
}

impl TextTest {
    fn call(function: &str, part: &Code) -> Option<Self> {
        let Op::Const(Value::String(part)) = &part.op else { return None };
        let part = part.as_str().into();
        match function {
            "startsWith" => Some(Self::Starts(part)),
            "endsWith" => Some(Self::Ends(part)),
            "contains" => Some(Self::Contains(part)),
            _ => None,
        }
    }
}

// --- on an event ---

impl Test {
    /// Whether it holds; none where only the walk can tell. What it costs is taken off `budget`, as the walk does.
    pub(super) fn holds(&self, slots: &[Slot<'_>], budget: &mut u64) -> Option<bool> {
        *budget = budget.checked_sub(1)?;
        match self {
            Self::Always(truth) => Some(*truth),
            Self::Flag(slot) => match value(slots, *slot)? {
                Value::Bool(truth) => Some(*truth),
                _ => None,
            },
            Self::Not(test) => test.holds(slots, budget).map(|truth| !truth),
            Self::All(tests) => {
                for test in tests {
                    if !test.holds(slots, budget)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            Self::Any(tests) => {
                for test in tests {
                    if test.holds(slots, budget)? {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Self::Text(source, test) => source.find(slots, budget)?.passes(test, budget),
            Self::Number(slot, compare, wanted) => match value(slots, *slot)? {
                Value::Int(number) => Some(compare.holds(*number, *wanted)),
                _ => None,
            },
            Self::Size(slot, compare, wanted) => {
                let size = match value(slots, *slot)? {
                    Value::String(text) => {
                        spend(budget, length_cost(text.as_str().len()))?;
                        text.as_str().chars().count()
                    }
                    Value::List(list) => {
                        spend(budget, list.reading_cost())?;
                        list.len()
                    }
                    _ => return None,
                };
                Some(compare.holds(i64::try_from(size).ok()?, *wanted))
            }
            Self::Among(slot, wanted) => {
                for item in items(slots, *slot, budget)? {
                    let item = plain(item)?;
                    spend(budget, length_cost(item.len()))?;
                    if item == &**wanted {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Self::Items { slot, every, test } => {
                for (index, item) in items(slots, *slot, budget)?.enumerate() {
                    if index == MAX_ELEMENTS {
                        return None;
                    }
                    spend(budget, 3)?;
                    let found = Found { text: plain(item)?, lower: false };
                    if found.passes(test, budget)? != *every {
                        return Some(!every);
                    }
                }
                Some(*every)
            }
        }
    }
}

impl Source {
    fn find<'s>(&self, slots: &'s [Slot<'_>], budget: &mut u64) -> Option<Found<'s>> {
        match self {
            Self::Slot(slot) => match value(slots, *slot)? {
                Value::String(text) => Some(Found { text: text.as_str(), lower: false }),
                _ => None,
            },
            Self::TextOf { slot, from, steps } => {
                let text = match slots.get(usize::from(*slot))? {
                    Slot::Value(Value::String(text)) => text.as_str(),
                    Slot::Value(Value::Null) => "",
                    Slot::Missing(depth) if depth >= from => "",
                    Slot::NoMap(depth, Type::Null) if *depth < 32 && steps >> depth & 1 == 1 => "",
                    _ => return None,
                };
                Some(Found { text, lower: false })
            }
            Self::Lower(source) => {
                let found = source.find(slots, budget)?;
                spend(budget, length_cost(found.text.len()))?;
                found.text.is_ascii().then_some(Found { lower: true, ..found })
            }
            Self::Trim(source) => {
                let found = source.find(slots, budget)?;
                spend(budget, length_cost(found.text.len()))?;
                Some(Found { text: found.text.trim(), ..found })
            }
        }
    }
}

impl Found<'_> {
    fn passes(&self, test: &TextTest, budget: &mut u64) -> Option<bool> {
        let Self { text, lower } = *self;
        match test {
            TextTest::Matches(_) | TextTest::Contains(_) if lower => return None,
            TextTest::Matches(regex) => return regex.is_match(text, budget).ok(),
            TextTest::Contains(_) => spend(budget, length_cost(text.len()))?,
            // No more of the text is looked at than there is of the literal.
            TextTest::Is(..) | TextTest::In(_) | TextTest::Starts(_) | TextTest::Ends(_) => {}
        }
        let same = |part: &str, wanted: &str| if lower { is_lower_of(part, wanted) } else { part == wanted };
        Some(match test {
            TextTest::Is(wanted, truth) => same(text, wanted) == *truth,
            TextTest::In(texts) if lower => texts.iter().any(|wanted| is_lower_of(text, wanted)),
            TextTest::In(texts) => texts.iter().any(|wanted| **wanted == *text),
            TextTest::Starts(part) => text.as_bytes().get(..part.len()).is_some_and(|start| {
                if lower { is_lower_of_bytes(start, part.as_bytes()) } else { start == part.as_bytes() }
            }),
            TextTest::Ends(part) => text.len().checked_sub(part.len()).is_some_and(|at| {
                let end = &text.as_bytes()[at..];
                if lower { is_lower_of_bytes(end, part.as_bytes()) } else { end == part.as_bytes() }
            }),
            TextTest::Contains(part) => text.contains(&**part),
            TextTest::Matches(_) => return None,
        })
    }
}

impl Compare {
    fn holds(self, number: i64, wanted: i64) -> bool {
        match self {
            Self::Is(truth) => (number == wanted) == truth,
            Self::Order(order) => order.holds(number.cmp(&wanted)),
        }
    }
}

fn value<'s, 'a>(slots: &'s [Slot<'a>], slot: u16) -> Option<&'s Value<'a>> {
    match slots.get(usize::from(slot))? {
        Slot::Value(value) => Some(value),
        Slot::Missing(_) | Slot::NoMap(..) | Slot::Unreadable | Slot::Failed(_) => None,
    }
}

fn items<'a>(slots: &[Slot<'a>], slot: u16, budget: &mut u64) -> Option<impl Iterator<Item = Json<'a>> + use<'a>> {
    match value(slots, slot)? {
        Value::List(list @ List::Json(json)) => {
            spend(budget, list.reading_cost())?;
            Some(json.items())
        }
        _ => None,
    }
}

/// The text of an item that needs no decoding.
fn plain(item: Json<'_>) -> Option<&str> {
    match item.as_text() {
        Some(Ok(std::borrow::Cow::Borrowed(text))) => Some(text),
        _ => None,
    }
}

fn is_lower_of(text: &str, wanted: &str) -> bool {
    is_lower_of_bytes(text.as_bytes(), wanted.as_bytes())
}

/// Whether ASCII, put in lower case, is `wanted`.
fn is_lower_of_bytes(ascii: &[u8], wanted: &[u8]) -> bool {
    ascii.len() == wanted.len() && ascii.iter().zip(wanted).all(|(found, wanted)| found.to_ascii_lowercase() == *wanted)
}

fn spend(budget: &mut u64, steps: u64) -> Option<()> {
    *budget = budget.checked_sub(steps)?;
    Some(())
}
