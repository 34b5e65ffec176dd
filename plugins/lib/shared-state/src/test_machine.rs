//! A machine for tests, which can set its clocks and fill its directory.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use middleware::{ConfigError, Event, FileError, Host, UnixTime};

use egress::platform::{Directory, DirectoryError, Native, Platform, SocketError, Sockets};

/// The native machine, except for its clocks and the room in its state directory.
pub(crate) struct TestMachine {
    native: Native,
    directory: Limited,
    waited: Cell<Duration>,
    ahead: Cell<i64>,
    stopped: Cell<Option<UnixTime>>,
}

impl TestMachine {
    /// Uses `directory` as the state directory.
    pub(crate) fn in_directory(directory: &Path) -> Self {
        Self {
            native: Native::new(directory, |_| {}),
            directory: Limited {
                native: Native::new(directory, |_| {}),
                path: directory.to_owned(),
                room: Cell::new(usize::MAX),
            },
            waited: Cell::default(),
            ahead: Cell::default(),
            stopped: Cell::default(),
        }
    }

    /// Stops the wall clock at a time. Can be called again to move it.
    pub(crate) fn stop_wall_clock(&self, at: UnixTime) {
        self.stopped.set(Some(at));
    }

    /// Moves the monotonic clock forward.
    pub(crate) fn wait(&self, span: Duration) {
        self.waited.set(self.waited.get() + span);
    }

    /// Sets the wall clock this many seconds ahead of the true time, or behind it if negative.
    pub(crate) fn set_wall_clock_ahead(&self, seconds: i64) {
        self.ahead.set(seconds);
    }

    /// Leaves room for this many more entries that do not fit into an inode, like a file system that is nearly full.
    /// Removing entries makes room.
    pub(crate) fn set_room(&self, entries: usize) {
        let limit = self.directory.long_entries().saturating_add(entries);
        self.directory.room.set(limit);
    }
}

impl Host for TestMachine {
    fn now(&self) -> UnixTime {
        let milliseconds = self.ahead.get() * 1000;
        let now = self
            .stopped
            .get()
            .unwrap_or_else(|| self.native.now())
            .as_millis();
        UnixTime::from_millis(now.saturating_add_signed(milliseconds))
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.native.fill_random(bytes);
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn read_file(&self, _: &str) -> Result<Vec<u8>, FileError> {
        Err(FileError::NotFound)
    }

    fn log(&self, _: &Event) {}
}

impl Platform for TestMachine {
    fn monotonic(&self) -> Duration {
        self.native.monotonic() + self.waited.get()
    }

    fn yield_now(&self) {
        self.native.yield_now();
    }

    fn use_directory(&self, path: Option<&str>) -> Result<(), ConfigError> {
        self.native.use_directory(path)
    }

    fn directory(&self) -> &dyn Directory {
        &self.directory
    }

    fn sockets(&self, deadline: Duration) -> Result<Box<dyn Sockets + '_>, SocketError> {
        self.native.sockets(deadline)
    }

    fn own(&self, _: &str, _: &str) {}

    fn forget(&self, _: &str) {}
}

/// A state directory with room for a limited number of long entries.
struct Limited {
    native: Native,
    path: PathBuf,
    room: Cell<usize>,
}

impl Limited {
    fn long_entries(&self) -> usize {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .filter(|target| is_long(&target.to_string_lossy()))
            .count()
    }
}

/// The limit of ext4, which keeps shorter entries in the inode.
fn is_long(content: &str) -> bool {
    content.len() >= 60
}

impl Directory for Limited {
    fn create(&self, name: &str, content: &str) -> Result<(), DirectoryError> {
        if self.room.get() != usize::MAX && is_long(content) && self.long_entries() >= self.room.get() {
            return Err(DirectoryError::Full);
        }
        self.native.directory().create(name, content)
    }

    fn read(&self, name: &str) -> Result<Option<String>, DirectoryError> {
        self.native.directory().read(name)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DirectoryError> {
        self.native.directory().rename(from, to)
    }

    fn remove(&self, name: &str) -> Result<(), DirectoryError> {
        self.native.directory().remove(name)
    }

    fn sync(&self) -> Result<(), DirectoryError> {
        self.native.directory().sync()
    }
}
