//! What a test can change about a running mock OIC, by name.

use std::time::Duration;

use crate::faults::Fault;

/// All switches. By default every check is on.
#[derive(Clone, Debug)]
pub struct Switches {
    /// Whether host, token and role are checked. Without, every request is welcome, and a path that is no
    /// integration gets a plain 200 whose header `x-seen-uri` repeats the request target.
    pub strict: bool,
    /// The `WWW-Authenticate` of a 401.
    pub challenge: Challenge,
    /// Whether a refusal's body is HTML instead of JSON.
    pub html_errors: bool,
    /// The answer to a client or user without the role ServiceInvoker: 401, or 403.
    pub missing_role_status: u16,
    /// Path prefixes that a client's own token does not open; they need a user's.
    pub require_user_context: Vec<String>,
    /// Waits so long before it answers.
    pub latency: Duration,
    /// Fails so.
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

/// The `WWW-Authenticate` of a 401.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Challenge {
    /// `Basic realm="OIC"`
    Basic,
    /// `Bearer realm="OIC"`
    #[default]
    Bearer,
    /// No such header.
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
