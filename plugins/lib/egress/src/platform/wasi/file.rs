//! Files, for secrets and certificates.

use middleware::FileError;

use super::abi::{self, Errno};
use super::owned;

/// Reads the whole file `path` below the directory `fd`. Call this only while holding the lock.
///
/// # Errors
/// [`FileError`], also for a file of more than `limit` bytes.
pub(super) fn read(fd: i32, path: &str, limit: usize) -> Result<Vec<u8>, FileError> {
    let file = Open::new(abi::open(fd, path).map_err(of_errno)?);
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

/// An open file. Closes on drop, or after a trap.
struct Open(i32);

impl Open {
    fn new(fd: i32) -> Self {
        owned::set_descriptor(Some(fd));
        Self(fd)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        abi::close(self.0);
        owned::set_descriptor(None);
    }
}

fn of_errno(errno: Errno) -> FileError {
    match errno {
        abi::ENOENT => FileError::NotFound,
        Errno(errno) => FileError::Unreadable { errno },
    }
}
