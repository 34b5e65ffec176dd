//! One prime of a key, with the values that the Chinese remainder theorem needs (RFC 8017 section 5.1.2, step 2.b).

use crate::montgomery::{Modulus, Words, bytes, multiply_and_add, words};
use crate::power::power;

/// A prime and its exponent: (p, dP) or (q, dQ).
pub(crate) struct Prime {
    modulus: Modulus,
    /// Big-endian, as long as the prime.
    exponent: Vec<u8>,
}

/// The prime p, which also has the coefficient: the inverse of q modulo p.
pub(crate) struct FirstPrime {
    prime: Prime,
    /// In Montgomery form.
    coefficient: Words,
}

impl Prime {
    /// Both arguments are big-endian without leading zeros. Returns `None` unless they are a prime and a smaller
    /// exponent.
    pub(crate) fn new(prime: &[u8], exponent: &[u8]) -> Option<Self> {
        let mut padded = vec![0; prime.len().checked_sub(exponent.len())?];
        padded.extend_from_slice(exponent);
        Some(Self {
            modulus: Modulus::new(prime)?,
            exponent: padded,
        })
    }

    /// Computes `message`ᵈ modulo the prime, where d is the prime's exponent. Returns `None` if the message has more
    /// than twice as many bytes as the prime.
    pub(crate) fn power(&self, message: &[u8], announce: &dyn Fn(usize)) -> Option<Words> {
        let base = self.modulus.reduce(message)?;
        let power = power(&self.modulus, &base, &self.exponent, announce);
        Some(self.modulus.leave(&power))
    }
}

impl FirstPrime {
    /// Like [`Prime::new`]. `coefficient` is smaller than the prime.
    pub(crate) fn new(prime: &[u8], exponent: &[u8], coefficient: &[u8]) -> Option<Self> {
        let prime = Prime::new(prime, exponent)?;
        let coefficient = words(coefficient, prime.modulus.words().len())?;
        Some(Self {
            coefficient: prime.modulus.enter(&coefficient),
            prime,
        })
    }

    pub(crate) const fn prime(&self) -> &Prime {
        &self.prime
    }

    /// Returns the number below p·q that is `by_p` modulo p and `by_q` modulo q, as `length` bytes: by_q + q·h with h =
    /// (by_p − by_q)·q⁻¹ modulo p.
    pub(crate) fn combine(&self, by_p: &[u32], by_q: &[u32], q: &Prime, length: usize) -> Option<Vec<u8>> {
        let p = &self.prime.modulus;
        let difference = p.subtract(&p.enter(by_p), &p.reduce(&bytes(by_q))?);
        let h = p.leave(&p.multiply(&difference, &self.coefficient));
        let sum = bytes(&multiply_and_add(&h, q.modulus.words(), by_q));
        Some(sum.get(sum.len().checked_sub(length)?..)?.to_vec())
    }
}
