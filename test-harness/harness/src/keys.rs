//! Signing keys of the mocks. They are always generated. [`SigningKey::sign`] signs any header and payload text,
//! including hostile text that JOSE libraries refuse to sign.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::PublicKeyData as _;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair, UnparsedPublicKey};
use ring::{digest, hmac};
use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::OsRng;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};

use crate::certificates::CertificateAuthority;

/// The JWS algorithms (RFC 7518 section 3.1, RFC 8037) that the mocks use to sign and to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Algorithm {
    EdDSA,
    ES256,
    ES384,
    HS256,
    HS384,
    HS512,
    PS256,
    PS384,
    PS512,
    RS256,
    RS384,
    RS512,
}

impl Algorithm {
    /// All algorithms, for tables.
    pub const ALL: [Self; 12] = [
        Self::EdDSA,
        Self::ES256,
        Self::ES384,
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
    ];

    /// Returns the value of the `alg` header parameter.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDSA => "EdDSA",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
        }
    }

    /// Returns the algorithm with this `alg` value.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// A private key with its key ID and, for JWKs in IDCS's form, a certificate chain. Clones share the key.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    material: Arc<Material>,
}

struct Material {
    private: Private,
    /// The same key for rcgen, which writes SubjectPublicKeyInfo and certificates. `None` for HMAC.
    certifiable: Option<rcgen::KeyPair>,
    leaf: OnceLock<CertificateDer<'static>>,
}

enum Private {
    Ed25519(Ed25519KeyPair),
    Hmac(Vec<u8>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// Generates an RSA key of 2048, 3072 or 4096 bits. This is slow; prefer [`Self::rsa_cached`].
    pub fn rsa(bits: usize) -> Self {
        let generated = RsaPrivateKey::new(&mut OsRng, bits).and_then(|key| Ok(key.to_pkcs8_der()?));
        let pkcs8 = generated.expect("RSA keys of 2048, 3072 and 4096 bits can be generated");
        let pkcs8 = pkcs8.as_bytes();
        let private = RsaKeyPair::from_pkcs8(pkcs8).expect("ring reads the RSA key");
        Self::new(
            Private::Rsa(private),
            Some(certifiable(pkcs8, &rcgen::PKCS_RSA_SHA256)),
        )
    }

    /// Returns RSA key number `index` of this size. The first call generates it; later calls in this process return the
    /// same key.
    pub fn rsa_cached(bits: usize, index: usize) -> Self {
        type Slots = Mutex<HashMap<(usize, usize), Arc<OnceLock<SigningKey>>>>;
        static SLOTS: LazyLock<Slots> = LazyLock::new(Slots::default);
        let slot = Arc::clone(
            SLOTS
                .lock()
                .expect("no key slot panics")
                .entry((bits, index))
                .or_default(),
        );
        slot.get_or_init(|| Self::rsa(bits)).clone()
    }

    /// Starts to generate the cached RSA keys of these numbers, each on its own thread. Returns at once.
    pub fn pregenerate_rsa(bits: usize, indexes: std::ops::Range<usize>) {
        for index in indexes {
            std::thread::spawn(move || Self::rsa_cached(bits, index));
        }
    }

    /// Generates a P-256 key (ES256).
    pub fn p256() -> Self {
        let (pkcs8, pair) = generate(&rcgen::PKCS_ECDSA_P256_SHA256);
        let private = EcdsaKeyPair::from_pkcs8(
            &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            &pkcs8,
            &SystemRandom::new(),
        )
        .expect("ring reads the P-256 key");
        Self::new(Private::P256(private), Some(pair))
    }

    /// Generates a P-384 key (ES384).
    pub fn p384() -> Self {
        let (pkcs8, pair) = generate(&rcgen::PKCS_ECDSA_P384_SHA384);
        let private = EcdsaKeyPair::from_pkcs8(
            &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            &pkcs8,
            &SystemRandom::new(),
        )
        .expect("ring reads the P-384 key");
        Self::new(Private::P384(private), Some(pair))
    }

    /// Generates an Ed25519 key (EdDSA).
    pub fn ed25519() -> Self {
        let (pkcs8, pair) = generate(&rcgen::PKCS_ED25519);
        let private = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).expect("ring reads the Ed25519 key");
        Self::new(Private::Ed25519(private), Some(pair))
    }

