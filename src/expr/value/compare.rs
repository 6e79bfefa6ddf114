//! Equality and order as CEL has them: numbers of all types by their value, values of different types never equal.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::{Map, Value, length_cost};
use crate::expr::BUDGET;
use crate::expr::functions::{Failure, spend};

impl Value<'_> {
    /// Whether both are the same, in type as well. What takes longer to compare than [`BUDGET`] is not.
    pub fn same(&self, other: &Self) -> bool {
        self.type_name() == other.type_name() && self.equals(other, &mut { BUDGET }) == Ok(true)
    }

    /// Equality as CEL has it: numbers of all types by their value, values of different types never. What is looked at
    /// is paid for first: a list that holds another twice is small, and may be long to go through. A received number that
    /// is out of range is an error.
    #[expect(clippy::match_same_arms, reason = "each pair of types has a line of its own")]
    pub(in crate::expr) fn equals(&self, other: &Self, budget: &mut u64) -> Result<bool, Failure> {
        spend(budget, 1)?;
        Ok(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::String(a), Self::String(b)) => {
                spend(budget, length_cost(a.as_str().len().min(b.as_str().len())))?;
                a.as_str() == b.as_str()
            }
            (Self::Bytes(a), Self::Bytes(b)) => {
                spend(budget, length_cost(a.as_slice().len().min(b.as_slice().len())))?;
                a.as_slice() == b.as_slice()
            }
            (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a == b,
            (Self::Optional(None), Self::Optional(None)) => true,
            (Self::Optional(Some(a)), Self::Optional(Some(b))) => a.equals(b, budget)?,
            (Self::List(a), Self::List(b)) => {
                if !same_number(a.count(), b.count(), budget)? {
                    return Ok(false);
                }
                for (a, b) in a.iter().zip(b.iter()) {
                    if !a?.equals(&b?, budget)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Self::Map(a), Self::Map(b)) => {
                if !same_number(a.count(), b.count(), budget)? {
                    return Ok(false);
                }
                same_members(a, b, budget)?
            }
            _ => compare_numbers(self, other) == Some(Some(Ordering::Equal)),
        })
    }

    /// What [`compare`](Self::compare) costs.
    pub(in crate::expr) fn compare_cost(&self, other: &Self) -> u64 {
        match (self, other) {
            (Self::String(a), Self::String(b)) => length_cost(a.as_str().len().min(b.as_str().len())),
            (Self::Bytes(a), Self::Bytes(b)) => length_cost(a.as_slice().len().min(b.as_slice().len())),
            _ => 0,
        }
    }

    /// Which comes first; none for values that have no order between them. The inner none is for what is no number.
    #[expect(clippy::option_option, reason = "no order at all, and none between these two, are two things")]
    pub(in crate::expr) fn compare(&self, other: &Self) -> Option<Option<Ordering>> {
        Some(Some(match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => a.as_str().cmp(b.as_str()),
            (Self::Bytes(a), Self::Bytes(b)) => a.as_slice().cmp(b.as_slice()),
            (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(b),
            (Self::Duration(a), Self::Duration(b)) => a.cmp(b),
            _ => return compare_numbers(self, other),
        }))
    }

    /// Whether a value is empty, zero or false, as `optional.ofNonZeroValue` asks.
    pub(in crate::expr) fn is_zero(&self) -> bool {
        match self {
            Self::Null | Self::Bool(false) | Self::Int(0) | Self::Uint(0) | Self::Optional(None) => true,
            Self::Double(number) => *number == 0.0,
            Self::String(text) => text.as_str().is_empty(),
            Self::Bytes(blob) => blob.as_slice().is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Map(map) => map.is_empty(),
            Self::Duration(duration) => duration.is_zero(),
            Self::Timestamp(_)
            | Self::Bool(true)
            | Self::Int(_)
            | Self::Uint(_)
            | Self::Optional(Some(_))
            | Self::Type(_)
            | Self::Unreadable => false,
        }
    }
}

/// Whether there are as many of these as of those. Counting ends with the fewer, and costs no more than they do.
fn same_number(
    mut these: impl Iterator<Item = ()>,
    mut those: impl Iterator<Item = ()>,
    budget: &mut u64,
) -> Result<bool, Failure> {
    let mut number: u64 = 0;
    let same = loop {
        match (these.next(), those.next()) {
            (Some(()), Some(())) => number += 1,
            (None, None) => break true,
            (Some(()), None) | (None, Some(())) => break false,
        }
    };
    spend(budget, number / 8)?;
    Ok(same)
}

/// Whether two maps with as many members have the same ones. Those of one are found by their keys, so that it takes no
/// more than each once.
fn same_members(a: &Map<'_>, b: &Map<'_>, budget: &mut u64) -> Result<bool, Failure> {
    let mut members = Vec::new();
    for member in b.iter() {
        let (key, value) = member?;
        spend(budget, 1 + key.own_cost())?;
        members.push((key, value));
    }
    let found: HashMap<Name<'_>, &Value<'_>> =
        members.iter().filter_map(|(key, value)| Some((Name::of(key)?, value))).collect();
    for member in a.iter() {
        let (key, value) = member?;
        spend(budget, 1 + key.own_cost())?;
        match Name::of(&key).and_then(|name| found.get(&name)) {
            Some(other) if value.equals(other, budget)? => {}
            Some(_) | None => return Ok(false),
        }
    }
    Ok(true)
}

/// What a map's key is, where ints and uints of one value are the same.
#[derive(PartialEq, Eq, Hash)]
enum Name<'k> {
    Text(&'k str),
    Bool(bool),
    Number(i128),
}

impl<'k> Name<'k> {
    fn of(key: &'k Value<'_>) -> Option<Self> {
        Some(match key {
            Value::String(text) => Self::Text(text.as_str()),
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Int(number) => Self::Number((*number).into()),
            Value::Uint(number) => Self::Number((*number).into()),
            _ => return None,
        })
    }
}

/// The order of two numbers of any types; outer none where one is no number, inner none where one is NaN. A double and an
/// integer are compared as doubles, unless the double is beyond every integer, as the specification's cases have it.
#[expect(clippy::cast_precision_loss, reason = "as specified")]
#[expect(clippy::option_option, reason = "no number, and no order, are two things")]
fn compare_numbers(a: &Value<'_>, b: &Value<'_>) -> Option<Option<Ordering>> {
    use Value::{Double, Int, Uint};
    Some(match (a, b) {
        (Int(a), Int(b)) => Some(a.cmp(b)),
        (Uint(a), Uint(b)) => Some(a.cmp(b)),
        (Int(a), Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Uint(a), Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Double(a), Double(b)) => a.partial_cmp(b),
        (Int(a), Double(b)) => (*a as f64).partial_cmp(b),
        (Uint(a), Double(b)) => (*a as f64).partial_cmp(b),
        (Double(a), Int(b)) => a.partial_cmp(&(*b as f64)),
        (Double(a), Uint(b)) => a.partial_cmp(&(*b as f64)),
        _ => return None,
    })
}
