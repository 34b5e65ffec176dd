//! Arithmetic modulo p = 2²⁵⁶ − 2²²⁴ + 2¹⁹² + 2⁹⁶ − 1, the prime of the curve's field.
//!
//! A number is Σ dⱼ·2²⁹ʲ with nine signed digits. Traefik's Wasm runtime has no 64×64→128 multiplication, so digits are
//! short enough that a column of a product, a sum of nine products, fits into 64 bits. Results of products have
//! *balanced* digits, −2²⁸ ≤ dⱼ < 2²⁸, so sums and differences need no carries before the next product. A column
//! stays below 2⁶³ if the factors are sums of at most m and n balanced numbers and m·n ≤ 14.
//!
//! Products use Montgomery's method with R = 2²⁶¹. Because p ends in 2⁹⁶ − 1, −1/p is 1 modulo 2⁹⁶: the digits that
//! clear the lower half of a product are its own lower digits. Because p is a sum of five powers of two, adding their
//! multiples of p takes shifts only.
//!
//! Numbers are not reduced completely. The product of x and y is between −|x·y|/R and p + |x·y|/R. With |x| ≤ a·2²⁵⁶ and
//! |y| ≤ b·2²⁵⁶, it is at most (1 + a·b/32)·2²⁵⁶, which the point formulas keep small without any subtraction of p.

use crate::inverse::{self, Modulus};

/// The number of bits of a digit.
const BITS: u32 = 29;
const MASK: i64 = (1 << BITS) - 1;
/// Half the base. Adding it before a digit is cut off, and subtracting it from the digit, balances the digit.
const HALF: i64 = 1 << (BITS - 1);

/// A number modulo p, usually x·R for some x.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element(pub(crate) [i32; 9]);

/// The columns of a product.
type Columns = [i64; 17];

impl Element {
    pub(crate) const ZERO: Self = Self([0; 9]);
    /// R: the form of 1.
    pub(crate) const ONE: Self = Self([32, 0, 0, -16384, 0, 0, -8388608, 67108864, 0]);
    /// p.
    const P: Self = Self([-1, 0, 0, 512, 0, 0, 262144, -2097152, 16777216]);
    /// R² modulo p.
    const R_SQUARED: Self = Self([3072, 0, -65536, -2097152, -4194304, 0, 0, -1, 20]);

