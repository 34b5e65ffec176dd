//! The key of `p384`, with the name and functions of jwt-simple's.

use p384::ecdsa::{Error, VerifyingKey};

/// A public key of P-384.
#[derive(Clone)]
pub(crate) struct P384PublicKey(VerifyingKey);

impl P384PublicKey {
    /// Reads a point in SEC 1 form.
    pub(crate) fn from_bytes(sec1: &[u8]) -> Result<Self, Error> {
        VerifyingKey::from_sec1_bytes(sec1).map(Self)
    }
}

impl AsRef<VerifyingKey> for P384PublicKey {
    fn as_ref(&self) -> &VerifyingKey {
        &self.0
    }
}
