//! Wycheproof's signatures, good and bad, through the public API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod vectors;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jose::{Algorithm, KeySet, KeySetError};
use serde_json::{Value, json};
use vectors::{Vector, Vectors};

static VECTORS: LazyLock<Vectors> = LazyLock::new(Vectors::load);

/// Whether a gateway with `keys` accepts the vector. Unusable keys verify nothing.
fn verifies(keys: &Result<KeySet, KeySetError>, vector: &Vector) -> bool {
    let algorithm = Algorithm::from_name(vector.algorithm).unwrap();
    keys.as_ref()
        .is_ok_and(|keys| keys.verifies(algorithm, &vector.message, &vector.signature))
}

fn from_jwk(jwk: &Value) -> Result<KeySet, KeySetError> {
    KeySet::from_configured_jwks(json!({ "keys": [jwk] }).to_string().as_bytes())
}

#[test]
fn every_signature_is_judged_as_wycheproof_and_rfc_7518_say() {
    println!("{}", VECTORS.table());
    let wrong: Vec<&str> = VECTORS
        .all
        .iter()
        .filter(|vector| verifies(&from_jwk(&vector.jwk), vector) != vector.expected.accepted())
        .map(|vector| vector.name.as_str())
        .collect();
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

#[test]
fn keys_in_pem_judge_like_keys_in_jwk() {
    let mut checked = 0;
    for vector in &VECTORS.all {
        if let Some(pem) = &vector.pem {
            assert_eq!(
                verifies(&KeySet::from_pem(pem), vector),
                vector.expected.accepted(),
                "{}",
                vector.name
            );
            checked += 1;
        }
    }
    assert!(checked > 3000, "{checked}");
}

#[test]
fn every_algorithm_has_good_and_bad_signatures() {
    let mut counts = BTreeMap::<_, [usize; 2]>::new();
    for vector in &VECTORS.all {
        counts.entry(vector.algorithm).or_default()[usize::from(vector.expected.accepted())] += 1;
    }
    assert_eq!(counts.len(), Algorithm::ALL.len());
    for (algorithm, [bad, good]) in counts {
        assert!(bad >= 10 && good >= 10, "{algorithm}: {bad} bad, {good} good");
    }
}
