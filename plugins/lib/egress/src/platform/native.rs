//! The machine of an ordinary process, for tests and command-line tools.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use middleware::{ConfigError, Event, FileError, Host, UnixTime};
use ring::rand::SecureRandom;

use crate::platform::directory::{Directory, DirectoryError};
use crate::platform::errno;
use crate::platform::machine::Platform;
use crate::platform::sockets::{SLICE, SocketError, Sockets, Stream};

/// The clocks, randomness, files and sockets of the operating system, with a state directory of the caller's choice.
pub struct Native {
    directory: Links,
    log: Box<dyn Fn(&Event)>,
}

static START: LazyLock<Instant> = LazyLock::new(
    #[allow(clippy::disallowed_methods)] // the source of the native clock
    Instant::now,
);

impl Native {
    /// Uses `directory` as the state directory, and passes log events to `log`.
    pub fn new(directory: impl Into<PathBuf>, log: impl Fn(&Event) + 'static) -> Self {
        Self {
            directory: Links(directory.into()),
            log: Box::new(log),
        }
    }
}

impl Host for Native {
    #[allow(clippy::disallowed_methods)] // the source of the native clock
    fn now(&self) -> UnixTime {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        UnixTime::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        // The operating system's generator does not fail once it has been seeded.
        let _ = ring::rand::SystemRandom::new().fill(bytes);
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        std::fs::read(path).map_err(|_| FileError::NotFound)
    }

    fn log(&self, event: &Event) {
        (self.log)(event);
    }
}

impl Platform for Native {
    fn monotonic(&self) -> Duration {
        START.elapsed()
    }

    fn yield_now(&self) {
        std::thread::yield_now();
    }

    fn use_directory(&self, _path: Option<&str>) -> Result<(), ConfigError> {
        Ok(())
    }

    fn directory(&self) -> &dyn Directory {
        &self.directory
    }

    fn sockets(&self, _deadline: Duration) -> Result<Box<dyn Sockets + '_>, SocketError> {
        Ok(Box::new(NativeSockets(self)))
    }

    fn own(&self, _name: &str, _content: &str) {}

    fn forget(&self, _name: &str) {}
}

/// Symbolic links in a directory. The content of an entry is the target of its link.
struct Links(PathBuf);

impl Links {
    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Directory for Links {
    fn create(&self, name: &str, content: &str) -> Result<(), DirectoryError> {
        symlink(Path::new(content), &self.at(name)).map_err(|error| of_io(&error))
    }

    fn read(&self, name: &str) -> Result<Option<String>, DirectoryError> {
        match std::fs::read_link(self.at(name)) {
            Ok(target) => Ok(target.into_os_string().into_string().ok()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => Ok(None),
            Err(error) => Err(of_io(&error)),
        }
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DirectoryError> {
        std::fs::rename(self.at(from), self.at(to)).map_err(|error| of_io(&error))
    }

    fn remove(&self, name: &str) -> Result<(), DirectoryError> {
        match std::fs::remove_file(self.at(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(of_io(&error)),
            _ => Ok(()),
        }
    }

    fn sync(&self) -> Result<(), DirectoryError> {
        std::fs::File::open(&self.0)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| of_io(&error))
    }
}

#[cfg(unix)]
fn symlink(content: &Path, path: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(content, path)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

fn of_io(error: &std::io::Error) -> DirectoryError {
    match error.kind() {
        ErrorKind::AlreadyExists => DirectoryError::Exists,
        ErrorKind::NotFound => DirectoryError::Removed,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => DirectoryError::ReadOnly,
        ErrorKind::StorageFull => DirectoryError::Full,
        _ => DirectoryError::Other(errno::of_io(error)),
    }
}

struct NativeSockets<'p>(&'p Native);

impl Sockets for NativeSockets<'_> {
    fn resolve(&mut self, host: &str, port: u16) -> Result<Vec<SocketAddr>, SocketError> {
        (host, port)
            .to_socket_addrs()
            .map(Iterator::collect)
            .map_err(|_| SocketError::NotFound)
    }

    fn connect<'s>(
        &'s mut self,
        address: SocketAddr,
        deadline: Duration,
        _pulse: &mut dyn FnMut(),
    ) -> Result<Box<dyn Stream + 's>, SocketError> {
        let left = deadline
            .saturating_sub(self.0.monotonic())
            .max(Duration::from_millis(1));
        let stream = TcpStream::connect_timeout(&address, left).map_err(|error| match error.kind() {
            ErrorKind::TimedOut => SocketError::TimedOut,
            _ => SocketError::Refused(errno::of_io(&error)),
        })?;
        Ok(Box::new(NativeStream(stream)))
    }
}

struct NativeStream(TcpStream);

impl Stream for NativeStream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SocketError> {
        self.0
            .set_nonblocking(true)
            .and_then(|()| self.0.read(buffer))
            .map_err(|error| of_stream(&error))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, SocketError> {
        self.0
            .set_nonblocking(true)
            .and_then(|()| self.0.write(bytes))
            .map_err(|error| of_stream(&error))
    }

    fn wait_to_read(&mut self) -> Result<(), SocketError> {
        let peeked = self
            .0
            .set_nonblocking(false)
            .and_then(|()| self.0.set_read_timeout(Some(SLICE)))
            .and_then(|()| self.0.peek(&mut [0]));
        match peeked.map_err(|error| of_stream(&error)) {
            Ok(_) | Err(SocketError::NotYet) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn wait_to_write(&mut self) -> Result<(), SocketError> {
        // The standard library cannot wait for room without writing.
        std::thread::yield_now();
        Ok(())
    }
}

fn of_stream(error: &std::io::Error) -> SocketError {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => SocketError::NotYet,
        _ => SocketError::Broken(errno::of_io(error)),
    }
}
