//! Errors of starting and running Traefik.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use harness_build::guests::GuestError;
use harness_build::tools::ToolError;

/// The reason why Traefik does not run as requested.
#[derive(Debug, thiserror::Error)]
pub enum TraefikError {
    /// There is no Traefik binary.
    #[error(transparent)]
    Tool(#[from] ToolError),

    /// The plugins could not be built.
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
        /// The relevant lines of its log.
        log: String,
    },

    /// Traefik runs, but does not serve the configuration.
    #[error("Traefik did not take the configuration within {waited:?}; correct what its log says:\n{log}")]
    NotReady {
        /// How long the harness waited.
        waited: Duration,
        /// The relevant lines of its log.
        log: String,
    },

    /// Traefik did not end in time after SIGTERM. The harness killed it.
    #[error("Traefik did not stop within {waited:?} and was killed: look for a request that never ends")]
    DidNotStop {
        /// How long the harness waited.
        waited: Duration,
    },

    /// The process was stopped or killed, or it has ended.
    #[error("Traefik is not running: start it again with `restart`")]
    NotRunning,

    /// Traefik's API did not answer, or its answer was not JSON.
    #[error("Traefik's API did not answer {path}: {reason}")]
    Api {
        /// The requested path.
        path: String,
        /// What went wrong.
        reason: String,
    },

    /// A file operation or the start of the process failed.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// The operation, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The error from the operating system.
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