    /// Creates a key from a shared secret (HS256, HS384, HS512).
    pub fn hmac(secret: &[u8]) -> Self {
        Self::new(Private::Hmac(secret.to_vec()), None)
    }

    /// Returns the same key with another key ID. A new key has the ID `SIGNING_KEY`, as every key of IDCS has.
    pub fn with_kid(&self, kid: &str) -> Self {
        Self {
            kid: kid.to_owned(),
            material: Arc::clone(&self.material),
        }
    }

    /// Returns the key ID.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns the algorithm that IDCS would write into the `alg` of this key.
    pub fn algorithm(&self) -> Algorithm {
        match &self.material.private {
            Private::Ed25519(_) => Algorithm::EdDSA,
            Private::Hmac(_) => Algorithm::HS256,
            Private::P256(_) => Algorithm::ES256,
            Private::P384(_) => Algorithm::ES384,
            Private::Rsa(_) => Algorithm::RS256,
        }
    }

    /// Signs exactly these two texts and returns a compact JWS (RFC 7515 section 3.1). `algorithm` chooses the
    /// primitive; the header may claim another one. Panics if this kind of key does not support `algorithm`.
    pub fn sign(&self, algorithm: Algorithm, header: &str, payload: &str) -> String {
        let message = signing_input(header, payload);
        let signature = self.signature(algorithm, message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Returns whether this key made `signature` over `message`. Returns false if the key does not support `algorithm`.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        use Algorithm::*;
        let check = |verification: &'static dyn signature::VerificationAlgorithm, public: &[u8]| {
            UnparsedPublicKey::new(verification, public)
                .verify(message, signature)
                .is_ok()
        };
        match (&self.material.private, algorithm) {
            (Private::Ed25519(key), EdDSA) => check(&signature::ED25519, key.public_key().as_ref()),
            (Private::P256(key), ES256) => {
                check(&signature::ECDSA_P256_SHA256_FIXED, key.public_key().as_ref())
            }
            (Private::P384(key), ES384) => {
                check(&signature::ECDSA_P384_SHA384_FIXED, key.public_key().as_ref())
            }
            (Private::Hmac(secret), algorithm) => hmac_algorithm(algorithm)
                .is_some_and(|hash| hmac::verify(&hmac::Key::new(hash, secret), message, signature).is_ok()),
            (Private::Rsa(key), algorithm) => rsa_verification(algorithm)
                .is_some_and(|verification| check(verification, key.public_key().as_ref())),
            _ => false,
        }
    }

    /// Returns the public key as PEM SubjectPublicKeyInfo. Panics for HMAC, which has no public key.
    pub fn public_pem(&self) -> String {
        self.certifiable().public_key_pem()
    }

    /// Returns the private key as PEM (PKCS #8). Panics for HMAC, which has no key pair.
    pub fn private_pem(&self) -> String {
        self.certifiable().serialize_pem()
    }

