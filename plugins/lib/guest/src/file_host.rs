//! The host of a plugin without network that reads files.

use std::fs::File;
use std::io::{ErrorKind, Read as _};

use middleware::{Event, FileError, Host, UnixTime};

use crate::PlainHost;

/// What [`PlainHost`] has, and files. Traefik's plain WASI is each instance's own, so they may be read at any time. Apart,
/// since opening files takes some ten kilobytes of code that most do not need.
pub struct FileHost;

/// WASI's error where no mounted directory covers a path.
const NOT_CAPABLE: i32 = 76;
/// The largest file that is read, in bytes.
const LIMIT: usize = 256 * 1024;

impl Host for FileHost {
    fn now(&self) -> UnixTime {
        PlainHost.now()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        PlainHost.fill_random(bytes);
    }

    fn env(&self, name: &str) -> Option<String> {
        PlainHost.env(name)
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let mut content = Vec::new();
        let file = File::open(path).map_err(|error| failure(&error))?;
        let limit = u64::try_from(LIMIT).unwrap_or(u64::MAX).saturating_add(1);
        file.take(limit)
            .read_to_end(&mut content)
            .map_err(|error| failure(&error))?;
        if content.len() > LIMIT {
            return Err(FileError::TooLarge { limit: LIMIT });
        }
        Ok(content)
    }

    fn log(&self, event: &Event) {
        PlainHost.log(event);
    }
}

fn failure(error: &std::io::Error) -> FileError {
    match (error.kind(), error.raw_os_error()) {
        (_, Some(NOT_CAPABLE)) => FileError::NotMounted,
        (ErrorKind::NotFound | ErrorKind::IsADirectory, _) => FileError::NotFound,
        (_, errno) => FileError::Unreadable {
            errno: errno.and_then(|errno| u16::try_from(errno).ok()).unwrap_or(0),
        },
    }
}
