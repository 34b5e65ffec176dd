//! The private key of a client certificate.
//!
//! rustls leaves signatures to ring, which cannot be interrupted while it makes one with an RSA key. The crate
//! `rsa-sign` can, so RSA keys use it. All other kinds of keys stay with ring, because their signatures take half a
//! millisecond.

use std::fmt;
use std::sync::Arc;

use middleware::pace::work;
use rsa_sign::{Hash, PrivateKey, Scheme};
use rustls::crypto::KeyProvider;
use rustls::crypto::ring::sign::{any_ecdsa_type, any_eddsa_type};
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer, alg_id};
use rustls::sign::{Signer, SigningKey, public_key_to_spki};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

/// Loads the private keys of client certificates.
#[derive(Debug)]
pub(crate) struct ClientKeys;

impl KeyProvider for ClientKeys {
    fn load_private_key(&self, der: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let rsa = match &der {
            PrivateKeyDer::Pkcs1(key) => PrivateKey::from_pkcs1(key.secret_pkcs1_der(), &work).ok(),
            PrivateKeyDer::Pkcs8(key) => PrivateKey::from_pkcs8(key.secret_pkcs8_der(), &work).ok(),
            _ => None,
        };
        if let Some(key) = rsa {
            return Ok(Arc::new(RsaKey(Arc::new(key))));
        }
        match (any_ecdsa_type(&der), &der) {
            (Err(_), PrivateKeyDer::Pkcs8(key)) => any_eddsa_type(key),
            (outcome, _) => outcome,
        }
    }
}

#[derive(Debug)]
struct RsaKey(Arc<PrivateKey>);

impl SigningKey for RsaKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let (scheme, padding, hash) = SCHEMES
            .into_iter()
            .find(|(scheme, ..)| offered.contains(scheme))?;
        Some(Box::new(RsaSigner {
            key: Arc::clone(&self.0),
            scheme,
            padding,
            hash,
        }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(public_key_to_spki(&alg_id::RSA_ENCRYPTION, self.0.public_key()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

/// In the order of preference. TLS 1.3 allows only PSS.
const SCHEMES: [(SignatureScheme, Scheme, Hash); 6] = [
    (SignatureScheme::RSA_PSS_SHA512, Scheme::Pss, Hash::Sha512),
    (SignatureScheme::RSA_PSS_SHA384, Scheme::Pss, Hash::Sha384),
    (SignatureScheme::RSA_PSS_SHA256, Scheme::Pss, Hash::Sha256),
    (SignatureScheme::RSA_PKCS1_SHA512, Scheme::Pkcs1, Hash::Sha512),
    (SignatureScheme::RSA_PKCS1_SHA384, Scheme::Pkcs1, Hash::Sha384),
    (SignatureScheme::RSA_PKCS1_SHA256, Scheme::Pkcs1, Hash::Sha256),
];

/// A key with the signature scheme to use.
struct RsaSigner {
    key: Arc<PrivateKey>,
    scheme: SignatureScheme,
    padding: Scheme,
    hash: Hash,
}

impl Signer for RsaSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.key
            .sign(self.padding, self.hash, message, &work)
            .map_err(|error| Error::General(error.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

impl fmt::Debug for RsaSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaSigner").field("scheme", &self.scheme).finish()
    }
}
