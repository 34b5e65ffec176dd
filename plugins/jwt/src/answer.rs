//! What a refused caller is told. RFC 6750 §3: little, and nothing an attacker could use.

use jose::Rejection;
use middleware::{Problem, Reason};
use shared_state::{Cause, Failure};

use crate::access::{Denial, OnDeny};
use crate::bearer::NoToken;

/// Why a request does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no token to judge.
    NoToken(NoToken),
    /// The token is refused.
    Rejected(Rejection),
    /// The token cannot be judged.
    KeysUnavailable(Failure),
    /// The token is good, but not for this request.
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
    /// A stable code for the log.
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

    /// The answer. `wanted` are the scopes that are told to a caller who lacks one of them (RFC 6750 §3.1).
    pub(crate) fn problem(self, wanted: &[String]) -> Problem {
        match self {
            Self::NoToken(NoToken::Missing) => Problem::new(Reason::MissingToken).challenge(REALM),
            Self::NoToken(NoToken::Malformed) => {
                Problem::new(Reason::InvalidRequest).challenge(with_error("invalid_request"))
            }
            Self::NoToken(NoToken::FormTooLong) => Problem::new(Reason::FormTooLong),
            Self::Rejected(Rejection::ClaimsNotMet) => {
                Problem::new(Reason::InsufficientScope).challenge(with_error("insufficient_scope"))
            }
            Self::Rejected(Rejection::InsufficientScope) => {
                Problem::new(Reason::InsufficientScope).challenge(insufficient_scope(wanted))
            }
            Self::Rejected(_) => Problem::new(Reason::InvalidToken).challenge(with_error("invalid_token")),
            Self::KeysUnavailable(failure) => failure.into(),
            Self::Denied(Denial::AmbiguousPath) => Problem::new(Reason::InvalidPath),
            Self::Denied(Denial::AmbiguousRequest) => {
                Problem::new(Reason::InvalidRequest).challenge(with_error("invalid_request"))
            }
            Self::Denied(Denial::Rule { rule, alike, answer }) => match answer {
                OnDeny::NotFound => Problem::new(Reason::NotFound),
                OnDeny::Unauthorized => {
                    Problem::new(Reason::Unauthorized).challenge(insufficient_scope(wanted))
                }
                // No other token would help.
                OnDeny::Forbidden if rule.is_none() || alike => Problem::new(Reason::Forbidden),
                OnDeny::Forbidden => {
                    Problem::new(Reason::InsufficientScope).challenge(insufficient_scope(wanted))
                }
            },
        }
    }
}

/// Names the scopes that would do, if there are any (RFC 6750 §3).
fn insufficient_scope(wanted: &[String]) -> String {
    let challenge = with_error("insufficient_scope");
    match wanted {
        [] => challenge,
        wanted => format!("{challenge}, scope=\"{}\"", wanted.join(" ")),
    }
}

fn with_error(error: &str) -> String {
    format!("{REALM}, error=\"{error}\"")
}

const REALM: &str = r#"Bearer realm="oic-gateway""#;

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
