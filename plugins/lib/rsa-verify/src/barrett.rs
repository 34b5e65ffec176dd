//! Powers modulo n by Barrett's method.
//!
//! Numbers are computed modulo m = n·2ˢ, where s is such that R/16 ≤ m < R/8. They are signed, |x| < 0.6m. To reduce
//! T = x·y, q ≈ T/m is computed from the upper digits of T and those of R²/m, and the result is T − q·m. Three things make
//! q differ from T/m: it is rounded, R²/m is rounded (|T|/R² < 1/64), and columns and digits that weigh less than
//! 2⁻¹⁵ are left out. So |q − T/m| < 0.6, and no subtraction of m is ever needed.
//!
//! Only the upper half of q's product and the lower half of q·m are computed, because the result is known to be small.

use crate::lanes::Pair;
use crate::number::{self, Number};
use crate::product::{self, Product};
use crate::radix::Radix;
use crate::words;

/// A modulus and the values that are precomputed from it.
#[derive(Clone)]
pub(crate) struct Modulus {
    radix: Radix,
    /// n as 32-bit words, the lowest first.
    words: Vec<u32>,
    /// m as 32-bit words, the lowest first.
    scaled: Vec<u32>,
    /// The digits of −m.
    negative: Vec<Pair>,
    /// The digits of R²/m, rounded down.
    reciprocal: Vec<Pair>,
}

impl Modulus {
    /// `words` must be odd and must not have a zero as its highest word. Returns `None` if it has too many bits.
    pub(crate) fn new(words: Vec<u32>) -> Option<Self> {
        let radix = Radix::for_modulus(words::bits(&words))?;
        let scaled = words::shifted(&words, radix.total_bits() - 3 - words::bits(&words));
        let (reciprocal, _) = words::divide(&words::shifted(&[1], 2 * radix.total_bits()), &scaled);
        let slots = radix.digits() + 2;
        let mut negative = radix.digits_of(&scaled, slots);
        negative.iter_mut().for_each(|digit| *digit = -*digit);
        Some(Self {
            radix,
            negative: number::pairs(&negative),
            reciprocal: number::pairs(&radix.digits_of(&reciprocal, slots)),
            scaled,
            words,
        })
    }

    /// Returns n as 32-bit words, the lowest first.
    pub(crate) fn words(&self) -> &[u32] {
        &self.words
    }

    /// Computes `base`ᵉ modulo n for e ≥ 1 and `base` < n. Base and result are words, the lowest first.
    pub(crate) fn power(&self, base: &[u32], exponent: u32) -> Vec<u32> {
        let radix = self.radix;
        let digits = radix.digits_of(base, radix.digits() + 2);
        let mut x = Number::of(radix, &digits);
        let base = number::pairs(&digits);
        let mut product = Product::zero(radix);
        let mut quotient = Number::zero(radix);
        let mut reduce = |product: &Product, x: &mut Number| {
            product::upper(radix, &self.reciprocal, product, &mut quotient);
            product::lower(radix, &self.negative, &quotient, product, x);
        };
        for bit in (0..exponent.ilog2()).rev() {
            product::square(radix, &x, &mut product);
            reduce(&product, &mut x);
            if exponent >> bit & 1 == 1 {
                product::full(radix, &base, &x, &mut product);
                reduce(&product, &mut x);
            }
        }
        let (mut words, negative) = radix.words_of(x.digits(), self.scaled.len());
        if negative {
            words::add(&mut words, &self.scaled);
        }
        let (_, remainder) = words::divide(&words, &self.words);
        remainder
    }
}
