//! Writes the results of a command to files.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write {path}: {source}; check that its folder exists and that you may write there")]
pub(super) struct WriteError {
    path: PathBuf,
    source: io::Error,
}

/// Writes `contents` to `path`.
pub(super) fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), WriteError> {
    fs::write(path, contents).map_err(|source| WriteError {
        path: path.to_path_buf(),
        source,
    })
}

/// Writes `figures` as JSON to `path`, if the user gave one.
pub(super) fn write_json(path: Option<&Path>, figures: &impl Serialize) -> Result<(), Box<dyn Error>> {
    if let Some(path) = path {
        write(path, format!("{}\n", serde_json::to_string_pretty(figures)?))?;
    }
    Ok(())
}
