//! Powers modulo n by Montgomery's method.
//!
//! Numbers are signed, |x| < n, and R = Bᴺ ≥ 16n. The product of x and y is x·y/R modulo n: with T = x·y and
//! q = T·(−1/n) modulo R, T + q·n is a multiple of R, and dividing leaves |x·y/R| + |q|·n/R. As |q| ≤ 0.51·R and
//! |x·y| ≤ 2n·n, the result stays below 0.7n, so no subtraction of n is ever needed.
//!
//! Only the lower half of q's product and the upper half of q·n are computed. The lower half of T + q·n is k·R for
//! some small k, which must be carried up. The carry from its two highest columns, rounded, is k, because all columns
//! below them weigh less than 2³¹/B² ≤ 2⁻¹⁵ of R.

use crate::lanes::Pair;
use crate::number::Number;
use crate::product;
use crate::radix::Radix;
use crate::words;

/// A modulus and the values that are precomputed from it.
#[derive(Clone)]
pub(crate) struct Modulus {
    radix: Radix,
    /// n as 32-bit words, the lowest first.
    words: Vec<u32>,
    /// n.
    modulus: Vec<Pair>,
    /// −1/n modulo R.
    negative_inverse: Vec<Pair>,
    /// R² modulo n.
    r_squared: Vec<Pair>,
}

impl Modulus {
    /// `words` must be odd and must not have a zero as its highest word. Returns `None` if it has too many bits.
    pub(crate) fn new(words: Vec<u32>) -> Option<Self> {
        let radix = Radix::for_modulus(words::bits(&words))?;
        let inverse = words::negative_inverse(&words, radix.total_bits().div_ceil(32));
        let pairs = |words: &[u32]| Number::of(radix, &radix.digits_of(words)).pairs().to_vec();
        let mut modulus = Self {
            radix,
            modulus: pairs(&words),
            negative_inverse: pairs(&inverse),
            r_squared: Vec::new(),
            words,
        };
        modulus.r_squared = modulus.square_of_r();
        Some(modulus)
    }

    /// Returns n as 32-bit words, the lowest first.
    pub(crate) fn words(&self) -> &[u32] {
        &self.words
    }

    /// Computes R² modulo n. 2ᵏ·R is the Montgomery form of 2ᵏ, so R² = 2ᵗ·R, where t is the number of bits of R. It is
    /// computed by squaring and doubling, starting from the first few bits of t.
    fn square_of_r(&self) -> Vec<Pair> {
        let total = self.radix.total_bits();
        let steps = total.ilog2().saturating_sub(5);
        let power = words::power_of_two_modulo(&self.words, total + (total >> steps));
        let mut workspace = Workspace::new(self.radix, &self.radix.digits_of(&power));
        for step in (0..steps).rev() {
            workspace.square(self);
            if total >> step & 1 == 1 {
                // |x| < 0.7n becomes |x| < 1.4n, whose square is still below 2n².
                let mut doubled: Vec<f64> = workspace.x.digits().map(|digit| 2.0 * digit).collect();
                self.radix.balance(&mut doubled);
                workspace.x = Number::of(self.radix, &doubled);
            }
        }
        workspace.x.pairs().to_vec()
    }

    /// Computes `base`ᵉ modulo n for an odd e ≥ 3 and `base` < n. Base and result are words, the lowest first.
    pub(crate) fn power(&self, base: &[u32], exponent: u32) -> Vec<u32> {
        let mut workspace = Workspace::new(self.radix, &self.radix.digits_of(base));
        let base = workspace.x.pairs().to_vec();
        workspace.multiply(self, &self.r_squared);
        let in_form = workspace.x.pairs().to_vec();
        for bit in (0..exponent.ilog2()).rev() {
            workspace.square(self);
            match (exponent >> bit & 1, bit) {
                // Multiplying by the base itself, not by its Montgomery form, also converts the result back.
                (1, 0) => workspace.multiply(self, &base),
                (1, _) => workspace.multiply(self, &in_form),
                _ => {}
            }
        }
        let (mut words, negative) = self.radix.words_of(workspace.x.digits(), self.words.len());
        if negative {
            words::add(&mut words, &self.words);
        }
        words
    }
}

/// Memory that is reused for all products.
struct Workspace {
    radix: Radix,
    /// The operand and the result.
    x: Number,
    /// T.
    product: Number,
    /// q.
    quotient: Number,
}

impl Workspace {
    fn new(radix: Radix, x: &[f64]) -> Self {
        Self {
            radix,
            x: Number::of(radix, x),
            product: Number::zero(radix, 2 * radix.blocks),
            quotient: Number::zero(radix, radix.blocks),
        }
    }

    /// x ← x·y/R, y as pairs.
    fn multiply(&mut self, modulus: &Modulus, y: &[Pair]) {
        product::full(self.radix, y, &self.x, &mut self.product);
        self.reduce(modulus);
    }

    /// x ← x²/R.
    fn square(&mut self, modulus: &Modulus) {
        product::square(self.radix, &self.x, &mut self.product);
        self.reduce(modulus);
    }

    /// x ← T/R.
    fn reduce(&mut self, modulus: &Modulus) {
        product::lower(
            self.radix,
            &modulus.negative_inverse,
            &self.product,
            &mut self.quotient,
        );
        self.quotient.trim();
        product::upper(
            self.radix,
            &modulus.modulus,
            &self.quotient,
            &self.product,
            &mut self.x,
        );
        self.x.trim();
    }
}
