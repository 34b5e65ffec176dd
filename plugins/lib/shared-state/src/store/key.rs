//! The keys of a resource in the store, and how its values are sealed there.

use std::fmt::Write;

use middleware::Secret;
use ring::hmac;

use crate::state::{Seal, StateName};

/// The key of one sealed value.
pub struct StoreKey {
    name: String,
    seal: Seal,
}

/// The value of a [`StoreKey`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The key has no value.
    Nothing,
    /// A value that was written with this configuration.
    Ours(Kept),
    /// A value that was sealed with another secret or for another key, or was tampered with.
    Foreign,
}

/// A value that is in the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    plain: Vec<u8>,
    sealed: String,
}

impl StoreKey {
    /// All keys are made here. Everything that belongs to one resource has the same name in braces, so a cluster keeps
    /// it on one server. Resources that share a name of the state directory ([`StateName::owner`]) have names of their
    /// own here. The name tells the kind of resource and nothing else. The owner may be derived from a password, so it
    /// is hashed with the store's secret.
    pub(super) fn new(prefix: &str, name: &StateName, role: &str, seal: Seal, secret: &Secret) -> Self {
        let mut full = format!("{prefix}{{{}", name.as_str());
        if let Some(owner) = name.owner() {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
            full.push('-');
            for byte in hmac::sign(&secret, owner.as_bytes()).as_ref().iter().take(16) {
                // Writing to a String cannot fail.
                let _ = write!(full, "{byte:02x}");
            }
        }
        full.push('}');
        full.push_str(role);
        Self { name: full, seal }
    }

    /// The key's name in the store.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    pub(super) const fn seal(&self) -> &Seal {
        &self.seal
    }

    /// Opens what the store has under this key.
    pub(super) fn open(&self, sealed: Vec<u8>) -> Content {
        let opened = String::from_utf8(sealed)
            .ok()
            .and_then(|sealed| Some((self.seal.open(&sealed)?, sealed)));
        match opened {
            Some((plain, sealed)) => Content::Ours(Kept { plain, sealed }),
            None => Content::Foreign,
        }
    }
}

impl Kept {
    /// The value.
    pub fn plain(&self) -> &[u8] {
        &self.plain
    }

    /// The sealed form in the store. Its nonce distinguishes it from every other one.
    pub(super) fn sealed(&self) -> &str {
        &self.sealed
    }
}

/// Does not show the value, which may be a secret.
impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept({} bytes)", self.plain.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_prefix_resource_and_owner_and_tell_nothing_of_him() {
        let secret = Secret::new("0123456789abcdef");
        let of = |seal: &Seal, name: &StateName, secret: &Secret, role: &str| {
            let stored = seal.for_store(secret, name, role).unwrap();
            StoreKey::new("oic:", name, role, stored, secret)
                .as_str()
                .to_owned()
        };
        let public = |who: &str| Seal::public(&["app", who]);
        let (app, name) = (public(""), StateName::new("token", &["app"]));
        let expected = format!("oic:{{{}}}.fail", name.as_str());
        assert_eq!(of(&app, &name, &secret, ".fail"), expected);

        let callers: Vec<(Seal, StateName)> = (0..20_000)
            .map(|number: u32| public(&number.to_string()))
            .map(|seal| {
                let name = seal.slot("token", &["app"]);
                (seal, name)
            })
            .collect();
        let mut keys: Vec<String> = callers
            .iter()
            .map(|(seal, name)| of(seal, name, &secret, ""))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), callers.len());
        let (seal, name) = &callers[0];
        let key = of(seal, name, &secret, "");
        assert!(key.starts_with(&format!("oic:{{{}-", name.as_str())), "{key}");
        assert!(!key.contains(name.owner().unwrap()), "{key}");
        assert_ne!(key, of(seal, name, &Secret::new("another-secret-!"), ""));
    }
}
