use super::*;
use crate::strict_json;
use crate::test_keys;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use middleware::Level;
use serde_json::{Value, json};

fn read_value(jwk: &Value, origin: Origin) -> Result<Key, UnusableKey> {
    read(
        &strict_json::object(jwk.to_string().as_bytes(), 8).unwrap(),
        origin,
    )
}

/// A copy of `jwk` with `changes` applied; `null` removes a member.
fn with(jwk: &Value, changes: Value) -> Value {
    let mut copy = jwk.clone();
    let members = copy.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    copy
}

#[test]
fn the_key_of_idcs_is_accepted_without_verify_among_its_operations() {
    let jwk = with(
        &test_keys::rsa_jwk(),
        json!({"kid": "SIGNING_KEY", "alg": "RS256", "x5t": "a", "x5t#S256": "b", "x5c": ["c"],
               "key_ops": ["encrypt", "sign"]}),
    );
    let key = read_value(&jwk, Origin::Published).unwrap();
    assert_eq!(key.key_id.as_deref(), Some("SIGNING_KEY"));
    assert_eq!(key.thumbprint.as_deref(), Some("b"));
    assert_eq!(key.algorithm, Some(Algorithm::Rs256));
}

#[test]
fn a_key_without_alg_serves_every_algorithm_of_its_type() {
    let key = read_value(&test_keys::rsa_jwk(), Origin::Published).unwrap();
    assert!(key.serves(Algorithm::Rs256) && key.serves(Algorithm::Ps512));
}

#[test]
fn written_keys_read_the_same() {
    for jwk in [
        test_keys::rsa_jwk(),
        test_keys::p256_jwk(),
        test_keys::p384_jwk(),
        test_keys::ed25519_jwk(),
    ] {
        let key = read_value(
            &with(&jwk, json!({"kid": "k", "x5t#S256": "t"})),
            Origin::Published,
        )
        .unwrap();
        let again = Value::Object(write(&key).unwrap());
        assert_eq!(read_value(&again, Origin::Published).unwrap(), key, "{again}");
    }
}

#[test]
fn secrets_are_taken_from_the_configuration_only_and_never_written() {
    let jwk = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([7; 32])});
    assert_eq!(
        read_value(&jwk, Origin::Published),
        Err(UnusableKey::PublishedSecret)
    );
    let key = read_value(&jwk, Origin::Configuration).unwrap();
    assert!(write(&key).is_none());
}

#[test]
fn null_and_empty_members_are_absent() {
    for jwk in [
        test_keys::rsa_jwk(),
        test_keys::p256_jwk(),
        test_keys::p384_jwk(),
        test_keys::ed25519_jwk(),
    ] {
        let plain = read_value(&jwk, Origin::Published).unwrap();
        for nothing in [json!(null), json!("")] {
            let mut full = jwk.clone();
            for name in [
                "alg", "use", "kid", "key_ops", "x5c", "x5t", "x5t#S256", "x5u", "d", "p", "q", "dp", "dq",
                "qi", "oth", "k", "ext", "iat", "exp", "nbf",
            ] {
                full[name] = nothing.clone();
            }
            assert_eq!(read_value(&full, Origin::Published), Ok(plain.clone()), "{full}");
        }
        for (name, odd) in [
            ("key_ops", json!([])),
            ("key_ops", json!("verify")),
            ("x5c", json!("rubbish")),
            ("x5t#S256", json!(["rubbish"])),
            ("x5t", json!(7)),
            (
                "issuer",
                json!("https://login.microsoftonline.com/{tenantid}/v2.0"),
            ),
        ] {
            let mut full = jwk.clone();
            full[name] = odd;
            assert_eq!(read_value(&full, Origin::Published), Ok(plain.clone()), "{full}");
        }
    }
}

