//! Shared by the fuzz targets: a machine that returns the fuzzer's bytes as a response from the network, and keeps what
//! would be logged.
//!
//! Each target reads what a stranger may write and checks more than "no panic": the result must satisfy an oracle. Run
//! them with `cargo run -p measure -- fuzz --seconds N`.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::Duration;

use egress::Platform;
use egress::platform::{Directory, DirectoryError, SocketError, Sockets, Stream};
use middleware::{ConfigError, Event, FileError, Host, UnixTime};

/// The current time in every target.
pub const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// A machine without files and with one connection, whose peer sends the fuzzer's bytes.
#[derive(Default)]
pub struct Machine {
    /// What the peer sends.
    answer: Vec<u8>,
    /// How many bytes arrive at a time. Zero means all at once.
    piece: usize,
    /// The lines that were logged.
    pub logged: RefCell<Vec<String>>,
    ticks: Cell<u64>,
}

impl Host for Machine {
    fn now(&self) -> UnixTime {
        NOW
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn read_file(&self, _: &str) -> Result<Vec<u8>, FileError> {
        Err(FileError::NotFound)
    }

    fn log(&self, event: &Event) {
        self.logged.borrow_mut().push(event.line().to_owned());
    }
}

impl Machine {
    /// Creates a machine whose peer sends `answer`, `piece` bytes at a time. Zero means all at once.
    pub fn answering(answer: &[u8], piece: usize) -> Self {
        Self {
            answer: answer.to_vec(),
            piece,
            ..Self::default()
        }
    }
}

impl Platform for Machine {
    fn monotonic(&self) -> Duration {
        // Slow enough that no response of a fuzzer's size runs into a deadline, but fast enough that an endless loop
        // does.
        self.ticks.set(self.ticks.get() + 1);
        Duration::from_micros(self.ticks.get())
    }

    fn yield_now(&self) {}

    fn use_directory(&self, _: Option<&str>) -> Result<(), ConfigError> {
        Ok(())
    }

    fn directory(&self) -> &dyn Directory {
        &NoDirectory
    }

    fn sockets(&self, _: Duration) -> Result<Box<dyn Sockets + '_>, SocketError> {
        Ok(Box::new(OnePeer(self)))
    }

    fn own(&self, _: &str, _: &str) {}

    fn forget(&self, _: &str) {}
}

struct NoDirectory;

impl Directory for NoDirectory {
    fn create(&self, _: &str, _: &str) -> Result<(), DirectoryError> {
        Err(DirectoryError::Missing)
    }

    fn read(&self, _: &str) -> Result<Option<String>, DirectoryError> {
        Err(DirectoryError::Missing)
    }

    fn rename(&self, _: &str, _: &str) -> Result<(), DirectoryError> {
        Err(DirectoryError::Missing)
    }

    fn remove(&self, _: &str) -> Result<(), DirectoryError> {
        Err(DirectoryError::Missing)
    }
}

struct OnePeer<'m>(&'m Machine);

impl Sockets for OnePeer<'_> {
    fn resolve(&mut self, _: &str, port: u16) -> Result<Vec<SocketAddr>, SocketError> {
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
    }

    fn connect<'s>(
        &'s mut self,
        _: SocketAddr,
        _: Duration,
        _: &mut dyn FnMut(),
    ) -> Result<Box<dyn Stream + 's>, SocketError> {
        Ok(Box::new(Connection {
            left: &self.0.answer,
            piece: self.0.piece,
        }))
    }
}

struct Connection<'m> {
    left: &'m [u8],
    piece: usize,
}

impl Stream for Connection<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SocketError> {
        let limit = if self.piece == 0 { buffer.len() } else { self.piece };
        let count = limit.min(buffer.len()).min(self.left.len());
        let (now, later) = self.left.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.left = later;
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, SocketError> {
        Ok(bytes.len())
    }

    fn wait_to_read(&mut self) -> Result<(), SocketError> {
        Ok(())
    }

    fn wait_to_write(&mut self) -> Result<(), SocketError> {
        Ok(())
    }
}
