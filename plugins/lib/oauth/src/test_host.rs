//! A host for tests.

use std::cell::{Cell, RefCell};

use middleware::{Event, FileError, Host, UnixTime};

/// Has no environment and no files, and never gives the same bytes twice.
pub(crate) struct TestHost;

thread_local! {
    static DRAWN: Cell<u8> = const { Cell::new(0) };
    static LOGGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What this thread's tests logged since the last call.
pub(crate) fn logged() -> Vec<String> {
    LOGGED.take()
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

    fn log(&self, event: &Event) {
        LOGGED.with_borrow_mut(|logged| logged.push(event.line().to_owned()));
    }
}
