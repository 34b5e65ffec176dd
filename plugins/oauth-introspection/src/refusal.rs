//! What a refused caller is told. RFC 6750 §3.

use credentials::bearer::NoToken;
use jose::Rejection;
use middleware::{Problem, Reason};
use shared_state::{Cause, Failure};

/// Why a request does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no token to ask about.
    NoToken(NoToken),
    /// The token is active, and not good for this.
    Rejected(Rejection),
    /// The provider says no, or nothing.
    Unavailable(Failure),
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
    fn from(unavailable: Failure) -> Self {
        Self::Unavailable(unavailable)
    }
}

impl Refusal {
    /// A stable code for the log, or `None` if crate `shared-state` logs the failure.
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

    /// The answer. `required_scopes` are told to a caller who lacks one of them.
    pub(crate) fn problem(self, required_scopes: &[String]) -> Problem {
        let invalid = || Problem::new(Reason::InvalidToken).challenge(with_error("invalid_token"));
        let insufficient = |more: String| {
            Problem::new(Reason::InsufficientScope)
                .challenge(format!("{}{more}", with_error("insufficient_scope")))
        };
        match self {
            Self::NoToken(NoToken::Missing) => Problem::new(Reason::MissingToken).challenge(REALM),
            Self::NoToken(_) => Problem::new(Reason::InvalidRequest).challenge(with_error("invalid_request")),
            Self::Rejected(Rejection::InsufficientScope) => {
                insufficient(format!(", scope=\"{}\"", required_scopes.join(" ")))
            }
            Self::Rejected(Rejection::ClaimsNotMet) => insufficient(String::new()),
            Self::Rejected(_) => invalid(),
            Self::Unavailable(unavailable) if unavailable.cause() == Cause::Denied => invalid(),
            Self::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

fn with_error(error: &str) -> String {
    format!("{REALM}, error=\"{error}\"")
}

const REALM: &str = r#"Bearer realm="oic-gateway""#;
