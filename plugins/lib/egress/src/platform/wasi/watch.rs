//! The files that this instance's configuration names: their state when they were read, and whether it has changed.
//!
//! Looking at a file opens nothing and uses no buffer of the host, so it needs no lock.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use middleware::{FileStamp, FileWatch, FilesRead};

use super::abi;
use super::mounts::Mount;

thread_local! {
    static READ: RefCell<FilesRead> = const { RefCell::new(FilesRead::new()) };
    static HURRY: Cell<bool> = const { Cell::new(false) };
}

/// How long to wait for the lock to read a file that is needed.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same in a request that can use the earlier content.
const PATIENCE_IN_A_HURRY: Duration = Duration::from_millis(250);

/// Watches the files that [`Wasi`](super::Wasi) reads.
pub const FILES: FileWatch = FileWatch {
    begin: |hurry| {
        HURRY.set(hurry);
        READ.take();
    },
    end: || HURRY.set(false),
    any: || READ.with_borrow(|read| !read.is_empty()),
    have_changed: || READ.with_borrow(|read| read.have_changed(look)),
};

/// Notes the state of the file `path`, just before it is read.
pub(super) fn note(path: &str) {
    let stamp = look(path);
    READ.with_borrow_mut(|read| read.note(path, stamp));
}

/// How long to wait for the lock to read a file.
pub(super) fn patience() -> Duration {
    match HURRY.get() {
        true => PATIENCE_IN_A_HURRY,
        false => PATIENCE,
    }
}

fn look(path: &str) -> Option<FileStamp> {
    let mount = Mount::covering(path)?;
    let [device, inode, _, _, size, _, modified, changed] = abi::stat(mount.fd, mount.relative(path)).ok()?;
    Some(FileStamp {
        identity: (device, inode),
        size,
        changed: (modified, changed),
    })
}
