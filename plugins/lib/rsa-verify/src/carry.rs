//! Carries between columns.

use crate::lanes::Pair;
use crate::radix::{BLOCK, Radix};

/// The carries between the columns of a sum, from the lowest to the highest.
///
/// A carry that runs through all columns would make each column wait for the one before. So there are two rounds, and in
/// each of them every column gives its carry to the next one only. The first round leaves digits below B/2 + 2³⁰, the
/// second digits below B/2 + 2⁸.
#[derive(Clone, Copy)]
pub(crate) struct Carry {
    /// 1.5·2⁵²·B. Adding it rounds a number to a multiple of B, because adjacent `f64` values are B apart in that
    /// range.
    rounding: Pair,
    /// 1/B.
    shift: Pair,
    /// The carries of the last column in both rounds.
    carries: [f64; 2],
}

impl Carry {
    pub(crate) fn new(radix: Radix) -> Self {
        let base = (1_u64 << radix.bits) as f64;
        let (rounding, shift) = (1.5 * (1_u64 << 52) as f64 * base, base.recip());
        Self {
            rounding: Pair::new(rounding, rounding),
            shift: Pair::new(shift, shift),
            carries: [0.0; 2],
        }
    }

    /// Returns the digits of eight columns, integers of magnitude ≤ 2⁵³ − 2³¹.
    #[inline(always)]
    pub(crate) fn next(&mut self, columns: [f64; BLOCK]) -> [f64; BLOCK] {
        let [c0, c1, c2, c3, c4, c5, c6, c7] = columns;
        // Columns that are far apart share a pair, so that carries seldom change lanes.
        let columns = [
            Pair::new(c0, c4),
            Pair::new(c1, c5),
            Pair::new(c2, c6),
            Pair::new(c3, c7),
        ];
        let [first, second] = self.carries;
        let (columns, first) = self.round(columns, first);
        let ([d0, d1, d2, d3], second) = self.round(columns, second);
        self.carries = [first, second];
        [
            d0.first(),
            d1.first(),
            d2.first(),
            d3.first(),
            d0.second(),
            d1.second(),
            d2.second(),
            d3.second(),
        ]
    }

    #[inline(always)]
    fn round(&self, columns: [Pair; 4], carry: f64) -> ([Pair; 4], f64) {
        let multiples = columns.map(|column| column.plus(self.rounding).minus(self.rounding));
        let [m0, m1, m2, m3] = multiples;
        let [k0, k1, k2, k3] = multiples.map(|multiple| multiple.times(self.shift));
        let [c0, c1, c2, c3] = columns;
        let columns = [
            c0.minus(m0).plus(Pair::new(carry, k3.first())),
            c1.minus(m1).plus(k0),
            c2.minus(m2).plus(k1),
            c3.minus(m3).plus(k2),
        ];
        (columns, k3.second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_keep_the_number_and_make_digits_small() {
        let largest = (1_i64 << 53) - (1 << 31);
        for bits in [2048, 8192] {
            let radix = Radix::for_modulus(bits).unwrap();
            let base = 1_i64 << radix.bits;
            let hard = [
                largest,
                -largest,
                largest - 1,
                base / 2,
                -base / 2,
                base / 2 + 1,
                0,
                1,
            ];
            for start in 0..hard.len() {
                for step in [0, 1, 3] {
                    let columns: Vec<i64> = (0..3 * BLOCK).map(|k| hard[(start + k * step) % 8]).collect();
                    let mut carry = Carry::new(radix);
                    let mut digits = Vec::new();
                    // Two blocks of zeros take what is carried out.
                    for block in columns.chunks(BLOCK).chain([&[0; BLOCK][..]; 2]) {
                        let block: [i64; BLOCK] = block.try_into().unwrap();
                        digits.extend(carry.next(block.map(|column| column as f64)));
                    }
                    let most = (base / 2 + 256) as f64;
                    assert!(digits.iter().all(|digit| digit.abs() <= most), "{digits:?}");
                    // The highest columns first.
                    let difference = (0..digits.len()).rev().fold(0_i128, |difference, k| {
                        let column = columns.get(k).map_or(0, |&column| i128::from(column));
                        // A difference that cannot become 0 any more would overflow.
                        assert!(difference.abs() < 1 << 80, "{start} {step}");
                        difference * i128::from(base) + column - digits[k] as i128
                    });
                    assert_eq!(difference, 0, "{start} {step}");
                }
            }
        }
    }
}
