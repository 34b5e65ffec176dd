//! Sockets.

use std::net::SocketAddr;
use std::time::Duration;

use crate::platform::errno;

/// The sockets of this router, for the holder of the right to use them.
pub trait Sockets {
    /// Looks up the addresses of `host`, in the order in which to try them. Takes as long as the system's resolver
    /// does.
    ///
    /// # Errors
    /// [`SocketError::NotFound`].
    fn resolve(&mut self, host: &str, port: u16) -> Result<Vec<SocketAddr>, SocketError>;

    /// Connects to `address` before the monotonic clock shows `deadline`. Calls `pulse` about once a second. Only one
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

/// A connected TCP stream. Closes on drop.
pub trait Stream {
    /// Reads the bytes that have arrived, and returns their number: 0 at the end of the stream.
    ///
    /// # Errors
    /// [`SocketError::NotYet`] if none have arrived.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SocketError>;

    /// Writes as many bytes as there is room for, and returns their number.
    ///
    /// # Errors
    /// [`SocketError::NotYet`] if there is no room.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, SocketError>;

    /// Waits until there is something to read, for at most one [`SLICE`].
    ///
    /// # Errors
    /// [`SocketError::Broken`].
    fn wait_to_read(&mut self) -> Result<(), SocketError>;

    /// Waits until there is room to write, for at most one [`SLICE`].
    ///
    /// # Errors
    /// [`SocketError::Broken`].
    fn wait_to_write(&mut self) -> Result<(), SocketError>;
}

/// The longest single wait. It is not longer, so that signs of life can be given in between. It is not shorter, because
/// a short wait can become an endless one in Traefik: its poll computes a negative timeout if the machine is so busy
/// that the deadline passes before the call.
pub const SLICE: Duration = Duration::from_secs(1);

/// True if another [`SLICE`] of waiting would miss `deadline` by more than giving up now does.
pub fn is_over(deadline: Duration, now: Duration) -> bool {
    deadline.saturating_sub(now) < SLICE / 2
}

/// Why a socket operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SocketError {
    /// Another instance uses the sockets.
    #[error("another fetch of this router is still under way")]
    Busy,
    /// Nothing to read, or no room to write, so far.
    #[error("nothing happened yet")]
    NotYet,
    /// The deadline passed.
    #[error("the deadline passed")]
    TimedOut,
    /// The name has no address.
    #[error("the host name has no address")]
    NotFound,
    /// The connection was not established. Holds a WASI error number.
    #[error("{}", errno::InWords(*.0))]
    Refused(u16),
    /// The connection broke. Holds a WASI error number.
    #[error("{}", errno::InWords(*.0))]
    Broken(u16),
    /// Nothing keeps instances apart, so using sockets is not safe.
    #[error("no mounted directory can serve as the lock that keeps this router's instances apart")]
    NoLock,
}
