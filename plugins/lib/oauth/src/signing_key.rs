//! Private keys and secrets that sign assertions.

use middleware::Secret;
use middleware::pace::{STRETCH, work};
use middleware::pem::{self, PrivateKeyForm};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use ring::{digest, hmac};
use rsa_sign::{Hash, InvalidKey, PrivateKey, Scheme};

/// A signing key. Each kind of key supports exactly one algorithm.
pub(crate) enum SigningKey {
    /// HS256 with the client's secret.
    Secret(Box<hmac::Key>),
    /// RS256.
    Rsa(Box<PrivateKey>),
    /// ES256.
    P256(Box<EcdsaKeyPair>),
}

impl SigningKey {
    /// Creates a key from a client's secret.
    pub(crate) fn of_secret(secret: &Secret) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        Self::Secret(Box::new(key))
    }

    /// Reads a private key in PEM: RSA in PKCS#8 or PKCS#1, or P-256 in PKCS#8.
    ///
    /// # Errors
    /// What is wrong with the key. The text continues a sentence that begins with the option's name, and contains no
    /// part of the key.
    pub(crate) fn of_pem(pem: &Secret) -> Result<Self, String> {
        let (form, der) = pem::private_key(pem.expose()).map_err(|error| error.to_string())?;
        let rsa = |key| Self::Rsa(Box::new(key));
        let refused =
            |error: InvalidKey| format!("is not an RSA key of 2048 to 4096 bits that can be used ({error})");
        match form {
            PrivateKeyForm::Pkcs1 => PrivateKey::from_pkcs1(&der, &work).map(rsa).map_err(refused),
            PrivateKeyForm::Pkcs8 => {
                let random = SystemRandom::new();
                match EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random) {
                    Ok(key) => Ok(Self::P256(Box::new(key))),
                    Err(_) => PrivateKey::from_pkcs8(&der, &work)
                        .map(rsa)
                        .map_err(|error| format!("{}, and not a P-256 key either", refused(error))),
                }
            }
            PrivateKeyForm::Sec1 => Err(
                "is a key of a form that is not known: write it as PKCS#8 by `openssl pkcs8 -topk8 -nodes`"
                    .to_owned(),
            ),
        }
    }

    /// Returns the value of the header parameter `alg` (RFC 7518 section 3.1).
    pub(crate) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
        }
    }

    /// Returns whether the certificate belongs to this key.
    fn is_certified_by(&self, certificate: &[u8]) -> bool {
        // A certificate contains the public key in exactly the form that ring exports: PKCS#1, or an SEC 1 point.
        let public = match self {
            Self::Secret(_) => return false,
            Self::Rsa(key) => key.public_key(),
            Self::P256(key) => key.public_key().as_ref(),
        };
        certificate.windows(public.len()).any(|part| part == public)
    }

    /// Signs `message`, in the form of RFC 7518 section 3.
    ///
    /// # Errors
    /// [`SigningError`], which does not occur in practice.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match self {
            Self::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Self::Rsa(key) => key
                .sign(Scheme::Pkcs1, Hash::Sha256, message, &work)
                .map_err(|_| SigningError),
            Self::P256(key) => {
                // ring cannot be interrupted. The signature takes half a millisecond.
                work(STRETCH + 1);
                let signature = key
                    .sign(&SystemRandom::new(), message)
                    .map_err(|_| SigningError)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

/// The cryptographic library failed to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the assertion cannot be signed")]
pub struct SigningError;

/// A certificate's digests. A token uses them to name the key that signed it.
pub(crate) struct Thumbprints {
    /// `x5t` (RFC 7515 section 4.1.7).
    pub(crate) sha1: [u8; 20],
    /// `x5t#S256` (RFC 7515 section 4.1.8).
    pub(crate) sha256: [u8; 32],
}

impl Thumbprints {
    /// Computes the digests of the first certificate in `pem`, which must belong to `key`.
    ///
    /// # Errors
    /// What is wrong with the certificate. The text continues a sentence that begins with the option's name.
    pub(crate) fn of_pem(pem: &Secret, key: &SigningKey) -> Result<Self, String> {
        let certificates = pem::certificates(pem.expose()).map_err(|error| error.to_string())?;
        let certificate = certificates.first().map(Vec::as_slice).unwrap_or_default();
        if !key.is_certified_by(certificate) {
            return Err(
                "is not the certificate of the key: the provider would look for another one".to_owned(),
            );
        }
        let (mut sha1, mut sha256) = ([0; 20], [0; 32]);
        sha1.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref());
        sha256.copy_from_slice(digest::digest(&digest::SHA256, certificate).as_ref());
        Ok(Self { sha1, sha256 })
    }
}
