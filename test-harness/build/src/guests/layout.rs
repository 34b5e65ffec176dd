//! Where plugins lie on disk, and helpers to read and write files there.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{GuestError, io_error};

/// The prefix of the plugins' module names.
pub(super) const MODULE_PREFIX: &str = "oic-gateway";
/// The name of a plugin's manifest.
pub(super) const MANIFEST: &str = ".traefik.yml";
/// The name of a plugin's module.
pub(super) const WASM: &str = "plugin.wasm";

/// The folder in which Traefik looks for a local plugin. `root` is Traefik's working directory.
pub fn plugin_dir(root: &Path, folder: &str) -> PathBuf {
    root.join("plugins-local/src").join(MODULE_PREFIX).join(folder)
}

/// SHA-256 in hex.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, GuestError> {
    fs::read(path).map_err(|source| io_error("read", path, source))
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), GuestError> {
    fs::write(path, bytes).map_err(|source| io_error("write", path, source))
}

pub(super) fn create_dir(path: &Path) -> Result<(), GuestError> {
    fs::create_dir_all(path).map_err(|source| io_error("create", path, source))
}
