//! What was answered to the steps of attempts that did not get to their end, so that a later attempt of the same work does not
//! do again what is done: a cart that was made is submitted, not made again. What is only read is read anew.
//!
//! It is kept in memory, bounded, while the server runs. What a killed server knew is asked once more.

use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use serde_json::Value as Json;

/// The answers to steps that are done, by their names.
pub(super) type Answers = IndexMap<String, Arc<Json>>;

/// How many works are remembered, and how many bytes of answers in all.
const MAX_WORKS: usize = 1000;
const MAX_BYTES: usize = 8 << 20;

#[derive(Default)]
pub(super) struct Memory(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    works: IndexMap<String, (Answers, usize)>,
    bytes: usize,
}

impl Memory {
    /// Takes out what is known of a work.
    pub(super) fn take(&self, key: &str) -> Answers {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.take(key)
    }

    /// Keeps what was answered; the oldest goes where there is no room.
    pub(super) fn keep(&self, key: &str, answers: Answers) {
        if answers.is_empty() {
            return;
        }
        let bytes: usize = answers.values().map(|answer| answer.to_string().len()).sum();
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.take(key);
        if bytes > MAX_BYTES {
            return;
        }
        remembered.bytes += bytes;
        remembered.works.insert(key.to_owned(), (answers, bytes));
        while remembered.works.len() > MAX_WORKS || remembered.bytes > MAX_BYTES {
            let Some((_, (_, bytes))) = remembered.works.shift_remove_index(0) else { return };
            remembered.bytes -= bytes;
        }
    }
}

impl Remembered {
    fn take(&mut self, key: &str) -> Answers {
        let Some((answers, bytes)) = self.works.shift_remove(key) else { return Answers::new() };
        self.bytes -= bytes;
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_and_given_once() {
        let memory = Memory::default();
        let large = Arc::new(Json::from("x".repeat(1 << 20)));
        for number in 0..20 {
            memory.keep(&number.to_string(), Answers::from([("a".to_owned(), large.clone())]));
        }
        assert_eq!(memory.take("12"), Answers::new());
        assert_eq!(memory.take("19").len(), 1);
        assert_eq!(memory.take("19"), Answers::new());
        for number in 0..2000 {
            memory.keep(&number.to_string(), Answers::from([("a".to_owned(), Arc::new(Json::Null))]));
        }
        assert_eq!((memory.take("900").len(), memory.take("1999").len()), (0, 1));
    }
}
