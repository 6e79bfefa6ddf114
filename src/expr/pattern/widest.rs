//! How many states a machine looks at for a character at most: found by trying all sets of states that a text can lead to,
//! as long as they are few. For most expressions that people write they are; for the others each state counts.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::machine::{Machine, State};

/// How much may be tried: a few milliseconds' worth.
const MAX_WORK: usize = 300_000;

/// The most that is looked at for a character; none where it takes too long to find out.
pub(super) fn widest(machine: &Machine) -> Option<u64> {
    let kinds = kinds(machine)?;
    let mut known: HashSet<Vec<u32>> = HashSet::new();
    let mut todo = vec![vec![machine.start]];
    let (mut widest, mut work) = (1, 0);
    while let Some(set) = todo.pop() {
        let (reading, looked_at) = closure(machine, &set);
        widest = widest.max(set.len() + looked_at);
        for kind in &kinds {
            work += 2 * (reading.len() + looked_at + 1);
            if work > MAX_WORK {
                return None;
            }
            let mut next: Vec<u32> = reading.iter().filter_map(|state| machine.after(*state, *kind)).collect();
            if !machine.anchored {
                next.push(machine.start);
            }
            // States that two lead to are looked at twice.
            widest = widest.max(next.len() + closure(machine, &next).1);
            next.sort_unstable();
            next.dedup();
            if !next.is_empty() && known.insert(next.clone()) {
                todo.push(next);
            }
        }
    }
    u64::try_from(widest).ok()
}

/// The states that read a character, of all that these lead to without one; and how many more are looked at on the way.
/// Where it depends on what stands around, it goes on.
fn closure(machine: &Machine, set: &[u32]) -> (Vec<u32>, usize) {
    let mut seen = BTreeSet::new();
    let mut now = set.to_vec();
    let (mut reading, mut looked_at) = (Vec::new(), 0);
    while let Some(state) = now.pop() {
        if !seen.insert(state) {
            continue;
        }
        match &machine.states[state as usize] {
            State::One(..) | State::Of(..) => reading.push(state),
            State::Look(_, next) => {
                looked_at += 1;
                now.push(*next);
            }
            State::Split(next) => {
                looked_at += next.len();
                now.extend(next);
            }
            State::Found => {}
        }
    }
    (reading, looked_at)
}

/// A character of each kind that the machine tells apart.
fn kinds(machine: &Machine) -> Option<Vec<char>> {
    let mut edges = BTreeSet::from(['\0']);
    // Behind the last before them come those that are halves of characters.
    let after = |character: char| match character {
        '\u{d7ff}' => Some('\u{e000}'),
        other => char::from_u32(u32::from(other) + 1),
    };
    for state in &machine.states {
        if let State::One(character, _) = state {
            edges.insert(*character);
            edges.extend(after(*character));
        }
    }
    for (from, to) in machine.classes.iter().flat_map(|class| &class.ranges) {
        edges.insert(*from);
        edges.extend(after(*to));
    }
    let ones: BTreeSet<char> = machine
        .states
        .iter()
        .filter_map(|state| match state {
            State::One(character, _) => Some(*character),
            _ => None,
        })
        .collect();
    if edges.len().saturating_mul(machine.classes.len() + 1) > MAX_WORK {
        return None;
    }
    let mut kinds: HashMap<(Option<char>, Vec<bool>), char> = HashMap::new();
    for edge in edges {
        let one = ones.get(&edge).copied();
        let classes = machine.classes.iter().map(|class| class.has(edge)).collect();
        kinds.entry((one, classes)).or_insert(edge);
    }
    Some(kinds.into_values().collect())
}
