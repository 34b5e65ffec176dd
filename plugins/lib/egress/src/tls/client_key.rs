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

#[cfg(test)]
mod tests {
    use ring::signature::{
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
        RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, UnparsedPublicKey,
        VerificationAlgorithm,
    };
    use rsa::pkcs1::EncodeRsaPublicKey as _;
    use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};

    use super::*;

    #[test]
    fn an_rsa_key_signs_by_every_scheme_that_a_server_may_offer() {
        let drawn = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
        let der = drawn.to_pkcs8_der().unwrap().as_bytes().to_vec();
        let key = ClientKeys
            .load_private_key(PrivateKeyDer::Pkcs8(der.into()))
            .unwrap();
        let public = drawn.to_public_key();
        let spki = public.to_public_key_der().unwrap();
        assert_eq!(key.public_key().unwrap().as_ref(), spki.as_bytes());
        assert_eq!(key.algorithm(), SignatureAlgorithm::RSA);

        let public = public.to_pkcs1_der().unwrap();
        let cases: [(SignatureScheme, &dyn VerificationAlgorithm); 6] = [
            (SignatureScheme::RSA_PSS_SHA256, &RSA_PSS_2048_8192_SHA256),
            (SignatureScheme::RSA_PSS_SHA384, &RSA_PSS_2048_8192_SHA384),
            (SignatureScheme::RSA_PSS_SHA512, &RSA_PSS_2048_8192_SHA512),
            (SignatureScheme::RSA_PKCS1_SHA256, &RSA_PKCS1_2048_8192_SHA256),
            (SignatureScheme::RSA_PKCS1_SHA384, &RSA_PKCS1_2048_8192_SHA384),
            (SignatureScheme::RSA_PKCS1_SHA512, &RSA_PKCS1_2048_8192_SHA512),
        ];
        for (scheme, algorithm) in cases {
            let signer = key.choose_scheme(&[SignatureScheme::ED25519, scheme]).unwrap();
            assert_eq!(signer.scheme(), scheme);
            let signature = signer.sign(b"a handshake").unwrap();
            let accepted =
                UnparsedPublicKey::new(algorithm, public.as_bytes()).verify(b"a handshake", &signature);
            assert!(accepted.is_ok(), "{scheme:?}");
        }
        assert!(key.choose_scheme(&[SignatureScheme::ED25519]).is_none());
    }

    #[test]
    fn keys_of_other_kinds_are_loaded_too() {
        for (algorithm, expected) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, SignatureAlgorithm::ECDSA),
            (&rcgen::PKCS_ED25519, SignatureAlgorithm::ED25519),
        ] {
            let der = rcgen::KeyPair::generate_for(algorithm).unwrap().serialize_der();
            let key = ClientKeys
                .load_private_key(PrivateKeyDer::Pkcs8(der.into()))
                .unwrap();
            assert_eq!(key.algorithm(), expected);
        }
    }
}
