//! The machine underneath: clocks, chance, a shared directory and sockets.
//!
//! Two implementations: [`Native`] for tests and tools, and the WASI one for guests inside Traefik.

use std::net::SocketAddr;
use std::time::Duration;

use middleware::{ConfigError, Host};

mod errno;
#[cfg(not(target_family = "wasm"))]
mod native;
mod nonce;
#[cfg(target_family = "wasm")]
mod wasi;

#[cfg(not(target_family = "wasm"))]
pub use native::Native;
pub use nonce::nonce;
#[cfg(target_family = "wasm")]
pub use wasi::{FILES, Wasi, enter_system, recover};

/// What this crate needs of the machine.
///
/// Everything but [`Platform::sockets`] (and `read_file`, which takes the same right by itself) is safe at any
/// time, from any instance.
pub trait Platform: Host {
    /// Time since an arbitrary start; never steps. Not comparable between processes.
    fn monotonic(&self) -> Duration;

    /// Lets other work of the process run. A guest cannot sleep.
    fn yield_now(&self);

    /// Lets other work of the process run until `time` (monotonic).
    fn wait_until(&self, time: Duration) {
        while self.monotonic() < time {
            self.yield_now();
        }
    }

    /// Chooses the state directory: the mount with the given guest path, or the first writable one. Warns when it
    /// cannot be written.
    ///
    /// # Errors
    /// Says what to add to Traefik's static configuration.
    fn use_directory(&self, path: Option<&str>) -> Result<(), ConfigError>;

    /// The state directory that was chosen.
    fn directory(&self) -> &dyn Directory;

    /// The exclusive right to use sockets, given back on drop. Waits for it until `deadline` (monotonic).
    ///
    /// # Errors
    /// [`SocketError::Busy`] when the deadline passes first, [`SocketError::NoLock`] where there can be no such right.
    fn sockets(&self, deadline: Duration) -> Result<Box<dyn Sockets + '_>, SocketError>;

    /// Remembers `name`, an entry of the state directory that this instance owns as long as it has this content, and
    /// that must go when the instance traps. [`Platform::forget`] undoes it.
    fn own(&self, name: &str, content: &str);

    /// See [`Platform::own`].
    fn forget(&self, name: &str);
}

/// The state directory: every operation is one atomic host call and needs no descriptor of its own.
///
/// Names are plain file names, contents are text without NUL of at most [`MAX_CONTENT`] bytes.
pub trait Directory {
    /// Makes the entry `name` with `content`, unless it exists.
    ///
    /// # Errors
    /// [`DirectoryError::Exists`], or why it failed.
    fn create(&self, name: &str, content: &str) -> Result<(), DirectoryError>;

    /// The content of `name`; `None` when there is no such entry, or when it is not one of ours.
    ///
    /// # Errors
    /// Why it failed.
    fn read(&self, name: &str) -> Result<Option<String>, DirectoryError>;

    /// Gives the entry `from` the name `to`, replacing what had it.
    ///
    /// # Errors
    /// Why it failed.
    fn rename(&self, from: &str, to: &str) -> Result<(), DirectoryError>;

    /// Removes the entry `name`; it is no error when there is none.
    ///
    /// # Errors
    /// Why it failed.
    fn remove(&self, name: &str) -> Result<(), DirectoryError>;

    /// Makes what was done so far survive a power failure, where the medium can.
    ///
    /// # Errors
    /// Why it failed; nothing else depends on it.
    fn sync(&self) -> Result<(), DirectoryError> {
        Ok(())
    }
}

/// The longest content of one directory entry that every usual file system takes (XFS: 1024 bytes).
pub const MAX_CONTENT: usize = 1000;

/// Why the state directory failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The entry exists already.
    #[error("the entry exists")]
    Exists,
    /// No directory is mounted.
    #[error("no state directory is mounted")]
    Missing,
    /// The directory was removed.
    #[error("the state directory was removed; restart or reload Traefik once it is back")]
    Removed,
    /// It cannot be written.
    #[error("the state directory cannot be written")]
    ReadOnly,
    /// The file system is full.
    #[error("the state directory's file system is full")]
    Full,
    /// Something else (a WASI or OS error number).
    #[error("the state directory failed: {}", errno::InWords(*.0))]
    Other(u16),
}

/// What to do when the state directory fails.
pub const CURE: &str = "give the plugin a directory of its own that Traefik can write to, under settings.mounts; until then every instance \
     fetches keys and tokens for itself";

/// Sockets, while one has the right to use them.
pub trait Sockets {
    /// The addresses of `host`, in the order to try them. May take as long as the system's resolver takes.
    ///
    /// # Errors
    /// [`SocketError::NotFound`].
    fn resolve(&mut self, host: &str, port: u16) -> Result<Vec<SocketAddr>, SocketError>;

    /// Connects to `address` before `deadline` (monotonic), calling `pulse` about once a second. Only one
    /// connection is open at a time.
    ///
    /// # Errors
    /// [`SocketError::Refused`] or [`SocketError::TimedOut`].
    fn connect<'s>(
        &'s mut self,
        address: SocketAddr,
        deadline: Duration,
        pulse: &mut dyn FnMut(),
    ) -> Result<Box<dyn Stream + 's>, SocketError>;
}

/// A connected TCP stream, closed on drop.
pub trait Stream {
    /// Reads what is there.
    ///
    /// # Errors
    /// [`SocketError::NotYet`] when nothing is.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SocketError>;

    /// Writes what fits.
    ///
    /// # Errors
    /// [`SocketError::NotYet`] when nothing does.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, SocketError>;

    /// Waits until there is something to read, at most one [`SLICE`].
    ///
    /// # Errors
    /// [`SocketError::Broken`].
    fn wait_to_read(&mut self) -> Result<(), SocketError>;

    /// Waits until there is room to write, at most one [`SLICE`].
    ///
    /// # Errors
    /// [`SocketError::Broken`].
    fn wait_to_write(&mut self) -> Result<(), SocketError>;
}

/// How long to wait at one go. Not longer, so that signs of life can be given in between; not shorter, since in
/// Traefik a short wait can turn into an endless one when the machine is busy: its poll computes a negative
/// timeout once it is descheduled past the deadline.
pub const SLICE: Duration = Duration::from_secs(1);

/// True when so little is left until `deadline` that waiting another [`SLICE`] would overrun it by more than
/// giving up now falls short of it.
pub fn is_over(deadline: Duration, now: Duration) -> bool {
    deadline.saturating_sub(now) < SLICE / 2
}

/// Why a socket operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SocketError {
    /// Another instance uses the sockets.
    #[error("another fetch of this router is still under way")]
    Busy,
    /// Nothing to read, or no room to write: wait for it.
    #[error("nothing happened yet")]
    NotYet,
    /// The deadline passed.
    #[error("the deadline passed")]
    TimedOut,
    /// The name has no address.
    #[error("the host name has no address")]
    NotFound,
    /// Nobody listens there, or the way there is blocked.
    #[error("{}", errno::InWords(*.0))]
    Refused(u16),
    /// The connection broke.
    #[error("{}", errno::InWords(*.0))]
    Broken(u16),
    /// Nothing keeps instances apart, so sockets cannot be used safely.
    #[error("no mounted directory can serve as the lock that keeps this router's instances apart")]
    NoLock,
}
