//! Reads the answers of the two endpoints.

use std::time::Duration;

use egress::WireError;
use http::Response;
use middleware::Secret;
use serde_json::Value;

/// An answer of the device authorization endpoint (RFC 8628 section 3.2).
#[derive(Clone, Debug)]
pub struct DeviceCode {
    device_code: Secret,
    /// The code that the user enters.
    pub user_code: String,
    /// Where the user enters it.
    pub verification_uri: String,
    /// The same URL with the code in it, if the provider sends one. IDCS does not.
    pub verification_uri_complete: Option<String>,
    /// How long the code is valid.
    pub expires_in: Duration,
    /// How long to wait between two requests to the token endpoint.
    pub interval: Duration,
}

/// The default of RFC 8628 section 3.2, which IDCS uses.
const DEFAULT_INTERVAL: u64 = 5;
/// The value of IDCS, for a provider that does not send one.
const DEFAULT_LIFETIME: u64 = 300;

impl DeviceCode {
    /// Reads the answer. The error says what the provider sent instead.
    pub(super) fn read(response: &Response<Vec<u8>>) -> Result<Self, String> {
        let status = response.status().as_u16();
        let body: Value = serde_json::from_slice(response.body())
            .map_err(|_| format!("status {status} with a body that is not JSON"))?;
        if !response.status().is_success() {
            return Err(refusal(status, &body));
        }
        let text = |name: &str| {
            let value = body.get(name).and_then(Value::as_str).map(printable);
            value.filter(|value| !value.is_empty())
        };
        let missing = |name: &str| format!("status {status} without {name}");
        let device_code = body.get("device_code").and_then(Value::as_str);
        let seconds = |name: &str, default: u64| {
            let value = body.get(name);
            let number = value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
            Duration::from_secs(number.unwrap_or(default))
        };
        Ok(Self {
            device_code: Secret::new(device_code.ok_or_else(|| missing("device_code"))?),
            user_code: text("user_code").ok_or_else(|| missing("user_code"))?,
            // Some providers still use Google's early name.
            verification_uri: text("verification_uri")
                .or_else(|| text("verification_url"))
                .ok_or_else(|| missing("verification_uri"))?,
            verification_uri_complete: text("verification_uri_complete"),
            expires_in: seconds("expires_in", DEFAULT_LIFETIME),
            interval: seconds("interval", DEFAULT_INTERVAL).max(Duration::from_secs(1)),
        })
    }

    pub(super) const fn device_code(&self) -> &Secret {
        &self.device_code
    }
}

/// The answer of the token endpoint (RFC 8628 section 3.5).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Tokens(Tokens),
    Pending,
    SlowDown,
    Denied,
    Expired,
    /// No answer, or none that can be used. Ask again, but later than usual.
    Trouble(String),
    /// Asking again is useless.
    Refused(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) access_token: Secret,
    pub(super) refresh_token: Option<Secret>,
}

impl Outcome {
    pub(super) fn of(answer: Result<Response<Vec<u8>>, WireError>) -> Self {
        let response = match answer {
            Ok(response) => response,
            Err(error) => return Self::Trouble(error.to_string()),
        };
        let status = response.status().as_u16();
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        if let Some(token) = body.get("access_token").and_then(Value::as_str)
            && response.status().is_success()
        {
            return Self::Tokens(Tokens {
                access_token: Secret::new(token),
                refresh_token: oauth::refresh_token(&response),
            });
        }
        match body.get("error").and_then(Value::as_str) {
            Some("authorization_pending") => Self::Pending,
            Some("slow_down") => Self::SlowDown,
            Some("access_denied") => Self::Denied,
            Some("expired_token") => Self::Expired,
            Some(_) if (400..429).contains(&status) => Self::Refused(refusal(status, &body)),
            _ => Self::Trouble(format!("status {status}")),
        }
    }
}

fn refusal(status: u16, body: &Value) -> String {
    let mut text = format!("status {status}");
    for name in ["error", "error_description", "ecid"] {
        if let Some(value) = body.get(name).and_then(Value::as_str) {
            text += &format!(", {name}: {}", printable(value));
        }
    }
    text
}

/// Makes a text safe for a terminal: no control characters, and at most a few lines.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response<Vec<u8>> {
        Response::builder()
            .status(status)
            .body(body.as_bytes().to_vec())
            .unwrap()
    }

    #[test]
    fn what_idcs_leaves_out_has_a_default() {
        let body = r#"{"expires_in":300,"device_code":"d","user_code":"ABCDEFGH","verification_uri":"https://idcs/ui/v1/device"}"#;
        let code = DeviceCode::read(&answer(200, body)).unwrap();
        assert_eq!(
            (code.interval, code.expires_in),
            (Duration::from_secs(5), Duration::from_secs(300))
        );
        assert_eq!(code.verification_uri_complete, None);
        assert!(!format!("{code:?}").contains("\"d\""));
        let body =
            r#"{"device_code":"d","user_code":"A","verification_uri":"u","interval":0,"expires_in":"60"}"#;
        let code = DeviceCode::read(&answer(200, body)).unwrap();
        assert_eq!(
            (code.interval, code.expires_in),
            (Duration::from_secs(1), Duration::from_secs(60))
        );
    }

    #[test]
    fn an_answer_without_a_code_says_why() {
        for (status, body, expected) in [
            (
                401,
                r#"{"error":"invalid_client","ecid":"e"}"#,
                "status 401, error: invalid_client, ecid: e",
            ),
            (200, "{}", "status 200 without device_code"),
            (200, "<html>", "status 200 with a body that is not JSON"),
            (400, "{\"error\":\"a\\u001b[2Jb\"}", "status 400, error: a[2Jb"),
        ] {
            assert_eq!(DeviceCode::read(&answer(status, body)).unwrap_err(), expected);
        }
    }

    #[test]
    fn every_answer_to_a_question_has_its_meaning() {
        for (status, body, expected) in [
            (400, r#"{"error":"authorization_pending"}"#, "Pending"),
            (400, r#"{"error":"slow_down"}"#, "SlowDown"),
            (400, r#"{"error":"access_denied"}"#, "Denied"),
            (400, r#"{"error":"expired_token"}"#, "Expired"),
            (401, r#"{"error":"invalid_client"}"#, "Refused"),
            (400, r#"{"error":"invalid_grant"}"#, "Refused"),
            (429, r#"{"error":"too_many"}"#, "Trouble"),
            (503, "<html>", "Trouble"),
            (200, "<html>", "Trouble"),
            (200, r#"{"access_token":"a","refresh_token":"r"}"#, "Tokens"),
            (200, r#"{"access_token":"a"}"#, "Tokens"),
        ] {
            let outcome = format!("{:?}", Outcome::of(Ok(answer(status, body))));
            assert!(outcome.starts_with(expected), "{body}: {outcome}");
            assert!(
                !outcome.contains("\"a\"") && !outcome.contains("\"r\""),
                "{outcome}"
            );
        }
    }
}
