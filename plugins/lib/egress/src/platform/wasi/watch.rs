//! The files that this instance's configuration names: what they were when they were read, and whether they have changed.
//!
//! Looking at a file opens nothing and touches no buffer of the host's, so it needs no lock.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use middleware::{FileStamp, FileWatch, FilesRead};

use super::abi;
use super::directory::Mount;

thread_local! {
    static READ: RefCell<FilesRead> = const { RefCell::new(FilesRead::new()) };
    static HURRY: Cell<bool> = const { Cell::new(false) };
}

/// How long a file that must be read waits for others to be done with the router's descriptors.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same in a request that can do with what was read before.
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

/// The file `path` is about to be read.
pub(super) fn note(path: &str) {
    let stamp = look(path);
    READ.with_borrow_mut(|read| read.note(path, stamp));
}

/// How long to wait for the right to read a file.
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
