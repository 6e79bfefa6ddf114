//! What wakes whoever delivers: one signal for each action.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// The signals, by action. There are as many as actions were ever configured.
#[derive(Default)]
pub(super) struct Signals(Mutex<HashMap<String, Arc<Notify>>>);

impl Signals {
    pub(super) fn of(&self, action: &str) -> Arc<Notify> {
        let mut signals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signal) = signals.get(action) {
            return signal.clone();
        }
        signals.entry(action.to_owned()).or_default().clone()
    }
}
