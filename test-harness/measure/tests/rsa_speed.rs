//! The figures of `bench` on RSA checks, which a probe takes inside Traefik: that every library really checks the
//! signature whose check is timed. How long that takes is the bench's business, and depends on the machine.

use harness::keys::{Algorithm, SigningKey};
use measure::rsa_speed::{self, RsaSpeedError};

#[test]
fn every_library_accepts_the_signature_whose_check_is_timed_inside_traefik() {
    for bits in [2048, 3072, 4096] {
        let speed = rsa_speed::measure(bits, 5).unwrap_or_else(|error| panic!("{error}"));
        println!("{bits} bits: {speed:?}");
    }
}

/// The probe takes a time only where the check succeeds, so the times above are of real checks.
#[test]
fn a_signature_of_another_key_has_no_time() {
    let (key, other) = (SigningKey::rsa_cached(2048, 0), SigningKey::rsa_cached(2048, 1));
    let foreign = other.sign(
        Algorithm::RS256,
        r#"{"alg":"RS256","typ":"JWT"}"#,
        r#"{"sub":"someone"}"#,
    );
    let error = rsa_speed::measure_checks(&key, &foreign, 1).unwrap_err();
    assert!(
        matches!(&error, RsaSpeedError::Refused { status: 200, text } if text.contains("refused the signature")),
        "{error}"
    );
}
