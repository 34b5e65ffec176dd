//! Assertions that applications sign (RFC 7521 section 5, RFC 7523 section 3). Checks the signer, the audience and the
//! expiry, and that each assertion is used only once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::applications::Application;
use super::domain::Domain;
use super::paths;
use crate::keys::SigningKey;
use crate::verification::signed_claims;

/// Verifies an assertion that `application` signed for this domain, and returns its claims.
///
/// # Errors
/// Returns the text of the error description.
pub(super) fn verify(
    domain: &Domain,
    application: &Application,
    assertion: &str,
) -> Result<Map<String, Value>, &'static str> {
    let header: Map<String, Value> = part(assertion, 0).ok_or("Assertion is malformed.")?;
    let keys = candidates(application, &header);
    if keys.is_empty() {
        return Err("Assertion is signed by a key that is not registered.");
    }
    let claims = match signed_claims(&keys, assertion) {
        None => return Err("Assertion is malformed."),
        Some(Err(_)) => return Err("Assertion signature is invalid."),
        Some(Ok(claims)) => claims,
    };
    let now = domain.clock.now();
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if !is_for(domain, claims.get("aud")) {
        return Err("Assertion audience is invalid.");
    }
    if text("iss") != Some(&application.client_id) {
        return Err("Assertion issuer is not the client.");
    }
    match time("exp") {
        None => return Err("Assertion has no expiry."),
        Some(exp) if exp <= now => return Err("Assertion has expired."),
        Some(exp) if exp > now + LONGEST => return Err("Assertion lives too long."),
        Some(_) => {}
    }
    if time("iat").is_none_or(|iat| iat > now + SKEW) {
        return Err("Assertion is issued in the future.");
    }
    match text("jti") {
        Some(id) if !id.is_empty() && domain.is_new_assertion(&format!("{} {id}", application.client_id)) => {
            Ok(claims)
        }
        _ => Err("Assertion was used before."),
    }
}

/// Returns the subject that an assertion claims, without verifying it.
pub(super) fn claimed_subject(assertion: &str) -> Option<String> {
    let claims = part(assertion, 1)?;
    claims.get("sub")?.as_str().map(str::to_owned)
}

/// Returns the keys that the header may refer to: by alias (`kid`) or by certificate, or the client's secret.
fn candidates(application: &Application, header: &Map<String, Value>) -> Vec<SigningKey> {
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    if text("alg") == Some("HS256") {
        return vec![SigningKey::hmac(application.client_secret.as_bytes())];
    }
    let named = |key: &&SigningKey| match (text("kid"), text("x5t#S256"), text("x5t")) {
        (Some(kid), ..) => key.kid() == kid,
        (_, Some(thumbprint), _) => key.x5t_s256() == thumbprint,
        (_, _, Some(thumbprint)) => key.x5t() == thumbprint,
        _ => false,
    };
    application.keys.iter().filter(named).cloned().collect()
}

fn is_for(domain: &Domain, audience: Option<&Value>) -> bool {
    let accepted = [
        format!("{}{}", domain.url(), paths::TOKEN),
        domain.url().to_owned(),
        format!("https://{}", domain.host()),
        "https://identity.oraclecloud.com/".to_owned(),
    ];
    let is_ours = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| accepted.iter().any(|it| it == text))
    };
    match audience {
        Some(Value::Array(several)) => several.iter().any(is_ours),
        Some(one) => is_ours(one),
        None => false,
    }
}

fn part(token: &str, place: usize) -> Option<Map<String, Value>> {
    let part = token.split('.').nth(place)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// The maximum time from now to the expiry of an assertion, in seconds.
const LONGEST: i64 = 3600;
/// The accepted clock difference, in seconds.
const SKEW: i64 = 60;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::idcs::switches::Switches;
    use crate::keys::Algorithm;

    fn signed(key: &SigningKey, header: Value, change: &Value) -> String {
        let mut claims = json!({
            "iss": "app", "sub": "app", "aud": "https://identity.oraclecloud.com/", "iat": now(), "exp": now() + 300,
            "jti": crate::hex::random(),
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        key.sign(key.algorithm(), &header.to_string(), &claims.to_string())
    }

    fn now() -> i64 {
        crate::clock::Clock::default().now()
    }

    #[test]
    fn only_what_the_client_signed_for_this_domain_is_taken_and_only_once() {
        let key = SigningKey::p256().with_kid("gateway");
        let other = SigningKey::p256().with_kid("gateway");
        let application = Application::new("app", "secret").key(&key);
        let domain = Domain::new(0, vec![application.clone()], Vec::new(), Switches::default());
        let by_name = json!({"alg": "ES256", "kid": "gateway"});
        let by_certificate = json!({"alg": "ES256", "x5t": key.x5t()});
        let unnamed = json!({"alg": "ES256"});
        for (token, expected) in [
            (signed(&key, by_name.clone(), &json!({})), Ok(())),
            (
                signed(
                    &key,
                    by_certificate,
                    &json!({"aud": ["x", "https://identity.oraclecloud.com/"]}),
                ),
                Ok(()),
            ),
            (
                signed(&key, unnamed, &json!({})),
                Err("Assertion is signed by a key that is not registered."),
            ),
            (
                signed(&key, json!({"alg": "ES256", "kid": "old"}), &json!({})),
                Err("Assertion is signed by a key that is not registered."),
            ),
            (
                signed(&other, by_name.clone(), &json!({})),
                Err("Assertion signature is invalid."),
            ),
            (
                SigningKey::hmac(b"secret").sign(Algorithm::HS256, r#"{"alg":"HS256"}"#, "{}"),
                Err("Assertion audience is invalid."),
            ),
            (
                SigningKey::hmac(b"other").sign(Algorithm::HS256, r#"{"alg":"HS256"}"#, "{}"),
                Err("Assertion signature is invalid."),
            ),
            (
                signed(&key, by_name.clone(), &json!({"aud": "https://elsewhere/"})),
                Err("Assertion audience is invalid."),
            ),
            (
                signed(&key, by_name.clone(), &json!({"iss": "other"})),
                Err("Assertion issuer is not the client."),
            ),
            (
                signed(&key, by_name.clone(), &json!({"exp": now()})),
                Err("Assertion has expired."),
            ),
            (
                signed(&key, by_name.clone(), &json!({"exp": now() + 7200})),
                Err("Assertion lives too long."),
            ),
            (
                signed(&key, by_name.clone(), &json!({"iat": now() + 120})),
                Err("Assertion is issued in the future."),
            ),
            (
                signed(&key, by_name.clone(), &json!({"jti": ""})),
                Err("Assertion was used before."),
            ),
            ("a.b.c".to_owned(), Err("Assertion is malformed.")),
        ] {
            assert_eq!(
                verify(&domain, &application, &token).map(drop),
                expected,
                "{token}"
            );
        }
        let twice = signed(&key, by_name, &json!({}));
        assert!(verify(&domain, &application, &twice).is_ok());
        assert_eq!(
            verify(&domain, &application, &twice),
            Err("Assertion was used before.")
        );
    }
}
