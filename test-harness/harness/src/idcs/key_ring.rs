//! The signing keys of the domain over time.

use crate::keys::{IDCS_KID, SigningKey};

/// The current and the former keys. RSA keys come from the process-wide cache, so a rotation is instant and tests do
/// not wait for prime numbers.
pub(super) struct KeyRing {
    pub(super) current: SigningKey,
    retired: Vec<SigningKey>,
    next_index: usize,
}

impl KeyRing {
    pub(super) fn of_tenant(number: usize) -> Self {
        let first = number * KEYS_PER_TENANT;
        SigningKey::pregenerate_rsa(RSA_BITS, first + 1..first + PREGENERATED);
        Self {
            current: SigningKey::rsa_cached(RSA_BITS, first),
            retired: Vec::new(),
            next_index: first + 1,
        }
    }

    pub(super) fn rotate(&mut self, kid: &str) {
        let next = SigningKey::rsa_cached(RSA_BITS, self.next_index).with_kid(kid);
        self.next_index += 1;
        self.retired.push(std::mem::replace(&mut self.current, next));
    }

    pub(super) fn ever_used(&self) -> Vec<SigningKey> {
        std::iter::once(&self.current)
            .chain(self.retired.iter().rev())
            .cloned()
            .collect()
    }

    /// Returns the other key of a rotation under the current key ID: the previous key, or the next one if there is no
    /// previous key.
    pub(super) fn neighbour(&self) -> SigningKey {
        let neighbour = self.retired.last().cloned();
        let neighbour = neighbour.unwrap_or_else(|| SigningKey::rsa_cached(RSA_BITS, self.next_index));
        neighbour.with_kid(self.current.kid())
    }

    /// Returns a key that no tenant has.
    pub(super) fn foreign() -> SigningKey {
        SigningKey::rsa_cached(RSA_BITS, FOREIGN).with_kid(IDCS_KID)
    }
}

const RSA_BITS: usize = 2048;
const PREGENERATED: usize = 3;
const KEYS_PER_TENANT: usize = 1000;
const FOREIGN: usize = usize::MAX;
