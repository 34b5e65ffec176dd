//! One verification key and the algorithms that it serves.

use std::fmt;

use middleware::pace::work;
use ring::{hmac, signature};

use crate::algorithm::{Algorithm, KeyType};
use crate::elliptic_curve::P384PublicKey;
use crate::rsa::RsaPublicKey;

/// A key that can verify signatures.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// `kid`, if the source gives one.
    pub(crate) key_id: Option<String>,
    /// `x5t#S256`, if the source gives one.
    pub(crate) thumbprint: Option<String>,
    /// `alg`: the only algorithm that the key may be used for. Entra ID publishes keys without it, which serve every
    /// algorithm of their type.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) material: Material,
}

/// The key in the form that verification needs.
#[derive(Clone, PartialEq)]
pub(crate) enum Material {
    Ed25519([u8; 32]),
    P256(Box<p256_verify::PublicKey>),
    P384(Box<P384PublicKey>),
    Rsa(RsaPublicKey),
    Symmetric(Vec<u8>),
}

impl Eq for Material {}

impl Material {
    pub(crate) fn key_type(&self) -> KeyType {
        match self {
            Self::Ed25519(_) => KeyType::Ed25519,
            Self::P256(_) => KeyType::P256,
            Self::P384(_) => KeyType::P384,
            Self::Rsa(_) => KeyType::Rsa,
            Self::Symmetric(_) => KeyType::Symmetric,
        }
    }
}

impl Key {
    /// A key of which nothing but its material is known.
    pub(crate) fn anonymous(material: Material) -> Self {
        Self {
            key_id: None,
            thumbprint: None,
            algorithm: None,
            material,
        }
    }

    /// Whether the key may check signatures of `algorithm`. A secret shorter than the hash is too weak for it
    /// (RFC 7518 §3.2).
    pub(crate) fn serves(&self, algorithm: Algorithm) -> bool {
        let long_enough = match &self.material {
            Material::Symmetric(secret) => secret.len() >= hash_bytes(algorithm),
            _ => true,
        };
        self.material.key_type() == algorithm.key_type()
            && self.algorithm.is_none_or(|only| only == algorithm)
            && long_enough
    }

    /// Whether this key made `signature` over `message`.
    ///
    /// The crates `rsa-verify` and `p256-verify` verify RS, PS and ES256, the key inside jwt-simple's verifies ES384, and
    /// ring the others. jwt-simple's own token check is not used, because it reads header and claims again, and less
    /// strictly.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.serves(algorithm) {
            return false;
        }
        match &self.material {
            Material::Ed25519(key) => signature::UnparsedPublicKey::new(&signature::ED25519, key)
                .verify(message, signature)
                .is_ok(),
            Material::P256(key) => key.verifies(message, signature, &work),
            Material::P384(key) => key.verifies(message, signature),
            Material::Rsa(key) => key.verifies(algorithm, message, signature),
            // Compares in constant time.
            Material::Symmetric(secret) => hmac_hash(algorithm)
                .is_some_and(|hash| hmac::verify(&hmac::Key::new(hash, secret), message, signature).is_ok()),
        }
    }
}

/// Shows no material: it may be a secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("key_type", &self.material.key_type())
            .field("key_id", &self.key_id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

fn hmac_hash(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::Hs256 => Some(hmac::HMAC_SHA256),
        Algorithm::Hs384 => Some(hmac::HMAC_SHA384),
        Algorithm::Hs512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

fn hash_bytes(algorithm: Algorithm) -> usize {
    hmac_hash(algorithm).map_or(0, |hash| hash.digest_algorithm().output_len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_serves_the_algorithms_of_its_type_or_just_its_own() {
        let mut key = Key::anonymous(Material::Ed25519([0; 32]));
        let served = |key: &Key| {
            Algorithm::ALL
                .into_iter()
                .filter(|&a| key.serves(a))
                .collect::<Vec<_>>()
        };
        assert_eq!(served(&key), [Algorithm::EdDsa]);
        key.material = Material::Symmetric(vec![0; 64]);
        assert_eq!(
            served(&key),
            [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512]
        );
        key.algorithm = Some(Algorithm::Hs384);
        assert_eq!(served(&key), [Algorithm::Hs384]);
        key.algorithm = Some(Algorithm::Rs256);
        assert_eq!(served(&key), []);
    }

    #[test]
    fn a_secret_serves_no_hash_longer_than_itself() {
        for (length, longest) in [
            (31, None),
            (32, Some(Algorithm::Hs256)),
            (48, Some(Algorithm::Hs384)),
            (64, Some(Algorithm::Hs512)),
        ] {
            let key = Key::anonymous(Material::Symmetric(vec![7; length]));
            assert_eq!(
                Algorithm::ALL.into_iter().rfind(|&a| key.serves(a)),
                longest,
                "{length}"
            );
        }
    }

    #[test]
    fn debug_output_shows_no_material() {
        let shown = format!("{:?}", Key::anonymous(Material::Symmetric(b"hunter2".to_vec())));
        assert!(!shown.contains("hunter2") && !shown.contains("104"), "{shown}");
    }
}
