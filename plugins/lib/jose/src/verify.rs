//! Choosing candidate keys for a token and checking its signature.

use middleware::pace::{STRETCH, work};

use crate::claims::VerifiedClaims;
use crate::header::Header;
use crate::key::Key;
use crate::key_set::KeySet;
use crate::rejection::Rejection;
use crate::token::Token;

/// Why a key set does not verify a token. Both may mean that the issuer has new keys: IDCS gives all its keys the same
/// name, so a rotation shows as a bad signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// No key fits the token's `kid` and `alg`.
    #[error("no key fits the token's kid and algorithm")]
    UnknownKey,
    /// Some keys fit, but none of them verifies the signature.
    #[error("the signature does not verify")]
    BadSignature,
}

impl From<Unverified> for Rejection {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::UnknownKey => Self::UnknownKey,
            Unverified::BadSignature => Self::BadSignature,
        }
    }
}

impl Token<'_> {
    /// Checks the signature with the keys of `set` that fit; at most eight are tried.
    ///
    /// # Errors
    /// [`Unverified`].
    pub fn verify(&self, set: &KeySet) -> Result<VerifiedClaims<'_>, Unverified> {
        let mut candidates = candidates(set, self.header()).peekable();
        if candidates.peek().is_none() {
            return Err(Unverified::UnknownKey);
        }
        candidates
            .any(|key| {
                // One check takes some milliseconds, and nothing can interrupt it.
                work(STRETCH + 1);
                key.verifies(self.header().algorithm, self.signing_input(), self.signature())
            })
            .then(|| VerifiedClaims::new(self.unverified_claims()))
            .ok_or(Unverified::BadSignature)
    }
}

/// The keys that may have signed the token, the most likely first.
///
/// - Only keys of the type that `alg` needs, and whose own `alg` allows it.
/// - For a token with a `kid`: every key of that name, since two keys may share it during a rotation. If the set has no
///   such key, the keys without a name: a PEM key has none.
/// - For a token without `kid`: every key.
/// - A key whose certificate thumbprint the token names comes first. The others stay candidates.
fn candidates<'a>(set: &'a KeySet, header: &'a Header) -> impl Iterator<Item = &'a Key> {
    let named = |key: &Key| key.key_id == header.key_id;
    let known = header.key_id.is_some() && set.keys().iter().any(named);
    let fitting = set
        .keys()
        .iter()
        .filter(move |key| key.serves(header.algorithm))
        .filter(move |key| match (&header.key_id, known) {
            (None, _) => true,
            (Some(_), true) => key.key_id == header.key_id,
            (Some(_), false) => key.key_id.is_none(),
        });
    let is_named_by_thumbprint =
        move |key: &&Key| header.thumbprint.is_some() && key.thumbprint == header.thumbprint;
    let first = fitting.clone().filter(is_named_by_thumbprint);
    let rest = fitting.filter(move |key| !is_named_by_thumbprint(key));
    first.chain(rest).take(MAX_CHECKS)
}

/// The most signature checks for one token, so that a large key set does not multiply the cost of a forged token.
const MAX_CHECKS: usize = 8;

#[cfg(test)]
mod tests;
