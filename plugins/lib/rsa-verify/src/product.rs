//! Products of digit vectors, column by column: column k is Σ xᵢ·yₖ₋ᵢ.
//!
//! One operand has the form of pairs (x₂ₚ, x₂ₚ₊₁), the other is overlapped: (yⱼ, yⱼ₋₁) for each j. The product of pair
//! p and the overlapped entry k−2p adds two terms to column k. So one multiplication of registers and one addition
//! compute two products, without shuffling lanes. Eight columns, a block, are computed at a time and written as digits
//! in the forms that the next product needs.
//!
//! The loops are written for the code that Traefik's Wasm runtime generates from them; see docs/rsa-engine.md.

use std::hint::black_box;
use std::ops::Range;

use crate::carry::Carry;
use crate::lanes::Pair;
use crate::number::Number;
use crate::radix::{BLOCK, Radix};

/// The number of pairs in a block.
const PAIRS: usize = BLOCK / 2;

/// A product of two numbers: an addend, which is its lower half, and an operand, which is its upper half.
pub(crate) struct Product {
    /// The digits in the lower blocks.
    lower: Vec<f64>,
    /// The upper digits, from the digit N − 2 on, overlapped. Some entries below that digit are not zero.
    upper: Vec<Pair>,
}

impl Product {
    pub(crate) fn zero(radix: Radix) -> Self {
        Self {
            lower: vec![0.0; radix.blocks * BLOCK],
            upper: vec![Pair::ZERO; Number::BEFORE + (radix.blocks + 2) * BLOCK],
        }
    }

    /// Fills the product with the digits of its columns.
    #[inline(always)]
    fn fill(&mut self, radix: Radix, columns: impl Fn(usize, usize) -> [f64; BLOCK]) {
        // The upper digits begin four digits before the end of the last lower block.
        let shared = radix.blocks - 1;
        let upper = self.upper.get_mut(Number::BEFORE - 4..).unwrap_or_default();
        each_block(radix, 2 * radix.blocks, columns, |block, digits, previous| {
            if block <= shared {
                let slots = self.lower.get_mut(BLOCK * block..)?.first_chunk_mut()?;
                *slots = digits;
            }
            if block >= shared {
                let slots = upper.get_mut(BLOCK * (block - shared)..)?.first_chunk_mut()?;
                *slots = overlap(digits, previous);
            }
            Some(())
        });
    }
}

/// `out` ← x·y.
#[inline(never)]
pub(crate) fn full(radix: Radix, x: &[Pair], y: &Number, out: &mut Product) {
    let blocks = radix.blocks;
    let range = |block: usize| PAIRS * block.saturating_sub(blocks)..PAIRS * (block + 1).min(blocks);
    out.fill(radix, |block, all| {
        gather(all, x, y.overlapped(), range(block), BLOCK * block).map(Pair::sum)
    });
}

/// `out` ← x², where each product of two different digits is computed once and doubled.
#[inline(never)]
pub(crate) fn square(radix: Radix, x: &Number, out: &mut Product) {
    let (half, first, second) = (Pair::new(0.5, 0.0), Pair::new(1.0, 0.0), Pair::new(1.0, 0.5));
    out.fill(radix, |block, all| {
        // In the columns from 8K on, the digits below 4K are multiplied only by higher ones.
        let below = PAIRS * block.saturating_sub(radix.blocks)..2 * block;
        let [mut c0, mut c1, mut c2, mut c3, mut c4, mut c5, mut c6, mut c7] =
            gather(all, x.pairs(), x.overlapped(), below, BLOCK * block);
        // The digits 4K to 4K+3 are also multiplied by themselves, which counts half, and by lower ones, which have
        // been counted already. Half a column is below 2⁵², where `f64` can represent halves.
        let [m0, m1] = chunk(x.pairs(), 2 * block);
        let [e0, e1, e2, e3, e4, e5, e6, e7] = chunk(x.overlapped(), Number::BEFORE + 4 * block);
        c0 = c0.plus(m0.times(e0).times(half));
        c1 = c1.plus(m0.times(e1).times(first));
        c2 = c2.plus(m0.times(e2).times(second));
        c3 = c3.plus(m0.times(e3));
        c4 = c4.plus(m0.times(e4)).plus(m1.times(e2).times(half));
        c5 = c5.plus(m0.times(e5)).plus(m1.times(e3).times(first));
        c6 = c6.plus(m0.times(e6)).plus(m1.times(e4).times(second));
        c7 = c7.plus(m0.times(e7)).plus(m1.times(e5));
        let sums = [c0, c1, c2, c3, c4, c5, c6, c7].map(Pair::sum);
        sums.map(|sum| sum + sum)
    });
}

