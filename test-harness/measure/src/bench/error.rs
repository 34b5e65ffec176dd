//! Why there are no figures.

use std::io;
use std::path::PathBuf;

use harness::traefik::TraefikError;
use harness_build::guests::GuestError;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Traefik does not run as asked.
    #[error(transparent)]
    Traefik(#[from] TraefikError),
    /// There are no plugins to measure.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// A socket, a file or /proc failed.
    #[error("{0}; see that nothing else takes the machine's sockets, files or memory")]
    Io(#[from] io::Error),
    /// A gateway does something else than what is measured, so its figures would mean something else.
    #[error("no figure is better than a wrong one: {what}")]
    Misbehaves {
        /// Which, and what it did.
        what: String,
    },
    /// No such row or measurement.
    #[error("`{name}` is neither a row nor a measurement; there are {known}")]
    UnknownName {
        /// The name that was given.
        name: String,
        /// All names, with commas between them.
        known: String,
    },
    /// The folder does not hold plugins.
    #[error("{0} holds no plugins: lay them out with `build --out {0}`")]
    NoPlugins(PathBuf),
    /// The user interrupted the run.
    #[error("interrupted")]
    Interrupted,
}