    /// Reads 32 big-endian bytes. Returns `None` if the number is not below p.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let words = words(bytes);
        is_below_p(&words).then(|| Self::from_words(&words))
    }

    /// Converts a number below 2²⁵⁶, given as 32-bit words, the lowest first.
    pub(crate) fn from_words(words: &[u32; 8]) -> Self {
        Self::digits_of(words).times(&Self::R_SQUARED)
    }

    /// Divides 32-bit words into digits.
    fn digits_of(words: &[u32; 8]) -> Self {
        let mut words = words.iter();
        let (mut pending, mut bits) = (0_i64, 0);
        Self([(); 9].map(|()| {
            if bits < BITS
                && let Some(&word) = words.next()
            {
                pending += i64::from(word) << bits;
                bits += 32;
            }
            let digit = ((pending + HALF) & MASK) - HALF;
            pending = (pending - digit) >> BITS;
            bits = bits.saturating_sub(BITS);
            digit as i32
        }))
    }

    /// Returns x of the form x·R, as 32-bit words, the lowest first.
    pub(crate) fn to_words(self) -> [u32; 8] {
        // The product with 1 is between −p/2 and 3p/2 here.
        let number = self.times(&Self::UNIT);
        let number = match number.0.iter().rev().lt(Self::ZERO.0.iter().rev()) {
            true => number.plus(&Self::P),
            false if number.0.iter().rev().lt(Self::P.0.iter().rev()) => number,
            false => number.minus(&Self::P),
        };
        let mut digits = number.0.iter();
        let (mut pending, mut bits) = (0_i64, 0);
        [(); 8].map(|()| {
            while bits < 32
                && let Some(&digit) = digits.next()
            {
                pending += i64::from(digit) << bits;
                bits += BITS;
            }
            let word = pending as u32;
            pending >>= 32;
            bits = bits.saturating_sub(32);
            word
        })
    }

    /// 1, the factor that divides by R.
    const UNIT: Self = Self([1, 0, 0, 0, 0, 0, 0, 0, 0]);

    /// x·y/R.
    #[inline(never)]
    pub(crate) fn times(&self, other: &Self) -> Self {
        reduce(products(self, other), &Self::ZERO)
    }

    /// x·y/R + z.
    #[inline(never)]
    pub(crate) fn times_plus(&self, other: &Self, addend: &Self) -> Self {
        reduce(products(self, other), addend)
    }

    /// x²/R.
    #[inline(never)]
    pub(crate) fn square(&self) -> Self {
        reduce(squares(self), &Self::ZERO)
    }

    /// x²/R + z.
    #[inline(never)]
    pub(crate) fn square_plus(&self, addend: &Self) -> Self {
        reduce(squares(self), addend)
    }

    /// (x·y − z·w)/R.
    #[inline(never)]
    pub(crate) fn times_minus(&self, other: &Self, z: &Self, w: &Self) -> Self {
        let (mut columns, others) = (products(self, other), products(z, w));
        for (column, other) in columns.iter_mut().zip(others) {
            *column -= other;
        }
        reduce(columns, &Self::ZERO)
    }

    /// x + y, without carries.
    #[inline(always)]
    pub(crate) fn plus(&self, other: &Self) -> Self {
        self.zip(other, |x, y| x + y)
    }

    /// x − y, without carries.
    #[inline(always)]
    pub(crate) fn minus(&self, other: &Self) -> Self {
        self.zip(other, |x, y| x - y)
    }

    /// k·x, without carries.
    #[inline(always)]
    pub(crate) fn multiple(&self, k: i32) -> Self {
        Self(self.0.map(|digit| digit * k))
    }

    #[inline(always)]
    fn zip(&self, other: &Self, with: impl Fn(i32, i32) -> i32) -> Self {
        let [x0, x1, x2, x3, x4, x5, x6, x7, x8] = self.0;
        let [y0, y1, y2, y3, y4, y5, y6, y7, y8] = other.0;
        Self([
            with(x0, y0),
            with(x1, y1),
            with(x2, y2),
            with(x3, y3),
            with(x4, y4),
            with(x5, y5),
            with(x6, y6),
            with(x7, y7),
            with(x8, y8),
        ])
    }

    /// Whether x is a multiple of p.
    #[inline(always)]
    pub(crate) fn is_zero(&self) -> bool {
        // A multiple k·p is −k modulo 2²⁹, and |k| stays far below 64.
        let [lowest, ..] = self.0;
        (i64::from(lowest) + 64) & MASK <= 128 && self.is_multiple()
    }

    #[cold]
    fn is_multiple(&self) -> bool {
        // k·p becomes (k + q)·p/R for some 0 ≤ q < R, which is 0 or p.
        let divided = self.times(&Self::UNIT).0;
        divided == Self::ZERO.0 || divided == Self::P.0
    }

    /// Carries what the highest digit has from 2²⁵⁶ on, a multiple of 2²⁵⁶ = 2²²⁴ − 2¹⁹² − 2⁹⁶ + 1 modulo p, to the lower
    /// digits. They stay balanced but for the carry, which must be far smaller than they are.
    #[inline(always)]
    pub(crate) fn reduced(&self) -> Self {
        let [d0, d1, d2, d3, d4, d5, d6, d7, d8] = self.0;
        let excess = d8 >> 24;
        Self([
            d0 + excess,
            d1,
            d2,
            d3 - (excess << 9),
            d4,
            d5,
            d6 - (excess << 18),
            d7 + (excess << 21),
            d8 - (excess << 24),
        ])
    }

    /// A number whose square is x, if x has one; otherwise any number. p is 3 modulo 4, so x^((p+1)/4) is a square root.
    pub(crate) fn square_root(&self) -> Self {
        // (p+1)/4 = 2²⁵⁴ − 2²²² + 2¹⁹⁰ + 2⁹⁴: ones at 222 to 253, 190 and 94.
        (0..253).rev().fold(*self, |power, bit| {
            let power = power.square();
            match bit {
                94 | 190 | 222.. => power.times(self),
                _ => power,
            }
        })
    }

    /// 1/x. Returns 0 for 0.
    pub(crate) fn inverse(&self) -> Self {
        let inverse = inverse::modulo(&PRIME, &self.to_words());
        Self::from_words(&inverse)
    }
}

/// p, as the inversion needs it.
pub(crate) const PRIME: Modulus = Modulus {
    words: [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0, 0, 0, 1, 0xffff_ffff],
    digits: [
        0x3fff_ffff,
        0x3fff_ffff,
        0x3fff_ffff,
        63,
        0,
        0,
        4096,
        0x3fff_c000,
        65535,
    ],
    inverse: 0x3fff_ffff,
};

/// Whether a number is below p.
pub(crate) fn is_below_p(words: &[u32; 8]) -> bool {
    words.iter().rev().lt(PRIME.words.iter().rev())
}

/// Reads 32 big-endian bytes as 32-bit words, the lowest first.
pub(crate) fn words(bytes: &[u8; 32]) -> [u32; 8] {
    let mut words = [0; 8];
    for (word, chunk) in words.iter_mut().rev().zip(bytes.as_chunks().0) {
        *word = u32::from_be_bytes(*chunk);
    }
    words
}

