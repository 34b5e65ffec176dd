//! A machine whose clocks a test sets.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use middleware::{ConfigError, Event, FileError, Host, UnixTime};

use super::{Directory, Native, Platform, SocketError, Sockets};

/// The native machine, but for what a test has changed about its clocks.
pub(crate) struct TestMachine {
    native: Native,
    waited: Cell<Duration>,
    ahead: Cell<i64>,
    stopped: Cell<Option<UnixTime>>,
}

impl TestMachine {
    /// Uses `directory` as the state directory.
    pub(crate) fn in_directory(directory: &Path) -> Self {
        Self {
            native: Native::new(directory, |_| {}),
            waited: Cell::default(),
            ahead: Cell::default(),
            stopped: Cell::default(),
        }
    }

    /// Stops the wall clock at a time that the test chooses, and chooses again.
    pub(crate) fn stop_wall_clock(&self, at: UnixTime) {
        self.stopped.set(Some(at));
    }

    /// Moves the monotonic clock on.
    pub(crate) fn wait(&self, span: Duration) {
        self.waited.set(self.waited.get() + span);
    }

    /// Sets the wall clock so many seconds ahead of the true time, or behind it.
    pub(crate) fn set_wall_clock_ahead(&self, seconds: i64) {
        self.ahead.set(seconds);
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
        self.native.directory()
    }

    fn sockets(&self, deadline: Duration) -> Result<Box<dyn Sockets + '_>, SocketError> {
        self.native.sockets(deadline)
    }

    fn own(&self, _: &str, _: &str) {}

    fn forget(&self, _: &str) {}
}
