use super::*;
use crate::test_keys;
use middleware::published::NotJson;
use serde_json::{Value, json};

#[test]
fn unusable_keys_are_left_out_and_the_others_stay() {
    let document = json!({"keys": [
        {"kty": "DSA", "kid": "a"}, "no object", null, {"kty": "oct", "k": "c2VjcmV0", "kid": 7},
        {"kty": "RSA", "kid": "b", "use": "enc"}, {"kty": "RSA", "kid": "c"}, test_keys::ed25519_jwk(),
    ]});
    let set = KeySet::from_jwks(document.to_string().as_bytes()).unwrap();
    assert_eq!(set.key_types().collect::<Vec<_>>(), [KeyType::Ed25519]);
    assert_eq!(
        set.ignored(),
        [
            (Some("a"), UnusableKey::UnsupportedType),
            (None, UnusableKey::NotAnObject),
            (None, UnusableKey::PublishedSecret),
            (Some("b"), UnusableKey::NotForSignatures),
            (Some("c"), UnusableKey::Missing("n")),
        ]
        .map(|(key_id, reason)| IgnoredKey {
            key_id: key_id.map(str::to_owned),
            reason,
        })
    );
    assert!(set.serves(Algorithm::EdDsa) && !set.serves(Algorithm::Rs256));
}

#[test]
fn documents_that_are_no_key_set_say_what_they_are() {
    let many = json!({"keys": vec![json!({}); 257]}).to_string();
    let long = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(256 * 1024));
    let deep = format!(r#"{{"keys":[],"x":{}{}}}"#, "[".repeat(16), "]".repeat(16));
    let metadata =
        r#"{"issuer":"https://login.microsoftonline.com/{tenantid}/v2.0","jwks_uri":"https://a/keys"}"#;
    let unusable = |key_id: Option<&str>, reason| {
        KeySetError::NoUsableKey(IgnoredKey {
            key_id: key_id.map(str::to_owned),
            reason,
        })
    };
    for (document, expected) in [
        ("", NotAKeySet::NotJson(NotJson::Empty)),
        ("\u{feff}", NotAKeySet::NotJson(NotJson::Empty)),
        ("\u{feff}\u{feff}{}", NotAKeySet::NotJson(NotJson::Other)),
        ("<html>", NotAKeySet::NotJson(NotJson::Markup)),
        ("Service Unavailable", NotAKeySet::NotJson(NotJson::Other)),
        (r#"{"keys":["#, NotAKeySet::NotJson(NotJson::Other)),
        ("\0{\0}", NotAKeySet::NotJson(NotJson::Wide)),
        ("[]", NotAKeySet::NotAnObject),
        ("null", NotAKeySet::NotAnObject),
        (r#"{"keys":[],"keys":[]}"#, NotAKeySet::DuplicateMember),
        (&deep, NotAKeySet::TooDeep),
        (r#"{"error":"unauthorized"}"#, NotAKeySet::NoList),
        ("{}", NotAKeySet::NoList),
        (r#"{"keys":{}}"#, NotAKeySet::NoList),
        (metadata, NotAKeySet::Metadata),
        (
            r#"{"a1":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}"#,
            NotAKeySet::Certificates,
        ),
    ] {
        let error = KeySet::from_jwks(document.as_bytes()).err();
        assert_eq!(error, Some(KeySetError::NotAKeySet(expected)), "{document:.60}");
    }
    for (document, expected) in [
        (r#"{"keys":[]}"#, KeySetError::Empty),
        (r#"{"keys":null}"#, KeySetError::Empty),
        (r#"{"keys":[null]}"#, KeySetError::Empty),
        (
            r#"{"keys":[{"kty":"DSA"}]}"#,
            unusable(None, UnusableKey::UnsupportedType),
        ),
        (
            r#"{"keys":[{"use":"enc"},{"kid":"a","kty":"RSA"},{"kid":"b","kty":"RSA","n":1}]}"#,
            unusable(Some("a"), UnusableKey::Missing("n")),
        ),
        (&many, KeySetError::TooManyKeys),
        (&long, KeySetError::TooLong),
    ] {
        assert_eq!(
            KeySet::from_jwks(document.as_bytes()).err(),
            Some(expected),
            "{document:.60}"
        );
    }
    let gzip = KeySet::from_jwks(b"\x1f\x8b\x08\0\0\0\0\0").unwrap_err();
    assert!(
        gzip.to_string().contains("it is compressed (Content-Encoding)"),
        "{gzip}"
    );
    let told = unusable(Some("a"), UnusableKey::Missing("n")).to_string();
    assert_eq!(told, r#"holds no usable key; the key "a": its n is missing"#);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_key_set() {
    let document = json!({"keys": [test_keys::ed25519_jwk()]}).to_string();
    let marked = format!("\u{feff}{document}");
    assert_eq!(
        KeySet::from_jwks(marked.as_bytes()),
        KeySet::from_jwks(document.as_bytes())
    );
    assert!(KeySet::from_configured_jwks(marked.as_bytes()).is_ok());
}

#[test]
fn large_sets_and_names_that_stand_twice_are_read() {
    let mut keys = vec![test_keys::rsa_jwk(); 256];
    for key in &mut keys {
        key["kid"] = "SIGNING_KEY".into();
    }
    let set = KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
    assert_eq!(set.key_types().count(), 256);
    assert_eq!(KeySet::from_bytes(&set.to_bytes()).unwrap(), set);
}

#[test]
fn a_configured_key_may_stand_alone() {
    let (alone, set) = (
        test_keys::ed25519_jwk(),
        json!({"keys": [test_keys::ed25519_jwk()]}),
    );
    let configured = |document: &Value| KeySet::from_configured_jwks(document.to_string().as_bytes());
    assert_eq!(configured(&alone), configured(&set));
    assert_eq!(
        configured(&json!({"kty": "DSA"})),
        Err(KeySetError::Unusable(UnusableKey::UnsupportedType))
    );
    assert_eq!(
        KeySet::from_jwks(alone.to_string().as_bytes()),
        Err(KeySetError::NotAKeySet(NotAKeySet::NoList)),
        "what is published is a set"
    );
}

#[test]
fn the_short_form_reads_back_without_certificates() {
    let mut rsa = test_keys::rsa_jwk();
    rsa["kid"] = "SIGNING_KEY".into();
    rsa["x5c"] = json!(["A".repeat(3000)]);
    let document = json!({"keys": [rsa, test_keys::p384_jwk()], "more": 1}).to_string();
    let set = KeySet::from_jwks(document.as_bytes()).unwrap();
    let bytes = set.to_bytes();
    assert!(bytes.len() < 900, "{} bytes", bytes.len());
    assert_eq!(KeySet::from_bytes(&bytes).unwrap(), set);
}

#[test]
fn secrets_stay_out_of_the_short_form() {
    let set = KeySet::from_secret(&[7; 32]).unwrap();
    assert_eq!(set.to_bytes(), br#"{"keys":[]}"#);
    assert_eq!(KeySet::from_secret(&[7; 31]), Err(KeySetError::ShortSecret));
}
