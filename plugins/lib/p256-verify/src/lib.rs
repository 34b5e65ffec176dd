//! Verifies ECDSA signatures on the curve P-256 with SHA-256 (FIPS 186-5 §6.4.2), as in ES256 (RFC 7518 §3.4).
//!
//! The crate is built to be fast inside Traefik's Wasm runtime: see `field` and `comb`. docs/ecdsa-engine.md has the
//! measurements. A key that verifies many signatures gets a table of its multiples at the first one.
//!
//! Keys, messages and signatures are public here, so nothing runs in constant time. Never use this code with a secret.

#![forbid(unsafe_code)]

mod comb;
mod field;
mod inverse;
mod point;
mod scalar;
#[cfg(test)]
mod test_numbers;

use std::fmt;
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use comb::{Comb, sum_of_multiples};
use field::Element;
use point::Affine;
use scalar::Scalar;

/// A public key: a point of the curve other than the one at infinity.
#[derive(Clone)]
pub struct PublicKey {
    /// Both coordinates, big-endian.
    coordinates: [u8; 64],
    point: Affine,
    /// Made at the first check, because a program may read many keys that no signature ever needs.
    comb: OnceLock<Comb>,
}

/// The table of the generator, which all keys use.
static GENERATOR: OnceLock<Comb> = OnceLock::new();

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// It is not a point in SEC 1 form, with one or both coordinates.
    #[error("it is not a point with the form of SEC 1")]
    Encoding,
    /// A coordinate is not below p, or the point is not on the curve.
    #[error("the point is not on the curve")]
    NotOnCurve,
}

impl PublicKey {
    /// Reads a point in the form of SEC 1 §2.3.3: both coordinates after a 4, or x after a 2 or 3, which tells the
    /// parity of y. The point at infinity is refused.
    ///
    /// # Errors
    /// [`InvalidKey`] if the bytes are something else, or the point is not on the curve.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, InvalidKey> {
        let (tag, coordinates) = bytes.split_first().ok_or(InvalidKey::Encoding)?;
        let coordinate = |bytes: &[u8; 32]| Element::from_bytes(bytes).ok_or(InvalidKey::NotOnCurve);
        let point = match (tag, coordinates.as_chunks()) {
            (4, ([x, y], [])) => Affine::new(coordinate(x)?, coordinate(y)?),
            (2 | 3, ([x], [])) => Affine::with_parity(coordinate(x)?, *tag == 3),
            _ => return Err(InvalidKey::Encoding),
        };
        let point = point.ok_or(InvalidKey::NotOnCurve)?;
        let words = [point.x, point.y].map(|coordinate| coordinate.to_words());
        let mut bytes = [0; 64];
        let words = words.iter().flat_map(|words| words.iter().rev());
        for (chunk, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *chunk = word.to_be_bytes();
        }
        Ok(Self {
            coordinates: bytes,
            point,
            comb: OnceLock::new(),
        })
    }

    /// Returns x and y, 32 big-endian bytes each.
    #[must_use]
    pub const fn coordinates(&self) -> &[u8; 64] {
        &self.coordinates
    }

    /// Returns whether `signature` is a valid signature of `message`. It consists of r and s, 32 big-endian bytes each.
    /// Both s and n − s are valid.
    ///
    /// Calls `announce` before each part of the work, with its size in steps of about ten nanoseconds.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8], announce: &dyn Fn(usize)) -> bool {
        self.check(message, signature, announce).is_some()
    }

    /// Returns `None` if the signature is not valid.
    fn check(&self, message: &[u8], signature: &[u8], announce: &dyn Fn(usize)) -> Option<()> {
        let ([r, s], []) = signature.as_chunks() else {
            return None;
        };
        let (r, s) = (Scalar::from_bytes(r)?, Scalar::from_bytes(s)?);
        let generator = table(&GENERATOR, Affine::GENERATOR, announce)?;
        let own = table(&self.comb, self.point, announce)?;
        announce(CHECK + message.len());
        let digest = Scalar::from_digest(&Sha256::digest(message).into());
        let [u, v] = s.divide([&digest, &r]);
        let sum = sum_of_multiples(&[(&u, generator), (&v, own)])?;
        // r is x modulo n, so x is r or r + n.
        let is_x = |candidate: &[u32; 8]| sum.has_x(&Element::from_words(candidate));
        let second = r.plus_order().filter(field::is_below_p);
        (is_x(&r.0) || second.is_some_and(|second| is_x(&second))).then_some(())
    }
}

/// Returns the table of a point, and makes it if there is none. Nothing is locked meanwhile, because `announce` may call
/// the host.
fn table<'a>(place: &'a OnceLock<Comb>, point: Affine, announce: &dyn Fn(usize)) -> Option<&'a Comb> {
    if place.get().is_none() {
        announce(PREPARATION);
        // Another thread may have been first, with the same table.
        let _ = place.set(Comb::new(point)?);
    }
    place.get()
}

/// Two keys are equal if their points are.
impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.coordinates == other.coordinates
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").finish_non_exhaustive()
    }
}

/// The size of making a table.
const PREPARATION: usize = 40_000;
/// The size of a check.
const CHECK: usize = 20_000;
