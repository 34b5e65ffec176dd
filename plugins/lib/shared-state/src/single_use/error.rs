//! Why a secret for single use cannot be used or kept.

use std::time::Duration;

use egress::platform::DirectoryError;

use crate::store::StoreError;

/// Why the place where the secret is kept could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The state directory failed.
    #[error("{0}")]
    Directory(#[from] DirectoryError),
    /// The store failed.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// The store has a value that was not written with this configuration.
    #[error("the value in the store was written with another store.secret, or has been changed")]
    Foreign,
}

/// Why the secret cannot be used now. The text continues a sentence that begins with the name of the secret, except for
/// [`UseError::Place`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UseError {
    /// There is no secret with this name and key.
    #[error("is not there")]
    Missing,
    /// The other side no longer accepts the secret.
    #[error("is no longer accepted")]
    Lost,
    /// Another instance uses the secret, or was killed during a use that may have arrived.
    #[error("is in use, for {} ms at most", .left.as_millis())]
    Busy {
        /// How long the use may last.
        left: Duration,
    },
    /// There is no room for the successor, so the secret must not be used up.
    #[error("has no room for its successor: {0}")]
    NoRoom(DirectoryError),
    /// The place failed. Without it nothing keeps others from using the secret at the same time.
    #[error("{0}")]
    Place(#[from] PlaceError),
}

impl From<DirectoryError> for UseError {
    fn from(error: DirectoryError) -> Self {
        Self::Place(error.into())
    }
}
