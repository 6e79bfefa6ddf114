//! What expressions cost at most, noted as they are compiled: for whoever wants to know it before an event comes.

use std::sync::{Arc, Mutex, PoisonError};

use crate::base::diagnostic::Place;
use crate::event::Spec;
use crate::expr::{BUDGET, Cost, Priced, Schema};

/// Notes the costs of what is compiled with it. Clones note in the same list.
#[derive(Clone, Debug)]
pub struct Prices(Arc<Noted>);

#[derive(Debug)]
struct Noted {
    sizes: Vec<u64>,
    all: Mutex<Vec<Price>>,
}

/// The cost of one expression on one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// The event.
    pub event: &'static str,
    /// Where the expression stands.
    pub place: Place,
    /// The most steps, for each size of an event that was asked for, with what its value takes to be written down.
    pub steps: Vec<u64>,
    /// The bytes of the smallest event that can make it take more than the budget on its own, up to the largest size that
    /// was asked for.
    pub cut_off: Option<u64>,
}

impl Prices {
    /// A list for events of these sizes in bytes, in order.
    pub fn new(sizes: Vec<u64>) -> Self {
        Self(Arc::new(Noted { sizes, all: Mutex::default() }))
    }

    /// What was noted since the last call.
    pub fn take(&self) -> Vec<Price> {
        std::mem::take(&mut self.0.all.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn note(&self, spec: &'static Spec, place: Place, schema: &Schema, source: &str) {
        let Some(priced) = Priced::parse(schema, source) else { return };
        let (steps, cut_off) = steps(&priced, &self.0.sizes, whole);
        let price = Price { event: spec.name, place, steps, cut_off };
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner).push(price);
    }
}

/// The steps of an evaluation, and of writing the value down.
pub fn whole(cost: &Cost) -> u64 {
    cost.steps.saturating_add(cost.writing)
}

/// The most steps on events of these sizes, and from which size on they can be more than the budget.
pub fn steps(priced: &Priced<'_>, sizes: &[u64], total: impl Fn(&Cost) -> u64) -> (Vec<u64>, Option<u64>) {
    let most = |size: u64| total(&priced.at(size));
    let cut_off = sizes.last().and_then(|largest| smallest(*largest, |size| most(size) > BUDGET));
    (sizes.iter().map(|size| most(*size)).collect(), cut_off)
}

/// The smallest number up to `largest` for which it holds, if it holds for all that are larger.
fn smallest(largest: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    if !holds(largest) {
        return None;
    }
    let (mut low, mut high) = (0, largest);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(high)
}
