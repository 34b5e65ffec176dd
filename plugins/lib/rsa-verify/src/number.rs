//! A number in the two forms that products need.

use crate::lanes::Pair;
use crate::radix::{BLOCK, Radix};

/// A number in the forms for both operands of a product.
pub(crate) struct Number {
    /// (x₋₂, x₋₁), (x₀, x₁), …
    pairs: Vec<Pair>,
    /// (xⱼ, xⱼ₋₁) from j = −6 to more than a block beyond the last digit.
    overlapped: Vec<Pair>,
    digits: usize,
}

impl Number {
    /// The number of pairs before the pair of x₀.
    const PAIRS_BEFORE: usize = 1;
    /// The number of overlapped entries before the entry of x₀.
    pub(crate) const BEFORE: usize = 6;

    /// Creates 0, with space for `blocks` blocks of digits.
    pub(crate) fn zero(radix: Radix, blocks: usize) -> Self {
        Self {
            pairs: vec![Pair::ZERO; Self::PAIRS_BEFORE + blocks * BLOCK / 2],
            overlapped: vec![Pair::ZERO; Self::BEFORE + (blocks + 2) * BLOCK],
            digits: radix.digits(),
        }
    }

    pub(crate) fn of(radix: Radix, digits: &[f64]) -> Self {
        let mut number = Self::zero(radix, radix.blocks);
        for (pair, &[first, second]) in number
            .pairs
            .iter_mut()
            .skip(Self::PAIRS_BEFORE)
            .zip(digits.as_chunks().0)
        {
            *pair = Pair::new(first, second);
        }
        let mut previous = 0.0;
        let entries = number.overlapped.iter_mut().skip(Self::BEFORE);
        for (entry, digit) in entries.zip(digits.iter().copied().chain([0.0])) {
            *entry = Pair::new(digit, previous);
            previous = digit;
        }
        number
    }

    pub(crate) fn digits(&self) -> impl Iterator<Item = f64> {
        let pairs = self.pairs.iter().skip(Self::PAIRS_BEFORE);
        pairs
            .flat_map(|pair| [pair.first(), pair.second()])
            .take(self.digits)
    }

    pub(crate) fn pairs(&self) -> &[Pair] {
        self.pairs.get(Self::PAIRS_BEFORE..).unwrap_or(&[])
    }

    /// Returns (xⱼ, xⱼ₋₁) from j = −[`Self::BEFORE`] on.
    pub(crate) fn overlapped(&self) -> &[Pair] {
        &self.overlapped
    }

    /// Returns both forms from the digit −`early` on, for writing.
    pub(crate) fn from(&mut self, early: usize) -> (&mut [Pair], &mut [Pair]) {
        (
            self.pairs
                .get_mut(Self::PAIRS_BEFORE - early / 2..)
                .unwrap_or_default(),
            self.overlapped
                .get_mut(Self::BEFORE - early..)
                .unwrap_or_default(),
        )
    }

    /// Clears the entries before the first digit and after the last one.
    pub(crate) fn trim(&mut self) {
        let lowest = self.pairs().first().map_or(0.0, |pair| pair.first());
        let highest = self
            .digits
            .checked_sub(2)
            .and_then(|last| self.pairs().get(last / 2));
        let highest = highest.map_or(0.0, |pair| pair.second());
        let (before, end) = (Self::BEFORE, Self::BEFORE + self.digits);
        let entries = [
            (before - 2, Pair::ZERO),
            (before - 1, Pair::ZERO),
            (before, Pair::new(lowest, 0.0)),
            (end, Pair::new(0.0, highest)),
            (end + 1, Pair::ZERO),
        ];
        for (index, value) in entries {
            if let Some(entry) = self.overlapped.get_mut(index) {
                *entry = value;
            }
        }
    }
}
