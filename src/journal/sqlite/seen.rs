//! Which keys were seen of late, in few bits: "no" is certain, "yes" is a guess that the file has to confirm.

/// Bits of a generation, a power of two; 1 MiB.
const BITS: u32 = 23;

/// How many keys a generation takes; one in a hundred others is then taken for one of them.
const KEYS: usize = 800_000;

/// How many bits a key sets.
const HASHES: u64 = 4;

/// Two generations, the older of which goes when the younger is full.
pub(super) struct Seen {
    young: Generation,
    old: Generation,
    /// Every key that came with a later time is in here.
    complete_since: i64,
}

struct Generation {
    bits: Vec<u64>,
    keys: usize,
    newest: i64,
}

impl Seen {
    pub(super) fn new(complete_since: i64) -> Self {
        Self { young: Generation::new(), old: Generation::new(), complete_since }
    }

    /// Whether it is certain that the key did not come at this time or later.
    pub(super) fn lacks(&self, key: u64, since: i64) -> bool {
        since > self.complete_since && !self.young.has(key) && !self.old.has(key)
    }

    pub(super) fn insert(&mut self, key: u64, at: i64) {
        self.young.insert(key, at);
        if self.young.keys >= KEYS {
            let young = std::mem::replace(&mut self.young, Generation::new());
            let gone = std::mem::replace(&mut self.old, young);
            self.complete_since = self.complete_since.max(gone.newest);
        }
    }
}

impl Generation {
    fn new() -> Self {
        Self { bits: vec![0; 1 << (BITS - 6)], keys: 0, newest: i64::MIN }
    }

    fn has(&self, key: u64) -> bool {
        places(key).all(|(word, bit)| self.bits[word] & bit != 0)
    }

    fn insert(&mut self, key: u64, at: i64) {
        self.newest = self.newest.max(at);
        if !self.has(key) {
            self.keys += 1;
            for (word, bit) in places(key) {
                self.bits[word] |= bit;
            }
        }
    }
}

fn places(key: u64) -> impl Iterator<Item = (usize, u64)> {
    let step = key.rotate_left(32) | 1;
    (0..HASHES).map(move |number| {
        let place = key.wrapping_add(number.wrapping_mul(step)) >> (64 - BITS);
        (usize::try_from(place >> 6).unwrap_or_default(), 1 << (place & 63))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_never_denied_and_little_else_is_claimed() {
        let mix = |number: u64| {
            (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17).wrapping_mul(0xbf58_476d_1ce4_e5b9)
        };
        let mut seen = Seen::new(i64::MIN);
        for number in 0..500_000_u32 {
            seen.insert(mix(number.into()), i64::from(number));
        }
        assert!((0..500_000).all(|number| !seen.lacks(mix(number), 0)));
        let wrong = (500_000..600_000).filter(|number| !seen.lacks(mix(*number), 0)).count();
        assert!(wrong < 2000, "{wrong}");
        for number in 500_000..2_500_000_u32 {
            seen.insert(mix(number.into()), i64::from(number));
        }
        assert!(!seen.lacks(7, 0), "so far back it cannot be told");
    }
}
