//! What a middleware may ask of the host it runs on.

use crate::{Event, UnixTime};

/// The services of the host that need no network. Nothing else in the workspace reads a clock, an environment variable
/// or a file.
pub trait Host {
    /// Wall-clock time.
    fn now(&self) -> UnixTime;

    /// Fills `bytes` with random bytes fit for keys and nonces.
    ///
    /// In Traefik these are real only in a plugin that imports the socket extension.
    fn fill_random(&self, bytes: &mut [u8]);

    /// The environment variable `name`, if Traefik passes it on (`settings.envs`).
    fn env(&self, name: &str) -> Option<String>;

    /// The content of the file at the absolute `path`, if Traefik mounts it (`settings.mounts`).
    ///
    /// # Errors
    /// [`FileError`] says what to change.
    fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError>;

    /// Writes `event` to Traefik's log.
    fn log(&self, event: &Event);
}

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// No mount covers the path.
    #[error(
        "no mount covers it: add its directory to the plugin's settings.mounts in Traefik's static configuration"
    )]
    NotMounted,
    /// This plugin has no way to read files.
    #[error("this plugin reads no files")]
    Unsupported,
    /// Other instances used the router's descriptors for too long.
    #[error("this router's other instances are busy; it is tried again")]
    Busy,
    /// The file does not exist, or is not a regular file.
    #[error("it does not exist, or is not a regular file")]
    NotFound,
    /// The file is larger than this plugin reads.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The largest size accepted, in bytes.
        limit: usize,
    },
    /// Reading failed otherwise.
    #[error("it cannot be read (errno {errno})")]
    Unreadable {
        /// WASI error number.
        errno: u16,
    },
}
