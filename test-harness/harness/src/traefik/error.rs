//! What can go wrong around a Traefik process.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use harness_build::guests::GuestError;
use harness_build::tools::ToolError;

/// Why Traefik does not run as asked.
#[derive(Debug, thiserror::Error)]
pub enum TraefikError {
    /// There is no Traefik binary.
    #[error(transparent)]
    Tool(#[from] ToolError),

    /// There are no plugins to load.
    #[error(transparent)]
    Guest(#[from] GuestError),

    /// The static configuration is not YAML.
    #[error("the static configuration cannot be read: {0}")]
    StaticConfiguration(String),

    /// Traefik ended by itself.
    #[error("Traefik ended by itself ({status}); correct what its log says:\n{log}")]
    EndedEarly {
        /// Its exit status.
        status: String,
        /// The lines of its log that matter.
        log: String,
    },

    /// Traefik runs, but does not serve the configuration.
    #[error("Traefik did not take the configuration within {waited:?}; correct what its log says:\n{log}")]
    NotReady {
        /// How long it was given.
        waited: Duration,
        /// The lines of its log that matter.
        log: String,
    },

    /// Traefik did not end within the time given after SIGTERM; it was killed.
    #[error("Traefik did not stop within {waited:?} and was killed: look for a request that never ends")]
    DidNotStop {
        /// How long it was given.
        waited: Duration,
    },

    /// The process was stopped or killed, or has ended.
    #[error("Traefik is not running: start it again with `restart`")]
    NotRunning,

    /// Traefik's API did not answer, or not with JSON.
    #[error("Traefik's API did not answer {path}: {reason}")]
    Api {
        /// The path asked for.
        path: String,
        /// What came instead.
        reason: String,
    },

    /// A file operation, or starting the process, failed.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// The verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

pub(super) fn io_error(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> TraefikError {
    TraefikError::Io {
        action,
        path: path.into(),
        source,
    }
}
