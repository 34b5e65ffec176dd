//! Verifies RSA signatures with a public key (RFC 8017): PKCS #1 v1.5 and PSS; SHA-256, SHA-384, and SHA-512; moduli of
//! 2048 to 8192 bits.
//!
//! The crate is built to be fast inside Traefik's Wasm runtime. That runtime has no 64×64→128 multiplication and
//! compiles most integer instructions to long code, but it compiles each `f64x2` operation to a single instruction. So
//! the arithmetic uses `f64`, exactly: see `radix`, `carry`, `product`, and `barrett`, in this
//! order. docs/rsa-engine.md has
//! the measurements.
//!
//! Private keys are in the crate `rsa-sign`. No secret is handled here, so nothing runs in constant time.
//!
//! The same code runs natively. The tests compare it with two independent libraries, with a million cases on request:
//! `RSA_VERIFY_CASES=1000000 cargo test --release -p rsa-verify`.

#![forbid(unsafe_code)]

mod barrett;
mod carry;
pub mod encoding;
mod lanes;
mod number;
mod product;
mod radix;
mod words;

use barrett::Modulus;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// An RSA public key (§3.1), with precomputed values for the checks.
#[derive(Clone)]
pub struct PublicKey {
    modulus: Modulus,
    /// The number of bits of the modulus.
    bits: usize,
    exponent: u32,
}

/// How a signature encodes a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5 (§8.2), as in RS256.
    Pkcs1,
    /// RSASSA-PSS (§8.1) with MGF1 of the same hash and a salt as long as the hash, as in PS256.
    Pss,
}

/// The hash of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The modulus is too short to be secure, or so long that checks are slow.
    #[error("the modulus has {0} bits, but 2048 to 8192 are allowed")]
    Size(usize),
    /// An even modulus is not a product of two odd primes.
    #[error("the modulus is even")]
    EvenModulus,
    /// The exponent must be odd and between 3 and 2³²−1.
    #[error("the public exponent is not an odd number of 3 to 4294967295")]
    Exponent,
}

impl PublicKey {
    /// Creates a key. Both numbers are big-endian, and leading zeros are ignored. Takes a third of the time of a check.
    ///
    /// # Errors
    /// [`InvalidKey`] if the key cannot be used.
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, InvalidKey> {
        Self::check(modulus, exponent)?;
        let words = words::from_bytes(modulus);
        let bits = words::bits(&words);
        let exponent = words::from_bytes(exponent).first().copied();
        Ok(Self {
            modulus: Modulus::new(words).ok_or(InvalidKey::Size(bits))?,
            bits,
            exponent: exponent.ok_or(InvalidKey::Exponent)?,
        })
    }

    /// Checks whether [`Self::new`] accepts the numbers, without precomputing anything.
    ///
    /// # Errors
    /// [`InvalidKey`] if the key cannot be used.
    pub fn check(modulus: &[u8], exponent: &[u8]) -> Result<(), InvalidKey> {
        let bits = words::bits(&words::from_bytes(modulus));
        if !(2048..=8192).contains(&bits) {
            return Err(InvalidKey::Size(bits));
        }
        if modulus.last().is_none_or(|byte| byte % 2 == 0) {
            return Err(InvalidKey::EvenModulus);
        }
        match *words::from_bytes(exponent).as_slice() {
            [exponent] if exponent % 2 == 1 && exponent >= 3 => Ok(()),
            _ => Err(InvalidKey::Exponent),
        }
    }

    /// Returns whether `signature` is a valid signature of `message`: RSASSA-PKCS1-V1_5-VERIFY (§8.2.2) or
    /// RSASSA-PSS-VERIFY (§8.1.2).
    #[must_use]
    pub fn verifies(&self, scheme: Scheme, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let Some(encoded) = self.encoded_message(signature) else {
            return false;
        };
        match scheme {
            Scheme::Pkcs1 => {
                encoding::pkcs1(hash, message, encoded.len()).is_some_and(|expected| expected == encoded)
            }
            Scheme::Pss => encoding::is_pss(hash, message, &encoded, self.bits - 1),
        }
    }

