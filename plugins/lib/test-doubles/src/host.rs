//! A host.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use middleware::{Event, FileError, Host, UnixTime};

/// A host with a clock that stands still unless the test sets it, the variables and files that the test gives it, and a log that the test can
/// read.
#[derive(Debug, Default)]
pub struct TestHost {
    now: Cell<UnixTime>,
    variables: BTreeMap<String, String>,
    files: BTreeMap<String, Result<Vec<u8>, FileError>>,
    draws: Cell<u8>,
    log: RefCell<Vec<String>>,
}

impl TestHost {
    /// A host in 1970 without variables and files.
    pub fn new() -> Self {
        Self::default()
    }

    /// A host without variables and files.
    pub fn at(now: UnixTime) -> Self {
        let host = Self::default();
        host.set(now);
        host
    }

    /// Sets the clock.
    pub fn set(&self, now: UnixTime) {
        self.now.set(now);
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn with_file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.insert(path.to_owned(), Ok(content.as_ref().to_vec()));
        self
    }

    /// Adds a file that cannot be read. A path that the test does not mention is [`FileError::NotMounted`].
    #[must_use]
    pub fn with_unreadable_file(mut self, path: &str, error: FileError) -> Self {
        self.files.insert(path.to_owned(), Err(error));
        self
    }

    /// Takes the lines logged since the last call.
    pub fn logged(&self) -> Vec<String> {
        self.log.take()
    }
}

impl Host for TestHost {
    fn now(&self) -> UnixTime {
        self.now.get()
    }

    /// Never gives the same bytes twice in a row.
    fn fill_random(&self, bytes: &mut [u8]) {
        self.draws.set(self.draws.get().wrapping_add(1));
        bytes.fill(self.draws.get());
    }

    fn env(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.files
            .get(path)
            .cloned()
            .unwrap_or(Err(FileError::NotMounted))
    }

    fn log(&self, event: &Event) {
        self.log.borrow_mut().push(event.line().to_owned());
    }
}
