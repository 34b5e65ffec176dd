//! The keys of one source. RFC 7517 §5.

use std::fmt;

use middleware::work;
use serde_json::{Map, Value, json};

use crate::jwk::{self, Origin, SHORTEST_SECRET};
use crate::key::{Key, Material};
use crate::strict_json;
use crate::{Algorithm, KeyType, UnusableKey, pem};

/// At least one usable key. Keys of different sources never meet in one set: IDCS uses the same `kid` in
/// every tenant, so a `kid` says something only within its source.
#[derive(Clone)]
pub struct KeySet {
    keys: Vec<Key>,
    ignored: Vec<UnusableKey>,
}

/// Why there is no key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// The document is longer than 64 KiB.
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// The document is no JSON object with a list `keys`, or holds a member twice.
    #[error("is no JSON Web Key Set: an object with a list `keys`")]
    NotAKeySet,
    /// More than 64 keys.
    #[error("holds more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// `keys` is empty.
    #[error("holds no keys")]
    Empty,
    /// None of the keys can be used; this is why the first one cannot.
    #[error("holds no usable key: {0}")]
    NoUsableKey(UnusableKey),
    /// No PEM block.
    #[error("is no PEM text (-----BEGIN PUBLIC KEY----- …)")]
    NotPem,
    /// A PEM block of another kind.
    #[error("is PEM but holds no public key; known are PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE")]
    UnknownPem,
    /// More than one PEM block.
    #[error("holds several PEM blocks; give exactly one key")]
    SeveralPemBlocks,
    /// A shared secret of less than 32 bytes. RFC 7518 §3.2.
    #[error("is shorter than {SHORTEST_SECRET} bytes, the least that HS256 allows (RFC 7518 section 3.2)")]
    ShortSecret,
}

impl KeySet {
    /// Reads a JWK Set that others can read too: an `oct` key in it is ignored, since it is no secret any
    /// more.
    ///
    /// # Errors
    /// [`KeySetError`] when the document is no JWK Set, or none of its keys is usable.
    pub fn from_jwks(document: &[u8]) -> Result<Self, KeySetError> {
        Self::read(&Self::members(document)?, Origin::Published)
    }

    /// Reads a JWK Set of the gateway's own configuration, where `oct` keys are welcome, or a single JWK (RFC 7517 §4).
    ///
    /// # Errors
    /// As for [`from_jwks`](Self::from_jwks).
    pub fn from_configured_jwks(document: &[u8]) -> Result<Self, KeySetError> {
        let members = Self::members(document)?;
        match members.contains_key("kty") {
            true => jwk::read(&members, Origin::Configuration)
                .map(Self::of)
                .map_err(KeySetError::NoUsableKey),
            false => Self::read(&members, Origin::Configuration),
        }
    }

    /// Reads one public key in PEM: `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`.
    ///
    /// # Errors
    /// [`KeySetError`] when that is not what the text is, or the key is unusable.
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
        let keys: Vec<Value> = self
            .keys
            .iter()
            .filter_map(jwk::write)
            .map(Value::Object)
            .collect();
        json!({ "keys": keys }).to_string().into_bytes()
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

    /// Whether some key that serves `algorithm` made `signature` over `message`, which may be any bytes: a
    /// detached payload (RFC 7515 appendix F), or a published test vector. The signature has the form of a JWS
    /// (RFC 7518 §3), decoded. A token belongs to [`Token::verify`](crate::Token::verify), which chooses among
    /// the keys by the token's `kid`.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.keys
            .iter()
            .any(|key| key.verifies(algorithm, message, signature))
    }

    /// The kinds of the keys, for messages.
    pub fn key_types(&self) -> impl Iterator<Item = KeyType> {
        self.keys.iter().map(|key| key.material.key_type())
    }

    /// Why keys of the document were left out, for the log.
    pub fn ignored(&self) -> &[UnusableKey] {
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

    fn members(document: &[u8]) -> Result<Map<String, Value>, KeySetError> {
        if document.len() > MAX_BYTES {
            return Err(KeySetError::TooLong);
        }
        strict_json::object(document, MAX_DEPTH).map_err(|_| KeySetError::NotAKeySet)
    }

    fn read(members: &Map<String, Value>, origin: Origin) -> Result<Self, KeySetError> {
        let Some(Value::Array(jwks)) = members.get("keys") else {
            return Err(KeySetError::NotAKeySet);
        };
        if jwks.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let (mut keys, mut ignored) = (Vec::new(), Vec::new());
        for jwk in jwks {
            // A point on a curve is checked, which takes up to half a millisecond.
            work(50_000);
            let key = jwk.as_object().ok_or(UnusableKey::Malformed);
            match key.and_then(|jwk| jwk::read(jwk, origin)) {
                Ok(key) => keys.push(key),
                Err(reason) => ignored.push(reason),
            }
        }
        match (keys.is_empty(), ignored.first()) {
            (true, Some(&reason)) => Err(KeySetError::NoUsableKey(reason)),
            (true, None) => Err(KeySetError::Empty),
            (false, _) => Ok(Self { keys, ignored }),
        }
    }
}

