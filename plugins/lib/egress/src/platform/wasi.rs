//! The machine of a guest inside Traefik.
//!
//! All instances of one plugin on one router share one WASI system, with its descriptors and its scratch buffers. An
//! instance makes calls that use neither at any time. It makes the others only while it holds the system's lock, or
//! while it is alone, as the first instance is when it starts (`lock`).
//!
//! * `abi`: the host's functions, and the only unsafe code.
//! * `counter`, `lock`: who may use descriptors. `owned`: what to release after a trap.
//! * `mounts`, `directory`, `file`, `watch`: directories and files. `sockets`: TCP.

mod abi;
mod counter;
mod directory;
mod file;
mod lock;
mod mounts;
mod owned;
mod sockets;
mod watch;

use std::cell::RefCell;
use std::time::Duration;

use middleware::{ConfigError, Event, FileError, Host, UnixTime};

use self::directory::Links;
use self::lock::{Lock, LockGuard, Watched};
use self::mounts::Mount;
use self::sockets::WasiSockets;
use crate::platform::directory::{Directory, DirectoryError};
use crate::platform::machine::Platform;
use crate::platform::sockets::{SocketError, Sockets};

pub use self::lock::enter_system;
pub use self::owned::recover;
pub use self::watch::FILES;

/// The clocks, randomness, files and sockets of Traefik's WASI.
pub struct Wasi {
    directory: Links,
    lock: Lock,
    log: fn(&Event),
    watched: RefCell<Watched>,
}

const WALL: i32 = 0;
const MONOTONIC: i32 = 1;

impl Wasi {
    /// Requires an earlier call of [`enter_system`].
    pub fn new(log: fn(&Event)) -> Self {
        Self {
            directory: Links::unchosen(),
            lock: Lock::of_system(),
            log,
            watched: RefCell::default(),
        }
    }

    fn enter(&self, deadline: Duration) -> Result<LockGuard, SocketError> {
        self.lock.take(self, &mut self.watched.borrow_mut(), deadline)
    }
}

impl Host for Wasi {
    fn now(&self) -> UnixTime {
        UnixTime::from_millis(abi::clock(WALL) / 1_000_000)
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        // The host reads Go's crypto/rand, which does not fail. If it ever did, a trap is better than predictable
        // bytes.
        #[allow(clippy::panic)]
        if abi::random(bytes).is_err() {
            panic!("the host gives no random bytes");
        }
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        const LIMIT: usize = 256 * 1024;
        let mount = Mount::covering(path).ok_or(FileError::NotMounted)?;
        watch::note(path);
        let deadline = self.monotonic().saturating_add(watch::patience());
        let _lock = self.enter(deadline).map_err(|_| FileError::Busy)?;
        lock::slowly(|| file::read(mount.fd, mount.relative(path), LIMIT))
    }

    fn log(&self, event: &Event) {
        (self.log)(event);
    }
}

impl Platform for Wasi {
    fn monotonic(&self) -> Duration {
        Duration::from_nanos(abi::clock(MONOTONIC))
    }

    fn yield_now(&self) {
        abi::yield_now();
    }

    fn use_directory(&self, path: Option<&str>) -> Result<(), ConfigError> {
        let needs = |what: &str| {
            let path = path.unwrap_or("/var/lib/traefik-oic");
            ConfigError::new(
                "stateDirectory",
                format!(
                    "{what}. The plugin's instances share keys and tokens in a directory of their own. Create it, let \
                     Traefik's user write to it, and add to the plugin in Traefik's static configuration: \
                     settings: {{mounts: [\"{path}\"]}}"
                ),
            )
        };
        let mounts = Mount::all();
        let chosen = match path {
            Some(path) => mounts
                .iter()
                .find(|mount| mount.path == path.trim_end_matches('/')),
            None => mounts
                .iter()
                .find(|mount| mount.writable)
                .or_else(|| mounts.first()),
        };
        let Some(mount) = chosen else {
            return Err(needs(if path.is_some() {
                "is not among the plugin's mounts"
            } else {
                "is missing: no directory is mounted"
            }));
        };
        self.directory.choose(mount);
        // One probe for each router is enough. Later failures are logged when they happen.
        if lock::is_first()
            && let Err(error) = self.directory.probe(self)
        {
            // Without the directory every instance fetches for itself. That is slower, but no reason to refuse
            // requests.
            self.log(
                &Event::warn("state.failed")
                    .field("error", error)
                    .field("cure", DirectoryError::CURE),
            );
        }
        Ok(())
    }

    fn directory(&self) -> &dyn Directory {
        &self.directory
    }

    fn sockets(&self, deadline: Duration) -> Result<Box<dyn Sockets + '_>, SocketError> {
        let lock = self.enter(deadline)?;
        Ok(Box::new(WasiSockets::new(self, lock)))
    }

    fn own(&self, name: &str, content: &str) {
        owned::add(self.directory.fd(), name, content);
    }

    fn forget(&self, name: &str) {
        owned::remove(name);
    }
}
