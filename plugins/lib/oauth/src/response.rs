//! Answers of token endpoints: RFC 6749 sections 5.1 and 5.2, and the deviations of real providers.

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode, header};
use middleware::{UnixTime, published};
use serde_json::{Map, Number, Value};

use crate::AccessToken;

/// A successful answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: AccessToken,
}

/// An answer without a token. The text is for the log and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The provider refused the client or its request. A configuration must be changed.
    #[error("{0}")]
    Refused(String),
    /// The grant, such as a refresh token, is not valid or no longer valid (`invalid_grant`).
    #[error("{0}")]
    InvalidGrant(String),
    /// The request itself is refused (`invalid_request`). In a token exchange this also means that the subject token is not
    /// valid (RFC 8693 section 2.2.2).
    #[error("{0}")]
    InvalidRequest(String),
    /// The provider has a problem, or asks for a pause.
    #[error("{detail}")]
    Unavailable {
        /// What it answered.
        detail: String,
        /// `Retry-After`, where given.
        retry_after: Option<Duration>,
    },
}

impl TokenResponse {
    /// Reads the answer to a request sent at `asked_at`.
    ///
    /// # Errors
    /// [`TokenError`]. The provider's status never says anything about the gateway's caller.
    pub fn read(response: &Response<Vec<u8>>, asked_at: UnixTime) -> Result<Self, TokenError> {
        let status = response.status();
        let body = match serde_json::from_slice(published::without_mark(response.body())) {
            Ok(Value::Object(members)) => Some(without_nulls(members)),
            _ => None,
        };
        if !status.is_success() {
            return Err(refusal(status, response.headers(), body.as_ref(), asked_at));
        }
        let unusable = |what: &str| TokenError::Unavailable {
            detail: format!("status {} {what}", status.as_u16()),
            retry_after: None,
        };
        let Some(mut members) = body else {
            let cause = published::not_json(response.body());
            return Err(unusable(&format!(
                "with a body that is not a JSON object: {cause}"
            )));
        };
        if members.contains_key("error") && !members.contains_key("access_token") {
            // Some providers refuse with the status of a success.
            return Err(refusal(status, response.headers(), Some(&members), asked_at));
        }
        // For the scope urn:opc:resource:multiresourcescope IDCS wraps the answer in a list.
        if let Some(Value::Array(list)) = members.get("tokenResponses")
            && let Some(Value::Object(first)) = list.first()
        {
            members = without_nulls(first.clone());
        }
        if let Some(kind) = members.get("token_type")
            && !kind
                .as_str()
                .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
        {
            return Err(unusable("with a token_type other than Bearer"));
        }
        let Some(token) = members.get("access_token").and_then(Value::as_str) else {
            return Err(unusable("without an access_token"));
        };
        let access_token = AccessToken::new(token, lifetime(&members), asked_at)
            .ok_or_else(|| unusable("with an access_token that is not a bearer token"))?;
        if access_token.expires_at() <= asked_at {
            return Err(unusable(
                "with a token that has expired already; check this machine's clock",
            ));
        }
        Ok(Self { access_token })
    }
}

/// Removes members that are `null`, since some providers write every member that they know.
fn without_nulls(mut members: Map<String, Value>) -> Map<String, Value> {
    members.retain(|_, member| !member.is_null());
    members
}

