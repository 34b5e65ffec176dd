//! A guest that times signature checks with three libraries. The body of the request is a JSON object with `message`, the
//! signing input of a token, `signature`, both base64url, and `rounds`. For RS256 it has `modulus` and `exponent` as
//! well, for ES256 the key as `jwk`. The answer is `{"ours": …, "ring": …, "jwt_simple": …, "key": …}` with medians over
//! the rounds, in nanoseconds. `key` is the time to prepare a key of our library. The answer is an `error` if a signature
//! is refused.

#[cfg(target_family = "wasm")]
fn main() {
    use std::hint::black_box;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use host_probes::wasi::{monotonic, resolve};
    use jose::{Algorithm, KeySet};
    use jwt_simple::algorithms::{
        ECDSAP256PublicKeyLike as _, ES256PublicKey, RS256PublicKey, RSAPublicKeyLike as _,
    };
    use jwt_simple::claims::NoCustomClaims;
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
    };
    use rsa_verify::{Hash, PublicKey, Scheme};
    use serde_json::{Value, json};

    type Check<'c> = (&'static str, &'c dyn Fn() -> bool);

    fn bytes(object: &Value, name: &str) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(object.get(name)?.as_str()?).ok()
    }

    /// A message, its signature, and both as a token.
    fn signed(request: &Value) -> Option<(Vec<u8>, Vec<u8>, String)> {
        let (message, signature) = (bytes(request, "message")?, bytes(request, "signature")?);
        let encoded = URL_SAFE_NO_PAD.encode(&signature);
        let token = format!("{}.{encoded}", String::from_utf8_lossy(&message));
        Some((message, signature, token))
    }

    fn rs256(request: &Value) -> Option<Value> {
        let (n, e) = (bytes(request, "modulus")?, bytes(request, "exponent")?);
        let (message, signature, token) = signed(request)?;
        let ours = PublicKey::new(&n, &e).ok()?;
        let ring = RsaPublicKeyComponents { n: &n, e: &e };
        let jwt_simple = RS256PublicKey::from_components(&n, &e).ok()?;
        medians(
            request,
            [
                ("ours", &|| {
                    ours.verifies(Scheme::Pkcs1, Hash::Sha256, black_box(&message), &signature)
                }),
                ("ring", &|| {
                    ring.verify(&RSA_PKCS1_2048_8192_SHA256, black_box(&message), &signature)
                        .is_ok()
                }),
                ("jwt_simple", &|| {
                    jwt_simple
                        .verify_token::<NoCustomClaims>(black_box(&token), None)
                        .is_ok()
                }),
                ("key", &|| PublicKey::new(black_box(&n), &e).is_ok()),
            ],
        )
    }

    fn es256(request: &Value, jwk: &Value) -> Option<Value> {
        let (message, signature, token) = signed(request)?;
        let set = json!({ "keys": [jwk] }).to_string();
        let ours = KeySet::from_configured_jwks(set.as_bytes()).ok()?;
        let point = [vec![4], bytes(jwk, "x")?, bytes(jwk, "y")?].concat();
        let ring = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point);
        let jwt_simple = ES256PublicKey::from_bytes(&point).ok()?;
        medians(
            request,
            [
                ("ours", &|| {
                    ours.verifies(Algorithm::Es256, black_box(&message), &signature)
                }),
                ("ring", &|| ring.verify(black_box(&message), &signature).is_ok()),
                ("jwt_simple", &|| {
                    jwt_simple
                        .verify_token::<NoCustomClaims>(black_box(&token), None)
                        .is_ok()
                }),
                ("key", &|| {
                    KeySet::from_configured_jwks(black_box(set.as_bytes())).is_ok()
                }),
            ],
        )
    }

    /// Takes turns in each round, so that a slow moment of the machine affects all of them.
    fn medians(request: &Value, checks: [Check<'_>; 4]) -> Option<Value> {
        let rounds = request.get("rounds")?.as_u64()?;
        let mut times = [const { Vec::new() }; 4];
        for _ in 0..rounds {
            for (times, (_, check)) in times.iter_mut().zip(checks) {
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
        let times = match request.get("jwk") {
            Some(jwk) => es256(&request, jwk),
            None => rs256(&request),
        };
        times
            .unwrap_or_else(|| json!({ "error": "unreadable request, or a library refused the signature" }))
            .to_string()
    });
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
