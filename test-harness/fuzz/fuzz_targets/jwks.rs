//! JWK Sets. A published set never contains a secret, and its short form in the state directory means the same.
#![no_main]

use jose::{Algorithm, KeySet, KeyType};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &[u8]| {
    let configured = KeySet::from_configured_jwks(document);
    let Ok(published) = KeySet::from_jwks(document) else {
        return;
    };
    assert!(
        configured.is_ok(),
        "the configuration may hold what anybody may publish"
    );
    assert!(published.key_types().all(|kind| kind != KeyType::Symmetric));

    let kept = published.to_bytes();
    assert!(kept.len() <= document.len() + 16, "the short form is longer");
    assert_eq!(KeySet::from_bytes(&kept).as_ref(), Ok(&published));

    // An attacker's key may verify an attacker's signature, but must not do harm.
    let half = document.len() / 2;
    for algorithm in Algorithm::ALL {
        let verifies = published.verifies(algorithm, &document[half..], &document[..half]);
        assert!(published.serves(algorithm) || !verifies);
    }
});
