//! Wycheproof's signatures, verified inside Traefik. The plugins run on another platform (WebAssembly), with ring
//! compiled for it and two instructions of every module replaced. The results there must be the same as natively.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use self::vectors::{Vector, Vectors};
use crate::probes::{Form, Probes};

#[path = "../../../../plugins/lib/jose/tests/wycheproof/vectors.rs"]
mod vectors;

/// The number of checks in one request. An RSA key with its signature has about 3 KB at most.
const BATCH: usize = 32;
/// The number of concurrent requests, and so of instances.
const CLIENTS: usize = 4;

#[test]
fn signatures_are_judged_inside_traefik_as_wycheproof_and_rfc_7518_say() {
    let vectors = Vectors::load();
    let probes = Probes::start(&[("signatures", "probe-signatures", Form::Lowered)]);
    let batches: Vec<&[Vector]> = vectors.all.chunks(BATCH).collect();
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let client = || {
            let mut wrong = Vec::new();
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                wrong.extend(judged_wrongly(&probes, batch));
            }
            wrong
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    println!(
        "{}\n{} signatures in {:?}",
        vectors.table(),
        vectors.all.len(),
        started.elapsed()
    );
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

fn judged_wrongly(probes: &Probes, batch: &[Vector]) -> Vec<String> {
    let checks: Vec<Value> = batch.iter().map(check).collect();
    let answer = probes
        .client
        .post(&format!("{}/signatures", probes.traefik.url()))
        .json(&json!(checks))
        .timeout(Duration::from_secs(120))
        .send()
        .unwrap();
    let verdicts = answer.text();
    assert_eq!((answer.status, verdicts.len()), (200, batch.len()), "{verdicts}");
    let expected = |vector: &Vector| if vector.expected.accepted() { '1' } else { '0' };
    batch
        .iter()
        .zip(verdicts.chars())
        .filter(|(vector, verdict)| *verdict != expected(vector))
        .map(|(vector, verdict)| format!("{} {verdict}", vector.name))
        .collect()
}

fn check(vector: &Vector) -> Value {
    json!({
        "jwk": vector.jwk,
        "algorithm": vector.algorithm,
        "message": URL_SAFE_NO_PAD.encode(&vector.message),
        "signature": URL_SAFE_NO_PAD.encode(&vector.signature),
    })
}
