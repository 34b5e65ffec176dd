//! P-384 by jwt-simple.

use jwt_simple::algorithms;
use p384::ecdsa::Signature;
use p384::ecdsa::signature::Verifier as _;

/// A public key of P-384.
#[derive(Clone)]
pub(crate) struct P384PublicKey(algorithms::P384PublicKey);

impl P384PublicKey {
    /// Reads a point in SEC 1 form. Returns `None` if it is not on the curve.
    pub(crate) fn from_sec1(sec1: &[u8]) -> Option<Self> {
        algorithms::P384PublicKey::from_bytes(sec1).ok().map(Self)
    }

    /// Whether this key made `signature`, two numbers of 48 bytes (RFC 7518 §3.4), over `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.as_ref().verify(message, &signature).is_ok())
    }

    /// The point in SEC 1 form, not compressed.
    pub(crate) fn to_sec1(&self) -> Vec<u8> {
        self.0.as_ref().to_sec1_point(false).as_bytes().to_vec()
    }
}

/// jwt-simple's keys cannot be compared, but the key inside such a key can.
impl PartialEq for P384PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref() == other.0.as_ref()
    }
}
