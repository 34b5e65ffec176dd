//! Multiples of a point by the comb method (Lim and Lee, 1994) with signed teeth (Hamburg, 2012).
//!
//! An odd number k below 2²⁵⁹ is a sum of ±2ⁱ over all i from 0 to 258: bit i of (k − 1)/2 + 2²⁵⁸ tells the sign. Seven of
//! these powers, 37 bits apart, make a column. A table has the sum ±P ± 2³⁷·P ± … + 2²²²·P for all 64 signs of the lower
//! six. So a multiple takes one addition for each of the 37 columns and one doubling between two of them, and several
//! multiples share their doublings.

use crate::point::{Affine, Jacobian};
use crate::scalar::Scalar;

/// The powers in a column.
const TEETH: usize = 7;
/// The number of columns, and the distance of two teeth in bits.
const COLUMNS: usize = 37;
/// The number of sums in a table.
const SUMS: usize = 1 << (TEETH - 1);

/// A table for one point, 4608 bytes.
#[derive(Clone)]
pub(crate) struct Comb(Vec<Affine>);

/// The signs of the powers in a number.
struct Signs {
    /// A bit for each power, 32 in a word, the lowest first.
    bits: [u32; 9],
    /// Whether every sign is the opposite.
    opposite: bool,
}

impl Comb {
    /// Returns `None` if a sum is the point at infinity, which cannot be: the sums are multiples of P by numbers
    /// between 0 and 2²²³, and equal a double of a power only if these numbers are equal.
    pub(crate) fn new(point: Affine) -> Option<Self> {
        // Each tooth and its double.
        let mut tooth = Jacobian::from(point);
        let mut teeth = vec![tooth];
        for _ in 1..TEETH {
            tooth = tooth.double();
            teeth.push(tooth);
            for _ in 1..COLUMNS {
                tooth = tooth.double();
            }
            teeth.push(tooth);
        }
        let teeth = Jacobian::to_affine(&teeth);
        let (highest, lower) = teeth.split_last()?;
        let lower = lower.as_chunks::<2>().0;
        // The sum with every lower tooth negative, then with each of them made positive.
        let mut sum = Jacobian::from(*highest);
        for [tooth, _] in lower {
            sum = sum.plus(&tooth.negative())?;
        }
        let mut sums = Vec::with_capacity(SUMS);
        sums.push(sum);
        for [_, double] in lower {
            for index in 0..sums.len() {
                sums.push(sums.get(index)?.plus(double)?);
            }
        }
        Some(Self(Jacobian::to_affine(&sums)))
    }

    /// Returns the entry for a column.
    fn entry(&self, signs: &Signs, column: usize) -> Option<Affine> {
        let teeth = signs.column(column);
        // With a negative highest tooth, the entry is the opposite of the one with all signs reversed.
        let (index, negative) = match teeth >= SUMS {
            true => (teeth - SUMS, signs.opposite),
            false => (SUMS - 1 - teeth, !signs.opposite),
        };
        let entry = self.0.get(index)?;
        Some(if negative { entry.negative() } else { *entry })
    }
}

impl Signs {
    fn of(scalar: &Scalar) -> Self {
        // The order is odd, so one of k and n − k is odd.
        let opposite = !scalar.is_odd();
        let Scalar(words) = if opposite { scalar.complement() } else { *scalar };
        let mut higher = words.iter().skip(1).copied();
        let [b0, b1, b2, b3, b4, b5, b6, b7] = words.map(|word| word >> 1 | higher.next().unwrap_or(0) << 31);
        let highest = 1 << (TEETH * COLUMNS - 1 - 256);
        Self {
            bits: [b0, b1, b2, b3, b4, b5, b6, b7, highest],
            opposite,
        }
    }

    /// Returns the signs of the teeth in a column, the lowest tooth in the lowest bit.
    fn column(&self, column: usize) -> usize {
        (0..TEETH).rev().fold(0, |teeth, tooth| {
            let bit = column + tooth * COLUMNS;
            let word = self.bits.get(bit / 32).copied().unwrap_or(0);
            teeth << 1 | (word >> (bit % 32) & 1) as usize
        })
    }
}

/// Returns the sum of the multiples. `None` is the point at infinity.
pub(crate) fn sum_of_multiples(multiples: &[(&Scalar, &Comb)]) -> Option<Jacobian> {
    let multiples: Vec<(Signs, &Comb)> = multiples
        .iter()
        .map(|(scalar, comb)| (Signs::of(scalar), *comb))
        .collect();
    let mut sum: Option<Jacobian> = None;
    for column in (0..COLUMNS).rev() {
        sum = sum.map(|sum| sum.double());
        for (signs, comb) in &multiples {
            let entry = comb.entry(signs, column)?;
            sum = match sum {
                Some(sum) => sum.plus(&entry),
                None => Some(entry.into()),
            };
        }
    }
    sum
}

#[cfg(test)]
mod tests;
