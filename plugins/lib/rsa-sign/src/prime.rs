//! One prime of a key, with the values that the Chinese remainder theorem needs (RFC 8017 section 5.1.2, step 2.b).

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, ConcatenatingMul as _, Odd};

use crate::power::power;

/// A prime and its exponent: (p, dP) or (q, dQ).
pub(crate) struct Prime {
    params: BoxedMontyParams,
    /// The length of the prime and of the exponent, in bytes.
    length: usize,
    /// Big-endian, as long as the prime.
    exponent: Vec<u8>,
}

/// The prime p, which also has the coefficient: the inverse of q modulo p.
pub(crate) struct FirstPrime {
    prime: Prime,
    coefficient: BoxedMontyForm,
}

impl Prime {
    /// Both arguments are big-endian without leading zeros. Returns `None` unless they are a prime and a smaller
    /// exponent.
    pub(crate) fn new(prime: &[u8], exponent: &[u8]) -> Option<Self> {
        let length = prime.len();
        let mut padded = vec![0; length.checked_sub(exponent.len())?];
        padded.extend_from_slice(exponent);
        let modulus = Option::from(Odd::new(number(prime, length)?))?;
        Some(Self {
            params: BoxedMontyParams::new(modulus),
            length,
            exponent: padded,
        })
    }

    /// Computes `message`ᵈ modulo the prime, where d is the prime's exponent. The message has at most twice as many
    /// bytes as the prime.
    pub(crate) fn power(&self, message: &[u8], announce: &dyn Fn(usize)) -> BoxedUint {
        power(&self.reduce(message), &self.exponent, announce).retrieve()
    }

    /// Computes `wide` modulo the prime. Montgomery multiplication accepts any number of the prime's precision, so the
    /// two halves of `wide` need no division: high·R + low.
    fn reduce(&self, wide: &[u8]) -> BoxedMontyForm {
        let bytes = self.params.bits_precision() as usize / 8;
        let (high, low) = wide.split_at(wide.len().saturating_sub(bytes));
        let of = |half| {
            let half = BoxedUint::from_be_slice_truncated(half, self.params.bits_precision());
            BoxedMontyForm::new(half, &self.params)
        };
        // R modulo the prime is the Montgomery form of 1.
        let r = BoxedMontyForm::new(BoxedMontyForm::one(&self.params).to_montgomery(), &self.params);
        of(high).mul(&r).add(&of(low))
    }
}

impl FirstPrime {
    /// Like [`Prime::new`]. `coefficient` is smaller than the prime.
    pub(crate) fn new(prime: &[u8], exponent: &[u8], coefficient: &[u8]) -> Option<Self> {
        let prime = Prime::new(prime, exponent)?;
        let coefficient = number(coefficient, prime.length)?;
        Some(Self {
            coefficient: BoxedMontyForm::new(coefficient, &prime.params),
            prime,
        })
    }

    pub(crate) const fn prime(&self) -> &Prime {
        &self.prime
    }

    /// Returns the number below p·q that is `by_p` modulo p and `by_q` modulo q, as `length` bytes: by_q + q·h with h =
    /// (by_p − by_q)·q⁻¹ modulo p.
    pub(crate) fn combine(
        &self,
        by_p: &BoxedUint,
        by_q: &BoxedUint,
        q: &Prime,
        length: usize,
    ) -> Option<Vec<u8>> {
        let by_p = BoxedMontyForm::new(by_p.clone(), &self.prime.params);
        let difference = by_p.sub(&self.prime.reduce(&by_q.to_be_bytes()));
        let h = difference.mul(&self.coefficient).retrieve();
        let product = h.concatenating_mul(q.params.modulus().as_ref());
        let sum = product.wrapping_add(by_q).to_be_bytes();
        Some(sum.get(sum.len().checked_sub(length)?..)?.to_vec())
    }
}

/// Reads the number in `bytes` with a precision of `length` bytes.
fn number(bytes: &[u8], length: usize) -> Option<BoxedUint> {
    let bits = u32::try_from(length.checked_mul(8)?).ok()?;
    BoxedUint::from_be_slice(bytes, bits).ok()
}
