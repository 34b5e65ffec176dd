//! Signatures of every algorithm, key choice, and input made to break the parser.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use middleware::pace::watch;
use serde_json::{Value, json};

use super::*;
use crate::algorithm::{Algorithm, KeyType};
use crate::test_keys;
use crate::token::Acceptance;

fn accept_all() -> Acceptance {
    Acceptance {
        max_bytes: 16 * 1024,
        algorithms: Algorithm::ALL.to_vec(),
    }
}

fn parse(token: &str) -> Token<'_> {
    Token::parse(token.as_bytes(), &accept_all()).unwrap()
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::from_configured_jwks(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn named(mut jwk: Value, key_id: &str) -> Value {
    jwk["kid"] = key_id.into();
    jwk
}

#[test]
fn every_algorithm_verifies_with_its_key_and_with_no_other() {
    for algorithm in Algorithm::ALL {
        let text = test_keys::signed_by_jwt_simple(algorithm);
        let token = parse(&text);
        let key = set(&[test_keys::jwk_for(algorithm.key_type())]);
        let claims = token.verify(&key).unwrap();
        assert_eq!(claims.get("sub").unwrap(), "me", "{algorithm}");
        for other in [
            KeyType::Ed25519,
            KeyType::P256,
            KeyType::P384,
            KeyType::Rsa,
            KeyType::Symmetric,
        ] {
            if other != algorithm.key_type() {
                let verdict = token.verify(&set(&[test_keys::jwk_for(other)]));
                assert_eq!(verdict, Err(Unverified::UnknownKey), "{algorithm} with {other:?}");
            }
        }
    }
}

#[test]
fn a_changed_token_verifies_under_no_algorithm() {
    for algorithm in Algorithm::ALL {
        let text = test_keys::signed_by_jwt_simple(algorithm);
        let key = set(&[test_keys::jwk_for(algorithm.key_type())]);
        let parts: Vec<&str> = text.split('.').collect();
        let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        let flipped = |at: usize| {
            let mut bytes = signature.clone();
            bytes[at] ^= 1;
            bytes
        };
        let last = signature.len() - 1;
        let forged_claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"admin"}"#);
        for (claims, signature) in [
            (forged_claims.as_str(), signature.clone()),
            (parts[1], flipped(0)),
            (parts[1], flipped(last)),
            (parts[1], signature[..last].to_vec()),
            (parts[1], [signature.as_slice(), &[0]].concat()),
            (parts[1], vec![0; signature.len()]),
            (parts[1], vec![0xff; signature.len()]),
            (parts[1], vec![0]),
        ] {
            let forged = format!("{}.{claims}.{}", parts[0], URL_SAFE_NO_PAD.encode(&signature));
            let verdict = parse(&forged).verify(&key).err();
            assert_eq!(
                verdict,
                Some(Unverified::BadSignature),
                "{algorithm}: {signature:?}"
            );
        }
    }
}

#[test]
fn a_public_key_never_serves_as_a_secret() {
    let everything = test_keys::all_public();
    let header = json!({"alg": "HS256"});
    for secret in [
        test_keys::rsa_pem().into_bytes(),
        test_keys::rsa_pem().trim().as_bytes().to_vec(),
        test_keys::rsa_pkcs1(),
        test_keys::rsa_jwk().to_string().into_bytes(),
        URL_SAFE_NO_PAD
            .decode(test_keys::rsa_jwk()["n"].as_str().unwrap())
            .unwrap(),
        test_keys::p256_pem().into_bytes(),
        URL_SAFE_NO_PAD
            .decode(test_keys::ed25519_jwk()["x"].as_str().unwrap())
            .unwrap(),
    ] {
        let forged = test_keys::signed_with_hmac(&secret, &header, &json!({"sub": "admin"}));
        assert_eq!(parse(&forged).verify(&everything), Err(Unverified::UnknownKey));
    }
}

#[test]
fn an_rsa_signature_counts_only_under_its_own_padding_and_hash() {
    let key = set(&[test_keys::rsa_jwk()]);
    let text = test_keys::signed_by_jwt_simple(Algorithm::Rs256);
    let signature = text.rsplit('.').next().unwrap();
    for algorithm in ["RS384", "RS512", "PS256"] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm}).to_string());
        let forged = format!("{header}.{}.{signature}", text.split('.').nth(1).unwrap());
        assert_eq!(
            parse(&forged).verify(&key),
            Err(Unverified::BadSignature),
            "{algorithm}"
        );
    }
}

