//! The keys of one source. RFC 7517 §5.

use std::fmt;

use middleware::pem::PemError;
use middleware::published::{self, NotJson};
use middleware::work;

use crate::json::{Members, Value};
use crate::jwk::{self, Origin, SHORTEST_SECRET};
use crate::key::{Key, Material};
use crate::strict_json::{self, JsonError};
use crate::{Algorithm, KeyType, UnusableKey, pem};

/// At least one usable key. Keys of different sources never meet in one set: IDCS uses the same `kid` in
/// every tenant, so a `kid` says something only within its source.
#[derive(Clone)]
pub struct KeySet {
    keys: Vec<Key>,
    ignored: Vec<IgnoredKey>,
}

/// A key of a document that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredKey {
    /// Its `kid`, where it has one.
    pub key_id: Option<String>,
    /// Why it is left out.
    pub reason: UnusableKey,
}

/// `the key "SIGNING_KEY": its n is missing`.
impl fmt::Display for IgnoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key_id {
            Some(key_id) => write!(f, "the key {key_id:?}: {}", self.reason),
            None => write!(f, "a key without kid: {}", self.reason),
        }
    }
}

/// What a document is that is not a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAKeySet {
    /// It is not JSON.
    #[error("{0}")]
    NotJson(NotJson),
    /// It is JSON, but not an object.
    #[error("it is JSON, but not an object")]
    NotAnObject,
    /// A member occurs twice, so two readers may read two different documents.
    #[error("it holds a member twice")]
    DuplicateMember,
    /// It is nested more deeply than a key set.
    #[error("it is nested too deeply")]
    TooDeep,
    /// It holds far more values than a key set.
    #[error("it holds too many values")]
    TooManyValues,
    /// An issuer's metadata (RFC 8414, OpenID Connect Discovery).
    #[error("it is the issuer's metadata; the key set is at the URL that its jwks_uri gives")]
    Metadata,
    /// A map of key ids to certificates, as Google publishes beside its key set.
    #[error(
        "it is a map of certificates; the issuer has a key set at another URL, which its metadata names in jwks_uri"
    )]
    Certificates,
    /// There is no list `keys`.
    #[error("it has no list `keys`")]
    NoList,
}

/// Why there is no key set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// The document is longer than 256 KiB.
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// The document is something else.
    #[error("is not a JSON Web Key Set: {0}")]
    NotAKeySet(NotAKeySet),
    /// More than 256 keys.
    #[error("holds more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// `keys` is empty.
    #[error("holds no keys")]
    Empty,
    /// None of the keys can be used; this is why one of them cannot.
    #[error("holds no usable key; {0}")]
    NoUsableKey(IgnoredKey),
    /// The one key that is given cannot be used.
    #[error("holds a key that cannot be used: {0}")]
    Unusable(UnusableKey),
    /// Not PEM.
    #[error("{0}")]
    Pem(#[from] PemError),
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
                .map_err(KeySetError::Unusable),
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
            // A point on a curve is checked, which takes up to half a millisecond.
            work(50_000);
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
        // What matters most says most: a key for encryption beside a damaged one is not the trouble.
        match ignored.into_iter().rev().max_by_key(|key| key.reason.level()) {
            Some(key) => Err(KeySetError::NoUsableKey(key)),
            None => Err(KeySetError::Empty),
        }
    }
}

