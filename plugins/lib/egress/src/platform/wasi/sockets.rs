//! TCP over the WasmEdge socket extension, for the holder of the lock.
//!
//! Sockets are non-blocking, and `poll_oneoff` waits for them. Traefik's implementation of it computes a negative
//! timeout, which is an endless one, if the deadline passes before the call. So a wait is never shorter than a second.

use std::net::SocketAddr;
use std::time::Duration;

use super::abi::{self, Errno, Readiness};
use super::counter::Token;
use super::lock::{self, LockGuard};
use super::owned;
use crate::platform::machine::Platform;
use crate::platform::sockets::{SLICE, SocketError, Sockets, Stream, is_over};

/// The sockets of a system, for as long as this instance holds the lock.
pub(super) struct WasiSockets<'w> {
    platform: &'w dyn Platform,
    _lock: LockGuard,
}

impl<'w> WasiSockets<'w> {
    pub(super) const fn new(platform: &'w dyn Platform, lock: LockGuard) -> Self {
        Self {
            platform,
            _lock: lock,
        }
    }
}

impl Sockets for WasiSockets<'_> {
    fn resolve(&mut self, host: &str, port: u16) -> Result<Vec<SocketAddr>, SocketError> {
        if let Ok(ip) = host.parse() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        match lock::slowly(|| abi::addresses(host, port)) {
            Ok(addresses) if !addresses.is_empty() => Ok(addresses),
            _ => Err(SocketError::NotFound),
        }
    }

    fn connect<'s>(
        &'s mut self,
        address: SocketAddr,
        deadline: Duration,
        pulse: &mut dyn FnMut(),
    ) -> Result<Box<dyn Stream + 's>, SocketError> {
        let refused = |errno: Errno| SocketError::Refused(errno.0);
        let connection = Connection::open(abi::socket(address.is_ipv6()).map_err(refused)?);
        let fd = connection.fd;
        abi::set_nonblocking(fd).map_err(refused)?;
        match abi::connect(fd, address) {
            Ok(()) => {}
            Err(abi::EINPROGRESS | abi::EAGAIN) => loop {
                if is_over(deadline, self.platform.monotonic()) {
                    return Err(SocketError::TimedOut);
                }
                if wait(fd, Readiness::Write)? {
                    break;
                }
                pulse();
            },
            Err(errno) => return Err(refused(errno)),
        }
        match abi::socket_error(fd).map_err(refused)? {
            0 => Ok(Box::new(connection)),
            errno => Err(SocketError::Refused(errno)),
        }
    }
}

/// An open socket. Closes on drop, or after a trap.
struct Connection {
    fd: i32,
}

impl Connection {
    fn open(fd: i32) -> Self {
        owned::set_descriptor(Some(fd));
        Self { fd }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        owned::set_descriptor(None);
        // Without the lock, another instance may have closed this descriptor and opened one with the same number.
        if owned::lock().as_ref().is_some_and(Token::is_valid) {
            abi::close(self.fd);
        }
    }
}

impl Stream for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SocketError> {
        abi::read(self.fd, buffer).map_err(of_errno)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, SocketError> {
        abi::write(self.fd, bytes).map_err(of_errno)
    }

    fn wait_to_read(&mut self) -> Result<(), SocketError> {
        wait(self.fd, Readiness::Read).map(drop)
    }

    fn wait_to_write(&mut self) -> Result<(), SocketError> {
        wait(self.fd, Readiness::Write).map(drop)
    }
}

fn of_errno(errno: Errno) -> SocketError {
    match errno {
        abi::EAGAIN => SocketError::NotYet,
        Errno(number) => SocketError::Broken(number),
    }
}

fn wait(fd: i32, readiness: Readiness) -> Result<bool, SocketError> {
    let slice = u64::try_from(SLICE.as_nanos()).unwrap_or(u64::MAX);
    let is_ready = abi::poll(fd, readiness, slice).map_err(of_errno)?;
    lock::beat()?;
    Ok(is_ready)
}
