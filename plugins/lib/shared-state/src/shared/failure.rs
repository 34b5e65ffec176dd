//! Why there is no usable value.

use std::time::Duration;

use middleware::{Problem, Reason};
use serde::{Deserialize, Serialize};

/// Why there is no usable value, and when to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    cause: Cause,
    retry_after: Duration,
}

/// Whose fault a [`Failure`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The provider does not answer, or its answer is not usable.
    Unreachable,
    /// The provider refused the gateway.
    Refused,
    /// The provider refused the caller.
    Denied,
    /// The gateway has asked the provider too often lately.
    Limited,
    /// Too many requests are waiting already.
    Overloaded,
    /// The user's grant is gone.
    GrantLost,
}

impl Failure {
    /// A failure of this `cause`. Trying again may help after `retry_after`.
    pub const fn new(cause: Cause, retry_after: Duration) -> Self {
        Self { cause, retry_after }
    }

    pub(crate) const fn unreachable(retry_after: Duration) -> Self {
        Self::new(Cause::Unreachable, retry_after)
    }

    pub(crate) const fn overloaded() -> Self {
        Self::new(Cause::Overloaded, Duration::from_secs(1))
    }

    /// Whose fault it is.
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// The reason that the client is told. A plugin decides itself what to tell a denied caller. Here the reason is the
    /// caller's credentials.
    pub const fn reason(&self) -> Reason {
        match self.cause {
            Cause::Unreachable => Reason::IdentityProviderUnavailable,
            Cause::Refused => Reason::IdentityProviderRefused,
            Cause::Denied => Reason::InvalidCredentials,
            Cause::Limited => Reason::TooManyRequests,
            Cause::Overloaded => Reason::Overloaded,
            Cause::GrantLost => Reason::UserGrantLost,
        }
    }

    /// After how many seconds trying again may help. At least one.
    pub fn retry_after_seconds(&self) -> u64 {
        self.retry_after
            .as_millis()
            .div_ceil(1000)
            .try_into()
            .unwrap_or(u64::MAX)
            .max(1)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::new(failure.reason()).retry_after(failure.retry_after_seconds())
    }
}
