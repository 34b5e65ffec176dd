//! Products of digit vectors, column by column: column k is Σ xᵢ·yₖ₋ᵢ.
//!
//! One operand has the form of pairs (x₂ₚ, x₂ₚ₊₁), the other is overlapped: (yⱼ, yⱼ₋₁) for each j. The product of pair
//! p and the overlapped entry k−2p adds two terms to column k. So one multiplication of registers and one addition
//! compute two products, without shuffling lanes. Eight columns, a block, are computed at a time and written as digits
//! in both forms, ready for the next product.
//!
//! The loops are written for the code that Traefik's Wasm runtime generates from them; see docs/rsa-engine.md.

use std::hint::black_box;
use std::ops::Range;

use crate::lanes::Pair;
use crate::number::Number;
use crate::radix::{BLOCK, Carry, Radix};

/// The number of pairs in a block.
pub(crate) const PAIRS: usize = BLOCK / 2;

/// `out` ← x·y, all columns.
#[inline(never)]
pub(crate) fn full(radix: Radix, x: &[Pair], y: &Number, out: &mut Number) {
    let blocks = radix.blocks;
    let range = |block: usize| PAIRS * block.saturating_sub(blocks)..PAIRS * (block + 1).min(blocks);
    each_block(radix, 2 * blocks, 0, out, |block, all| {
        gather(all, x, y.overlapped(), range(block), BLOCK * block).map(Pair::sum)
    });
}

/// `out` ← x·y, the lower half of the columns.
#[inline(never)]
pub(crate) fn lower(radix: Radix, x: &[Pair], y: &Number, out: &mut Number) {
    each_block(radix, radix.blocks, 0, out, |block, all| {
        gather(all, x, y.overlapped(), 0..PAIRS * (block + 1), BLOCK * block).map(Pair::sum)
    });
}

/// `out` ← x·y + `addends`, only the upper half of the columns and the two below it, which give the carry.
#[inline(never)]
pub(crate) fn upper(radix: Radix, x: &[Pair], y: &Number, addends: &Number, out: &mut Number) {
    let (blocks, start) = (radix.blocks, radix.digits() - 2);
    let addends = addends.pairs().get(start / 2..).unwrap_or(&[]);
    each_block(radix, blocks, 2, out, |block, all| {
        let first = (PAIRS * block).saturating_sub(1);
        let pairs = first..first + PAIRS * (blocks - block);
        let [c0, c1, c2, c3, c4, c5, c6, c7] = gather(all, x, y.overlapped(), pairs, start + BLOCK * block);
        let [a0, a1, a2, a3] = chunk(addends, PAIRS * block);
        [
            c0.sum() + a0.first(),
            c1.sum() + a0.second(),
            c2.sum() + a1.first(),
            c3.sum() + a1.second(),
            c4.sum() + a2.first(),
            c5.sum() + a2.second(),
            c6.sum() + a3.first(),
            c7.sum() + a3.second(),
        ]
    });
}

