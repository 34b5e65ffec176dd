//! A host for tests.

use std::cell::Cell;

use middleware::{Event, FileError, Host, UnixTime};

/// Has no environment and no files, and never gives the same bytes twice.
pub(crate) struct TestHost;

thread_local! {
    static DRAWN: Cell<u8> = const { Cell::new(0) };
}

impl Host for TestHost {
    fn now(&self) -> UnixTime {
        UnixTime::EPOCH
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        DRAWN.set(DRAWN.get().wrapping_add(1));
        bytes.fill(DRAWN.get());
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn read_file(&self, _: &str) -> Result<Vec<u8>, FileError> {
        Err(FileError::NotMounted)
    }

    fn log(&self, _: &Event) {}
}
