//! Keys for the tests, made anew in every run, and tokens signed with them.
//!
//! jwt-simple signs what it can. Tokens with headers that it would never write are signed by hand.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::{
    Claims, Duration, ECDSAP256KeyPairLike as _, ECDSAP384KeyPairLike as _, ES256KeyPair, ES384KeyPair,
    Ed25519KeyPair, EdDSAKeyPairLike as _, HS256Key, HS384Key, HS512Key, JWTClaims, MACLike as _,
    NoCustomClaims, PS256KeyPair, PS384KeyPair, PS512KeyPair, RS256KeyPair, RS384KeyPair, RS512KeyPair,
    RSAKeyPairLike as _,
};
use ring::{hmac, signature};
use serde_json::{Value, json};

use crate::algorithm::{Algorithm, KeyType};
use crate::key_set::KeySet;

static RSA: LazyLock<RS256KeyPair> = LazyLock::new(|| RS256KeyPair::generate(2048).unwrap());
static P256: LazyLock<ES256KeyPair> = LazyLock::new(ES256KeyPair::generate);
static P384: LazyLock<ES384KeyPair> = LazyLock::new(ES384KeyPair::generate);
static ED25519: LazyLock<Ed25519KeyPair> = LazyLock::new(Ed25519KeyPair::generate);

/// Long enough for every HMAC.
pub(crate) const SECRET: [u8; 64] = [0x5a; 64];

pub(crate) fn rsa_jwk() -> Value {
    bare(&RSA.public_key().to_jwk())
}

pub(crate) fn p256_jwk() -> Value {
    bare(&P256.public_key().to_jwk())
}

pub(crate) fn p384_jwk() -> Value {
    bare(&P384.public_key().to_jwk())
}

pub(crate) fn ed25519_jwk() -> Value {
    bare(&ED25519.public_key().to_jwk())
}

pub(crate) fn rsa_pem() -> String {
    RSA.public_key().to_pem().unwrap()
}

pub(crate) fn p256_pem() -> String {
    P256.public_key().to_pem().unwrap()
}

pub(crate) fn p384_pem() -> String {
    P384.public_key().to_pem().unwrap()
}

pub(crate) fn ed25519_pem() -> String {
    ED25519.public_key().to_pem()
}

/// The RSA public key as `SEQUENCE { modulus, publicExponent }`.
pub(crate) fn rsa_pkcs1() -> Vec<u8> {
    ring_rsa().public().as_ref().to_vec()
}

/// A certificate and the public key in it, both DER.
pub(crate) fn certificate() -> (Vec<u8>, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["issuer.example".to_owned()]).unwrap();
    let spki = rcgen::PublicKeyData::subject_public_key_info(&made.signing_key);
    (made.cert.der().to_vec(), spki)
}

/// A set with the JWK of every asymmetric key, without names.
pub(crate) fn all_public() -> KeySet {
    let keys = [rsa_jwk(), p256_jwk(), p384_jwk(), ed25519_jwk()];
    KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

/// A token signed by jwt-simple.
pub(crate) fn signed_by_jwt_simple(algorithm: Algorithm) -> String {
    let rsa = || RSA.to_pem().unwrap();
    let claims = claims();
    match algorithm {
        Algorithm::EdDsa => ED25519.sign(claims),
        Algorithm::Es256 => P256.sign(claims),
        Algorithm::Es384 => P384.sign(claims),
        Algorithm::Hs256 => HS256Key::from_bytes(&SECRET).authenticate(claims),
        Algorithm::Hs384 => HS384Key::from_bytes(&SECRET).authenticate(claims),
        Algorithm::Hs512 => HS512Key::from_bytes(&SECRET).authenticate(claims),
        Algorithm::Ps256 => PS256KeyPair::from_pem(&rsa()).unwrap().sign(claims),
        Algorithm::Ps384 => PS384KeyPair::from_pem(&rsa()).unwrap().sign(claims),
        Algorithm::Ps512 => PS512KeyPair::from_pem(&rsa()).unwrap().sign(claims),
        Algorithm::Rs256 => RSA.sign(claims),
        Algorithm::Rs384 => RS384KeyPair::from_pem(&rsa()).unwrap().sign(claims),
        Algorithm::Rs512 => RS512KeyPair::from_pem(&rsa()).unwrap().sign(claims),
    }
    .unwrap()
}

/// A token with any header and claims, signed with the Ed25519 key.
pub(crate) fn signed_with_ed25519(header: &Value, claims: &Value) -> String {
    let key = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&ED25519.to_der()).unwrap();
    by_hand(header, claims, |input| key.sign(input).as_ref().to_vec())
}

/// A token with any header and claims, signed with HMAC-SHA-256 under `secret`.
pub(crate) fn signed_with_hmac(secret: &[u8], header: &Value, claims: &Value) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    by_hand(header, claims, |input| hmac::sign(&key, input).as_ref().to_vec())
}

/// A token with any header and claims. `sign` makes its third part.
pub(crate) fn by_hand(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let input = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// Returns the JWK of this kind that signs tokens here.
pub(crate) fn jwk_for(key_type: KeyType) -> Value {
    match key_type {
        KeyType::Ed25519 => ed25519_jwk(),
        KeyType::P256 => p256_jwk(),
        KeyType::P384 => p384_jwk(),
        KeyType::Rsa => rsa_jwk(),
        KeyType::Symmetric => json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET)}),
    }
}

fn claims() -> JWTClaims<NoCustomClaims> {
    Claims::create(Duration::from_hours(1)).with_subject("me")
}

fn ring_rsa() -> ring::rsa::KeyPair {
    let der = RSA.to_der().unwrap();
    ring::rsa::KeyPair::from_der(&der)
        .or_else(|_| ring::rsa::KeyPair::from_pkcs8(&der))
        .unwrap()
}

/// Keeps only the members that make up the key, so that each test adds what it is about.
fn bare(jwk: &str) -> Value {
    let mut jwk: Value = serde_json::from_str(jwk).unwrap();
    jwk.as_object_mut()
        .unwrap()
        .retain(|name, _| ["kty", "n", "e", "crv", "x", "y"].contains(&name.as_str()));
    jwk
}
