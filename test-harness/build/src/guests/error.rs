//! Errors of building plugins.

use std::io;
use std::path::{Path, PathBuf};

use super::check::CheckError;
use super::lower::LowerError;
use crate::tools::ToolError;

/// Why the plugins could not be provided.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// Something that the build needs is missing.
    #[error(transparent)]
    Tool(#[from] ToolError),

    /// cargo could not compile the plugin.
    #[error("plugin {folder} does not compile ({status}):\n{output}")]
    DoesNotCompile {
        /// The plugin.
        folder: String,
        /// cargo's exit status.
        status: String,
        /// What cargo printed.
        output: String,
    },

    /// The compiled module cannot be lowered.
    #[error("plugin {folder}: {source}")]
    Lower {
        /// The plugin.
        folder: String,
        /// Why.
        source: LowerError,
    },

    /// Traefik would run the module wrongly.
    #[error("plugin {folder}: {source}")]
    Check {
        /// The plugin.
        folder: String,
        /// Why.
        source: CheckError,
    },

    /// A file operation failed.
    #[error("could not {action} {path}: {source}; check that it exists and the rights there")]
    Io {
        /// The verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },

    /// An earlier call in this process failed with this message.
    #[error("{0}")]
    Earlier(String),
}

pub(super) fn io_error(action: &'static str, path: &Path, source: io::Error) -> GuestError {
    GuestError::Io {
        action,
        path: path.to_path_buf(),
        source,
    }
}
