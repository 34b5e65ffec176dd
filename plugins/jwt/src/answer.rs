//! Answers to refused requests (RFC 6750 §3). They say little, and nothing that helps an attacker.

use credentials::challenge;
use jose::Rejection;
use middleware::{Problem, Reason};
use shared_state::{Cause, Failure};

use crate::access::{Denial, OnDeny};
use crate::bearer::NoToken;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request has no usable token.
    NoToken(NoToken),
    /// The token is not valid.
    Rejected(Rejection),
    /// The keys are unavailable, so the token cannot be verified.
    KeysUnavailable(Failure),
    /// The token is valid but does not permit this request.
    Denied(Denial),
}

impl From<NoToken> for Refusal {
    fn from(no_token: NoToken) -> Self {
        Self::NoToken(no_token)
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::KeysUnavailable(failure)
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl Refusal {
    /// Returns a stable code for the log.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NoToken(NoToken::Missing) => "missing_token",
            Self::NoToken(NoToken::Malformed) => "malformed_authorization",
            Self::NoToken(NoToken::FormTooLong) => "form_too_long",
            Self::Rejected(rejection) => rejection.code(),
            Self::KeysUnavailable(failure) if matches!(failure.cause(), Cause::Overloaded) => "overloaded",
            Self::KeysUnavailable(_) => "keys_unavailable",
            Self::Denied(denial) => denial.code(),
        }
    }

    /// Builds the answer. `wanted` lists the scopes that a caller with insufficient scope needs (RFC 6750 §3.1).
    pub(crate) fn problem(self, wanted: &[String]) -> Problem {
        match self {
            Self::NoToken(missing) => challenge::no_token(missing),
            Self::Rejected(Rejection::ClaimsNotMet) => challenge::insufficient_scope(&[]),
            Self::Rejected(Rejection::InsufficientScope) => challenge::insufficient_scope(wanted),
            Self::Rejected(_) => challenge::invalid_token(),
            Self::KeysUnavailable(failure) => failure.into(),
            Self::Denied(Denial::AmbiguousPath) => Problem::new(Reason::InvalidPath),
            Self::Denied(Denial::AmbiguousRequest) => challenge::invalid_request(),
            Self::Denied(Denial::Rule { rule, alike, answer }) => match answer {
                OnDeny::NotFound => Problem::new(Reason::NotFound),
                OnDeny::Unauthorized => challenge::unauthorized(wanted),
                // A different token would not help, so the answer does not ask for one.
                OnDeny::Forbidden if rule.is_none() || alike => Problem::new(Reason::Forbidden),
                OnDeny::Forbidden => challenge::insufficient_scope(wanted),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use middleware::Reply;

    fn reply(refusal: Refusal) -> (u16, Option<String>, Option<String>) {
        let reply = Reply::from(refusal.problem(&["read".to_owned(), "write".to_owned()]));
        let header = |name: &str| {
            let mut found = reply.headers.iter().filter(|(header, _)| *header == name);
            found.next().map(|(_, value)| value.clone())
        };
        (reply.status, header("WWW-Authenticate"), header("Retry-After"))
    }

    #[test]
    fn answers_follow_rfc_6750() {
        let unavailable = |cause| Refusal::KeysUnavailable(Failure::new(cause, Duration::from_secs(7)));
        let denied = |rule, alike, answer| Refusal::Denied(Denial::Rule { rule, alike, answer });
        let insufficient = r#"Bearer realm="oic-gateway", error="insufficient_scope", scope="read write""#;
        for (refusal, status, challenge, retry_after) in [
            (
                NoToken::Missing.into(),
                401,
                Some(r#"Bearer realm="oic-gateway""#),
                None,
            ),
            (
                NoToken::Malformed.into(),
                400,
                Some(r#"Bearer realm="oic-gateway", error="invalid_request""#),
                None,
            ),
            (
                Rejection::InsufficientScope.into(),
                403,
                Some(r#"Bearer realm="oic-gateway", error="insufficient_scope", scope="read write""#),
                None,
            ),
            (
                Rejection::ClaimsNotMet.into(),
                403,
                Some(r#"Bearer realm="oic-gateway", error="insufficient_scope""#),
                None,
            ),
            (NoToken::FormTooLong.into(), 413, None, None),
            (unavailable(Cause::Unreachable), 503, None, Some("7")),
            (unavailable(Cause::Overloaded), 503, None, Some("7")),
            (unavailable(Cause::Refused), 502, None, Some("7")),
            (Denial::AmbiguousPath.into(), 400, None, None),
            (
                Denial::AmbiguousRequest.into(),
                400,
                Some(r#"Bearer realm="oic-gateway", error="invalid_request""#),
                None,
            ),
            (
                denied(Some(1), false, OnDeny::Forbidden),
                403,
                Some(insufficient),
                None,
            ),
            (
                denied(Some(1), false, OnDeny::Unauthorized),
                401,
                Some(insufficient),
                None,
            ),
            (denied(Some(1), false, OnDeny::NotFound), 404, None, None),
            (denied(None, false, OnDeny::Forbidden), 403, None, None),
            (denied(Some(1), true, OnDeny::Forbidden), 403, None, None),
        ] {
            let (got_status, got_challenge, got_retry_after) = reply(refusal);
            assert_eq!(
                (got_status, got_challenge.as_deref(), got_retry_after.as_deref()),
                (status, challenge, retry_after),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn every_other_rejection_looks_the_same() {
        let answers: Vec<_> = Rejection::ALL
            .into_iter()
            .filter(|rejection| !rejection.is_forbidden())
            .map(|rejection| Reply::from(Refusal::from(rejection).problem(&[])))
            .collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(
            reply(Rejection::Expired.into()),
            (
                401,
                Some(r#"Bearer realm="oic-gateway", error="invalid_token""#.to_owned()),
                None
            )
        );
    }
}