impl NotAKeySet {
    /// What an object without a list `keys` is.
    fn without_list(members: &Members) -> Self {
        let is_certificate = |member: &Value| {
            member
                .as_str()
                .is_some_and(|text| text.starts_with("-----BEGIN CERTIFICATE-----"))
        };
        match members {
            _ if members.contains_key("jwks_uri") => Self::Metadata,
            _ if !members.is_empty() && members.values().all(is_certificate) => Self::Certificates,
            _ => Self::NoList,
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
const MAX_BYTES: usize = 256 * 1024;
/// Most keys in a document. Most sets of public identity providers hold about a dozen; one that serves all regions of a
/// cloud holds several for each.
const MAX_KEYS: usize = 256;
/// Deepest nesting of a document.
const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_keys;
    use serde_json::{Value, json};

    #[test]
    fn unusable_keys_are_left_out_and_the_others_stay() {
        let document = json!({"keys": [
            {"kty": "DSA", "kid": "a"}, "no object", null, {"kty": "oct", "k": "c2VjcmV0", "kid": 7},
            {"kty": "RSA", "kid": "b", "use": "enc"}, {"kty": "RSA", "kid": "c"}, test_keys::ed25519_jwk(),
        ]});
        let set = KeySet::from_jwks(document.to_string().as_bytes()).unwrap();
        assert_eq!(set.key_types().collect::<Vec<_>>(), [KeyType::Ed25519]);
        assert_eq!(
            set.ignored(),
            [
                (Some("a"), UnusableKey::UnsupportedType),
                (None, UnusableKey::NotAnObject),
                (None, UnusableKey::PublishedSecret),
                (Some("b"), UnusableKey::NotForSignatures),
                (Some("c"), UnusableKey::Missing("n")),
            ]
            .map(|(key_id, reason)| IgnoredKey {
                key_id: key_id.map(str::to_owned),
                reason,
            })
        );
        assert!(set.serves(Algorithm::EdDsa) && !set.serves(Algorithm::Rs256));
    }

    #[test]
    fn documents_that_are_no_key_set_say_what_they_are() {
        let many = json!({"keys": vec![json!({}); 257]}).to_string();
        let long = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(256 * 1024));
        let deep = format!(r#"{{"keys":[],"x":{}{}}}"#, "[".repeat(16), "]".repeat(16));
        let metadata =
            r#"{"issuer":"https://login.microsoftonline.com/{tenantid}/v2.0","jwks_uri":"https://a/keys"}"#;
        let unusable = |key_id: Option<&str>, reason| {
            KeySetError::NoUsableKey(IgnoredKey {
                key_id: key_id.map(str::to_owned),
                reason,
            })
        };
        for (document, expected) in [
            ("", NotAKeySet::NotJson(NotJson::Empty)),
            ("\u{feff}", NotAKeySet::NotJson(NotJson::Empty)),
            ("\u{feff}\u{feff}{}", NotAKeySet::NotJson(NotJson::Other)),
            ("<html>", NotAKeySet::NotJson(NotJson::Markup)),
            ("Service Unavailable", NotAKeySet::NotJson(NotJson::Other)),
            (r#"{"keys":["#, NotAKeySet::NotJson(NotJson::Other)),
            ("\0{\0}", NotAKeySet::NotJson(NotJson::Wide)),
            ("[]", NotAKeySet::NotAnObject),
            ("null", NotAKeySet::NotAnObject),
            (r#"{"keys":[],"keys":[]}"#, NotAKeySet::DuplicateMember),
            (&deep, NotAKeySet::TooDeep),
            (r#"{"error":"unauthorized"}"#, NotAKeySet::NoList),
            ("{}", NotAKeySet::NoList),
            (r#"{"keys":{}}"#, NotAKeySet::NoList),
            (metadata, NotAKeySet::Metadata),
            (
                r#"{"a1":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}"#,
                NotAKeySet::Certificates,
            ),
        ] {
            let error = KeySet::from_jwks(document.as_bytes()).err();
            assert_eq!(error, Some(KeySetError::NotAKeySet(expected)), "{document:.60}");
        }
        for (document, expected) in [
            (r#"{"keys":[]}"#, KeySetError::Empty),
            (r#"{"keys":null}"#, KeySetError::Empty),
            (r#"{"keys":[null]}"#, KeySetError::Empty),
            (
                r#"{"keys":[{"kty":"DSA"}]}"#,
                unusable(None, UnusableKey::UnsupportedType),
            ),
            (
                r#"{"keys":[{"use":"enc"},{"kid":"a","kty":"RSA"},{"kid":"b","kty":"RSA","n":1}]}"#,
                unusable(Some("a"), UnusableKey::Missing("n")),
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
        let gzip = KeySet::from_jwks(b"\x1f\x8b\x08\0\0\0\0\0").unwrap_err();
        assert!(
            gzip.to_string().contains("it is compressed (Content-Encoding)"),
            "{gzip}"
        );
        let told = unusable(Some("a"), UnusableKey::Missing("n")).to_string();
        assert_eq!(told, r#"holds no usable key; the key "a": its n is missing"#);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_key_set() {
        let document = json!({"keys": [test_keys::ed25519_jwk()]}).to_string();
        let marked = format!("\u{feff}{document}");
        assert_eq!(
            KeySet::from_jwks(marked.as_bytes()),
            KeySet::from_jwks(document.as_bytes())
        );
        assert!(KeySet::from_configured_jwks(marked.as_bytes()).is_ok());
    }

    #[test]
    fn large_sets_and_names_that_stand_twice_are_read() {
        let mut keys = vec![test_keys::rsa_jwk(); 256];
        for key in &mut keys {
            key["kid"] = "SIGNING_KEY".into();
        }
        let set = KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        assert_eq!(set.key_types().count(), 256);
        assert_eq!(KeySet::from_bytes(&set.to_bytes()).unwrap(), set);
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
            Err(KeySetError::Unusable(UnusableKey::UnsupportedType))
        );
        assert_eq!(
            KeySet::from_jwks(alone.to_string().as_bytes()),
            Err(KeySetError::NotAKeySet(NotAKeySet::NoList)),
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