    /// RSAVP1 (§5.2.2): computes `signature`ᵉ modulo n, as many bytes as the modulus. Returns `None` unless the
    /// signature has that length and is smaller than the modulus.
    #[must_use]
    pub fn encoded_message(&self, signature: &[u8]) -> Option<Vec<u8>> {
        let length = self.bits.div_ceil(8);
        let number = words::from_bytes(signature);
        let sound = signature.len() == length && words::less(&number, self.modulus.words());
        sound.then(|| words::to_bytes(&self.modulus.power(&number, self.exponent), length))
    }
}

impl Hash {
    /// Returns the digest of the concatenated `parts`.
    fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha256 => digest::<Sha256>(parts),
            Self::Sha384 => digest::<Sha384>(parts),
            Self::Sha512 => digest::<Sha512>(parts),
        }
    }

    /// Returns the length of a digest, in bytes.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The DER encoding of DigestInfo up to the hash itself (§9.2, note 1).
    fn digest_info(self) -> &'static [u8; 19] {
        match self {
            Self::Sha256 => b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
            Self::Sha384 => b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
            Self::Sha512 => b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
        }
    }
}

fn digest<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut state = D::new();
    parts.iter().for_each(|part| state.update(part));
    state.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(bytes: usize, first: u8, last: u8) -> Vec<u8> {
        let mut number = vec![0xff; bytes];
        number[0] = first;
        number[bytes - 1] = last;
        number
    }

    #[test]
    fn only_sound_keys_are_taken() {
        let e = [1, 0, 1].as_slice();
        for (modulus, exponent, error) in [
            (number(256, 0x80, 1), e, None),
            (number(256, 0x80, 1), &[3], None),
            (number(256, 0x80, 1), &[0, 0, 0, 0, 1, 0, 1], None),
            (number(256, 0x80, 1), &[255; 4], None),
            (number(257, 0, 1), e, None),
            (number(1024, 0xff, 1), e, None),
            (vec![], e, Some(InvalidKey::Size(0))),
            (vec![0; 256], e, Some(InvalidKey::Size(0))),
            (number(256, 0x7f, 1), e, Some(InvalidKey::Size(2047))),
            (number(1025, 1, 1), e, Some(InvalidKey::Size(8193))),
            (number(256, 0x80, 2), e, Some(InvalidKey::EvenModulus)),
            (number(256, 0x80, 1), &[], Some(InvalidKey::Exponent)),
            (number(256, 0x80, 1), &[1], Some(InvalidKey::Exponent)),
            (number(256, 0x80, 1), &[2], Some(InvalidKey::Exponent)),
            (number(256, 0x80, 1), &[1, 0, 0, 0, 1], Some(InvalidKey::Exponent)),
        ] {
            assert_eq!(
                PublicKey::new(&modulus, exponent).err(),
                error,
                "{} bytes",
                modulus.len()
            );
            assert_eq!(
                PublicKey::check(&modulus, exponent).err(),
                error,
                "{} bytes",
                modulus.len()
            );
        }
    }

    #[test]
    fn a_signature_is_as_long_as_the_modulus_and_below_it() {
        let modulus = number(256, 0x80, 3);
        let key = PublicKey::new(&modulus, &[3]).unwrap();
        assert_eq!(key.encoded_message(&[0; 256]), Some(vec![0; 256]));
        assert_eq!(
            key.encoded_message(&number(256, 0x80, 2)),
            Some(number(256, 0x80, 2)),
            "(−1)³ = −1"
        );
        assert_eq!(key.encoded_message(&modulus), None);
        for signature in [number(256, 0x80, 4), vec![0; 255], vec![0; 257], vec![]] {
            assert_eq!(key.encoded_message(&signature), None);
            for scheme in [Scheme::Pkcs1, Scheme::Pss] {
                assert!(!key.verifies(scheme, Hash::Sha256, b"", &signature));
            }
        }
    }
}
