//! RSA signatures. Only this module knows the library behind them, so that it can be replaced.

use std::sync::OnceLock;

use rsa_verify::{Hash, PublicKey, Scheme};

use crate::algorithm::Algorithm;

/// An RSA public key (RFC 8017 §3.1): modulus of 2048 to 8192 bits, odd exponent of 3 to 2³²−1.
#[derive(Clone)]
pub(crate) struct RsaPublicKey {
    /// Modulus, big-endian, no leading zero.
    modulus: Vec<u8>,
    /// Public exponent, big-endian, no leading zero.
    exponent: Vec<u8>,
    /// Made at the first check, because every instance reads the key set, and no token may ever name this key.
    engine: OnceLock<Option<PublicKey>>,
}

impl PartialEq for RsaPublicKey {
    fn eq(&self, other: &Self) -> bool {
        (&self.modulus, &self.exponent) == (&other.modulus, &other.exponent)
    }
}

impl Eq for RsaPublicKey {}

impl RsaPublicKey {
    /// Takes both numbers in big-endian form and drops leading zeros, which some issuers send (RFC 7518 §6.3.1.1).
    /// Returns `None` for sizes that are weak (RFC 7518 §3.3 asks for ≥ 2048), or so large that checks would be costly
    /// enough for an attack.
    pub(crate) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (modulus, exponent) = (trim(modulus), trim(exponent));
        PublicKey::check(modulus, exponent).ok()?;
        Some(Self {
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
            engine: OnceLock::new(),
        })
    }

    pub(crate) fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    pub(crate) fn exponent(&self) -> &[u8] {
        &self.exponent
    }

    /// Whether this key made `signature` over `message`. False for an algorithm that is not RSA.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let engine = || PublicKey::new(&self.modulus, &self.exponent).ok();
        parameters(algorithm)
            .zip(self.engine.get_or_init(engine).as_ref())
            .is_some_and(|((scheme, hash), key)| key.verifies(scheme, hash, message, signature))
    }
}

fn parameters(algorithm: Algorithm) -> Option<(Scheme, Hash)> {
    match algorithm {
        Algorithm::Ps256 => Some((Scheme::Pss, Hash::Sha256)),
        Algorithm::Ps384 => Some((Scheme::Pss, Hash::Sha384)),
        Algorithm::Ps512 => Some((Scheme::Pss, Hash::Sha512)),
        Algorithm::Rs256 => Some((Scheme::Pkcs1, Hash::Sha256)),
        Algorithm::Rs384 => Some((Scheme::Pkcs1, Hash::Sha384)),
        Algorithm::Rs512 => Some((Scheme::Pkcs1, Hash::Sha512)),
        _ => None,
    }
}

fn trim(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number.get(zeros..).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sound_sizes_are_keys() {
        let modulus = |bytes: usize, first: u8, last: u8| {
            let mut number = vec![0xff; bytes];
            number[0] = first;
            number[bytes - 1] = last;
            number
        };
        let e = [1, 0, 1].as_slice();
        for (modulus, exponent, sound) in [
            (modulus(256, 0x80, 1), e, true),
            (modulus(256, 0x80, 1), [3].as_slice(), true),
            (modulus(256, 0x80, 1), &[0, 1, 0, 1], true),
            (modulus(257, 0, 1), e, true),  // one zero in front of 2048 bits
            (modulus(256, 0, 1), e, false), // one zero in front of 2040 bits
            (modulus(256, 0x7f, 1), e, false),
            (modulus(256, 0x80, 2), e, false),
            (modulus(1024, 0xff, 1), e, true),
            (modulus(1025, 0x01, 1), e, false),
            (modulus(256, 0x80, 1), &[1], false),
            (modulus(256, 0x80, 1), &[2], false),
            (modulus(256, 0x80, 1), &[], false),
            (modulus(256, 0x80, 1), &[1, 0, 0, 0, 1], false),
            (vec![], e, false),
        ] {
            assert_eq!(
                RsaPublicKey::new(&modulus, exponent).is_some(),
                sound,
                "{} bytes, first {:?}, exponent {exponent:?}",
                modulus.len(),
                modulus.first()
            );
        }
    }
}
