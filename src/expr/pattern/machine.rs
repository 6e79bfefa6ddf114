//! A regular expression as states over characters, all of which are followed at once; each that is looked at is paid for.

use regex_automata::util::look::{Look, LookMatcher};
use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Repetition};

use super::Most;
use super::widest::widest;
use crate::expr::functions::{Failure, spend};

/// States before it begins to pay for room: a step makes room for so many.
const STATES_PER_STEP: u64 = 64;

/// States, and where to begin.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) states: Vec<State>,
    pub(super) classes: Vec<Characters>,
    pub(super) start: u32,
    /// Whether it can only begin at the text's start.
    pub(super) anchored: bool,
    /// The characters that it may look at, where there is an end to them.
    longest: Option<u64>,
    /// How many states are looked at for a character, at most.
    width: u64,
}

#[derive(Debug)]
pub(super) enum State {
    One(char, u32),
    /// One of a class, by its number.
    Of(u32, u32),
    Look(Look, u32),
    /// All of these at once.
    Split(Box<[u32]>),
    Found,
}

/// Characters as ranges, in order; those of ASCII as bits.
#[derive(Debug, PartialEq)]
pub(super) struct Characters {
    ascii: u128,
    pub(super) ranges: Vec<(char, char)>,
}

impl Machine {
    pub(super) fn new(hir: &Hir) -> Self {
        let properties = hir.properties();
        let mut machine = Self {
            states: vec![State::Found],
            classes: Vec::new(),
            start: 0,
            anchored: properties.look_set_prefix().contains(regex_syntax::hir::Look::Start),
            // In bytes, of which a character has at least one.
            longest: properties.maximum_len().map(|bytes| bytes as u64),
            width: 0,
        };
        machine.start = machine.add(hir, 0);
        machine.width = widest(&machine).unwrap_or_else(|| machine.size());
        machine
    }

    /// What a character takes where each state is looked at, once for each way that leads to it.
    fn size(&self) -> u64 {
        let ways = self.states.iter().map(|state| match state {
            State::One(..) | State::Of(..) | State::Look(..) => 1,
            State::Split(next) => next.len() as u64,
            State::Found => 0,
        });
        1 + ways.sum::<u64>()
    }

    /// The most steps of a search.
    pub(super) fn most(&self) -> Most {
        let each = self.width;
        let begin = 1 + self.states.len() as u64 / STATES_PER_STEP;
        let end = self.longest.filter(|_| self.anchored);
        Most {
            steps: begin.saturating_add(each),
            per_byte: each.saturating_mul(32),
            all: end.map_or(u64::MAX, |last| begin.saturating_add(each.saturating_mul(last.saturating_add(1)))),
        }
    }

    /// Where a state leads with this character.
    pub(super) fn after(&self, state: u32, character: char) -> Option<u32> {
        match &self.states[state as usize] {
            State::One(wanted, next) => (*wanted == character).then_some(*next),
            State::Of(class, next) => self.classes[*class as usize].has(character).then_some(*next),
            State::Look(..) | State::Split(_) | State::Found => None,
        }
    }

    pub(super) fn is_match(&self, text: &str, budget: &mut u64) -> Result<bool, Failure> {
        spend(budget, 1 + self.states.len() as u64 / STATES_PER_STEP)?;
        let looks = LookMatcher::new();
        // At which character each state was last looked at.
        let mut seen = vec![0_usize; self.states.len()];
        let (mut now, mut then) = (vec![self.start], Vec::new());
        let mut characters = text.char_indices();
        for turn in 1.. {
            let (at, character) = characters.next().map_or((text.len(), None), |(at, found)| (at, Some(found)));
            while let Some(state) = now.pop() {
                spend(budget, 1)?;
                let state = state as usize;
                if std::mem::replace(&mut seen[state], turn) == turn {
                    continue;
                }
                match &self.states[state] {
                    State::One(wanted, next) if character == Some(*wanted) => then.push(*next),
                    State::Of(class, next)
                        if character.is_some_and(|found| self.classes[*class as usize].has(found)) =>
                    {
                        then.push(*next);
                    }
                    State::One(..) | State::Of(..) => {}
                    State::Look(look, next) => {
                        if looks.matches(*look, text.as_bytes(), at) {
                            now.push(*next);
                        }
                    }
                    State::Split(next) => now.extend(next),
                    State::Found => return Ok(true),
                }
            }
            std::mem::swap(&mut now, &mut then);
            if character.is_none() || (self.anchored && now.is_empty()) {
                break;
            }
            if !self.anchored {
                now.push(self.start);
            }
        }
        Ok(false)
    }

