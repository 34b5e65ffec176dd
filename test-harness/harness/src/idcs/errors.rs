//! Error bodies: OAuth errors for the token endpoint, SCIM errors for everything else.

use http::StatusCode;
use serde_json::json;

use crate::faults::Answer;

/// An OAuth error (RFC 6749 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OAuthError {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) description: String,
}

impl OAuthError {
    /// Creates an error with status 400 and this code.
    pub(super) fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description: description.into(),
        }
    }

    pub(super) fn invalid_client() -> Self {
        let error = Self::new("invalid_client", "Client authentication failed.");
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..error
        }
    }

    /// Creates the error for a rejected client assertion. The description contains `why`.
    pub(super) fn bad_client_assertion(why: &str) -> Self {
        Self {
            description: format!("Client authentication failed. {why}"),
            ..Self::invalid_client()
        }
    }

    pub(super) fn unauthorized_client() -> Self {
        let error = Self::new("unauthorized_client", "Client authorization failed.");
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..error
        }
    }

    /// Returns the answer, with IDCS's additional member `ecid` if it is given.
    pub(super) fn answer(&self, ecid: Option<&str>) -> Answer {
        let mut body = json!({"error": self.error, "error_description": self.description});
        if let Some(ecid) = ecid {
            body["ecid"] = json!(ecid);
        }
        let answer = Answer::json(self.status, &body);
        match self.error {
            "invalid_client" => answer.with("www-authenticate", r#"Basic realm="IDCS""#),
            _ => answer,
        }
    }
}

/// Returns a SCIM error (RFC 7644 section 3.12) with Oracle's extension.
pub(super) fn scim_error(status: StatusCode, message_id: &str, detail: &str) -> Answer {
    let body = json!({
        "schemas": [SCIM_ERROR, ORACLE_ERROR],
        "detail": detail,
        "status": status.as_str(),
        ORACLE_ERROR: {"messageId": message_id},
    });
    Answer::json(status, &body)
}

const SCIM_ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const ORACLE_ERROR: &str = "urn:ietf:params:scim:api:oracle:idcs:extension:messages:Error";
