//! How plugins lie on disk, and how files there are read and written.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{GuestError, io_error};

/// What the module names of the plugins begin with.
pub(super) const MODULE_PREFIX: &str = "oic-gateway";
/// A plugin's manifest.
pub(super) const MANIFEST: &str = ".traefik.yml";
/// A plugin's module.
pub(super) const WASM: &str = "plugin.wasm";

/// Where Traefik looks for a local plugin, from its working directory.
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
