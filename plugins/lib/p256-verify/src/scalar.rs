//! Numbers modulo n, the order of the curve's group.

use crate::field::words;
use crate::inverse::{self, Modulus};

/// A number below n, as 32-bit words, the lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalar(pub(crate) [u32; 8]);

/// n.
pub(crate) const ORDER: Modulus = Modulus {
    words: [
        0xfc63_2551,
        0xf3b9_cac2,
        0xa717_9e84,
        0xbce6_faad,
        0xffff_ffff,
        0xffff_ffff,
        0,
        0xffff_ffff,
    ],
    digits: [
        1_013_130_577,
        250_030_859,
        830_072_911,
        968_797_033,
        1_073_741_756,
        1_073_741_823,
        4095,
        1_073_725_440,
        65535,
    ],
    inverse: 301_941_681,
};

/// −1/n modulo 2³².
const NEGATIVE_INVERSE: u32 = 0xee00_bc4f;

/// 2⁵¹² modulo n.
const R_SQUARED: Scalar = Scalar([
    0xbe79_eea2,
    0x8324_4c95,
    0x49bd_6fa6,
    0x4699_799c,
    0x2b6b_ec59,
    0x2845_b239,
    0xf3d9_5620,
    0x66e1_2d94,
]);

impl Scalar {
    /// Reads 32 big-endian bytes. Returns `None` unless the number is between 1 and n − 1.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let words = words(bytes);
        let is_below = words.iter().rev().lt(ORDER.words.iter().rev());
        (is_below && words != [0; 8]).then_some(Self(words))
    }

    /// Reads a digest, 32 big-endian bytes, as a number modulo n.
    pub(crate) fn from_digest(digest: &[u8; 32]) -> Self {
        Self(subtract_order(words(digest), 0))
    }

    /// Returns `numerator`/x for each numerator.
    pub(crate) fn divide<const N: usize>(&self, numerators: [&Self; N]) -> [Self; N] {
        let inverse = Self(inverse::modulo(&ORDER, &self.0)).times(&R_SQUARED);
        numerators.map(|numerator| numerator.times(&inverse))
    }

    /// x·y/2²⁵⁶ modulo n, by Montgomery's method.
    fn times(&self, other: &Self) -> Self {
        let (mut sum, mut highest) = ([0; 8], 0);
        for digit in self.0 {
            let carry = add_multiple(&mut sum, digit, &other.0);
            // Add the multiple of n that makes the lowest word 0, and drop that word.
            let multiple = sum[0].wrapping_mul(NEGATIVE_INVERSE);
            let carries = carry + add_multiple(&mut sum, multiple, &ORDER.words) + highest;
            sum.rotate_left(1);
            sum[7] = carries as u32;
            highest = carries >> 32;
        }
        Self(subtract_order(sum, highest))
    }

    /// n − x.
    pub(crate) fn complement(&self) -> Self {
        let mut borrow = 0;
        let mut digits = self.0.iter();
        Self(ORDER.words.map(|word| {
            let difference = i64::from(word) - digits.next().map_or(0, |&digit| i64::from(digit)) + borrow;
            borrow = difference >> 32;
            difference as u32
        }))
    }

    /// Returns x + n if it is below 2²⁵⁶.
    pub(crate) fn plus_order(&self) -> Option<[u32; 8]> {
        let mut sum = self.0;
        (add_multiple(&mut sum, 1, &ORDER.words) == 0).then_some(sum)
    }

    pub(crate) fn is_odd(&self) -> bool {
        self.0[0] & 1 == 1
    }
}

/// `sum` ← `sum` + `factor`·`number`. Returns the carry.
fn add_multiple(sum: &mut [u32; 8], factor: u32, number: &[u32; 8]) -> u64 {
    let mut carry = 0;
    for (sum, &word) in sum.iter_mut().zip(number) {
        let total = u64::from(factor) * u64::from(word) + u64::from(*sum) + carry;
        *sum = total as u32;
        carry = total >> 32;
    }
    carry
}

/// Reduces a number below 2n, whose bits from 2²⁵⁶ on are `highest`.
fn subtract_order(number: [u32; 8], highest: u64) -> [u32; 8] {
    let mut borrow = 0;
    let mut order = ORDER.words.iter();
    let difference = number.map(|word| {
        let difference = i64::from(word) - order.next().map_or(0, |&word| i64::from(word)) + borrow;
        borrow = difference >> 32;
        difference as u32
    });
    match highest == 0 && borrow < 0 {
        true => number,
        false => difference,
    }
}

#[cfg(test)]
mod tests;
