//! P-384 by ring.

use ring::agreement::{self, ECDH_P384, EphemeralPrivateKey};
use ring::rand::SystemRandom;
use ring::signature::{self, ECDSA_P384_SHA384_FIXED};

/// A public key of P-384, in SEC 1 form.
#[derive(Clone, PartialEq)]
pub(crate) struct P384PublicKey(Vec<u8>);

impl P384PublicKey {
    /// Reads a point in SEC 1 form. Returns `None` if it is not on the curve. A compressed point, which ring does not
    /// read, is only looked at from outside.
    pub(crate) fn from_sec1(sec1: &[u8]) -> Option<Self> {
        let key = Self(sec1.to_vec());
        match sec1 {
            [2 | 3, x @ ..] if x.len() == 48 => Some(key),
            // ring checks a point when it agrees on a secret with its owner.
            _ => EphemeralPrivateKey::generate(&ECDH_P384, &SystemRandom::new())
                .and_then(|private| {
                    let public = agreement::UnparsedPublicKey::new(&ECDH_P384, sec1);
                    agreement::agree_ephemeral(private, &public, |_| ())
                })
                .is_ok()
                .then_some(key),
        }
    }

    /// Whether this key made `signature`, two numbers of 48 bytes (RFC 7518 §3.4), over `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        signature::UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, &self.0)
            .verify(message, signature)
            .is_ok()
    }

    /// The point in SEC 1 form.
    pub(crate) fn to_sec1(&self) -> Vec<u8> {
        self.0.clone()
    }
}
