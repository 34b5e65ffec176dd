//! A guest that checks signatures with the code of the plugin `jwt`. The body of the request is a JSON list of `{"jwk":
//! …, "algorithm": "ES256", "message": base64url, "signature": base64url}`. The answer has one character for each: `1`
//! if the signature is accepted, `0` if it is refused.

#[cfg(target_family = "wasm")]
fn main() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jose::{Algorithm, KeySet};
    use serde_json::{Value, json};

    fn accepts(check: &Value) -> Option<bool> {
        let keys = json!({ "keys": [check.get("jwk")?] }).to_string();
        let algorithm = Algorithm::from_name(check.get("algorithm")?.as_str()?)?;
        let bytes = |name| URL_SAFE_NO_PAD.decode(check.get(name)?.as_str()?).ok();
        let (message, signature) = (bytes("message")?, bytes("signature")?);
        let keys = KeySet::from_configured_jwks(keys.as_bytes());
        Some(keys.is_ok_and(|keys| keys.verifies(algorithm, &message, &signature)))
    }

    host_probes::answer_body_with(|body| {
        let checks: Vec<Value> = serde_json::from_slice(body).unwrap_or_default();
        // A check that cannot be read gets a `?`, because neither `0` nor `1` would be true.
        checks
            .iter()
            .map(|check| match accepts(check) {
                Some(true) => '1',
                Some(false) => '0',
                None => '?',
            })
            .collect()
    });
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
