//! Tokens. Nobody can make a token that verifies without a key, and a token that verifies has exactly one spelling.
//!
//! The input is a token as it arrives. It is also read as a header and claims, separated by a line break, which the
//! issuer then signs.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jose::{Acceptance, Algorithm, KeySet, Token};
use libfuzzer_sys::fuzz_target;
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

const SECRET: [u8; 64] = [0x5a; 64];
static HMAC: LazyLock<hmac::Key> = LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA256, &SECRET));

/// The issuer's secret and an unused public key, so that every path through the key set is open.
static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let ed25519 = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let keys = json!({"keys": [
        {"kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET)},
        {"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(ed25519.public_key().as_ref())},
    ]});
    KeySet::from_configured_jwks(keys.to_string().as_bytes()).unwrap()
});

static ACCEPT: LazyLock<Acceptance> = LazyLock::new(|| Acceptance {
    max_bytes: 16 * 1024,
    algorithms: Algorithm::ALL.to_vec(),
});

fn accepted(token: &[u8]) -> bool {
    Token::parse(token, &ACCEPT).is_ok_and(|token| token.verify(&KEYS).is_ok())
}

/// Compares numbers as floats, because the other reader keeps no more precision.
fn is_same(claim: &jose::Value, value: &Value) -> bool {
    match (claim, value) {
        (jose::Value::Number(one), Value::Number(other)) => one
            .as_f64()
            .zip(other.as_f64())
            .is_some_and(|(one, other)| (one - other).abs() <= other.abs() * 1e-12 + f64::MIN_POSITIVE),
        (jose::Value::Array(ones), Value::Array(others)) => {
            ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| is_same(one, other))
        }
        (jose::Value::Object(ones), Value::Object(others)) => {
            let same = |(name, one): (&String, _)| others.get(name).is_some_and(|other| is_same(one, other));
            ones.len() == others.len() && ones.iter().all(same)
        }
        _ => claim.to_string() == value.to_string(),
    }
}

fuzz_target!(|input: &[u8]| {
    assert!(!accepted(input), "a forged token");

    let middle = input
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(input.len());
    let (header, claims) = input.split_at(middle);
    let claims = claims.strip_prefix(b"\n").unwrap_or(claims);
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = hmac::sign(&HMAC, signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));

    let Ok(parsed) = Token::parse(token.as_bytes(), &ACCEPT) else {
        return;
    };
    let header: Value = serde_json::from_slice(header).expect("a header that another reader understands");
    let name = header["alg"].as_str().expect("a name");
    assert_eq!(Algorithm::from_name(name), Some(parsed.header().algorithm));
    for forbidden in ["crit", "b64", "jwk", "jku", "x5u"] {
        assert!(header.get(forbidden).is_none(), "{forbidden}");
    }
    let claims: Value = serde_json::from_slice(claims).expect("claims that another reader understands");
    for (name, value) in claims.as_object().expect("an object") {
        let claim = parsed.unverified_claims().get(name).expect("the claim");
        assert!(is_same(claim, value), "{claim} is not {value}");
    }

    assert_eq!(parsed.verify(&KEYS).is_ok(), name == "HS256");
    if name == "HS256" {
        let place = usize::from(input[0]) * 31 % token.len();
        let mut altered = token.into_bytes();
        altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
        assert!(!accepted(&altered), "byte {place} does not matter");
    }
});
