//! RSA signatures whose computation lets others run: RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 8017 section 8).
//!
//! Traefik's Wasm runtime cannot interrupt a guest, and one signature takes tens of milliseconds, during which Go may
//! have to wait for the guest before it serves anybody. So this crate divides the work into parts of well under a
//! millisecond and announces each one to its caller, who can then let others run. Libraries compute a signature in one
//! call.
//!
//! In scope: the two modular powers of the Chinese remainder theorem (RFC 8017 section 5.1.2), in constant time: the
//! arithmetic is `crypto-bigint`'s, and neither the sequence of its calls nor the memory they touch depends on the key
//! or the message. Each signature is verified before it is given out, since one that a fault has made wrong would
//! betray the key.
//!
//! Out of scope: whether a key is sound. `ring` checks that when the key is read.

#![forbid(unsafe_code)]

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

/// A private key of two primes, 2048 to 4096 bits.
pub struct PrivateKey {
    /// The public half, which verifies every signature.
    public: PublicKey,
    /// The public half in DER (RFC 8017 appendix A.1.1).
    public_der: Vec<u8>,
    /// Bytes of the modulus.
    length: usize,
    p: FirstPrime,
    q: Prime,
}

/// Why bytes are not a usable key. Nothing of the key is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// `ring` refuses it.
    #[error("{0}")]
    Rejected(String),
    /// The public exponent or the modulus is one that signatures are not verified with.
    #[error("{0}")]
    Public(#[from] rsa_verify::InvalidKey),
    /// It is not what `ring` took it for.
    #[error("InvalidEncoding")]
    Encoding,
}

/// The signature does not verify: the machine or the key is faulty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the RSA signature does not verify")]
pub struct WrongSignature;

impl PrivateKey {
    /// Reads an `RSAPrivateKey` (RFC 8017 appendix A.1.2).
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn from_pkcs1(der: &[u8]) -> Result<Self, InvalidKey> {
        let checked = RsaKeyPair::from_der(der).map_err(|error| InvalidKey::Rejected(error.to_string()))?;
        Self::of_checked(der, &checked)
    }

    /// Reads a `PrivateKeyInfo` (RFC 5208).
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, InvalidKey> {
        let checked = RsaKeyPair::from_pkcs8(der).map_err(|error| InvalidKey::Rejected(error.to_string()))?;
        let key = PrivateKeyInfoRef::from_der(der).map_err(|_| InvalidKey::Encoding)?;
        Self::of_checked(key.private_key.as_bytes(), &checked)
    }

    fn of_checked(pkcs1: &[u8], checked: &RsaKeyPair) -> Result<Self, InvalidKey> {
        let key = RsaPrivateKeyRef::from_der(pkcs1).map_err(|_| InvalidKey::Encoding)?;
        let q = Prime::new(key.prime2.as_bytes(), key.exponent2.as_bytes()).ok_or(InvalidKey::Encoding)?;
        Ok(Self {
            public: PublicKey::new(key.modulus.as_bytes(), key.public_exponent.as_bytes())?,
            public_der: checked.public_key().as_ref().to_vec(),
            length: checked.public().modulus_len(),
            p: FirstPrime::new(
                key.prime1.as_bytes(),
                key.exponent1.as_bytes(),
                key.coefficient.as_bytes(),
            )
            .ok_or(InvalidKey::Encoding)?,
            q,
        })
    }

    /// The public half in DER: an `RSAPublicKey` (RFC 8017 appendix A.1.1).
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_der
    }

    /// Bits of the modulus. ring takes multiples of 1024 only.
    #[must_use]
    pub const fn bits(&self) -> usize {
        self.length * 8
    }

    /// The signature of `message`, as many bytes as the modulus has.
    ///
    /// Calls `announce` before each part of the work, with its size in steps of about ten nanoseconds.
    ///
    /// # Errors
    /// [`WrongSignature`], in practice never.
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
        let by_q = self.q.power(&encoded, announce);
        let by_p = self.p.prime().power(&encoded, announce);
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

/// What a verification takes at the most, in steps: half a millisecond with 4096 bits.
const VERIFICATION: usize = 50_000;

/// A key is not for logs.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("bits", &self.bits())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
