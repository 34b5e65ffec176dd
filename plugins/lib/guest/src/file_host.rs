//! The host of a plugin without network that reads files.

use std::cell::RefCell;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::time::UNIX_EPOCH;

use middleware::{Event, FileError, FileStamp, FileWatch, FilesRead, Host, UnixTime};

use crate::PlainHost;

/// Like [`PlainHost`], but also reads files. Traefik's plain WASI belongs to a single instance, so files may be read at
/// any time. This is a separate type, because opening files takes some ten kilobytes of code that most plugins do not
/// need.
pub struct FileHost;

/// The WASI error for a path that no mounted directory covers.
const NOT_CAPABLE: i32 = 76;
/// The largest file to read, in bytes.
const LIMIT: usize = 256 * 1024;

thread_local! {
    static READ: RefCell<FilesRead> = const { RefCell::new(FilesRead::new()) };
}

/// Watches the files that [`FileHost`] reads.
pub const FILES: FileWatch = FileWatch {
    begin: |_| {
        READ.take();
    },
    end: || {},
    any: || READ.with_borrow(|read| !read.is_empty()),
    have_changed: || READ.with_borrow(|read| read.have_changed(look)),
};

fn look(path: &str) -> Option<FileStamp> {
    let metadata = std::fs::metadata(path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(FileStamp {
        // The standard library does not provide it on this platform.
        identity: (0, 0),
        size: metadata.len(),
        changed: (u64::try_from(modified.as_nanos()).unwrap_or(u64::MAX), 0),
    })
}

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
        let stamp = look(path);
        READ.with_borrow_mut(|read| read.note(path, stamp));
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