/// `out` ← x·h/Bᴺ⁺², rounded, where h are the upper digits of `product`. Only overlapped.
///
/// Only the columns from N on are computed. The two lowest of them give the carry.
#[inline(never)]
pub(crate) fn upper(radix: Radix, x: &[Pair], product: &Product, out: &mut Number) {
    let (_, overlapped) = out.forms(2);
    let columns = |block: usize, all| {
        let pairs = (PAIRS * block).saturating_sub(2)..PAIRS * radix.blocks;
        gather(all, x, &product.upper, pairs, radix.digits() + BLOCK * block).map(Pair::sum)
    };
    each_block(radix, radix.blocks, columns, |block, digits, previous| {
        let slots = overlapped.get_mut(BLOCK * block..)?.first_chunk_mut()?;
        *slots = overlap(digits, previous);
        Some(())
    });
    out.trim();
}

/// `out` ← x·y + the lower digits of `product`, modulo Bᴺ.
#[inline(never)]
pub(crate) fn lower(radix: Radix, x: &[Pair], y: &Number, product: &Product, out: &mut Number) {
    let (pairs, overlapped) = out.forms(0);
    let columns = |block: usize, all| {
        let sums = gather(all, x, y.overlapped(), 0..PAIRS * (block + 1), BLOCK * block);
        let [c0, c1, c2, c3, c4, c5, c6, c7] = sums.map(Pair::sum);
        let [a0, a1, a2, a3, a4, a5, a6, a7] = lower_digits(&product.lower, BLOCK * block);
        [
            c0 + a0,
            c1 + a1,
            c2 + a2,
            c3 + a3,
            c4 + a4,
            c5 + a5,
            c6 + a6,
            c7 + a7,
        ]
    };
    each_block(radix, radix.blocks, columns, |block, digits, previous| {
        let [d0, d1, d2, d3, d4, d5, d6, d7] = digits;
        let slots = overlapped.get_mut(BLOCK * block..)?.first_chunk_mut()?;
        *slots = overlap(digits, previous);
        let slots = pairs.get_mut(PAIRS * block..)?.first_chunk_mut()?;
        *slots = [
            Pair::new(d0, d1),
            Pair::new(d2, d3),
            Pair::new(d4, d5),
            Pair::new(d6, d7),
        ];
        Some(())
    });
    out.trim();
}

#[inline(always)]
fn lower_digits(digits: &[f64], start: usize) -> [f64; BLOCK] {
    let chunk = digits.get(start..).and_then(|rest| rest.first_chunk());
    chunk.copied().unwrap_or([0.0; BLOCK])
}

#[inline(always)]
fn overlap(digits: [f64; BLOCK], previous: f64) -> [Pair; BLOCK] {
    let [d0, d1, d2, d3, d4, d5, d6, d7] = digits;
    [
        Pair::new(d0, previous),
        Pair::new(d1, d0),
        Pair::new(d2, d1),
        Pair::new(d3, d2),
        Pair::new(d4, d3),
        Pair::new(d5, d4),
        Pair::new(d6, d5),
        Pair::new(d7, d6),
    ]
}

