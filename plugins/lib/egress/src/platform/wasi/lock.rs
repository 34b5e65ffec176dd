//! The right to use a system's descriptors: one instance at a time.
//!
//! An entry of the state directory, named after the system, that holds its owner's nonce. Only instances of the
//! same system ever look at it, so it needs no short lease: a killed process takes its systems with it. What
//! remains is an instance that trapped without a panic and was then never used again; [`ABANDONED`] is for it.

use std::time::Duration;

use super::{DirectoryError, Platform, SocketError, Wasi, owned};

/// Longer than any holder can take: the longest configurable fetch and a slow name lookup.
const ABANDONED: Duration = Duration::from_secs(120);
const YIELDS_BETWEEN_TRIES: u32 = 64;

/// The lock of one system.
pub(super) struct Lock {
    name: String,
}

/// The holder that this instance saw last, and since when.
#[derive(Default)]
pub(super) struct Watched {
    holder: Option<String>,
    since: Duration,
}

/// The lock in one's hands; given back on drop.
pub(super) struct Held<'w> {
    wasi: &'w Wasi,
    name: &'w str,
}

impl Lock {
    pub(super) fn of(system: u32) -> Self {
        Self {
            name: format!("io-{system:07x}.lock"),
        }
    }

    /// Takes the lock, waiting until `deadline`.
    pub(super) fn take<'w>(
        &'w self,
        wasi: &'w Wasi,
        watched: &mut Watched,
        deadline: Duration,
    ) -> Result<Held<'w>, SocketError> {
        let nonce = crate::state::nonce(wasi);
        loop {
            match wasi.directory().create(&self.name, &nonce) {
                Ok(()) => {
                    owned::add(wasi.directory.fd(), &self.name);
                    watched.holder = None;
                    return Ok(Held {
                        wasi,
                        name: &self.name,
                    });
                }
                Err(DirectoryError::Exists) => watched.look(wasi, &self.name)?,
                Err(error) => return Err(error.into()),
            }
            if wasi.monotonic() >= deadline {
                return Err(SocketError::Busy);
            }
            for _ in 0..YIELDS_BETWEEN_TRIES {
                wasi.yield_now();
            }
        }
    }
}

impl Watched {
    fn look(&mut self, wasi: &Wasi, name: &str) -> Result<(), SocketError> {
        let holder = wasi.directory().read(name)?;
        let now = wasi.monotonic();
        if self.holder != holder {
            self.holder = holder;
            self.since = now;
        } else if self.holder.is_some() && now.saturating_sub(self.since) >= ABANDONED {
            wasi.directory().remove(name)?;
            self.holder = None;
        }
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let _ = self.wasi.directory().remove(self.name);
        owned::remove(self.name);
    }
}