#[test]
fn numbers_are_read_however_others_write_them() {
    for (jwk, names) in [
        (test_keys::rsa_jwk(), &["n", "e"] as &[&str]),
        (test_keys::p256_jwk(), &["x", "y"]),
        (test_keys::p384_jwk(), &["x", "y"]),
        (test_keys::ed25519_jwk(), &["x"]),
    ] {
        let plain = read_value(&jwk, Origin::Published).unwrap();
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        let lines = |text: String| {
            let lines: Vec<_> = text.as_bytes().chunks(16).collect();
            String::from_utf8(lines.join(&b"\r\n"[..])).unwrap()
        };
        let forms: [&dyn Fn(Vec<u8>) -> String; 5] = [
            &|bytes| URL_SAFE.encode(bytes),
            &|bytes| STANDARD.encode(bytes),
            &|bytes| STANDARD.encode(bytes).trim_end_matches('=').to_owned(),
            &|bytes| format!("{}=", STANDARD.encode(bytes)),
            &|bytes| lines(STANDARD.encode(bytes)),
        ];
        for form in forms {
            let mut odd = jwk.clone();
            for name in names {
                odd[*name] = form(bytes(name)).into();
            }
            assert_eq!(read_value(&odd, Origin::Published), Ok(plain.clone()), "{odd}");
        }
        if jwk["kty"] == "OKP" {
            continue;
        }
        let mut odd = jwk.clone();
        for name in names {
            odd[*name] = URL_SAFE_NO_PAD.encode([vec![0, 0], bytes(name)].concat()).into();
        }
        assert_eq!(read_value(&odd, Origin::Published), Ok(plain), "{odd}");
    }
}

/// RFC 7518 §6.2.1.2 wants the full length; a point with a short coordinate comes up once in 256 keys.
#[test]
fn coordinates_without_their_leading_zeros_are_filled_up() {
    for (curve, x, y) in SHORT_POINTS {
        let full = json!({"kty": "EC", "crv": curve, "x": x, "y": y});
        let bytes = URL_SAFE_NO_PAD.decode(x).unwrap();
        assert_eq!(bytes[0], 0);
        let mut short = full.clone();
        short["x"] = URL_SAFE_NO_PAD.encode(&bytes[1..]).into();
        let key = read_value(&full, Origin::Published).unwrap();
        assert_eq!(read_value(&short, Origin::Published), Ok(key), "{short}");
    }
}

/// Points whose first coordinate begins with a zero: 379 times the generator of P-256, 197 times that of P-384.
const SHORT_POINTS: [(&str, &str, &str); 2] = [
    (
        "P-256",
        "AFVDiUrz0A7X10Cr29dclrBod7eH219w7qeLkKjXwAo",
        "u0yFo9jqKe-q-iRAaRLdhNWxTcMr9lbvbGvVil2UP5I",
    ),
    (
        "P-384",
        "AE0QSybuVnH3LBDJhoQdPmXSheJRYWG3uqNBsSYxueMrbw1YlthDHFHV2To3y8kO",
        "8RoeP4t7kFOO5CzADuk0puLuJVQWB9j7ZceosR4viGhTiG7vOGXskzIAufJVmfKf",
    ),
];

#[test]
fn what_is_no_fault_is_no_warning() {
    for (reason, level) in [
        (UnusableKey::NotForSignatures, Level::Debug),
        (UnusableKey::UnsupportedType, Level::Info),
        (UnusableKey::UnsupportedAlgorithm, Level::Info),
        (UnusableKey::Malformed("n"), Level::Warn),
        (UnusableKey::PrivateKey, Level::Warn),
        (UnusableKey::PublishedSecret, Level::Warn),
    ] {
        assert_eq!(reason.level(), level, "{reason}");
    }
    let encryption = [
        "RSA1_5",
        "RSA-OAEP",
        "RSA-OAEP-256",
        "ECDH-ES",
        "ECDH-ES+A256KW",
        "A128KW",
        "A256GCMKW",
        "dir",
    ];
    for alg in encryption {
        let jwk = with(&test_keys::rsa_jwk(), json!({ "alg": alg }));
        assert_eq!(
            read_value(&jwk, Origin::Published),
            Err(UnusableKey::NotForSignatures),
            "{alg}"
        );
    }
}

