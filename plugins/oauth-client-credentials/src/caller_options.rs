//! Options for callers that bring their own client.

use middleware::ConfigError;
use middleware::config::{in_range, lenient};
use serde::Deserialize;
use shared_state::Limits;

/// A list of scopes.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ScopeList(#[serde(deserialize_with = "lenient::strings")] pub(crate) Vec<String>);

/// Limits for calls to the token endpoint for callers whose credentials are not known yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CallerLimits {
    /// Wrong secrets of one client id in a minute. 1 to 1000, default 10.
    #[serde(deserialize_with = "lenient::integer")]
    pub failures_per_client_per_minute: u64,
    /// Calls in a minute, of all callers together. 1 to 100,000, default 100.
    #[serde(deserialize_with = "lenient::integer")]
    pub calls_per_minute: u64,
}

impl Default for CallerLimits {
    fn default() -> Self {
        Self {
            failures_per_client_per_minute: 10,
            calls_per_minute: 100,
        }
    }
}

impl CallerLimits {
    /// Checks the ranges of the values.
    pub(crate) fn check(&self) -> Result<Limits, ConfigError> {
        let failures = self.failures_per_client_per_minute;
        let failures = in_range("limits.failuresPerClientPerMinute", failures, 1, 1000)?;
        Ok(Limits {
            calls: in_range("limits.callsPerMinute", self.calls_per_minute, 1, 100_000)?,
            failures: Some(failures),
        })
    }
}
