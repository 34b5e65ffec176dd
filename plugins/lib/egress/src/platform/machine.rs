//! What this crate needs from the machine it runs on.

use std::time::Duration;

use middleware::{ConfigError, Host};

use crate::platform::directory::Directory;
use crate::platform::sockets::{SocketError, Sockets};

/// The machine: a [`Host`] with a monotonic clock, a shared directory and sockets.
///
/// Any instance may call these methods at any time. [`Platform::sockets`] hands out the exclusive right to use sockets;
/// `read_file` takes the same right for the time of the call.
pub trait Platform: Host {
    /// The time since an arbitrary start. It never goes back, and it cannot be compared between processes.
    fn monotonic(&self) -> Duration;

    /// Lets other work of the process run. A guest cannot sleep.
    fn yield_now(&self);

    /// Yields `times` times in a row: how a guest pauses between two looks at something that another instance changes.
    fn yield_repeatedly(&self, times: u32) {
        for _ in 0..times {
            self.yield_now();
        }
    }

    /// Lets other work of the process run until the monotonic clock shows `time`.
    fn wait_until(&self, time: Duration) {
        while self.monotonic() < time {
            self.yield_now();
        }
    }

    /// Selects the state directory: the mount with the guest path `path`, or the first writable mount. Logs a warning
    /// if the directory cannot be written.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting to add to Traefik's static configuration.
    fn use_directory(&self, path: Option<&str>) -> Result<(), ConfigError>;

    /// The selected state directory.
    fn directory(&self) -> &dyn Directory;

    /// Acquires the exclusive right to use sockets, which is released on drop. Waits for it until the monotonic clock
    /// shows `deadline`.
    ///
    /// # Errors
    /// [`SocketError::Busy`] if the deadline passes first, [`SocketError::NoLock`] if this system offers no such right.
    fn sockets(&self, deadline: Duration) -> Result<Box<dyn Sockets + '_>, SocketError>;

    /// Registers the entry `name` of the state directory for removal after a trap. It is removed only if it still has
    /// this `content`. [`Platform::forget`] cancels the registration.
    fn own(&self, name: &str, content: &str);

    /// Cancels [`Platform::own`] for the entry `name`.
    fn forget(&self, name: &str);
}
