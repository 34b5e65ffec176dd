//! A number in the two forms that products need.

use crate::lanes::Pair;
use crate::radix::{BLOCK, Radix};

/// A number in the forms for both operands of a product.
pub(crate) struct Number {
    /// (x₀, x₁), (x₂, x₃), …
    pairs: Vec<Pair>,
    /// (xⱼ, xⱼ₋₁) from j = −6 to more than a block beyond the last digit.
    overlapped: Vec<Pair>,
    digits: usize,
}

impl Number {
    /// The number of overlapped entries before the entry of x₀.
    pub(crate) const BEFORE: usize = 6;

    /// Creates 0.
    pub(crate) fn zero(radix: Radix) -> Self {
        Self {
            pairs: vec![Pair::ZERO; radix.blocks * BLOCK / 2],
            overlapped: vec![Pair::ZERO; Self::BEFORE + (radix.blocks + 2) * BLOCK],
            digits: radix.digits(),
        }
    }

    pub(crate) fn of(radix: Radix, digits: &[f64]) -> Self {
        let mut number = Self::zero(radix);
        number.pairs = pairs(digits);
        let mut previous = 0.0;
        let entries = number.overlapped.iter_mut().skip(Self::BEFORE);
        for (entry, digit) in entries.zip(digits.iter().copied().chain([0.0])) {
            *entry = Pair::new(digit, previous);
            previous = digit;
        }
        number
    }

    pub(crate) fn digits(&self) -> impl Iterator<Item = f64> {
        self.pairs
            .iter()
            .flat_map(|pair| [pair.first(), pair.second()])
            .take(self.digits)
    }

    pub(crate) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Returns (xⱼ, xⱼ₋₁) from j = −[`Self::BEFORE`] on.
    pub(crate) fn overlapped(&self) -> &[Pair] {
        &self.overlapped
    }

    /// Returns the pairs, and the overlapped entries from the digit −`early` on, for writing.
    pub(crate) fn forms(&mut self, early: usize) -> (&mut [Pair], &mut [Pair]) {
        let overlapped = self.overlapped.get_mut(Self::BEFORE - early..);
        (&mut self.pairs, overlapped.unwrap_or_default())
    }

    /// Clears the entries before the first digit and after the last one.
    pub(crate) fn trim(&mut self) {
        let (before, end) = (Self::BEFORE, Self::BEFORE + self.digits);
        let lowest = self.overlapped.get(before).map_or(0.0, |pair| pair.first());
        let highest = self.overlapped.get(end).map_or(0.0, |pair| pair.second());
        let entries = [
            (before - 2, Pair::ZERO),
            (before - 1, Pair::ZERO),
            (before, Pair::new(lowest, 0.0)),
            (end, Pair::new(0.0, highest)),
            (end + 1, Pair::ZERO),
            (end + 2, Pair::ZERO),
        ];
        for (index, value) in entries {
            if let Some(entry) = self.overlapped.get_mut(index) {
                *entry = value;
            }
        }
        if let Some(last) = self.pairs.get_mut(self.digits / 2) {
            *last = Pair::ZERO;
        }
    }
}

/// Returns digits in pairs.
pub(crate) fn pairs(digits: &[f64]) -> Vec<Pair> {
    let pairs = digits.as_chunks().0.iter();
    pairs.map(|&[first, second]| Pair::new(first, second)).collect()
}