#[inline(always)]
fn products(x: &Element, y: &Element) -> Columns {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = x.0.map(i64::from);
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = y.0.map(i64::from);
    [
        a0 * b0,
        a0 * b1 + a1 * b0,
        a0 * b2 + a1 * b1 + a2 * b0,
        a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0,
        a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0,
        a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0,
        a0 * b6 + a1 * b5 + a2 * b4 + a3 * b3 + a4 * b2 + a5 * b1 + a6 * b0,
        a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0,
        a0 * b8 + a1 * b7 + a2 * b6 + a3 * b5 + a4 * b4 + a5 * b3 + a6 * b2 + a7 * b1 + a8 * b0,
        a1 * b8 + a2 * b7 + a3 * b6 + a4 * b5 + a5 * b4 + a6 * b3 + a7 * b2 + a8 * b1,
        a2 * b8 + a3 * b7 + a4 * b6 + a5 * b5 + a6 * b4 + a7 * b3 + a8 * b2,
        a3 * b8 + a4 * b7 + a5 * b6 + a6 * b5 + a7 * b4 + a8 * b3,
        a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4,
        a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5,
        a6 * b8 + a7 * b7 + a8 * b6,
        a7 * b8 + a8 * b7,
        a8 * b8,
    ]
}

/// Each product of two different digits is computed once and doubled.
#[inline(always)]
fn squares(x: &Element) -> Columns {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = x.0.map(i64::from);
    let [d0, d1, d2, d3, d4, d5, d6, d7] = [a0, a1, a2, a3, a4, a5, a6, a7].map(|digit| 2 * digit);
    [
        a0 * a0,
        d0 * a1,
        d0 * a2 + a1 * a1,
        d0 * a3 + d1 * a2,
        d0 * a4 + d1 * a3 + a2 * a2,
        d0 * a5 + d1 * a4 + d2 * a3,
        d0 * a6 + d1 * a5 + d2 * a4 + a3 * a3,
        d0 * a7 + d1 * a6 + d2 * a5 + d3 * a4,
        d0 * a8 + d1 * a7 + d2 * a6 + d3 * a5 + a4 * a4,
        d1 * a8 + d2 * a7 + d3 * a6 + d4 * a5,
        d2 * a8 + d3 * a7 + d4 * a6 + a5 * a5,
        d3 * a8 + d4 * a7 + d5 * a6,
        d4 * a8 + d5 * a7 + a6 * a6,
        d5 * a8 + d6 * a7,
        d6 * a8 + a7 * a7,
        d7 * a8,
        a8 * a8,
    ]
}

/// Divides by R modulo p and adds. `q0` to `q8` are the digits that clear the lower columns.
#[inline(always)]
fn reduce(columns: Columns, addend: &Element) -> Element {
    let [
        t0,
        t1,
        t2,
        t3,
        t4,
        t5,
        t6,
        t7,
        t8,
        t9,
        t10,
        t11,
        t12,
        t13,
        t14,
        t15,
        t16,
    ] = columns;
    let [z0, z1, z2, z3, z4, z5, z6, z7, z8] = addend.0.map(i64::from);
    let mut carry = 0;
    let mut clear = |column: i64| {
        let sum = column + carry;
        carry = sum >> BITS;
        sum & MASK
    };
    let q0 = clear(t0);
    let q1 = clear(t1);
    let q2 = clear(t2);
    let q3 = clear(t3 + (q0 << 9));
    let q4 = clear(t4 + (q1 << 9));
    let q5 = clear(t5 + (q2 << 9));
    let q6 = clear(t6 + (q3 << 9) + (q0 << 18));
    let q7 = clear(t7 + (q4 << 9) + (q1 << 18) - (q0 << 21));
    let q8 = clear(t8 + (q5 << 9) + (q2 << 18) - (q1 << 21) + (q0 << 24));
    let mut balance = |column: i64| {
        let sum = column + carry + HALF;
        carry = sum >> BITS;
        ((sum & MASK) - HALF) as i32
    };
    let r0 = balance(t9 + z0 + (q6 << 9) + (q3 << 18) - (q2 << 21) + (q1 << 24));
    let r1 = balance(t10 + z1 + (q7 << 9) + (q4 << 18) - (q3 << 21) + (q2 << 24));
    let r2 = balance(t11 + z2 + (q8 << 9) + (q5 << 18) - (q4 << 21) + (q3 << 24));
    let r3 = balance(t12 + z3 + (q6 << 18) - (q5 << 21) + (q4 << 24));
    let r4 = balance(t13 + z4 + (q7 << 18) - (q6 << 21) + (q5 << 24));
    let r5 = balance(t14 + z5 + (q8 << 18) - (q7 << 21) + (q6 << 24));
    let r6 = balance(t15 + z6 - (q8 << 21) + (q7 << 24));
    let r7 = balance(t16 + z7 + (q8 << 24));
    let r8 = (carry + z8) as i32;
    Element([r0, r1, r2, r3, r4, r5, r6, r7, r8])
}

#[cfg(test)]
mod tests;
