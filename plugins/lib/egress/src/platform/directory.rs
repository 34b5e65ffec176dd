//! The state directory.

use crate::platform::errno;

/// A directory that instances and processes share. Each operation is one atomic host call and opens no descriptor.
///
/// Names are plain file names. Contents are text without NUL, of at most [`MAX_CONTENT`] bytes.
pub trait Directory {
    /// Creates the entry `name` with `content`.
    ///
    /// # Errors
    /// [`DirectoryError::Exists`] if there is an entry of this name, otherwise the cause of the failure.
    fn create(&self, name: &str, content: &str) -> Result<(), DirectoryError>;

    /// Reads the entry `name`. Returns `None` if there is no such entry, or if it is not a symbolic link.
    ///
    /// # Errors
    /// The cause of the failure.
    fn read(&self, name: &str) -> Result<Option<String>, DirectoryError>;

    /// Renames the entry `from` to `to`, and replaces an entry of that name.
    ///
    /// # Errors
    /// The cause of the failure.
    fn rename(&self, from: &str, to: &str) -> Result<(), DirectoryError>;

    /// Removes the entry `name`. Succeeds if there is no such entry.
    ///
    /// # Errors
    /// The cause of the failure.
    fn remove(&self, name: &str) -> Result<(), DirectoryError>;

    /// Makes earlier operations durable: they survive a power failure if the medium can do that.
    ///
    /// # Errors
    /// The cause of the failure. The operations are visible to all instances nevertheless.
    fn sync(&self) -> Result<(), DirectoryError> {
        Ok(())
    }
}

/// The longest content of one entry, in bytes. All common file systems accept it (XFS: 1024 bytes).
pub const MAX_CONTENT: usize = 1000;

/// Why an operation on the state directory failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The entry exists already.
    #[error("the entry exists")]
    Exists,
    /// No directory is mounted.
    #[error("no state directory is mounted")]
    Missing,
    /// The directory was removed.
    #[error("the state directory was removed; restart or reload Traefik once it is back")]
    Removed,
    /// The directory cannot be written.
    #[error("the state directory cannot be written")]
    ReadOnly,
    /// The file system is full.
    #[error("the state directory's file system is full")]
    Full,
    /// Any other failure, as a WASI error number.
    #[error("the state directory failed: {}", errno::InWords(*.0))]
    Other(u16),
}

impl DirectoryError {
    /// What the operator can do about it, for the log.
    pub const CURE: &str = "give the plugin a directory of its own that Traefik can write to, under settings.mounts; until then every instance \
     fetches keys and tokens for itself";
}
