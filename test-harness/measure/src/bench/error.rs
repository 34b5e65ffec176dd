//! Errors of the bench.

use std::io;
use std::path::PathBuf;

use harness::traefik::TraefikError;
use harness_build::guests::GuestError;

/// Why a bench run failed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Traefik does not run as configured.
    #[error(transparent)]
    Traefik(#[from] TraefikError),
    /// The plugins cannot be built.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// A socket, a file or /proc failed.
    #[error("{0}; see that nothing else takes the machine's sockets, files or memory")]
    Io(#[from] io::Error),
    /// A gateway does not do what is measured, so its figures would be misleading.
    #[error("no figure is better than a wrong one: {what}")]
    Misbehaves {
        /// Which gateway, and what it did.
        what: String,
    },
    /// No row or measurement has this name.
    #[error("`{name}` is neither a row nor a measurement; there are {known}")]
    UnknownName {
        /// The name that was given.
        name: String,
        /// All names, separated by commas.
        known: String,
    },
    /// The folder does not hold plugins.
    #[error("{0} holds no plugins: lay them out with `build --out {0}`")]
    NoPlugins(PathBuf),
    /// The user interrupted the run.
    #[error("interrupted")]
    Interrupted,
}
