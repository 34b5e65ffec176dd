//! The switches that a test can change on a running mock OIC.

use std::time::Duration;

use crate::faults::Fault;

/// All switches. By default all checks are enabled.
#[derive(Clone, Debug)]
pub struct Switches {
    /// Whether host, token and role are checked. If not, every request is accepted, and a path that is not an
    /// integration gets a plain 200 whose header `x-seen-uri` repeats the request target.
    pub strict: bool,
    /// The `WWW-Authenticate` header of a 401.
    pub challenge: Challenge,
    /// Whether the body of a refusal is HTML instead of JSON.
    pub html_errors: bool,
    /// The status for a client or user without the role ServiceInvoker: 401 or 403.
    pub missing_role_status: u16,
    /// Path prefixes that need a user's token. A token of the client itself is refused there.
    pub require_user_context: Vec<String>,
    /// The delay before each answer.
    pub latency: Duration,
    /// The fault of the mock, if any.
    pub down: Option<Fault>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            strict: true,
            challenge: Challenge::default(),
            html_errors: false,
            missing_role_status: 401,
            require_user_context: Vec::new(),
            latency: Duration::ZERO,
            down: None,
        }
    }
}

/// The `WWW-Authenticate` header of a 401.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Challenge {
    /// `Basic realm="OIC"`
    Basic,
    /// `Bearer realm="OIC"`
    #[default]
    Bearer,
    /// No `WWW-Authenticate` header.
    None,
}

impl Challenge {
    pub(super) fn header(self) -> Option<&'static str> {
        match self {
            Self::Basic => Some(r#"Basic realm="OIC""#),
            Self::Bearer => Some(r#"Bearer realm="OIC""#),
            Self::None => None,
        }
    }
}
