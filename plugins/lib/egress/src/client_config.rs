//! The `clientConfig` block of every plugin that uses the network. Names are as in Traefik Hub.

use std::time::Duration;

use middleware::{ConfigError, config::lenient};
use serde::Deserialize;

use crate::tls::TlsOptions;

/// How to talk to the identity provider.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClientConfig {
    /// Seconds from name lookup to the last byte of the answer, all attempts together. 1 to 60, default 5.
    #[serde(deserialize_with = "lenient::integer")]
    pub timeout_seconds: u64,
    /// How often a failed attempt is repeated while time is left. 0 to 10, default 3.
    #[serde(deserialize_with = "lenient::integer")]
    pub max_retries: u64,
    /// How many requests of a Traefik process may wait for an answer at a time; further ones are refused with 503
    /// at once. 0 to 100,000, default 1024. Not an option of Traefik Hub's.
    #[serde(deserialize_with = "lenient::integer")]
    pub max_waiting_requests: u64,
    /// Trust and client certificate.
    pub tls: TlsOptions,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            timeout_seconds: 5,
            max_retries: 3,
            max_waiting_requests: 1024,
            tls: TlsOptions::default(),
        }
    }
}

impl ClientConfig {
    /// The time that all attempts together may take.
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    /// Checks the ranges of the numbers.
    ///
    /// # Errors
    /// [`ConfigError`] names the option below `clientConfig`.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if !(1..=60).contains(&self.timeout_seconds) {
            return Err(ConfigError::new(
                "clientConfig.timeoutSeconds",
                "must be from 1 to 60",
            ));
        }
        if self.max_retries > 10 {
            return Err(ConfigError::new(
                "clientConfig.maxRetries",
                "must be from 0 to 10",
            ));
        }
        Ok(())
    }
}
