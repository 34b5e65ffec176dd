//! The secret that protects the tokens of one configuration.

use std::rc::Rc;

use middleware::Secret;
use shared_state::{CallerKey, Seal, StateName};

use crate::subject::Subject;

/// A secret and the key derived from it. A gateway without the secret cannot read these tokens.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct GroupSecret {
    secret: Secret,
    /// Hashes subjects into keys that reveal nothing about them.
    key: [u8; blake3::KEY_LEN],
}

impl GroupSecret {
    pub(crate) fn new(secret: Secret) -> Self {
        Self {
            key: blake3::derive_key("oic-gateway callers v1", secret.expose().as_bytes()),
            secret,
        }
    }

    /// Returns the key that identifies this subject.
    pub(crate) fn key_of(&self, subject: &Subject) -> CallerKey {
        *blake3::keyed_hash(&self.key, &subject.to_bytes()).as_bytes()
    }

    /// Returns the name of a subject's token in the state directory, and its seal. `None` only if the cryptographic
    /// library fails.
    pub(crate) fn place(&self, group: &[String], key: &CallerKey) -> Option<(StateName, Rc<Seal>)> {
        let group: Vec<&str> = group.iter().map(String::as_str).collect();
        let owner: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut identity = group.clone();
        identity.push(&owner);
        let seal = Seal::secret(&self.secret, &identity).ok()?;
        Some((seal.slot("user-token", &group), Rc::new(seal)))
    }
}
