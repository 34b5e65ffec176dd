//! Why one fetch gave no value.

use std::time::Duration;

use egress::WireError;

/// Why a fetch gave no value. The text is for the log and holds no secret.
///
/// This is not a [`Failure`](super::Failure). A `FetchError` is what one instance learns from one fetch, in full, and
/// never leaves that instance. A `Failure` is what a request is told: it may come from the record of another instance's
/// fetch, or from no fetch at all, for example because too many requests wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The provider did not answer, or its answer is not usable. Another attempt may succeed.
    #[error("{detail}")]
    Unavailable {
        /// What happened.
        detail: String,
        /// How long the provider asked to be left alone (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// The provider refused the gateway's own credentials or request. The operator must change something.
    #[error("the identity provider refused the gateway's own request: {detail}")]
    Refused {
        /// What the provider said, without secrets.
        detail: String,
    },
    /// The provider refused the caller's credentials or token. The caller must change something.
    #[error("the identity provider refused the caller: {detail}")]
    Denied {
        /// What the provider said, without secrets.
        detail: String,
    },
    /// The gateway did not ask the provider, because it has asked too often lately.
    #[error("too many requests to the identity provider for now")]
    Limited {
        /// How long to wait before asking again may be allowed.
        retry_after: Duration,
    },
    /// The user's grant is gone. The provider need not be asked until the user logs in again.
    #[error("{detail}")]
    GrantLost {
        /// What happened, and what to do.
        detail: String,
    },
}

impl From<WireError> for FetchError {
    fn from(error: WireError) -> Self {
        Self::Unavailable {
            detail: error.to_string(),
            retry_after: None,
        }
    }
}
