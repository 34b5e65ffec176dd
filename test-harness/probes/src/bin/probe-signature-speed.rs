//! A guest that times signature checks with three libraries. The body of the request is `{"algorithm": "ES256", "jwk": …,
//! "message": …, "signature": …, "rounds": 50}` with base64url values; `message` is the signing input of a token. The
//! answer is `{"ours": …, "ring": …, "jwt_simple": …, "key": …}` with medians over the rounds, in nanoseconds. `key` is
//! the time to prepare a key of our library. Algorithms that we leave to other libraries have neither `ours` nor `key`.
//! The answer is an `error` if a signature is refused.

#[cfg(target_family = "wasm")]
fn main() {
    use std::hint::black_box;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use host_probes::wasi::{monotonic, resolve};
    use jwt_simple::prelude::{
        ECDSAP256PublicKeyLike as _, ECDSAP384PublicKeyLike as _, ES256PublicKey, ES384PublicKey,
        Ed25519PublicKey, EdDSAPublicKeyLike as _, NoCustomClaims, RS256PublicKey, RSAPublicKeyLike as _,
    };
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
        RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
    };
    use serde_json::{Value, json};

    type Check<'a> = (&'static str, Box<dyn Fn() -> bool + 'a>);

    /// The time to make a table for a key counts, too.
    fn prepared(point: &[u8], message: &[u8], signature: &[u8]) -> Option<p256_verify::PublicKey> {
        let key = p256_verify::PublicKey::from_sec1(point).ok()?;
        key.verifies(message, signature, &|_| ()).then_some(key)
    }

    fn measure(request: &Value) -> Option<Value> {
        let bytes = |value: &Value, name| URL_SAFE_NO_PAD.decode(value.get(name)?.as_str()?).ok();
        let (message, signature) = (bytes(request, "message")?, bytes(request, "signature")?);
        let rounds = request.get("rounds")?.as_u64()?;
        let token = format!(
            "{}.{}",
            String::from_utf8_lossy(&message),
            URL_SAFE_NO_PAD.encode(&signature)
        );
        let (message, signature, token) = (message.as_slice(), signature.as_slice(), token.as_str());
        let jwk = request.get("jwk")?;
        let number = |name| bytes(jwk, name);
        let point = || Some([vec![4], number("x")?, number("y")?].concat());
        fn by_ring<'a>(
            algorithm: &'static dyn VerificationAlgorithm,
            key: Vec<u8>,
            message: &'a [u8],
            signature: &'a [u8],
        ) -> Check<'a> {
            let key = UnparsedPublicKey::new(algorithm, key);
            (
                "ring",
                Box::new(move || key.verify(black_box(message), signature).is_ok()),
            )
        }
        let checks: Vec<Check<'_>> = match request.get("algorithm")?.as_str()? {
            "RS256" => {
                use rsa_verify::{Hash, PublicKey, Scheme};
                let (n, e) = (number("n")?, number("e")?);
                let ours = PublicKey::new(&n, &e).ok()?;
                let jwt_simple = RS256PublicKey::from_components(&n, &e).ok()?;
                let ring = RsaPublicKeyComponents {
                    n: n.clone(),
                    e: e.clone(),
                };
                vec![
                    (
                        "ours",
                        Box::new(move || {
                            ours.verifies(Scheme::Pkcs1, Hash::Sha256, black_box(message), signature)
                        }),
                    ),
                    (
                        "ring",
                        Box::new(move || {
                            ring.verify(&RSA_PKCS1_2048_8192_SHA256, black_box(message), signature)
                                .is_ok()
                        }),
                    ),
                    (
                        "jwt_simple",
                        Box::new(move || {
                            jwt_simple
                                .verify_token::<NoCustomClaims>(black_box(token), None)
                                .is_ok()
                        }),
                    ),
                    ("key", Box::new(move || PublicKey::new(black_box(&n), &e).is_ok())),
                ]
            }
            "ES256" => {
                let point = point()?;
                let ours = prepared(&point, message, signature)?;
                let jwt_simple = ES256PublicKey::from_bytes(&point).ok()?;
                vec![
                    (
                        "ours",
                        Box::new(move || ours.verifies(black_box(message), signature, &|_| ())),
                    ),
                    by_ring(&ECDSA_P256_SHA256_FIXED, point.clone(), message, signature),
                    (
                        "jwt_simple",
                        Box::new(move || {
                            jwt_simple
                                .verify_token::<NoCustomClaims>(black_box(token), None)
                                .is_ok()
                        }),
                    ),
                    (
                        "key",
                        Box::new(move || prepared(black_box(&point), message, signature).is_some()),
                    ),
                ]
            }
            "ES384" => {
                let point = point()?;
                let jwt_simple = ES384PublicKey::from_bytes(&point).ok()?;
                vec![
                    by_ring(&ECDSA_P384_SHA384_FIXED, point, message, signature),
                    (
                        "jwt_simple",
                        Box::new(move || {
                            jwt_simple
                                .verify_token::<NoCustomClaims>(black_box(token), None)
                                .is_ok()
                        }),
                    ),
                ]
            }
            "EdDSA" => {
                let key = number("x")?;
                let jwt_simple = Ed25519PublicKey::from_bytes(&key).ok()?;
                vec![
                    by_ring(&ED25519, key, message, signature),
                    (
                        "jwt_simple",
                        Box::new(move || {
                            jwt_simple
                                .verify_token::<NoCustomClaims>(black_box(token), None)
                                .is_ok()
                        }),
                    ),
                ]
            }
            _ => return None,
        };
        // Take turns in each round, so that a slow moment of the machine affects all of them.
        let mut times = vec![Vec::new(); checks.len()];
        for _ in 0..rounds {
            for (times, (_, check)) in times.iter_mut().zip(&checks) {
                let started = monotonic();
                if !check() {
                    return None;
                }
                times.push(monotonic() - started);
            }
        }
        let median = |times: &mut Vec<u64>| {
            times.sort_unstable();
            times.get(times.len() / 2).copied()
        };
        let medians = times.iter_mut().map(median);
        Some(
            checks
                .iter()
                .map(|(name, _)| name.to_string())
                .zip(medians.map(|time| json!(time)))
                .collect(),
        )
    }

    host_probes::answer_body_with(|body| {
        // The host gives a real monotonic clock only to guests that import a socket function.
        if body.is_empty() {
            return resolve("127.0.0.1");
        }
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        measure(&request)
            .unwrap_or_else(|| json!({ "error": "unreadable request, or a library refused the signature" }))
            .to_string()
    });
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
