//! A guest that times RS256 checks with three libraries. The body of the request is `{"modulus": …, "exponent": …,
//! "message": …, "signature": …, "rounds": 50}` with base64url values; `message` is the signing input of a token. The
//! answer is `{"ours": …, "ring": …, "jwt_simple": …, "key": …}` with medians over the rounds, in nanoseconds. `key` is
//! the time to prepare a key of our library. The answer is an `error` if a signature is refused.

#[cfg(target_family = "wasm")]
fn main() {
    use std::hint::black_box;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use host_probes::wasi::{monotonic, resolve};
    use jwt_simple::algorithms::{RS256PublicKey, RSAPublicKeyLike as _};
    use jwt_simple::claims::NoCustomClaims;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
    use rsa_verify::{Hash, PublicKey, Scheme};
    use serde_json::{Value, json};

    fn measure(request: &Value) -> Option<Value> {
        let bytes = |name| URL_SAFE_NO_PAD.decode(request.get(name)?.as_str()?).ok();
        let (n, e) = (bytes("modulus")?, bytes("exponent")?);
        let (message, signature) = (bytes("message")?, bytes("signature")?);
        let rounds = request.get("rounds")?.as_u64()?;
        let token = format!(
            "{}.{}",
            String::from_utf8_lossy(&message),
            URL_SAFE_NO_PAD.encode(&signature)
        );

        let ours = PublicKey::new(&n, &e).ok()?;
        let ring = RsaPublicKeyComponents { n: &n, e: &e };
        let jwt_simple = RS256PublicKey::from_components(&n, &e).ok()?;
        let checks: [(&str, &dyn Fn() -> bool); 4] = [
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
        ];
        // Take turns in each round, so that a slow moment of the machine affects all of them.
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
        measure(&request)
            .unwrap_or_else(|| json!({ "error": "unreadable request, or a library refused the signature" }))
            .to_string()
    });
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
