//! Answers that are kept for a while: so many, and so many bytes of them, and the oldest go first.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::Question;
use crate::facts::{self, Answer};

/// The most bytes that the answers of one lookup take.
const MAX_BYTES: usize = 64 << 20;
/// What an entry takes beside question and answer.
const OVERHEAD: usize = 160;

/// The answers of one lookup.
#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: HashMap<Arc<Question>, Entry>,
    /// As they came. One that was asked again stands here twice; only the number that the entry has counts.
    order: VecDeque<(Arc<Question>, u64)>,
    bytes: usize,
    numbered: u64,
}

/// An answer that was given.
#[derive(Debug)]
struct Entry {
    answer: Answer,
    as_of: DateTime<Utc>,
    at: Instant,
    number: u64,
    size: usize,
}

/// How much is kept, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) entries: usize,
    pub(super) time: Duration,
}

impl Cache {
    /// The answer to a question, and when it was true, where it is no older than `age`.
    pub(super) fn get(&self, question: &Question, age: Duration, now: Instant) -> Option<(Answer, DateTime<Utc>)> {
        let entry = self.entries.get(question)?;
        (now.saturating_duration_since(entry.at) < age).then(|| (entry.answer.clone(), entry.as_of))
    }

    /// Keeps an answer.
    pub(super) fn put(
        &mut self,
        question: &Arc<Question>,
        answer: Answer,
        (as_of, at): (DateTime<Utc>, Instant),
        limits: Limits,
    ) {
        self.numbered += 1;
        let number = self.numbered;
        let size = OVERHEAD + question.size() + facts::size(&answer.value);
        self.remove(question);
        self.bytes += size;
        self.entries.insert(question.clone(), Entry { answer, as_of, at, number, size });
        self.order.push_back((question.clone(), number));
        while let Some((oldest, number)) = self.order.front() {
            let entry = self.entries.get(oldest).filter(|entry| entry.number == *number);
            let gone = entry.is_none_or(|entry| at.saturating_duration_since(entry.at) >= limits.time);
            if !gone && self.entries.len() <= limits.entries && self.bytes <= MAX_BYTES {
                break;
            }
            let current = entry.is_some();
            if let Some((oldest, _)) = self.order.pop_front().filter(|_| current) {
                self.remove(&oldest);
            }
        }
        // Those that were asked again and again behind one that is kept long.
        if self.order.len() > 2 * self.entries.len() + 16 {
            let entries = &self.entries;
            self.order.retain(|(question, number)| entries.get(question).is_some_and(|entry| entry.number == *number));
        }
    }

    fn remove(&mut self, question: &Question) {
        if let Some(entry) = self.entries.remove(question) {
            self.bytes -= entry.size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Parameter;
    use super::*;

    fn question(number: i64) -> Arc<Question> {
        Arc::new(Question(vec![Parameter::Int(number)]))
    }

    fn answer(bytes: usize) -> Answer {
        Answer::found("x".repeat(bytes).into())
    }

    #[tokio::test(start_paused = true)]
    async fn it_holds_so_many_answers_and_bytes_and_the_oldest_go_first() {
        let mut cache = Cache::default();
        let now = crate::base::clock::Clock::system().instant();
        let limits = Limits { entries: 3, time: Duration::from_secs(60) };
        let minute = Duration::from_secs(60);
        let put = |cache: &mut Cache, number, bytes, at| {
            cache.put(&question(number), answer(bytes), (DateTime::UNIX_EPOCH, at), limits);
        };
        let kept = |cache: &Cache, at| -> Vec<i64> {
            (0..10).filter(|number| cache.get(&question(*number), minute, at).is_some()).collect()
        };
        for number in 0..4 {
            put(&mut cache, number, 1, now);
        }
        assert_eq!(kept(&cache, now), [1, 2, 3]);
        put(&mut cache, 1, 1, now);
        put(&mut cache, 5, 1, now);
        assert_eq!(kept(&cache, now), [1, 3, 5]);
        put(&mut cache, 6, MAX_BYTES / 2, now);
        put(&mut cache, 7, MAX_BYTES / 2, now);
        assert_eq!(kept(&cache, now), [7]);
        // What is too old is let go when something new comes.
        put(&mut cache, 8, 1, now + minute);
        assert_eq!((cache.entries.len(), cache.order.len()), (1, 1));
        for _ in 0..1000 {
            put(&mut cache, 9, 1, now + minute);
        }
        assert!(cache.order.len() < 30 && cache.entries.len() == 2, "{}", cache.order.len());
        assert_eq!(cache.bytes, cache.entries.values().map(|entry| entry.size).sum::<usize>());
    }
}
