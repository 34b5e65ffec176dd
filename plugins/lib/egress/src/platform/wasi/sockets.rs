//! TCP over the WasmEdge socket extension, inside the lock.
//!
//! Sockets are non-blocking and waited for with `poll_oneoff`. Traefik's implementation computes a negative, that
//! is endless, timeout when it is descheduled past its deadline, so a wait is never shorter than a second.

use std::net::SocketAddr;
use std::time::Duration;

use super::abi::{self, Errno, Readiness};
use super::lock::{self, Held, Taken};
use super::{Platform, SocketError, Sockets, Wasi, owned};
use crate::platform::{SLICE, Stream, is_over};

/// The sockets of a system, in the hands of the lock's holder.
pub(super) struct WasiSockets<'w> {
    wasi: &'w Wasi,
    _held: Held<'w>,
}

impl<'w> WasiSockets<'w> {
    pub(super) fn new(wasi: &'w Wasi, held: Held<'w>) -> Self {
        Self { wasi, _held: held }
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
                if is_over(deadline, self.wasi.monotonic()) {
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

/// An open socket, closed on drop.
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
        // Without the lock the number may be somebody else's by now, and that one has closed what it found.
        if owned::lock().as_ref().is_some_and(Taken::is_ours) {
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