#[test]
fn a_key_with_an_algorithm_serves_no_other() {
    let mut jwk = test_keys::rsa_jwk();
    jwk["alg"] = "RS256".into();
    let key = set(&[jwk]);
    for (algorithm, expected) in [
        (Algorithm::Rs256, None),
        (Algorithm::Rs512, Some(Unverified::UnknownKey)),
        (Algorithm::Ps256, Some(Unverified::UnknownKey)),
    ] {
        let text = test_keys::signed_by_jwt_simple(algorithm);
        assert_eq!(parse(&text).verify(&key).err(), expected, "{algorithm}");
    }
}

/// Another key of the same type as the signing key.
fn other_ed25519() -> Value {
    let key = jwt_simple::prelude::Ed25519KeyPair::generate();
    let jwk: Value = serde_json::from_str(&key.public_key().to_jwk()).unwrap();
    json!({"kty": "OKP", "crv": "Ed25519", "x": jwk["x"]})
}

#[test]
fn keys_are_chosen_by_name() {
    let (good, bad) = (test_keys::ed25519_jwk(), other_ed25519());
    for (what, key_id, keys, expected) in [
        ("its key", Some("a"), vec![named(good.clone(), "a")], None),
        (
            "one of two keys of that name",
            Some("a"),
            vec![named(bad.clone(), "a"), named(good.clone(), "a")],
            None,
        ),
        (
            "only keys of other names",
            Some("a"),
            vec![named(good.clone(), "b")],
            Some(Unverified::UnknownKey),
        ),
        (
            "another key of that name",
            Some("a"),
            vec![named(bad.clone(), "a"), named(good.clone(), "b"), good.clone()],
            Some(Unverified::BadSignature),
        ),
        ("a key without name", Some("a"), vec![good.clone()], None),
        (
            "a key without name beside others",
            Some("a"),
            vec![named(bad.clone(), "b"), good.clone()],
            None,
        ),
        (
            "a key of that name but another type",
            Some("a"),
            vec![named(test_keys::p256_jwk(), "a"), good.clone()],
            Some(Unverified::UnknownKey),
        ),
        (
            "no name wanted",
            None,
            vec![named(bad.clone(), "a"), named(good.clone(), "b")],
            None,
        ),
        (
            "no name wanted, none fits",
            None,
            vec![bad.clone()],
            Some(Unverified::BadSignature),
        ),
        (
            "names differ in case",
            Some("A"),
            vec![named(good.clone(), "a")],
            Some(Unverified::UnknownKey),
        ),
    ] {
        let mut header = json!({"alg": "EdDSA"});
        if let Some(key_id) = key_id {
            header["kid"] = key_id.into();
        }
        let text = test_keys::signed_with_ed25519(&header, &json!({}));
        assert_eq!(parse(&text).verify(&set(&keys)).err(), expected, "{what}");
    }
}

#[test]
fn the_key_whose_certificate_is_named_is_tried_first_and_the_others_after_it() {
    let with_thumbprint = |thumbprint: &str| {
        let mut jwk = named(test_keys::ed25519_jwk(), "SIGNING_KEY");
        jwk["x5t#S256"] = thumbprint.into();
        jwk
    };
    let keys = set(&["a", "b", "c"].map(with_thumbprint));
    for (thumbprint, expected) in [
        (Some("b"), ["b", "a", "c"]),
        (Some("x"), ["a", "b", "c"]),
        (None, ["a", "b", "c"]),
    ] {
        let header = Header {
            algorithm: Algorithm::EdDsa,
            key_id: Some("SIGNING_KEY".to_owned()),
            thumbprint: thumbprint.map(str::to_owned),
        };
        let order: Vec<_> = candidates(&keys, &header)
            .map(|key| key.thumbprint.as_deref().unwrap())
            .collect();
        assert_eq!(order, expected);
    }
}

#[test]
fn a_large_set_does_not_multiply_the_work() {
    let keys = set(&vec![test_keys::ed25519_jwk(); 64]);
    let header = Header {
        algorithm: Algorithm::EdDsa,
        key_id: None,
        thumbprint: None,
    };
    assert_eq!(candidates(&keys, &header).count(), MAX_CHECKS);
}