/// Equal when they hold the same keys in the same order, whatever the documents said besides.
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

/// Longest document. A key with its certificates takes about 5 KiB.
const MAX_BYTES: usize = 64 * 1024;
/// Most keys in a document. The largest sets of public identity providers hold about a dozen.
const MAX_KEYS: usize = 64;
/// Deepest nesting of a document.
const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_keys;

    #[test]
    fn unusable_keys_are_left_out_and_the_others_stay() {
        let document = json!({"keys": [
            {"kty": "DSA"}, "no object", {"kty": "oct", "k": "c2VjcmV0"}, test_keys::ed25519_jwk(),
        ]});
        let set = KeySet::from_jwks(document.to_string().as_bytes()).unwrap();
        assert_eq!(set.key_types().collect::<Vec<_>>(), [KeyType::Ed25519]);
        assert_eq!(
            set.ignored(),
            [
                UnusableKey::UnsupportedType,
                UnusableKey::Malformed,
                UnusableKey::PublishedSecret
            ]
        );
        assert!(set.serves(Algorithm::EdDsa) && !set.serves(Algorithm::Rs256));
    }

    #[test]
    fn documents_that_are_no_key_set_are_refused() {
        let many = json!({"keys": vec![json!({}); 65]}).to_string();
        let long = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(64 * 1024));
        for (document, expected) in [
            ("", KeySetError::NotAKeySet),
            ("<html>", KeySetError::NotAKeySet),
            ("[]", KeySetError::NotAKeySet),
            (r#"{"error":"unauthorized"}"#, KeySetError::NotAKeySet),
            (r#"{"keys":{}}"#, KeySetError::NotAKeySet),
            (r#"{"keys":[],"keys":[]}"#, KeySetError::NotAKeySet),
            (r#"{"keys":[]}"#, KeySetError::Empty),
            (
                r#"{"keys":[{"kty":"DSA"}]}"#,
                KeySetError::NoUsableKey(UnusableKey::UnsupportedType),
            ),
            (&many, KeySetError::TooManyKeys),
            (&long, KeySetError::TooLong),
        ] {
            assert_eq!(
                KeySet::from_jwks(document.as_bytes()).err(),
                Some(expected),
                "{document:.60}"
            );
        }
    }

    #[test]
    fn a_configured_key_may_stand_alone() {
        let (alone, set) = (
            test_keys::ed25519_jwk(),
            json!({"keys": [test_keys::ed25519_jwk()]}),
        );
        let configured = |document: &Value| KeySet::from_configured_jwks(document.to_string().as_bytes());
        assert_eq!(configured(&alone), configured(&set));
        assert_eq!(
            configured(&json!({"kty": "DSA"})),
            Err(KeySetError::NoUsableKey(UnusableKey::UnsupportedType))
        );
        assert_eq!(
            KeySet::from_jwks(alone.to_string().as_bytes()),
            Err(KeySetError::NotAKeySet),
            "what is published is a set"
        );
    }

    #[test]
    fn the_short_form_reads_back_without_certificates() {
        let mut rsa = test_keys::rsa_jwk();
        rsa["kid"] = "SIGNING_KEY".into();
        rsa["x5c"] = json!(["A".repeat(3000)]);
        let document = json!({"keys": [rsa, test_keys::p384_jwk()], "more": 1}).to_string();
        let set = KeySet::from_jwks(document.as_bytes()).unwrap();
        let bytes = set.to_bytes();
        assert!(bytes.len() < 900, "{} bytes", bytes.len());
        assert_eq!(KeySet::from_bytes(&bytes).unwrap(), set);
    }

    #[test]
    fn secrets_stay_out_of_the_short_form() {
        let set = KeySet::from_secret(&[7; 32]).unwrap();
        assert_eq!(set.to_bytes(), br#"{"keys":[]}"#);
        assert_eq!(KeySet::from_secret(&[7; 31]), Err(KeySetError::ShortSecret));
    }
}
