//! The state directory as symbolic links below a mounted directory, and plain files for secrets.

use std::cell::Cell;

use middleware::FileError;

use super::abi::{self, Errno};
use crate::platform::nonce::nonce;
use crate::platform::{Directory, DirectoryError, MAX_CONTENT};

const UNCHOSEN: i32 = -1;
/// Before it come stdin, stdout and stderr.
const FIRST_MOUNT: i32 = 3;

/// Symbolic links in one mounted directory: the content is the link's target, which leads nowhere.
pub(super) struct Links {
    fd: Cell<i32>,
    /// Mounted with `:ro`. The host keeps files from being written then, but would let links be made.
    read_only: Cell<bool>,
}

impl Links {
    pub(super) const fn unchosen() -> Self {
        Self {
            fd: Cell::new(UNCHOSEN),
            read_only: Cell::new(false),
        }
    }

    pub(super) fn choose(&self, mount: &Mount) {
        self.fd.set(mount.fd);
        self.read_only.set(!mount.writable);
    }

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

    /// Finds out whether the directory can be written.
    pub(super) fn probe(&self, host: &dyn middleware::Host) -> Result<(), DirectoryError> {
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
            // EINVAL: there is something, but no link. ERANGE: a link longer than any of ours.
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

/// A directory that Traefik mounts for the plugin.
pub(super) struct Mount {
    pub(super) fd: i32,
    pub(super) path: String,
    pub(super) writable: bool,
}

impl Mount {
    /// All of them, in the order of `settings.mounts`.
    pub(super) fn all() -> Vec<Self> {
        const FD_WRITE: u64 = 1 << 6;
        (FIRST_MOUNT..)
            .map_while(|fd| Some((fd, abi::preopened(fd).ok()?)))
            .filter_map(|(fd, path)| {
                let (_, inheriting) = abi::rights(fd).ok()?;
                Some(Self {
                    fd,
                    path: path.trim_end_matches('/').to_owned(),
                    writable: inheriting & FD_WRITE != 0,
                })
            })
            .collect()
    }

    /// The descriptor after those of the mounts: the first one that a guest opens.
    pub(super) fn first_free_descriptor() -> i32 {
        let is_mount = |fd: &i32| abi::preopened(*fd).is_ok();
        (FIRST_MOUNT..).find(|fd| !is_mount(fd)).unwrap_or(FIRST_MOUNT)
    }

    /// The mount with the longest path that `path` lies below.
    pub(super) fn covering(path: &str) -> Option<Self> {
        Self::all()
            .into_iter()
            .filter(|mount| {
                path.strip_prefix(&mount.path)
                    .is_some_and(|rest| rest.starts_with('/'))
            })
            .max_by_key(|mount| mount.path.len())
    }

    pub(super) fn relative<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(&self.path)
            .unwrap_or(path)
            .trim_start_matches('/')
    }
}

/// Reads a whole file. Only inside the lock.
pub(super) fn read_file(fd: i32, path: &str, limit: usize) -> Result<Vec<u8>, FileError> {
    struct Open(i32);
    impl Drop for Open {
        fn drop(&mut self) {
            abi::close(self.0);
            super::owned::set_descriptor(None);
        }
    }
    let of_errno = |errno: Errno| match errno {
        abi::ENOENT => FileError::NotFound,
        Errno(errno) => FileError::Unreadable { errno },
    };
    let file = Open(abi::open(fd, path).map_err(of_errno)?);
    super::owned::set_descriptor(Some(file.0));
    let mut content = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = abi::read(file.0, &mut chunk).map_err(of_errno)?;
        if count == 0 {
            return Ok(content);
        }
        content.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if content.len() > limit {
            return Err(FileError::TooLarge { limit });
        }
    }
}
