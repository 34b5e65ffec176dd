//! How the mocks verify a token: signature and expiry, without leeway.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::keys::{Algorithm, SigningKey};

/// The reason why a token is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token has expired.
    #[error("expired: `exp` is not after the clock's now")]
    Expired,
    /// The text is not a token.
    #[error("not a compact JWS over a JSON object")]
    Malformed,
    /// None of the known keys signed the token.
    #[error("no known key verifies the signature")]
    Signature,
}

/// Returns the claims of a token that one of `keys` signed and whose `exp` is after `now` (Unix seconds).
pub fn verify(keys: &[SigningKey], token: &str, now: i64) -> Result<Map<String, Value>, TokenError> {
    let claims = signed_claims(keys, token).ok_or(TokenError::Malformed)??;
    match claims.get("exp").and_then(Value::as_i64) {
        Some(exp) if now < exp => Ok(claims),
        _ => Err(TokenError::Expired),
    }
}

/// Returns the claims of a token that one of `keys` signed, even if it has expired. Returns `None` if the text is not a
/// token.
pub fn signed_claims(keys: &[SigningKey], token: &str) -> Option<Result<Map<String, Value>, TokenError>> {
    let (message, signature) = token.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let header: Map<String, Value> = decode(header)?;
    let claims = decode(claims)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    // The key chooses the kind of algorithm, not the token: `SigningKey::verify` returns false if the key does not
    // support the algorithm.
    let algorithm = header
        .get("alg")
        .and_then(Value::as_str)
        .and_then(Algorithm::from_name);
    let verified = algorithm.is_some_and(|algorithm| {
        keys.iter()
            .any(|key| key.verify(algorithm, message.as_bytes(), &signature))
    });
    Some(if verified {
        Ok(claims)
    } else {
        Err(TokenError::Signature)
    })
}

fn decode(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_and_expiry_decide() {
        let (ours, theirs) = (SigningKey::ed25519(), SigningKey::ed25519());
        let keys = [ours.clone()];
        let token = |key: &SigningKey, claims: &str| key.sign(Algorithm::EdDSA, r#"{"alg":"EdDSA"}"#, claims);
        let table = [
            (token(&ours, r#"{"exp":1000}"#), Ok(())),
            (token(&ours, r#"{"exp":999}"#), Err(TokenError::Expired)),
            (token(&ours, r#"{}"#), Err(TokenError::Expired)),
            (token(&theirs, r#"{"exp":1000}"#), Err(TokenError::Signature)),
            (
                ours.sign(Algorithm::EdDSA, r#"{"alg":"none"}"#, r#"{"exp":1000}"#),
                Err(TokenError::Signature),
            ),
            (token(&ours, "text"), Err(TokenError::Malformed)),
            ("a.b.c".to_owned(), Err(TokenError::Malformed)),
            (String::new(), Err(TokenError::Malformed)),
        ];
        for (token, expected) in table {
            assert_eq!(verify(&keys, &token, 999).map(|_| ()), expected, "{token}");
        }
    }
}
