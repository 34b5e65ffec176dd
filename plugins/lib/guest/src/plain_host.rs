//! The host of a plugin without network: Traefik's plain WASI.

use std::time::{SystemTime, UNIX_EPOCH};

use middleware::{Event, FileError, Host, UnixTime};

/// Clock, environment and log. There is no entropy here: without the socket extension Traefik gives every
/// instance the same bytes.
pub struct PlainHost;

impl Host for PlainHost {
    #[allow(clippy::disallowed_methods)] // this is where the guest's clock comes from
    fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixTime::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn fill_random(&self, _: &mut [u8]) {
        // Predictable bytes would be worse than a trap.
        #[allow(clippy::panic)]
        {
            panic!("a plugin without the socket extension has no entropy");
        }
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read_file(&self, _: &str) -> Result<Vec<u8>, FileError> {
        Err(FileError::Unsupported)
    }

    fn log(&self, event: &Event) {
        crate::log(event);
    }
}
