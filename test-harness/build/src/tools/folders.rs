//! The folders of this workspace, and locks in them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::{ToolError, io_error};

/// The root of this workspace, two folders above this crate.
pub fn workspace_root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own)
}

/// The folder `target` of this workspace. It ignores `CARGO_TARGET_DIR`, so that everything fetched and built is found
/// again.
pub fn target_dir() -> PathBuf {
    workspace_root().join("target")
}

/// The folder of the fetched programs.
pub fn tools_dir() -> PathBuf {
    target_dir().join("tools")
}

/// Takes the lock `folder/name.lock`, and waits for it as long as needed. The lock is released when the returned file
/// is dropped or the process ends.
pub fn lock(folder: &Path, name: &str) -> Result<File, ToolError> {
    fs::create_dir_all(folder).map_err(|source| io_error("create", folder, source))?;
    let path = folder.join(format!("{name}.lock"));
    let file = File::create(&path).map_err(|source| io_error("create", &path, source))?;
    file.lock().map_err(|source| io_error("lock", &path, source))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_root_holds_this_crate() {
        assert!(workspace_root().join("test-harness/build/Cargo.toml").is_file());
    }

    #[test]
    fn a_second_taker_waits_for_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path(), "x").unwrap();
        assert!(
            File::open(folder.path().join("x.lock"))
                .unwrap()
                .try_lock()
                .is_err()
        );
        drop(held);
        assert!(
            File::open(folder.path().join("x.lock"))
                .unwrap()
                .try_lock()
                .is_ok()
        );
    }
}
