//! RSA signatures that let other work run in between: RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 8017 section 8).
//!
//! Traefik's Wasm runtime cannot interrupt a guest. A signature takes tens of milliseconds, during which Go may have to
//! wait for the guest before it can serve other requests. So this crate divides the work into parts of well under a
//! millisecond and announces each one to its caller, who can then let other work run. Other libraries compute a
//! signature in a single call.
//!
//! The crate computes the two modular powers of the Chinese remainder theorem (RFC 8017 section 5.1.2) in constant
//! time: neither the sequence of instructions nor the memory that they access depends on the key or the message
//! (module `montgomery`). Each signature is verified before it is returned, since a signature with a computation fault would
//! reveal the key.
//!
//! The crate does not check whether a key is sound. `ring` does that when the key is read.

#![forbid(unsafe_code)]

mod montgomery;
mod power;
mod prime;

use std::fmt;

use pkcs1::RsaPrivateKeyRef;
use pkcs1::der::Decode as _;
use pkcs8::PrivateKeyInfoRef;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{KeyPair as _, RsaKeyPair};
pub use rsa_verify::{Hash, Scheme};
use rsa_verify::{PublicKey, encoding};

use crate::prime::{FirstPrime, Prime};

/// A private key with two primes and 2048 to 4096 bits.
pub struct PrivateKey {
    /// The public half, which verifies every signature.
    public: PublicKey,
    /// The public half in DER (RFC 8017 appendix A.1.1).
    public_der: Vec<u8>,
    /// The length of the modulus, in bytes.
    length: usize,
    p: FirstPrime,
    q: Prime,
}

/// Why the bytes are not a usable key. Contains no part of the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// `ring` refuses the key.
    #[error("{0}")]
    Rejected(String),
    /// Signatures cannot be verified with this public exponent or modulus.
    #[error("{0}")]
    Public(#[from] rsa_verify::InvalidKey),
    /// The key does not have the form that `ring` accepted.
    #[error("InvalidEncoding")]
    Encoding,
}

/// The signature does not verify, so the machine or the key is faulty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the RSA signature does not verify")]
pub struct WrongSignature;

impl PrivateKey {
    /// Reads an `RSAPrivateKey` (RFC 8017 appendix A.1.2).
    ///
    /// Calls `announce` before each part of the work, as [`PrivateKey::sign`] does.
    ///
    /// # Errors
    /// [`InvalidKey`] if the key cannot be used.
    pub fn from_pkcs1(der: &[u8], announce: &dyn Fn(usize)) -> Result<Self, InvalidKey> {
        announce(PREPARATION);
        let checked = RsaKeyPair::from_der(der).map_err(|error| InvalidKey::Rejected(error.to_string()))?;
        Self::of_checked(der, &checked, announce)
    }

    /// Reads a `PrivateKeyInfo` (RFC 5208), like [`PrivateKey::from_pkcs1`].
    ///
    /// # Errors
    /// [`InvalidKey`] if the key cannot be used.
    pub fn from_pkcs8(der: &[u8], announce: &dyn Fn(usize)) -> Result<Self, InvalidKey> {
        announce(PREPARATION);
        let checked = RsaKeyPair::from_pkcs8(der).map_err(|error| InvalidKey::Rejected(error.to_string()))?;
        let key = PrivateKeyInfoRef::from_der(der).map_err(|_| InvalidKey::Encoding)?;
        Self::of_checked(key.private_key.as_bytes(), &checked, announce)
    }

    fn of_checked(pkcs1: &[u8], checked: &RsaKeyPair, announce: &dyn Fn(usize)) -> Result<Self, InvalidKey> {
        let key = RsaPrivateKeyRef::from_der(pkcs1).map_err(|_| InvalidKey::Encoding)?;
        announce(PREPARATION);
        let p = FirstPrime::new(
            key.prime1.as_bytes(),
            key.exponent1.as_bytes(),
            key.coefficient.as_bytes(),
        );
        announce(PREPARATION);
        let q = Prime::new(key.prime2.as_bytes(), key.exponent2.as_bytes());
        announce(PREPARATION);
        let public = PublicKey::new(key.modulus.as_bytes(), key.public_exponent.as_bytes())?;
        Ok(Self {
            public,
            public_der: checked.public_key().as_ref().to_vec(),
            length: checked.public().modulus_len(),
            p: p.ok_or(InvalidKey::Encoding)?,
            q: q.ok_or(InvalidKey::Encoding)?,
        })
    }

    /// Returns the public half in DER: an `RSAPublicKey` (RFC 8017 appendix A.1.1).
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_der
    }

    /// Returns the number of bits of the modulus. `ring` accepts only multiples of 1024.
    #[must_use]
    pub const fn bits(&self) -> usize {
        self.length * 8
    }

    /// Signs `message`. The signature is as long as the modulus.
    ///
    /// Calls `announce` before each part of the work, with its size in steps of about ten nanoseconds.
    ///
    /// # Errors
    /// [`WrongSignature`], which does not occur in practice.
    pub fn sign(
        &self,
        scheme: Scheme,
        hash: Hash,
        message: &[u8],
        announce: &dyn Fn(usize),
    ) -> Result<Vec<u8>, WrongSignature> {
        let encoded = match scheme {
            Scheme::Pkcs1 => encoding::pkcs1(hash, message, self.length),
            Scheme::Pss => {
                let mut salt = vec![0; hash.length()];
                SystemRandom::new().fill(&mut salt).map_err(|_| WrongSignature)?;
                encoding::pss(hash, message, &salt, self.bits())
            }
        };
        let encoded = encoded.ok_or(WrongSignature)?;
        let by_q = self.q.power(&encoded, announce).ok_or(WrongSignature)?;
        let by_p = self.p.prime().power(&encoded, announce).ok_or(WrongSignature)?;
        let signature = self
            .p
            .combine(&by_p, &by_q, &self.q, self.length)
            .ok_or(WrongSignature)?;
        announce(VERIFICATION);
        match self.public.verifies(scheme, hash, message, &signature) {
            true => Ok(signature),
            false => Err(WrongSignature),
        }
    }
}

/// The maximum number of steps of a verification: half a millisecond with 4096 bits.
const VERIFICATION: usize = 50_000;

/// The size of each part of reading a key. A part takes a few milliseconds and cannot be divided, so the size is more than
/// any caller lets pass without a pause.
const PREPARATION: usize = 1_000_000;

/// Does not show the key.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("bits", &self.bits())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
