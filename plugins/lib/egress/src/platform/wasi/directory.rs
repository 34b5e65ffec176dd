//! The state directory: symbolic links in a mounted directory.

use std::cell::Cell;

use middleware::Host;

use super::abi::{self, Errno};
use super::mounts::Mount;
use crate::platform::directory::{Directory, DirectoryError, MAX_CONTENT};
use crate::platform::nonce::nonce;

/// No mount has been selected.
const UNCHOSEN: i32 = -1;

/// Symbolic links in one mounted directory. The content of an entry is the target of its link, which leads nowhere.
pub(super) struct Links {
    fd: Cell<i32>,
    /// Mounted with `:ro`. The host then refuses to write files, but it would still create links.
    read_only: Cell<bool>,
}

impl Links {
    /// No mount has been selected yet.
    pub(super) const fn unchosen() -> Self {
        Self {
            fd: Cell::new(UNCHOSEN),
            read_only: Cell::new(false),
        }
    }

    /// Selects the mount to use.
    pub(super) fn choose(&self, mount: &Mount) {
        self.fd.set(mount.fd);
        self.read_only.set(!mount.writable);
    }

    /// The descriptor of the mount.
    pub(super) fn fd(&self) -> i32 {
        self.fd.get()
    }

    fn chosen(&self) -> Result<i32, DirectoryError> {
        match self.fd.get() {
            UNCHOSEN => Err(DirectoryError::Missing),
            fd => Ok(fd),
        }
    }

    fn writable(&self) -> Result<i32, DirectoryError> {
        match self.read_only.get() {
            true => Err(DirectoryError::ReadOnly),
            false => self.chosen(),
        }
    }

    /// Creates and removes an entry, to find out whether the directory can be written.
    pub(super) fn probe(&self, host: &dyn Host) -> Result<(), DirectoryError> {
        let name = format!("probe.{}", nonce(host));
        self.create(&name, "x")?;
        self.remove(&name)
    }
}

impl Directory for Links {
    fn create(&self, name: &str, content: &str) -> Result<(), DirectoryError> {
        abi::symlink(content, self.writable()?, name).map_err(of_errno)
    }

    fn read(&self, name: &str) -> Result<Option<String>, DirectoryError> {
        let mut buffer = [0; MAX_CONTENT + 24];
        match abi::readlink(self.chosen()?, name, &mut buffer) {
            Ok(length) => Ok(buffer
                .get(..length)
                .and_then(|bytes| String::from_utf8(bytes.to_vec()).ok())),
            // EINVAL: the entry is not a link. ERANGE: the link is longer than any of ours.
            Err(abi::ENOENT | abi::EINVAL | abi::ELOOP | abi::ERANGE) => Ok(None),
            Err(error) => Err(of_errno(error)),
        }
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DirectoryError> {
        abi::rename(self.writable()?, from, to).map_err(of_errno)
    }

    fn remove(&self, name: &str) -> Result<(), DirectoryError> {
        match abi::unlink(self.writable()?, name) {
            Err(error) if error != abi::ENOENT => Err(of_errno(error)),
            _ => Ok(()),
        }
    }

    fn sync(&self) -> Result<(), DirectoryError> {
        abi::sync(self.writable()?).map_err(of_errno)
    }
}

fn of_errno(errno: Errno) -> DirectoryError {
    match errno {
        abi::EEXIST => DirectoryError::Exists,
        abi::ENOENT => DirectoryError::Removed,
        abi::EROFS | abi::EACCES | abi::EPERM | abi::ENOTCAPABLE => DirectoryError::ReadOnly,
        abi::ENOSPC | abi::EDQUOT => DirectoryError::Full,
        Errno(number) => DirectoryError::Other(number),
    }
}
