//! Refusals: small RFC 9457 problem documents with a stable reason code.

use crate::Reply;

/// Why a request was refused, as a stable code for machines, dashboards and the troubleshooting guide.
///
/// The code says whose fault it is, and nothing that an attacker could use. Details go to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// 400: the path cannot be rewritten into a valid, contained request target.
    InvalidPath,
    /// 400: the request itself is malformed (several Authorization headers, for example). RFC 6750 §3.1.
    InvalidRequest,
    /// 413: the body is a form that is too large to be searched for a token.
    FormTooLong,
    /// 401: no credentials were sent. RFC 6750 §3: the challenge then carries no error code.
    MissingToken,
    /// 401: the token is malformed, expired, of a wrong issuer or signature. RFC 6750 §3.1.
    InvalidToken,
    /// 401: neither name and password nor an API key were sent.
    MissingCredentials,
    /// 401: the caller's API key, client id and secret, or name and password are wrong. RFC 7617.
    InvalidCredentials,
    /// 401: the token is good, but does not permit this request, and the rule asks for 401 instead of 403.
    Unauthorized,
    /// 403: the token is good but lacks a required scope or claim. RFC 6750 §3.1.
    InsufficientScope,
    /// 403: the token is good but a rule of this gateway forbids the request.
    Forbidden,
    /// 429: the caller, or all callers together, cause too many calls to the identity provider.
    TooManyRequests,
    /// 404: the token is good, but does not permit this request, and the rule hides that the resource exists.
    NotFound,
    /// 500: the plugin's configuration is wrong. Every request is refused until it is corrected.
    Configuration,
    /// 502: the identity provider refused the gateway's own credentials or request. Not the caller's fault.
    IdentityProviderRefused,
    /// 503: the identity provider does not answer; try again later. Not the caller's fault.
    IdentityProviderUnavailable,
    /// 503: too many requests are waiting for the identity provider already.
    Overloaded,
    /// 503: the user on whose behalf the gateway calls must log in again. Not the caller's fault.
    UserGrantLost,
}

impl Reason {
    /// The stable code, for example `invalid_token`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidPath => "invalid_path",
            Self::InvalidRequest => "invalid_request",
            Self::FormTooLong => "form_too_long",
            Self::MissingToken => "missing_token",
            Self::InvalidToken => "invalid_token",
            Self::MissingCredentials => "missing_credentials",
            Self::InvalidCredentials => "invalid_credentials",
            Self::Unauthorized => "unauthorized",
            Self::InsufficientScope => "insufficient_scope",
            Self::Forbidden => "forbidden",
            Self::TooManyRequests => "too_many_requests",
            Self::NotFound => "not_found",
            Self::Configuration => "configuration",
            Self::IdentityProviderRefused => "identity_provider_refused",
            Self::IdentityProviderUnavailable => "identity_provider_unavailable",
            Self::Overloaded => "overloaded",
            Self::UserGrantLost => "user_grant_lost",
        }
    }

    /// HTTP status code.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidPath | Self::InvalidRequest => 400,
            Self::MissingToken
            | Self::InvalidToken
            | Self::MissingCredentials
            | Self::InvalidCredentials
            | Self::Unauthorized => 401,
            Self::InsufficientScope | Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::FormTooLong => 413,
            Self::TooManyRequests => 429,
            Self::Configuration => 500,
            Self::IdentityProviderRefused => 502,
            Self::IdentityProviderUnavailable | Self::Overloaded | Self::UserGrantLost => 503,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::InvalidPath => "The request path is not valid",
            Self::InvalidRequest => "The request is malformed",
            Self::FormTooLong => "The form is too large",
            Self::MissingToken => "An access token is required",
            Self::InvalidToken => "The access token is not valid",
            Self::MissingCredentials => "Credentials are required",
            Self::InvalidCredentials => "The credentials are not valid",
            Self::InsufficientScope => "The access token does not permit this request",
            Self::Forbidden => "The request is not permitted",
            Self::TooManyRequests => "Too many requests",
            Self::Unauthorized => "A different access token is required",
            Self::NotFound => "Not found",
            Self::Configuration => "The gateway is misconfigured",
            Self::IdentityProviderRefused => "The identity provider refused the gateway",
            Self::IdentityProviderUnavailable => "The identity provider is unavailable",
            Self::Overloaded => "The gateway is overloaded",
            Self::UserGrantLost => "The gateway must be authorized again",
        }
    }
}

/// The header that repeats the reason, for access logs.
const REASON_HEADER: &str = "X-Oic-Gateway-Reason";

/// A refusal on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    reason: Reason,
    challenge: Option<String>,
    retry_after: Option<u64>,
}

impl Problem {
    /// A refusal for `reason`, without challenge and without `Retry-After`.
    pub const fn new(reason: Reason) -> Self {
        Self {
            reason,
            challenge: None,
            retry_after: None,
        }
    }

    /// Adds a `WWW-Authenticate` challenge (RFC 9110 §11.6.1), for example `Bearer realm="oic"`.
    #[must_use]
    pub fn challenge(mut self, challenge: impl Into<String>) -> Self {
        self.challenge = Some(challenge.into());
        self
    }

    /// Adds `Retry-After` in seconds (RFC 9110 §10.2.3); never less than one.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// Why the request is refused.
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let reason = problem.reason;
        let body = serde_json::json!({
            "type": format!("urn:oic-gateway:problem:{}", reason.code()),
            "title": reason.title(),
            "status": reason.status(),
            "reason": reason.code(),
        });
        let mut headers = vec![
            ("Content-Type", "application/problem+json".to_owned()),
            ("Cache-Control", "no-store".to_owned()),
            // For access logs, which know headers but no bodies.
            (REASON_HEADER, reason.code().to_owned()),
        ];
        headers.extend(problem.challenge.map(|challenge| ("WWW-Authenticate", challenge)));
        headers.extend(
            problem
                .retry_after
                .map(|seconds| ("Retry-After", seconds.to_string())),
        );
        Self {
            status: reason.status(),
            headers,
            body: body.to_string().into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_becomes_a_small_rfc9457_document() {
        let reply =
            Reply::from(Problem::new(Reason::InvalidToken).challenge("Bearer error=\"invalid_token\""));
        assert_eq!(reply.status, 401);
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["reason"], "invalid_token");
        assert_eq!(body["status"], 401);
        assert!(
            reply
                .headers
                .contains(&(REASON_HEADER, "invalid_token".to_owned()))
        );
        assert!(
            reply
                .headers
                .contains(&("Content-Type", "application/problem+json".to_owned()))
        );
        assert!(
            reply
                .headers
                .contains(&("WWW-Authenticate", "Bearer error=\"invalid_token\"".to_owned()))
        );
    }

    #[test]
    fn retry_after_is_at_least_one_second() {
        let reply = Reply::from(Problem::new(Reason::IdentityProviderUnavailable).retry_after(0));
        assert_eq!(reply.status, 503);
        assert!(reply.headers.contains(&("Retry-After", "1".to_owned())));
    }
}
