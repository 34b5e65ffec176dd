//! Why a document is not a key set, or a key of it is left out.

use std::fmt;

use middleware::pem::PemError;
use middleware::published::NotJson;

use crate::json::{Members, Value};
use crate::unusable_key::UnusableKey;

/// A key of a document that is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredKey {
    /// Its `kid`, where it has one.
    pub key_id: Option<String>,
    /// Why it is ignored.
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

/// What a document is if it is not a key set.
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

impl NotAKeySet {
    /// Identifies an object without a list `keys`.
    pub(crate) fn without_list(members: &Members) -> Self {
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

/// RFC 7518 §3.2: as long as the hash; 32 bytes for the shortest, SHA-256.
pub(crate) const SHORTEST_SECRET: usize = 32;
/// The longest document in bytes. A key with its certificates takes about 5 KiB.
pub(crate) const MAX_BYTES: usize = 256 * 1024;
/// The most keys in a document. Sets of public identity providers usually hold about a dozen. A set that serves all
/// regions of a cloud holds several for each.
pub(crate) const MAX_KEYS: usize = 256;
