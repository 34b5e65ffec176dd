//! What a refused caller is told. RFC 6750 §3.

use credentials::bearer::NoToken;
use credentials::challenge;
use jose::Rejection;
use middleware::Problem;
use shared_state::{Cause, Failure};

/// Why a request does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no token to ask about.
    NoToken(NoToken),
    /// The token is active, but not acceptable.
    Rejected(Rejection),
    /// The provider denied the token, or gave no answer.
    Unavailable(Failure),
}

impl Refusal {
    /// A stable code for the log. `None` if the failed fetch has been logged already.
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

    /// The answer. It names `required_scopes` to a caller who lacks one of them.
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