/// Computes the digits of `count` blocks of columns, and passes them on with the digit before them.
#[inline(always)]
fn each_block(
    radix: Radix,
    count: usize,
    columns: impl Fn(usize, usize) -> [f64; BLOCK],
    mut write: impl FnMut(usize, [f64; BLOCK], f64) -> Option<()>,
) {
    let all = black_box(usize::MAX);
    let mut carry = Carry::new(radix);
    let mut previous = 0.0;
    let mut block = 0;
    while block < count {
        let digits = carry.next(columns(block, all));
        if write(block, digits, previous).is_none() {
            return;
        }
        [.., previous] = digits;
        block = (block + 1) & all;
    }
}

/// Computes Σ `pairs`[p] · `overlapped`[k − 2p] over the pairs p of `range`, for the columns k from `column` on. The
/// number of pairs must be even. `all` is `usize::MAX`, which is hidden from the compiler.
#[inline(always)]
fn gather(
    all: usize,
    pairs: &[Pair],
    overlapped: &[Pair],
    range: Range<usize>,
    column: usize,
) -> [Pair; BLOCK] {
    let mut sums = [Pair::ZERO; BLOCK];
    let pairs = pairs.get(range.clone()).unwrap_or(&[]);
    let mut p = 0;
    let mut w = column.wrapping_sub(2 * range.start);
    const { assert!(Number::BEFORE == 6) };
    while let Some(&[p0, p1, p2, p3]) = pairs.get(p..).and_then(|rest| rest.first_chunk())
        && let Some(window) = overlapped.get(w..).and_then(|rest| rest.first_chunk::<14>())
    {
        sums = step(sums, p3, chunk(window, 0));
        sums = step(sums, p2, chunk(window, 2));
        sums = step(sums, p1, chunk(window, 4));
        sums = step(sums, p0, chunk(window, 6));
        p = p.wrapping_add(4) & all;
        w = w.wrapping_sub(8) & all;
    }
    if let Some(&[p0, p1]) = pairs.get(p..).and_then(|rest| rest.first_chunk())
        && let Some(window) = overlapped
            .get(w.wrapping_add(4)..)
            .and_then(|rest| rest.first_chunk::<10>())
    {
        sums = step(sums, p1, chunk(window, 0));
        sums = step(sums, p0, chunk(window, 2));
    }
    sums
}

/// Adds the products of a pair and the overlapped entries to eight columns.
#[inline(always)]
fn step(sums: [Pair; BLOCK], pair: Pair, entries: [Pair; BLOCK]) -> [Pair; BLOCK] {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = sums;
    let [w0, w1, w2, w3, w4, w5, w6, w7] = entries;
    [
        c0.plus(pair.times(w0)),
        c1.plus(pair.times(w1)),
        c2.plus(pair.times(w2)),
        c3.plus(pair.times(w3)),
        c4.plus(pair.times(w4)),
        c5.plus(pair.times(w5)),
        c6.plus(pair.times(w6)),
        c7.plus(pair.times(w7)),
    ]
}