#[test]
fn every_signature_check_begins_at_a_safe_point() {
    let keys: Vec<Value> = (0..10)
        .map(|index| named(test_keys::p384_jwk(), &format!("key-{index}")))
        .collect();
    let keys = set(&keys);
    // Signed with another key, and without a kid, so that every key is tried.
    let text = test_keys::signed_by_jwt_simple(Algorithm::Es384);
    let (input, signature) = text.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    signature[40] ^= 1;
    let forged = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
    let token = parse(&forged);
    let (verdict, pace) = watch(|| token.verify(&keys));
    assert_eq!(verdict, Err(Unverified::BadSignature));
    assert_eq!(pace.safe_points, MAX_CHECKS, "{pace:?}");
}

#[test]
fn a_token_signed_with_ecdsa_in_der_is_refused() {
    // JWS wants r and s side by side (RFC 7518 §3.4); some libraries sign in DER.
    let key = set(&[test_keys::p256_jwk()]);
    let text = test_keys::signed_by_jwt_simple(Algorithm::Es256);
    let (input, signature) = text.rsplit_once('.').unwrap();
    let fixed = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let der = p256::ecdsa::Signature::from_slice(&fixed).unwrap().to_der();
    let forged = format!("{input}.{}", URL_SAFE_NO_PAD.encode(der.as_bytes()));
    assert_eq!(parse(&forged).verify(&key), Err(Unverified::BadSignature));
}

/// Small and predictable, so that a failure can be repeated.
struct XorShift(u64);

impl XorShift {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// Changes, drops, doubles or swaps a few bytes.
fn mutate(bytes: &mut Vec<u8>, random: &mut XorShift) {
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            return;
        }
        let (at, other) = (random.below(bytes.len()), random.below(bytes.len()));
        match random.below(5) {
            0 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, bytes[other]),
            3 => bytes.swap(at, other),
            _ => bytes.truncate(at),
        }
    }
}

#[test]
fn no_mutated_token_panics_or_passes() {
    let keys = set(&[test_keys::ed25519_jwk()]);
    let header = json!({"alg": "EdDSA", "kid": "a", "x5t#S256": "t", "typ": "JWT"});
    let claims = json!({"iss": "i", "aud": ["a", "b"], "exp": 2_000_000_000, "scope": "a b"});
    let genuine = test_keys::signed_with_ed25519(&header, &claims).into_bytes();
    let genuine_parts: Vec<Vec<u8>> = genuine
        .split(|&byte| byte == b'.')
        .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
        .collect();
    let mut random = XorShift(0x9e37_79b9_7f4a_7c15);
    for round in 0..10_000 {
        // Half the rounds change the text, and half change its decoded content, so that the JSON reader is reached too.
        let mutant = if round % 2 == 0 {
            let mut mutant = genuine.clone();
            mutate(&mut mutant, &mut random);
            mutant
        } else {
            let mut parts = genuine_parts.clone();
            let chosen = random.below(parts.len());
            mutate(&mut parts[chosen], &mut random);
            let parts: Vec<String> = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
            parts.join(".").into_bytes()
        };
        let verified = Token::parse(&mutant, &accept_all()).is_ok_and(|token| token.verify(&keys).is_ok());
        assert_eq!(
            verified,
            mutant == genuine,
            "{}",
            String::from_utf8_lossy(&mutant)
        );
    }
}

#[test]
fn no_mutated_key_panics() {
    let document = json!({"keys": [
        test_keys::rsa_jwk(), test_keys::p256_jwk(), test_keys::p384_jwk(), test_keys::ed25519_jwk(),
    ]});
    let (certificate, _) = test_keys::certificate();
    let certificate = base64::engine::general_purpose::STANDARD.encode(certificate);
    let texts = [
        document.to_string(),
        test_keys::rsa_pem(),
        test_keys::p384_pem(),
        test_keys::ed25519_pem(),
        format!("-----BEGIN CERTIFICATE-----{certificate}-----END CERTIFICATE-----"),
    ];
    let token = test_keys::signed_by_jwt_simple(Algorithm::EdDsa);
    let token = parse(&token);
    let mut random = XorShift(0x2545_f491_4f6c_dd1d);
    let mut read = 0;
    for round in 0..2_000 {
        let mut mutant = texts[round % texts.len()].clone().into_bytes();
        mutate(&mut mutant, &mut random);
        let text = String::from_utf8_lossy(&mutant);
        for keys in [KeySet::from_jwks(&mutant), KeySet::from_pem(&text)]
            .into_iter()
            .flatten()
        {
            read += 1;
            let _ = token.verify(&keys);
        }
    }
    assert!(
        read > 0,
        "every mutant was refused, so nothing was tested beyond parsing"
    );
}
