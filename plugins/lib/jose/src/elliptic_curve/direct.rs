//! The keys of `p256` and `p384`, with the names and functions of jwt-simple.

use p256::ecdsa::Error;

/// A public key of P-256.
#[derive(Clone)]
pub(crate) struct P256PublicKey(p256::ecdsa::VerifyingKey);

/// A public key of P-384.
#[derive(Clone)]
pub(crate) struct P384PublicKey(p384::ecdsa::VerifyingKey);

impl P256PublicKey {
    /// Reads a point in SEC 1 form.
    pub(crate) fn from_bytes(sec1: &[u8]) -> Result<Self, Error> {
        p256::ecdsa::VerifyingKey::from_sec1_bytes(sec1).map(Self)
    }
}

impl P384PublicKey {
    /// Reads a point in SEC 1 form.
    pub(crate) fn from_bytes(sec1: &[u8]) -> Result<Self, Error> {
        p384::ecdsa::VerifyingKey::from_sec1_bytes(sec1).map(Self)
    }
}

impl AsRef<p256::ecdsa::VerifyingKey> for P256PublicKey {
    fn as_ref(&self) -> &p256::ecdsa::VerifyingKey {
        &self.0
    }
}

impl AsRef<p384::ecdsa::VerifyingKey> for P384PublicKey {
    fn as_ref(&self) -> &p384::ecdsa::VerifyingKey {
        &self.0
    }
}