#[test]
fn unusable_keys_say_why() {
    let (rsa, p256, p384, ed25519) = (
        test_keys::rsa_jwk(),
        test_keys::p256_jwk(),
        test_keys::p384_jwk(),
        test_keys::ed25519_jwk(),
    );
    let oct = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([7; 32])});
    for (jwk, expected) in [
        (json!({}), UnusableKey::Missing("kty")),
        (json!({"kty": null}), UnusableKey::Missing("kty")),
        (json!({"kty": "DSA"}), UnusableKey::UnsupportedType),
        (json!({"kty": ["RSA"]}), UnusableKey::Malformed("kty")),
        (with(&rsa, json!({"use": "enc"})), UnusableKey::NotForSignatures),
        (with(&rsa, json!({"use": 1})), UnusableKey::Malformed("use")),
        (
            with(&rsa, json!({"key_ops": ["encrypt", "wrapKey"]})),
            UnusableKey::NotForSignatures,
        ),
        (
            with(&rsa, json!({"key_ops": [null]})),
            UnusableKey::NotForSignatures,
        ),
        (
            with(&rsa, json!({"key_ops": "encrypt"})),
            UnusableKey::NotForSignatures,
        ),
        (
            with(&rsa, json!({"key_ops": {}})),
            UnusableKey::Malformed("key_ops"),
        ),
        (
            with(&rsa, json!({"use": "enc", "n": 1, "alg": []})),
            UnusableKey::NotForSignatures,
        ),
        (
            with(&rsa, json!({"alg": "RS1"})),
            UnusableKey::UnsupportedAlgorithm,
        ),
        (
            with(&rsa, json!({"alg": ["RS256"]})),
            UnusableKey::Malformed("alg"),
        ),
        (with(&rsa, json!({"alg": "HS256"})), UnusableKey::Contradictory),
        (with(&rsa, json!({"alg": "ES256"})), UnusableKey::Contradictory),
        (with(&rsa, json!({"n": null})), UnusableKey::Missing("n")),
        (with(&rsa, json!({"e": null})), UnusableKey::Missing("e")),
        (with(&rsa, json!({"n": "a%b"})), UnusableKey::Malformed("n")),
        (with(&rsa, json!({"n": "=a"})), UnusableKey::Malformed("n")),
        (with(&rsa, json!({"n": 7})), UnusableKey::Malformed("n")),
        (with(&rsa, json!({"e": 65537})), UnusableKey::Malformed("e")),
        (
            with(&rsa, json!({"n": URL_SAFE_NO_PAD.encode([0xff; 128])})),
            UnusableKey::UnsoundSize,
        ),
        (
            with(&rsa, json!({"n": URL_SAFE_NO_PAD.encode([0xff; 1025])})),
            UnusableKey::UnsoundSize,
        ),
        (with(&rsa, json!({"e": "AQ"})), UnusableKey::UnsoundSize),
        (with(&rsa, json!({"d": "AQAB"})), UnusableKey::PrivateKey),
        (with(&rsa, json!({"d": 7})), UnusableKey::PrivateKey),
        (with(&rsa, json!({"qi": "AQAB"})), UnusableKey::PrivateKey),
        (with(&rsa, json!({"kid": 7})), UnusableKey::Malformed("kid")),
        (with(&p256, json!({"crv": "P-521"})), UnusableKey::UnsupportedType),
        (with(&p256, json!({"crv": "P-384"})), UnusableKey::NotOnCurve),
        (with(&p256, json!({"crv": null})), UnusableKey::Missing("crv")),
        (with(&p256, json!({"y": null})), UnusableKey::Missing("y")),
        (
            with(&p256, json!({"x": URL_SAFE_NO_PAD.encode([1; 33])})),
            UnusableKey::Malformed("x"),
        ),
        (
            with(&p256, json!({"x": URL_SAFE_NO_PAD.encode([1; 32])})),
            UnusableKey::NotOnCurve,
        ),
        (
            with(
                &p256,
                json!({"x": URL_SAFE_NO_PAD.encode([0; 32]), "y": URL_SAFE_NO_PAD.encode([0; 32])}),
            ),
            UnusableKey::NotOnCurve,
        ),
        (
            with(&p384, json!({"y": URL_SAFE_NO_PAD.encode([1; 48])})),
            UnusableKey::NotOnCurve,
        ),
        (with(&p384, json!({"d": "AQAB"})), UnusableKey::PrivateKey),
        (
            with(&ed25519, json!({"crv": "X25519"})),
            UnusableKey::UnsupportedType,
        ),
        (with(&ed25519, json!({"crv": null})), UnusableKey::Missing("crv")),
        (
            with(&ed25519, json!({"x": URL_SAFE_NO_PAD.encode([1; 31])})),
            UnusableKey::Malformed("x"),
        ),
        (
            with(&ed25519, json!({"x": URL_SAFE_NO_PAD.encode([0; 33])})),
            UnusableKey::Malformed("x"),
        ),
        (
            with(&oct, json!({"k": URL_SAFE_NO_PAD.encode([7; 31])})),
            UnusableKey::UnsoundSize,
        ),
        (with(&oct, json!({"alg": "RS256"})), UnusableKey::Contradictory),
    ] {
        assert_eq!(read_value(&jwk, Origin::Configuration), Err(expected), "{jwk}");
    }
}
