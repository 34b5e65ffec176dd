//! Reads answers of an introspection endpoint (RFC 7662 §2.2 and §2.3), and what providers send instead.

use std::time::Duration;

use http::{Response, StatusCode, header};
use jose::{Claims, Rejection};
use middleware::published;
use serde_json::Value;
use shared_state::FetchError;

/// Returns the claims of an active token. Anything but a JSON object with `"active": true` is an error.
pub(crate) fn read(response: &Response<Vec<u8>>) -> Result<Claims, FetchError> {
    let status = response.status();
    if status != StatusCode::OK {
        return Err(refusal(response));
    }
    // Strict parsing: two servers could read a duplicate member differently.
    let claims = Claims::of_answer(response.body()).map_err(|rejection| {
        let cause = match rejection {
            Rejection::MalformedClaims => published::not_json(response.body()).to_string(),
            _ => rejection.to_string(),
        };
        unavailable(format!(
            "status 200 with a body that is not a JSON object: {cause}"
        ))
    })?;
    match claims.get("active") {
        Some(jose::Value::Bool(true)) => texts(claims),
        Some(jose::Value::Bool(false)) => Err(FetchError::Denied {
            detail: "the token is not active".to_owned(),
        }),
        Some(_) => Err(unavailable(
            "status 200 with a member active that is neither true nor false".to_owned(),
        )),
        None => Err(unavailable("status 200 without the member active".to_owned())),
    }
}

/// Checks that the members that are compared as text are strings. If not, the provider is at fault, not the token.
fn texts(claims: Claims) -> Result<Claims, FetchError> {
    const TEXTS: [&str; 5] = ["iss", "token_type", "token_use", "typ", "tok_type"];
    let wrong = TEXTS
        .into_iter()
        .find(|name| claims.get(name).is_some_and(|value| value.as_str().is_none()));
    match wrong {
        Some(name) => Err(unavailable(format!(
            "status 200 with a member {name} that is not text"
        ))),
        None => Ok(claims),
    }
}

/// Returns the error for an answer that says `active` but has a form that this plugin cannot judge.
pub(crate) fn unreadable(rejection: Rejection) -> Option<FetchError> {
    let what = match rejection {
        Rejection::InvalidTime => {
            "exp, nbf or iat that is not a time between 1970 and 9999: it must be seconds, as a number or as text"
        }
        Rejection::MalformedClaims => "aud, scope or scp that is neither text nor a list of texts",
        _ => return None,
    };
    Some(unavailable(format!("status 200 with a member {what}")))
}

/// Reads an error answer. A refusal of the gateway's own request says nothing about the token, with one exception:
/// `unsupported_token_type` (RFC 7009 §2.2.1). Certified servers return it when asked about their own JWTs.
fn refusal(response: &Response<Vec<u8>>) -> FetchError {
    let status = response.status();
    let body: Value = serde_json::from_slice(published::without_mark(response.body())).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(clip);
    let mut detail = format!("status {}", status.as_u16());
    for name in ["error", "error_description", "ecid"] {
        if let Some(value) = text(name) {
            detail.push_str(&format!(", {name}: {value}"));
        }
    }
    if status == StatusCode::BAD_REQUEST && text("error").as_deref() == Some("unsupported_token_type") {
        return FetchError::Denied { detail };
    }
    let refused = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => true,
        StatusCode::BAD_REQUEST => text("error").is_some(),
        _ => false,
    };
    if refused {
        return FetchError::Refused { detail };
    }
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    FetchError::Unavailable { detail, retry_after }
}

fn unavailable(detail: String) -> FetchError {
    FetchError::Unavailable {
        detail,
        retry_after: None,
    }
}

fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_json_value_true_is_active() {
        #[derive(Debug, PartialEq)]
        enum Is {
            Active,
            Denied,
            Refused,
            Unavailable,
        }
        for (status, body, expected) in [
            (200, r#"{"active":true}"#, Is::Active),
            (200, r#"{"active":true,"scope":"a b","exp":1}"#, Is::Active),
            (200, "\u{feff}{\"active\":true}", Is::Active),
            (
                200,
                r#"{"active":true,"exp":"1999999999","nbf":null,"tok_type":null}"#,
                Is::Active,
            ),
            (200, r#"{"active":false}"#, Is::Denied),
            (400, "\u{feff}{\"error\":\"unsupported_token_type\"}", Is::Denied),
            (200, r#"{"active":false,"sub":"x"}"#, Is::Denied),
            (200, r#"{"active":"true"}"#, Is::Unavailable),
            (200, r#"{"active":1}"#, Is::Unavailable),
            (200, r#"{"active":null}"#, Is::Unavailable),
            (200, r#"{"Active":true}"#, Is::Unavailable),
            (200, r#"{"active":false,"active":true}"#, Is::Unavailable),
            (200, r#"{"active":true} x"#, Is::Unavailable),
            (200, r#"[{"active":true}]"#, Is::Unavailable),
            (200, "{}", Is::Unavailable),
            (200, "true", Is::Unavailable),
            (200, "", Is::Unavailable),
            (200, "<html>active</html>", Is::Unavailable),
            (201, r#"{"active":true}"#, Is::Unavailable),
            (204, "", Is::Unavailable),
            (400, r#"{"error":"invalid_request"}"#, Is::Refused),
            (400, r#"{"error":"unsupported_token_type"}"#, Is::Denied),
            (403, r#"{"error":"unsupported_token_type"}"#, Is::Refused),
            (400, "<html>", Is::Unavailable),
            (401, r#"{"active":true}"#, Is::Refused),
            (401, r#"{"error":"invalid_client"}"#, Is::Refused),
            (403, "", Is::Refused),
            (404, r#"{"active":true}"#, Is::Unavailable),
            (429, "", Is::Unavailable),
            (500, r#"{"active":true}"#, Is::Unavailable),
        ] {
            let response = Response::builder()
                .status(status)
                .body(body.as_bytes().to_vec())
                .unwrap();
            let found = match read(&response) {
                Ok(_) => Is::Active,
                Err(FetchError::Denied { .. }) => Is::Denied,
                Err(FetchError::Refused { .. }) => Is::Refused,
                Err(_) => Is::Unavailable,
            };
            assert_eq!(found, expected, "{status} {body}");
        }
    }
}
