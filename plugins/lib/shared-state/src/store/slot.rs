//! Where a resource's values lie in the store, and how they are sealed there.

use std::fmt::Write;

use middleware::Secret;
use ring::hmac;

use crate::state::{Seal, StateName};

/// The place of one sealed value.
pub struct Slot {
    key: String,
    seal: Seal,
}

/// What was found in a [`Slot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Nothing,
    /// A value that one with this configuration has put there.
    Ours(Kept),
    /// Something that was sealed with another secret or for another place, or was tampered with.
    Foreign,
}

/// A value that lies in the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    plain: Vec<u8>,
    sealed: String,
}

impl Slot {
    /// The one place where names are made. What belongs to one resource has one name in braces, so that a cluster keeps it
    /// on one server. Where several share a name of the state directory ([`StateName::owner`]) each has one of its own here.
    /// The name tells what kind of thing it is and otherwise nothing; the owner, who may be told from a password, goes
    /// into it under the store's secret.
    pub(super) fn new(prefix: &str, name: &StateName, role: &str, seal: Seal, secret: &Secret) -> Self {
        let mut key = format!("{prefix}{{{}", name.as_str());
        if let Some(owner) = name.owner() {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
            key.push('-');
            for byte in hmac::sign(&secret, owner.as_bytes()).as_ref().iter().take(16) {
                // Writing to a String cannot fail.
                let _ = write!(key, "{byte:02x}");
            }
        }
        key.push('}');
        key.push_str(role);
        Self { key, seal }
    }

    /// The name in the store.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) const fn seal(&self) -> &Seal {
        &self.seal
    }

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

    /// As it lies there, told apart from any other by its nonce.
    pub(super) fn sealed(&self) -> &str {
        &self.sealed
    }
}

/// The value may be a secret.
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
            Slot::new("oic:", name, role, stored, secret).key().to_owned()
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
