//! Checks that only successful checks are timed. Their duration depends on the machine, so the bench measures it.

use harness::keys::SigningKey;
use measure::signature_speed::{self, Kind, SpeedError};

#[test]
fn a_signature_of_another_key_has_no_time() {
    let rsa = |index| SigningKey::rsa_cached(2048, index);
    for (kind, key, other) in [
        (Kind::Rs256(2048), rsa(0), rsa(1)),
        (Kind::Es256, SigningKey::p256(), SigningKey::p256()),
        (Kind::Es384, SigningKey::p384(), SigningKey::p384()),
        (Kind::EdDsa, SigningKey::ed25519(), SigningKey::ed25519()),
    ] {
        let token = |signer: &SigningKey| {
            let header = format!(r#"{{"alg":"{}","typ":"JWT"}}"#, kind.algorithm().name());
            signer.sign(kind.algorithm(), &header, r#"{"sub":"someone"}"#)
        };
        let speed = signature_speed::measure_checks(kind, &key, &token(&key), 1)
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(speed.ring > 0.0 && speed.jwt_simple > 0.0, "{speed:?}");
        let has_own = matches!(kind, Kind::Rs256(_) | Kind::Es256);
        assert_eq!(speed.ours.is_some_and(|time| time > 0.0), has_own, "{speed:?}");
        let error = signature_speed::measure_checks(kind, &key, &token(&other), 1).unwrap_err();
        assert!(
            matches!(&error, SpeedError::Refused { status: 200, text } if text.contains("refused the signature")),
            "{error}"
        );
    }
}
