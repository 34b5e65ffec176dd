//! The keys of one source. RFC 7517 §5.

use std::fmt;

use middleware::published;
use middleware::work;

use crate::algorithm::{Algorithm, KeyType};
use crate::json::{Members, Value};
use crate::jwk::{self, Origin};
use crate::key::{Key, Material};
use crate::key_set_error::{IgnoredKey, KeySetError, MAX_BYTES, MAX_KEYS, NotAKeySet, SHORTEST_SECRET};
use crate::pem;
use crate::strict_json::{self, JsonError};
use crate::unusable_key::UnusableKey;

/// At least one usable key. Keys of different sources are never in one set: IDCS uses the same `kid` in every tenant,
/// so a `kid` identifies a key only within its source.
#[derive(Clone)]
pub struct KeySet {
    keys: Vec<Key>,
    ignored: Vec<IgnoredKey>,
}

impl KeySet {
    /// Reads a published JWK Set. An `oct` key in it is ignored, since a published secret is not a secret.
    ///
    /// # Errors
    /// [`KeySetError`] if the document is not a JWK Set, or none of its keys is usable.
    pub fn from_jwks(document: &[u8]) -> Result<Self, KeySetError> {
        Self::read(&Self::members(document)?, Origin::Published)
    }

    /// Reads a JWK Set or a single JWK (RFC 7517 §4) from the gateway's own configuration, where `oct` keys are
    /// allowed.
    ///
    /// # Errors
    /// As for [`from_jwks`](Self::from_jwks).
    pub fn from_configured_jwks(document: &[u8]) -> Result<Self, KeySetError> {
        let members = Self::members(document)?;
        match members.contains_key("kty") {
            true => jwk::read(&members, Origin::Configuration)
                .map(Self::of)
                .map_err(KeySetError::Unusable),
            false => Self::read(&members, Origin::Configuration),
        }
    }

    /// Reads one public key in PEM: `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`.
    ///
    /// # Errors
    /// [`KeySetError`] if the text is something else, or the key is unusable.
    pub fn from_pem(text: &str) -> Result<Self, KeySetError> {
        Ok(Self::of(Key::anonymous(pem::read(text)?)))
    }

    /// Takes a secret shared with the issuer, for HMAC.
    ///
    /// # Errors
    /// [`KeySetError::ShortSecret`].
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeySetError> {
        if secret.len() < SHORTEST_SECRET {
            return Err(KeySetError::ShortSecret);
        }
        Ok(Self::of(Key::anonymous(Material::Symmetric(secret.to_vec()))))
    }

    /// The set in a short form for a cache that others can read: a JWK Set with public members only, without
    /// certificates and without secrets. [`from_bytes`](Self::from_bytes) reads it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let keys: Vec<_> = self.keys.iter().filter_map(jwk::write).collect();
        serde_json::json!({ "keys": keys }).to_string().into_bytes()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, as strictly as what comes from the network.
    ///
    /// # Errors
    /// As for [`from_jwks`](Self::from_jwks).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeySetError> {
        Self::from_jwks(bytes)
    }

    /// Whether some key may check signatures of `algorithm`.
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.serves(algorithm))
    }

    /// Whether a key that serves `algorithm` made `signature` over `message`. The message may be any bytes, such as a
    /// detached payload (RFC 7515 appendix F) or a published test vector. The signature has the decoded form of a JWS
    /// signature (RFC 7518 §3). For a token, use [`Token::verify`](crate::Token::verify), which chooses keys by the
    /// token's `kid`.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.keys
            .iter()
            .any(|key| key.verifies(algorithm, message, signature))
    }

    /// The types of the keys, for messages.
    pub fn key_types(&self) -> impl Iterator<Item = KeyType> {
        self.keys.iter().map(|key| key.material.key_type())
    }

    /// The keys of the document that were left out, for the log.
    pub fn ignored(&self) -> &[IgnoredKey] {
        &self.ignored
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn of(key: Key) -> Self {
        Self {
            keys: vec![key],
            ignored: Vec::new(),
        }
    }

    fn members(document: &[u8]) -> Result<Members, KeySetError> {
        if document.len() > MAX_BYTES {
            return Err(KeySetError::TooLong);
        }
        strict_json::object(published::without_mark(document), MAX_DEPTH).map_err(|error| {
            KeySetError::NotAKeySet(match error {
                JsonError::Malformed => NotAKeySet::NotJson(published::not_json(document)),
                JsonError::NotAnObject => NotAKeySet::NotAnObject,
                JsonError::DuplicateMember => NotAKeySet::DuplicateMember,
                JsonError::TooDeep => NotAKeySet::TooDeep,
                JsonError::TooManyValues => NotAKeySet::TooManyValues,
            })
        })
    }

    fn read(members: &Members, origin: Origin) -> Result<Self, KeySetError> {
        let jwks = match members.get("keys") {
            Some(Value::Array(jwks)) => jwks.as_slice(),
            Some(Value::Null) => &[],
            _ => return Err(KeySetError::NotAKeySet(NotAKeySet::without_list(members))),
        };
        if jwks.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let (mut keys, mut ignored) = (Vec::new(), Vec::new());
        for jwk in jwks {
            work(WORK_PER_KEY);
            let outcome = match jwk {
                Value::Null => continue,
                Value::Object(members) => jwk::read(members, origin),
                _ => Err(UnusableKey::NotAnObject),
            };
            match outcome {
                Ok(key) => keys.push(key),
                Err(reason) => ignored.push(IgnoredKey {
                    key_id: jwk.get("kid").and_then(Value::as_str).map(str::to_owned),
                    reason,
                }),
            }
        }
        if !keys.is_empty() {
            return Ok(Self { keys, ignored });
        }
        // Report the most severe reason: a key for encryption beside a damaged key is not the problem.
        match ignored.into_iter().rev().max_by_key(|key| key.reason.level()) {
            Some(key) => Err(KeySetError::NoUsableKey(key)),
            None => Err(KeySetError::Empty),
        }
    }
}

/// Two sets are equal if they hold the same keys in the same order, whatever else the documents said.
impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

impl Eq for KeySet {}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("keys", &self.keys)
            .field("ignored", &self.ignored)
            .finish()
    }
}

/// What reading a key takes, in steps of [`work`]. A point on a curve takes more, see `jwk`.
const WORK_PER_KEY: usize = 5_000;
/// The deepest nesting of a document.
const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests;
