//! Answers to refused requests (RFC 6750 §3).

use credentials::bearer::NoToken;
use credentials::challenge;
use jose::Rejection;
use middleware::Problem;
use shared_state::{Cause, Failure};

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request has no usable token.
    NoToken(NoToken),
    /// The token is active but not acceptable.
    Rejected(Rejection),
    /// The provider denied the token, or did not answer.
    Unavailable(Failure),
}

impl Refusal {
    /// Returns a stable code for the log, or `None` if the failed fetch has been logged already.
    pub(crate) const fn code(self) -> Option<&'static str> {
        match self {
            Self::NoToken(NoToken::Missing) => Some("missing_token"),
            Self::NoToken(_) => Some("malformed_token"),
            Self::Rejected(rejection) => Some(rejection.code()),
            Self::Unavailable(unavailable) => match unavailable.cause() {
                Cause::Denied => Some("inactive"),
                Cause::Limited => Some("limited"),
                _ => None,
            },
        }
    }

    /// Builds the answer. It names `required_scopes` to a caller with insufficient scope.
    pub(crate) fn problem(self, required_scopes: &[String]) -> Problem {
        match self {
            Self::NoToken(missing) => challenge::no_token(missing),
            Self::Rejected(Rejection::ClaimsNotMet) => challenge::insufficient_scope(&[]),
            Self::Rejected(Rejection::InsufficientScope) => challenge::insufficient_scope(required_scopes),
            Self::Rejected(_) => challenge::invalid_token(),
            Self::Unavailable(unavailable) if unavailable.cause() == Cause::Denied => {
                challenge::invalid_token()
            }
            Self::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