/// `out` ← x², all columns. Each product of two different digits is computed once and doubled.
#[inline(never)]
pub(crate) fn square(radix: Radix, x: &Number, out: &mut Number) {
    let (half, first, second) = (Pair::new(0.5, 0.0), Pair::new(1.0, 0.0), Pair::new(1.0, 0.5));
    each_block(radix, 2 * radix.blocks, 0, out, |block, all| {
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

/// Fills `out` with the digits of `count` blocks of columns. The first block starts at digit −`early`.
#[inline(always)]
fn each_block(
    radix: Radix,
    count: usize,
    early: usize,
    out: &mut Number,
    columns: impl Fn(usize, usize) -> [f64; BLOCK],
) {
    let all = black_box(usize::MAX);
    let mut carry = Carry::new(radix);
    let mut previous = 0.0;
    let (pairs, overlapped) = out.from(early);
    let mut block = 0;
    while block < count {
        let [d0, d1, d2, d3, d4, d5, d6, d7] = columns(block, all).map(|column| carry.next(column));
        let pairs = pairs
            .get_mut(PAIRS * block..)
            .and_then(|rest| rest.first_chunk_mut());
        let overlapped = overlapped
            .get_mut(BLOCK * block..)
            .and_then(|rest| rest.first_chunk_mut());
        let (Some([p0, p1, p2, p3]), Some([o0, o1, o2, o3, o4, o5, o6, o7])) = (pairs, overlapped) else {
            return;
        };
        // Write the highest address first: its bounds check covers the others.
        *o7 = Pair::new(d7, d6);
        *o6 = Pair::new(d6, d5);
        *o5 = Pair::new(d5, d4);
        *o4 = Pair::new(d4, d3);
        *o3 = Pair::new(d3, d2);
        *o2 = Pair::new(d2, d1);
        *o1 = Pair::new(d1, d0);
        *o0 = Pair::new(d0, previous);
        *p3 = Pair::new(d6, d7);
        *p2 = Pair::new(d4, d5);
        *p1 = Pair::new(d2, d3);
        *p0 = Pair::new(d0, d1);
        previous = d7;
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
    let [mut c0, mut c1, mut c2, mut c3, mut c4, mut c5, mut c6, mut c7] = [Pair::ZERO; BLOCK];
    let pairs = pairs.get(range.clone()).unwrap_or(&[]);
    let mut p = 0;
    let mut w = column.wrapping_sub(2 * range.start);
    const { assert!(Number::BEFORE == 6) };
    while let Some(&[p0, p1, p2, p3]) = pairs.get(p..).and_then(|rest| rest.first_chunk())
        && let Some(window) = overlapped.get(w..).and_then(|rest| rest.first_chunk::<14>())
    {
        let [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13] = *window;
        c0 = c0
            .plus(p3.times(w0))
            .plus(p2.times(w2))
            .plus(p1.times(w4))
            .plus(p0.times(w6));
        c1 = c1
            .plus(p3.times(w1))
            .plus(p2.times(w3))
            .plus(p1.times(w5))
            .plus(p0.times(w7));
        c2 = c2
            .plus(p3.times(w2))
            .plus(p2.times(w4))
            .plus(p1.times(w6))
            .plus(p0.times(w8));
        c3 = c3
            .plus(p3.times(w3))
            .plus(p2.times(w5))
            .plus(p1.times(w7))
            .plus(p0.times(w9));
        c4 = c4
            .plus(p3.times(w4))
            .plus(p2.times(w6))
            .plus(p1.times(w8))
            .plus(p0.times(w10));
        c5 = c5
            .plus(p3.times(w5))
            .plus(p2.times(w7))
            .plus(p1.times(w9))
            .plus(p0.times(w11));
        c6 = c6
            .plus(p3.times(w6))
            .plus(p2.times(w8))
            .plus(p1.times(w10))
            .plus(p0.times(w12));
        c7 = c7
            .plus(p3.times(w7))
            .plus(p2.times(w9))
            .plus(p1.times(w11))
            .plus(p0.times(w13));
        p = p.wrapping_add(4) & all;
        w = w.wrapping_sub(8) & all;
    }
    if let Some(&[p0, p1]) = pairs.get(p..).and_then(|rest| rest.first_chunk())
        && let Some(window) = overlapped
            .get(w.wrapping_add(4)..)
            .and_then(|rest| rest.first_chunk::<10>())
    {
        let [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9] = *window;
        c0 = c0.plus(p0.times(w2)).plus(p1.times(w0));
        c1 = c1.plus(p0.times(w3)).plus(p1.times(w1));
        c2 = c2.plus(p0.times(w4)).plus(p1.times(w2));
        c3 = c3.plus(p0.times(w5)).plus(p1.times(w3));
        c4 = c4.plus(p0.times(w6)).plus(p1.times(w4));
        c5 = c5.plus(p0.times(w7)).plus(p1.times(w5));
        c6 = c6.plus(p0.times(w8)).plus(p1.times(w6));
        c7 = c7.plus(p0.times(w9)).plus(p1.times(w7));
    }
    [c0, c1, c2, c3, c4, c5, c6, c7]
}

/// Returns the entries from `start` on. Returns zeros if there are too few, which would be a bug in this crate.
#[inline(always)]
fn chunk<const N: usize>(entries: &[Pair], start: usize) -> [Pair; N] {
    let chunk = entries.get(start..).and_then(|rest| rest.first_chunk());
    chunk.copied().unwrap_or([Pair::ZERO; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computes the columns of a product by definition, and carries to balanced digits.
    fn by_definition(radix: Radix, x: &[f64], y: &[f64]) -> Vec<f64> {
        let base = 1_i128 << radix.bits;
        let mut carry = 0;
        (0..2 * radix.digits())
            .map(|column| {
                let products =
                    (0..=column).filter_map(|i| Some((*x.get(i)? as i128) * (*y.get(column - i)? as i128)));
                let sum: i128 = products.sum::<i128>() + carry;
                let digit = (sum + base / 2).rem_euclid(base) - base / 2;
                carry = (sum - digit) / base;
                digit as f64
            })
            .collect()
    }

    /// Compares the numbers, not the digits: rounding to even may choose +B/2 where the definition chooses −B/2.
    fn same_number(radix: Radix, a: &[f64], b: &[f64]) -> bool {
        let mut carry = 0_i128;
        a.iter().zip(b).all(|(a, b)| {
            let difference = *a as i128 - *b as i128 + carry;
            carry = difference >> radix.bits;
            difference == carry << radix.bits
        }) && carry == 0
    }

    /// Digits that make columns as large and as uneven as possible.
    fn hard_digits(radix: Radix) -> Vec<Vec<f64>> {
        let half = f64::from(1_u32 << (radix.bits - 1));
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
                .map(|j| ((j * j * 7919) as f64 % half) - half / 2.0)
                .collect(),
            one_at_the_top,
        ];
        // The highest digit of a number below R/16.
        for digits in &mut digits {
            let highest = digits.last_mut().unwrap();
            *highest = highest.clamp(-half / 16.0, half / 16.0);
        }
        digits
    }

    #[test]
    fn products_are_right_where_columns_are_largest() {
        // The largest number of 24-bit digits, common sizes, and the largest key.
        for bits in [2048, 3020, 3072, 4096, 8192] {
            let radix = Radix::for_modulus(bits).unwrap();
            let all = hard_digits(radix);
            for x in &all {
                let number = Number::of(radix, x);
                let mut out = Number::zero(radix, 2 * radix.blocks);
                square(radix, &number, &mut out);
                let found: Vec<f64> = flat(out.pairs(), 2 * radix.digits());
                assert!(
                    same_number(radix, &found, &by_definition(radix, x, x)),
                    "{bits} bits, square"
                );

                for y in &all {
                    let expected = by_definition(radix, x, y);
                    let y = Number::of(radix, y);
                    full(radix, number.pairs(), &y, &mut out);
                    let found = flat(out.pairs(), 2 * radix.digits());
                    assert!(same_number(radix, &found, &expected), "{bits} bits, product");

                    let mut low = Number::zero(radix, radix.blocks);
                    lower(radix, number.pairs(), &y, &mut low);
                    assert_eq!(
                        flat(low.pairs(), radix.digits()),
                        found[..radix.digits()],
                        "{bits} bits, lower"
                    );

                    // Computed from two columns below the middle, so without the carry into them.
                    let mut high = Number::zero(radix, radix.blocks);
                    upper(
                        radix,
                        number.pairs(),
                        &y,
                        &Number::zero(radix, 2 * radix.blocks),
                        &mut high,
                    );
                    high.trim();
                    let difference: Vec<f64> = high
                        .digits()
                        .zip(&expected[radix.digits()..])
                        .map(|(found, expected)| found - expected)
                        .collect();
                    let expected_tail = vec![0.0; radix.digits()];
                    let off_by = |carry: f64| {
                        let mut expected = expected_tail.clone();
                        expected[0] = carry;
                        same_number(radix, &difference, &expected)
                    };
                    assert!([-1.0, 0.0, 1.0].into_iter().any(off_by), "{bits} bits, upper");
                }
            }
        }
    }

    fn flat(pairs: &[Pair], count: usize) -> Vec<f64> {
        pairs
            .iter()
            .flat_map(|pair| [pair.first(), pair.second()])
            .take(count)
            .collect()
    }
}