/// Returns the entries from `start` on. Returns zeros if there are too few, which would be a bug in this crate.
#[inline(always)]
fn chunk<const N: usize>(entries: &[Pair], start: usize) -> [Pair; N] {
    let chunk = entries.get(start..).and_then(|rest| rest.first_chunk());
    chunk.copied().unwrap_or([Pair::ZERO; N])
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;

    use super::*;
    use crate::number::pairs;

    /// The number that digits stand for.
    fn value(radix: Radix, digits: &[f64]) -> BigInt {
        let half = f64::from(1 << (radix.bits - 1));
        let digits = digits.iter().rev();
        digits.fold(BigInt::from(0), |value, &digit| {
            assert!(digit.abs() <= half + 256.0, "{digit}");
            (value << radix.bits) + digit as i64
        })
    }

    fn overlapped(entries: &[Pair], count: usize) -> Vec<f64> {
        let entries = &entries[Number::BEFORE..][..count];
        for pair in entries.windows(2) {
            assert_eq!(pair[1].second(), pair[0].first());
        }
        entries.iter().map(|pair| pair.first()).collect()
    }

    /// The whole number in a product, with the digits that both halves hold taken from the upper one.
    fn whole(radix: Radix, product: &Product) -> BigInt {
        let digits = overlapped(&product.upper, radix.digits() + 2);
        let lower = &product.lower[..radix.digits() - 2];
        let shared = &product.lower[radix.digits() - 2..];
        assert_eq!(shared, &digits[..shared.len()]);
        value(radix, &[lower, &digits].concat())
    }

    /// Digits that make columns as large and as uneven as possible.
    fn hard_digits(radix: Radix) -> Vec<Vec<f64>> {
        // Two rounds of carries leave a little more than half the base.
        let half = f64::from(1_u32 << (radix.bits - 1)) + 128.0;
        let count = radix.digits();
        let alternating = |a: f64, b: f64| (0..count).map(|j| if j % 2 == 0 { a } else { b }).collect();
        let mut one_at_the_top = vec![0.0; count];
        one_at_the_top[count - 1] = half / 16.0;
        let mut digits = vec![
            vec![half; count],
            vec![-half; count],
            vec![half - 1.0; count],
            alternating(half, -half),
            alternating(-half, 1.0),
            (0..count)
                .map(|j| ((j * j * 7919) as f64 % half).floor() - (half / 2.0).floor())
                .collect(),
            one_at_the_top,
        ];
        // The highest digit of a number below R/16.
        for digits in &mut digits {
            let highest = digits.last_mut().unwrap();
            *highest = highest.clamp(-half / 16.0, half / 16.0).trunc();
        }
        digits
    }

    fn padded(digits: &[f64], highest: f64) -> Vec<Pair> {
        pairs(&[digits, &[highest, 0.0]].concat())
    }

    #[test]
    fn products_are_right_where_columns_are_largest() {
        // The largest number of 24-bit digits, common sizes, and the largest key.
        for bits in [2048, 3020, 3072, 4096, 8192] {
            let radix = Radix::for_modulus(bits).unwrap();
            let all = hard_digits(radix);
            let mut product = Product::zero(radix);
            let mut out = Number::zero(radix);
            for x in &all {
                let number = Number::of(radix, &[x, &[0.0, 0.0][..]].concat());
                square(radix, &number, &mut product);
                let squared = value(radix, x) * value(radix, x);
                assert_eq!(whole(radix, &product), squared, "{bits} bits, square");

                for y in &all {
                    full(radix, &padded(y, 0.0), &number, &mut product);
                    let expected = value(radix, x) * value(radix, y);
                    assert_eq!(whole(radix, &product), expected, "{bits} bits, product");

                    // A reciprocal has one more digit.
                    upper(radix, &padded(x, 16.0), &product, &mut out);
                    let factor = value(radix, &[x, &[16.0][..]].concat());
                    let digits = overlapped(out.overlapped(), radix.digits());
                    let quotient = value(radix, &digits) << (2 * radix.total_bits());
                    let error = (quotient - factor * &expected).magnitude().clone();
                    let most = num_bigint::BigUint::from(51_u32) << (2 * radix.total_bits());
                    assert!(error * 100_u32 <= most, "{bits} bits, upper");

                    let quotient = Number::of(radix, &[digits.as_slice(), &[0.0, 0.0]].concat());
                    lower(radix, &padded(x, 0.0), &quotient, &product, &mut out);
                    let digits: Vec<f64> = out.digits().collect();
                    assert_eq!(digits, overlapped(out.overlapped(), radix.digits()));
                    let sum =
                        value(radix, x) * value(radix, &overlapped(quotient.overlapped(), radix.digits()));
                    let difference = value(radix, &digits) - sum - expected;
                    assert_eq!(
                        difference % (BigInt::from(1) << radix.total_bits()),
                        BigInt::from(0),
                        "{bits} bits, lower"
                    );
                    // Nothing is left around the digits.
                    let entries = out.overlapped();
                    assert!(entries[..Number::BEFORE].iter().all(|pair| pair.first() == 0.0));
                    let after = &entries[Number::BEFORE + radix.digits() + 1..];
                    assert!(
                        after
                            .iter()
                            .all(|pair| (pair.first(), pair.second()) == (0.0, 0.0))
                    );
                }
            }
        }
    }
}