/// `expires_in` as a number or, as some providers write it, a string.
fn lifetime(members: &Map<String, Value>) -> Option<Duration> {
    let seconds = match members.get("expires_in")? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => serde_json::from_str::<Number>(text.trim()).ok()?.as_f64()?,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

fn refusal(
    status: StatusCode,
    headers: &HeaderMap,
    body: Option<&Map<String, Value>>,
    now: UnixTime,
) -> TokenError {
    let text = |name: &str| {
        body.and_then(|members| members.get(name))
            .and_then(Value::as_str)
            .map(clip)
    };
    let code = text("error");
    let mut detail = format!("status {}", status.as_u16());
    for (name, value) in [
        ("error", code.clone()),
        ("error_description", text("error_description")),
        ("ecid", text("ecid")),
    ] {
        if let Some(value) = value {
            detail.push_str(&format!(", {name}: {value}"));
        }
    }
    let passing = matches!(
        code.as_deref(),
        Some("temporarily_unavailable" | "server_error" | "slow_down")
    );
    let refused = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => true,
        StatusCode::BAD_REQUEST => code.is_some(),
        status if status.is_success() => code.is_some(),
        _ => false,
    };
    if refused && !passing {
        return match code.as_deref() {
            Some("invalid_grant") => TokenError::InvalidGrant(detail),
            Some("invalid_request") => TokenError::InvalidRequest(detail),
            _ => TokenError::Refused(detail),
        };
    }
    TokenError::Unavailable {
        detail,
        retry_after: retry_after(headers, now),
    }
}

/// `Retry-After` as seconds or as a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap, now: UnixTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let date = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(UnixTime::EPOCH.plus(date).since(now))
}

fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn answer(status: u16, body: &str) -> Response<Vec<u8>> {
        Response::builder()
            .status(status)
            .body(body.as_bytes().to_vec())
            .unwrap()
    }

    fn seconds_of(body: &str) -> u64 {
        let token = TokenResponse::read(&answer(200, body), ASKED)
            .unwrap()
            .access_token;
        token.expires_at().since(ASKED).as_secs()
    }

    #[test]
    fn every_way_to_tell_a_lifetime_is_understood() {
        for (body, seconds) in [
            (
                r#"{"access_token":"t","token_type":"Bearer","expires_in":3600}"#,
                3600,
            ),
            (
                r#"{"access_token":"t","token_type":"bearer","expires_in":"3600"}"#,
                3600,
            ),
            (
                r#"{"access_token":"t","token_type":"Bearer","expires_in":3600.7}"#,
                3600,
            ),
            (r#"{"access_token":"t","token_type":"Bearer"}"#, 60),
            (r#"{"access_token":"t","expires_in":"soon"}"#, 60),
            (r#"{"access_token":"t","expires_in":-5}"#, 60),
            (
                r#"{"access_token":"t","expires_in":null,"scope":"x","ecid":"y"}"#,
                60,
            ),
            (
                r#"{"tokenResponses":[{"access_token":"t","token_type":"Bearer","expires_in":7}],"id_token":"x"}"#,
                7,
            ),
            (
                r#"{"error":null,"error_description":null,"access_token":"t","token_type":null,"expires_in":8,"scope":null}"#,
                8,
            ),
            (
                r#"{"access_token":null,"tokenResponses":[{"access_token":"t","token_type":null,"expires_in":9}]}"#,
                9,
            ),
            ("\u{feff}{\"access_token\":\"t\",\"expires_in\":10}", 10),
        ] {
            assert_eq!(seconds_of(body), seconds, "{body}");
        }
    }

    #[test]
    fn refusals_of_the_gateway_are_told_from_trouble() {
        for (status, body, refused) in [
            (
                400,
                r#"{"error":"invalid_scope","error_description":"Required scope missing"}"#,
                true,
            ),
            (401, r#"{"error":"invalid_client","ecid":"abc"}"#, true),
            (401, "<html>", true),
            (403, "", true),
            (400, r#"{"error":"temporarily_unavailable"}"#, false),
            (400, "<html>bad gateway</html>", false),
            (404, "not here", false),
            (429, r#"{"error":"slow_down"}"#, false),
            (500, "", false),
            (503, "<html>", false),
            (200, r#"{"error":"invalid_client"}"#, true),
            (200, "", false),
            (200, "<html>login</html>", false),
            (200, "[]", false),
            (200, "{}", false),
            (200, r#"{"access_token":""}"#, false),
            (200, r#"{"access_token":null}"#, false),
            (200, r#"{"error":null}"#, false),
            (200, r#"{"access_token":7}"#, false),
            (200, r#"{"access_token":"two words"}"#, false),
            (200, r#"{"access_token":"t","token_type":"mac"}"#, false),
            (200, r#"{"access_token":"t","expires_in":0}"#, false),
        ] {
            let error = TokenResponse::read(&answer(status, body), ASKED).unwrap_err();
            assert_eq!(
                matches!(error, TokenError::Refused(_)),
                refused,
                "{status} {body}: {error}"
            );
        }
    }

    #[test]
    fn a_grant_that_no_longer_counts_is_told_from_a_client_that_does_not() {
        let read = |status, body| TokenResponse::read(&answer(status, body), ASKED).unwrap_err();
        let dead = read(400, r#"{"error":"invalid_grant"}"#);
        assert!(matches!(dead, TokenError::InvalidGrant(_)), "{dead:?}");
        let wrong = read(400, r#"{"error":"invalid_request"}"#);
        assert!(matches!(wrong, TokenError::InvalidRequest(_)), "{wrong:?}");
        for (status, body) in [
            (401, r#"{"error":"invalid_client"}"#),
            (500, r#"{"error":"invalid_grant"}"#),
            (400, "invalid_grant"),
        ] {
            let error = read(status, body);
            assert!(!matches!(error, TokenError::InvalidGrant(_)), "{status} {body}");
        }
    }

    #[test]
    fn the_log_gets_what_support_asks_for() {
        let body = r#"{"error":"invalid_scope","error_description":"Required\nscope missing","ecid":"e1"}"#;
        let error = TokenResponse::read(&answer(400, body), ASKED).unwrap_err();
        assert_eq!(
            error.to_string(),
            "status 400, error: invalid_scope, error_description: Requiredscope missing, ecid: e1"
        );
    }

    #[test]
    fn a_refusal_with_the_status_of_a_success_is_logged_as_it_came() {
        for (status, body, expected) in [
            (
                200,
                r#"{"error":"invalid_client"}"#,
                "status 200, error: invalid_client",
            ),
            (
                201,
                r#"{"error":"invalid_grant"}"#,
                "status 201, error: invalid_grant",
            ),
            (
                200,
                r#"{"error":"server_error"}"#,
                "status 200, error: server_error",
            ),
            (200, r#"{"error":{"code":7}}"#, "status 200"),
            (200, r#"{"error":null}"#, "status 200 without an access_token"),
            (
                400,
                r#"{"error":"invalid_client"}"#,
                "status 400, error: invalid_client",
            ),
        ] {
            let error = TokenResponse::read(&answer(status, body), ASKED).unwrap_err();
            assert_eq!(error.to_string(), expected, "{body}");
            let refuses = body.contains("invalid_");
            assert_eq!(
                !matches!(error, TokenError::Unavailable { .. }),
                refuses,
                "{body}"
            );
        }
    }

    #[test]
    fn an_answer_that_is_not_json_says_what_it_is() {
        for (body, told) in [
            ("", "it is empty"),
            ("<html>login</html>", "it is HTML or XML"),
            ("\0{\0}", "it is UTF-16"),
            ("[]", "it is JSON of another kind"),
        ] {
            let error = TokenResponse::read(&answer(200, body), ASKED).unwrap_err();
            assert!(error.to_string().contains(told), "{body:?}: {error}");
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        for (value, expected) in [
            ("7", Some(7)),
            ("Fri, 15 Jan 2027 08:00:30 GMT", Some(30)),
            ("Wed, 15 Jan 2020 08:00:30 GMT", Some(0)),
            ("later", None),
        ] {
            let mut response = answer(429, "");
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, value.parse().unwrap());
            let error = TokenResponse::read(&response, ASKED).unwrap_err();
            let expected = TokenError::Unavailable {
                detail: "status 429".to_owned(),
                retry_after: expected.map(Duration::from_secs),
            };
            assert_eq!(error, expected, "{value}");
        }
    }
}
