//! A number that may depend on the bytes of an element: so many, and so many for each byte. What is too large for a number
//! is the largest.

/// A step, in the units that costs are counted in.
pub(super) const STEP: u64 = 32;

/// `fixed + per_byte · bytes`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Linear {
    fixed: u64,
    per_byte: u64,
}

impl Linear {
    /// A number that depends on nothing.
    pub(super) const fn flat(fixed: u64) -> Self {
        Self { fixed, per_byte: 0 }
    }

    /// The bytes of the element.
    pub(super) const fn each_byte() -> Self {
        Self { fixed: 0, per_byte: 1 }
    }

    /// What it comes to for so many bytes.
    pub(super) fn at(self, bytes: u64) -> u64 {
        self.fixed.saturating_add(self.per_byte.saturating_mul(bytes))
    }

    /// The sum over so many elements, which have so many bytes together.
    pub(super) fn sum(self, number: u64, bytes: u64) -> u64 {
        self.fixed.saturating_mul(number).saturating_add(self.per_byte.saturating_mul(bytes))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { fixed: self.fixed.saturating_add(other.fixed), per_byte: self.per_byte.saturating_add(other.per_byte) }
    }

    pub(super) fn times(self, factor: u64) -> Self {
        Self { fixed: self.fixed.saturating_mul(factor), per_byte: self.per_byte.saturating_mul(factor) }
    }

    /// Half of it, rounded up.
    pub(super) fn half(self) -> Self {
        Self { fixed: self.fixed.div_ceil(2), per_byte: self.per_byte.div_ceil(2) }
    }

    /// No less than either.
    pub(super) fn or(self, other: Self) -> Self {
        Self { fixed: self.fixed.max(other.fixed), per_byte: self.per_byte.max(other.per_byte) }
    }

    /// The one that is less for the largest element; no less than the lesser of both for any.
    pub(super) fn less(self, other: Self, largest: u64) -> Self {
        if self.at(largest) <= other.at(largest) { self } else { other }
    }

    /// Their product. Where both depend on the element, it is that of the largest.
    pub(super) fn by(self, other: Self, largest: u64) -> Self {
        match (self.per_byte, other.per_byte) {
            (0, _) => other.times(self.fixed),
            (_, 0) => self.times(other.fixed),
            _ => Self::flat(self.at(largest).saturating_mul(other.at(largest))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_the_largest() {
        let huge = Linear::flat(u64::MAX);
        assert_eq!(huge.plus(huge).times(3).at(5), u64::MAX);
        assert_eq!(Linear::each_byte().times(u64::MAX).sum(2, 9), u64::MAX);
        assert_eq!(huge.by(Linear::each_byte(), 7).at(7), u64::MAX);
    }

    #[test]
    fn a_product_of_two_that_depend_on_the_element_is_that_of_the_largest() {
        let bytes = Linear::each_byte();
        assert_eq!(bytes.by(bytes, 10), Linear::flat(100));
        assert_eq!(bytes.by(Linear::flat(3), 10).sum(4, 10), 30);
        assert_eq!(bytes.less(Linear::flat(5), 10), Linear::flat(5));
    }
}