    /// Returns the key's certificate as PEM. Panics for HMAC, which has no certificate.
    pub fn certificate_pem(&self) -> String {
        let text = STANDARD.encode(self.leaf());
        let lines: Vec<&str> = (0..text.len())
            .step_by(64)
            .map(|start| &text[start..text.len().min(start + 64)])
            .collect();
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        )
    }

    /// Returns the public key as DER SubjectPublicKeyInfo. Panics for HMAC, which has no public key.
    pub fn public_der(&self) -> Vec<u8> {
        self.certifiable().subject_public_key_info()
    }

    /// Returns the modulus of an RSA key in the encoding of the JWK member `n`, or `None` for other keys.
    pub fn modulus(&self) -> Option<String> {
        match &self.material.private {
            Private::Rsa(key) => Some(rsa_components(key).0),
            _ => None,
        }
    }

    /// Returns the public JWK (RFC 7517) with `kty`, the members of this key type, `kid` and `alg`. For HMAC the JWK
    /// contains the secret.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.material.private {
            Private::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.public_key())})
            }
            Private::Hmac(secret) => json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret)}),
            Private::P256(key) => ec_jwk("P-256", key),
            Private::P384(key) => ec_jwk("P-384", key),
            Private::Rsa(key) => {
                let (n, e) = rsa_components(key);
                json!({"kty": "RSA", "n": n, "e": e})
            }
        };
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.algorithm().name());
        jwk
    }

    /// Returns the JWK in IDCS's form: with certificate chain and thumbprints, without `use`, and with `key_ops` that
    /// lack `verify`.
    pub fn idcs_jwk(&self) -> Value {
        let mut jwk = self.jwk();
        jwk["x5t"] = json!(self.x5t());
        jwk["x5t#S256"] = json!(self.x5t_s256());
        let authority = CertificateAuthority::shared().ca_der();
        jwk["x5c"] = json!([STANDARD.encode(self.leaf()), STANDARD.encode(authority)]);
        jwk["key_ops"] = json!(["encrypt", "sign"]);
        jwk
    }

    /// Returns the SHA-1 thumbprint of the key's certificate (RFC 7515 section 4.1.7).
    pub fn x5t(&self) -> String {
        thumbprint(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.leaf())
    }

    /// Returns the SHA-256 thumbprint of the key's certificate (RFC 7515 section 4.1.8).
    pub fn x5t_s256(&self) -> String {
        thumbprint(&digest::SHA256, self.leaf())
    }

    fn new(private: Private, certifiable: Option<rcgen::KeyPair>) -> Self {
        let material = Material {
            private,
            certifiable,
            leaf: OnceLock::new(),
        };
        Self {
            kid: IDCS_KID.to_owned(),
            material: Arc::new(material),
        }
    }

    fn signature(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        use Algorithm::*;
        let random = SystemRandom::new();
        match (&self.material.private, algorithm) {
            (Private::Ed25519(key), EdDSA) => key.sign(message).as_ref().to_vec(),
            (Private::P256(key), ES256) | (Private::P384(key), ES384) => key
                .sign(&random, message)
                .expect("ECDSA signs any message")
                .as_ref()
                .to_vec(),
            (Private::Hmac(secret), HS256 | HS384 | HS512) => {
                let hash = hmac_algorithm(algorithm).expect("these three are HMAC");
                hmac::sign(&hmac::Key::new(hash, secret), message)
                    .as_ref()
                    .to_vec()
            }
            (Private::Rsa(key), RS256 | RS384 | RS512 | PS256 | PS384 | PS512) => {
                let encoding = rsa_encoding(algorithm).expect("these six are RSA");
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(encoding, &random, message, &mut signature)
                    .expect("the buffer has the modulus's length");
                signature
            }
            (_, algorithm) => panic!(
                "a key for {} cannot sign {}",
                self.algorithm().name(),
                algorithm.name()
            ),
        }
    }

    fn certifiable(&self) -> &rcgen::KeyPair {
        self.material
            .certifiable
            .as_ref()
            .expect("an HMAC secret has no public part")
    }

    fn leaf(&self) -> &CertificateDer<'static> {
        self.material
            .leaf
            .get_or_init(|| CertificateAuthority::shared().certify(&self.kid, self.certifiable()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({}, {})", self.kid, self.algorithm().name())
    }
}

/// Returns `header.payload`, both in base64url. A JWS signature covers this text (RFC 7515 section 5.1).
pub fn signing_input(header: &str, payload: &str) -> String {
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    )
}

/// The key ID that IDCS gives to the signing key of every tenant.
pub const IDCS_KID: &str = "SIGNING_KEY";

