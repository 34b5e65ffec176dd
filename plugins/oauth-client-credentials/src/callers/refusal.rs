//! Why a caller gets no token, and the answer to it.

use credentials::{NoBasic, challenge};
use middleware::{Problem, Reason};
use shared_state::{Cause, Failure};

/// Why a caller gets no token.
pub(super) enum Refusal {
    /// The request has no usable name and password.
    NoBasic(NoBasic),
    /// The credentials are refused without asking the provider. Holds the code for the log.
    Credentials(&'static str),
    /// The token endpoint did not issue a token.
    Unavailable(Failure),
}

impl Refusal {
    /// Returns a stable code for the log, or `None` if the failed fetch has been logged already.
    pub(super) fn code(&self) -> Option<&'static str> {
        match self {
            Self::NoBasic(NoBasic::Missing) => Some("missing_credentials"),
            Self::NoBasic(NoBasic::OtherScheme) => Some("other_scheme"),
            Self::NoBasic(NoBasic::Malformed) => Some("malformed_authorization"),
            Self::Credentials(code) => Some(code),
            Self::Unavailable(unavailable) => match unavailable.cause() {
                Cause::Denied => Some("denied"),
                Cause::Limited => Some("limited"),
                _ => None,
            },
        }
    }

    pub(super) fn problem(self) -> Problem {
        match self {
            Self::NoBasic(NoBasic::Missing | NoBasic::OtherScheme) => challenge::missing_basic(),
            Self::NoBasic(NoBasic::Malformed) => Problem::new(Reason::InvalidRequest),
            Self::Credentials(_) => challenge::invalid_basic(),
            Self::Unavailable(unavailable) if unavailable.cause() == Cause::Denied => {
                challenge::invalid_basic()
            }
            Self::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