    // --- making ---

    fn push(&mut self, state: State) -> u32 {
        self.states.push(state);
        // There are fewer than the compiled form, whose size was looked at, has bytes.
        u32::try_from(self.states.len() - 1).unwrap_or(u32::MAX)
    }

    /// Adds the states of `hir`, from which it goes on at `next`; the first of them.
    fn add(&mut self, hir: &Hir, next: u32) -> u32 {
        match hir.kind() {
            HirKind::Empty => next,
            // A literal is text: only such is made of a pattern that is.
            HirKind::Literal(literal) => {
                let text = String::from_utf8_lossy(&literal.0);
                text.chars().rev().fold(next, |next, character| self.push(State::One(character, next)))
            }
            HirKind::Class(class) => {
                let class = self.class(class);
                self.push(State::Of(class, next))
            }
            HirKind::Look(look) => match Look::from_repr(look.as_repr()) {
                Some(look) => self.push(State::Look(look, next)),
                None => self.push(State::Split(Box::new([]))),
            },
            HirKind::Repetition(repetition) => self.repetition(repetition, next),
            HirKind::Capture(capture) => self.add(&capture.sub, next),
            HirKind::Concat(parts) => parts.iter().rev().fold(next, |next, part| self.add(part, next)),
            HirKind::Alternation(parts) => {
                let ways = parts.iter().map(|part| self.add(part, next)).collect();
                self.push(State::Split(ways))
            }
        }
    }

    fn repetition(&mut self, repetition: &Repetition, next: u32) -> u32 {
        let (mut first, mut least) = (next, repetition.min);
        match repetition.max {
            None => {
                let around = self.push(State::Split(Box::new([])));
                let body = self.add(&repetition.sub, around);
                self.states[around as usize] = State::Split(Box::new([body, next]));
                // Of those that must be there the last is the one that comes again: one more for each `+` would be twice
                // as many for each `+` around it.
                first = if least == 0 { around } else { body };
                least = least.saturating_sub(1);
            }
            Some(max) => {
                for _ in repetition.min..max {
                    let body = self.add(&repetition.sub, first);
                    first = self.push(State::Split(Box::new([body, next])));
                }
            }
        }
        (0..least).fold(first, |next, _| self.add(&repetition.sub, next))
    }

    fn class(&mut self, class: &Class) -> u32 {
        let class = match class {
            Class::Unicode(class) => Characters::new(class),
            // Of bytes only those of ASCII can stand in a pattern that is text.
            Class::Bytes(class) => Characters::new(&class.to_unicode_class().unwrap_or_else(ClassUnicode::empty)),
        };
        let at = self.classes.iter().rposition(|known| *known == class).unwrap_or_else(|| {
            self.classes.push(class);
            self.classes.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }
}

impl Characters {
    fn new(class: &ClassUnicode) -> Self {
        let ranges: Vec<(char, char)> = class.iter().map(|range| (range.start(), range.end())).collect();
        let within = |character: &u8| ranges.iter().any(|(from, to)| (*from..=*to).contains(&char::from(*character)));
        let ascii = (0..128_u8).filter(within).fold(0, |bits, character| bits | 1_u128 << character);
        Self { ascii, ranges }
    }

    pub(super) fn has(&self, character: char) -> bool {
        if character.is_ascii() {
            return self.ascii >> u32::from(character) & 1 == 1;
        }
        let at = self.ranges.partition_point(|(_, to)| *to < character);
        self.ranges.get(at).is_some_and(|(from, _)| *from <= character)
    }
}