fn certifiable(pkcs8: &[u8], algorithm: &'static rcgen::SignatureAlgorithm) -> rcgen::KeyPair {
    rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8), algorithm)
        .expect("ring has read the same key")
}

fn generate(algorithm: &'static rcgen::SignatureAlgorithm) -> (Vec<u8>, rcgen::KeyPair) {
    let pair = rcgen::KeyPair::generate_for(algorithm).expect("ring generates elliptic curve keys");
    (pair.serialize_der(), pair)
}

fn thumbprint(hash: &'static digest::Algorithm, certificate: &CertificateDer<'_>) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(hash, certificate))
}

fn rsa_components(key: &RsaKeyPair) -> (String, String) {
    let components = signature::RsaPublicKeyComponents::<Vec<u8>>::from(key.public());
    (
        URL_SAFE_NO_PAD.encode(components.n),
        URL_SAFE_NO_PAD.encode(components.e),
    )
}

fn ec_jwk(curve: &str, key: &EcdsaKeyPair) -> Value {
    // SEC 1 uncompressed point: 0x04, then both coordinates with equal length.
    let coordinates = key.public_key().as_ref().get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({"kty": "EC", "crv": curve, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
}

fn hmac_algorithm(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::HS256 => Some(hmac::HMAC_SHA256),
        Algorithm::HS384 => Some(hmac::HMAC_SHA384),
        Algorithm::HS512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static dyn signature::RsaEncoding> {
    match algorithm {
        Algorithm::PS256 => Some(&signature::RSA_PSS_SHA256),
        Algorithm::PS384 => Some(&signature::RSA_PSS_SHA384),
        Algorithm::PS512 => Some(&signature::RSA_PSS_SHA512),
        Algorithm::RS256 => Some(&signature::RSA_PKCS1_SHA256),
        Algorithm::RS384 => Some(&signature::RSA_PKCS1_SHA384),
        Algorithm::RS512 => Some(&signature::RSA_PKCS1_SHA512),
        _ => None,
    }
}

fn rsa_verification(algorithm: Algorithm) -> Option<&'static dyn signature::VerificationAlgorithm> {
    match algorithm {
        Algorithm::PS256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::RS256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use jwt_simple::prelude::*;

    fn keys() -> Vec<SigningKey> {
        vec![
            SigningKey::rsa_cached(2048, 0),
            SigningKey::p256(),
            SigningKey::p384(),
            SigningKey::ed25519(),
            SigningKey::hmac(b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        ]
    }

    fn capable(key: &SigningKey, algorithm: Algorithm) -> bool {
        let family = |name: &str| name.get(..2).unwrap_or_default().replace("PS", "RS");
        match key.algorithm() {
            Algorithm::RS256 | Algorithm::HS256 => family(key.algorithm().name()) == family(algorithm.name()),
            other => other == algorithm,
        }
    }

    /// Verifies with jwt-simple, the library that the plugins use.
    fn jwt_simple_accepts(key: &SigningKey, algorithm: Algorithm, token: &str) -> bool {
        macro_rules! accepts {
            ($public_key:expr) => {
                $public_key
                    .verify_token::<NoCustomClaims>(token, None)
                    .is_ok()
            };
        }
        let (jwk, pem) = (|| key.jwk().to_string(), || key.public_pem());
        match algorithm {
            Algorithm::EdDSA => accepts!(Ed25519PublicKey::from_jwk(&jwk()).unwrap()),
            Algorithm::ES256 => accepts!(ES256PublicKey::from_jwk(&jwk()).unwrap()),
            Algorithm::ES384 => accepts!(ES384PublicKey::from_jwk(&jwk()).unwrap()),
            Algorithm::HS256 => accepts!(HS256Key::from_bytes(secret(key))),
            Algorithm::HS384 => accepts!(HS384Key::from_bytes(secret(key))),
            Algorithm::HS512 => accepts!(HS512Key::from_bytes(secret(key))),
            Algorithm::PS256 => accepts!(PS256PublicKey::from_pem(&pem()).unwrap()),
            Algorithm::PS384 => accepts!(PS384PublicKey::from_pem(&pem()).unwrap()),
            Algorithm::PS512 => accepts!(PS512PublicKey::from_pem(&pem()).unwrap()),
            Algorithm::RS256 => accepts!(RS256PublicKey::from_pem(&pem()).unwrap()),
            Algorithm::RS384 => accepts!(RS384PublicKey::from_pem(&pem()).unwrap()),
            Algorithm::RS512 => accepts!(RS512PublicKey::from_pem(&pem()).unwrap()),
        }
    }

    fn secret(key: &SigningKey) -> &[u8] {
        match &key.material.private {
            Private::Hmac(secret) => secret,
            _ => panic!("not an HMAC key"),
        }
    }

    #[test]
    fn every_algorithm_verifies_with_jwt_simple_and_with_ourselves() {
        for key in keys() {
            for algorithm in Algorithm::ALL
                .into_iter()
                .filter(|algorithm| capable(&key, *algorithm))
            {
                let header = json!({"alg": algorithm.name(), "kid": "SIGNING_KEY"}).to_string();
                let token = key.sign(algorithm, &header, r#"{"sub":"someone"}"#);
                let (message, signature) = token.rsplit_once('.').unwrap();
                let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
                assert!(jwt_simple_accepts(&key, algorithm, &token), "{algorithm:?}");
                assert!(
                    key.verify(algorithm, message.as_bytes(), &signature),
                    "{algorithm:?}"
                );
                assert!(
                    !key.verify(algorithm, b"another message", &signature),
                    "{algorithm:?}"
                );
            }
        }
    }

    #[test]
    fn another_key_of_the_same_kind_does_not_verify() {
        let (ours, theirs) = (SigningKey::p256(), SigningKey::p256());
        let token = ours.sign(Algorithm::ES256, r#"{"alg":"ES256"}"#, "{}");
        assert!(jwt_simple_accepts(&ours, Algorithm::ES256, &token));
        assert!(!jwt_simple_accepts(&theirs, Algorithm::ES256, &token));
    }

    #[test]
    fn a_key_verifies_no_algorithm_of_another_kind() {
        let key = SigningKey::p256();
        let token = key.sign(Algorithm::ES256, "{}", "{}");
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(!key.verify(Algorithm::HS256, message.as_bytes(), &signature));
        assert!(!key.verify(Algorithm::ES384, message.as_bytes(), &signature));
    }

    #[test]
    fn header_and_payload_are_signed_as_given() {
        let key = SigningKey::ed25519();
        let token = key.sign(
            Algorithm::EdDSA,
            r#"{"alg":"none","alg":"EdDSA"}"#,
            "not even JSON",
        );
        assert!(token.starts_with(&signing_input(r#"{"alg":"none","alg":"EdDSA"}"#, "not even JSON")));
    }

    #[test]
    fn idcs_jwk_has_the_members_of_idcs() {
        let key = SigningKey::rsa_cached(2048, 0);
        let jwk = key.idcs_jwk();
        let mut members: Vec<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(
            members,
            ["alg", "e", "key_ops", "kid", "kty", "n", "x5c", "x5t", "x5t#S256"]
        );
        assert_eq!(jwk["kid"], "SIGNING_KEY");
        assert_eq!(jwk["e"], "AQAB");
        assert_eq!(jwk["key_ops"], json!(["encrypt", "sign"]));
        let leaf = STANDARD.decode(jwk["x5c"][0].as_str().unwrap()).unwrap();
        assert_eq!(
            jwk["x5t#S256"],
            URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &leaf))
        );
    }

    #[test]
    fn cached_rsa_keys_are_stable_and_distinct() {
        let modulus = |index| SigningKey::rsa_cached(2048, index).modulus().unwrap();
        assert_eq!(modulus(0), modulus(0));
        assert_ne!(modulus(0), modulus(1));
    }
}
