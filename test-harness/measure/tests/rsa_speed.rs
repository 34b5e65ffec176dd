//! Checks that only successful RSA checks are timed. Their duration depends on the machine, so the bench measures it.

use harness::keys::{Algorithm, SigningKey};
use measure::rsa_speed::{self, RsaSpeedError};

#[test]
fn a_signature_of_another_key_has_no_time() {
    let (key, other) = (SigningKey::rsa_cached(2048, 0), SigningKey::rsa_cached(2048, 1));
    let token = |signer: &SigningKey| {
        signer.sign(
            Algorithm::RS256,
            r#"{"alg":"RS256","typ":"JWT"}"#,
            r#"{"sub":"someone"}"#,
        )
    };
    let speed = rsa_speed::measure_checks(&key, &token(&key), 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        speed.ours > 0.0 && speed.ring > 0.0 && speed.jwt_simple > 0.0,
        "{speed:?}"
    );
    let error = rsa_speed::measure_checks(&key, &token(&other), 1).unwrap_err();
    assert!(
        matches!(&error, RsaSpeedError::Refused { status: 200, text } if text.contains("refused the signature")),
        "{error}"
    );
}

#[test]
fn every_library_accepts_an_es256_signature() {
    let speed = rsa_speed::measure_es256(1).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        speed.ours > 0.0 && speed.ring > 0.0 && speed.jwt_simple > 0.0,
        "{speed:?}"
    );
}
