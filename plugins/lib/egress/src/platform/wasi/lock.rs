//! The right to use a system's descriptors: one instance at a time.
//!
//! All instances of a plugin on one router share one WASI system, which is not safe for concurrent use. They share
//! nothing else, so the lock is part of that system: a [`Counter`].
//!
//! A panic releases the lock. An instance that traps without a panic, and is not used again soon, stays silent instead.
//! After a while ([`SILENCE`]) the others take its lock away. A holder that enters a call that may take long marks the
//! lock, and may then be silent for longer.

use std::cell::Cell;
use std::time::Duration;

use super::counter::{Counter, ONE, Position, Token};
use super::mounts::Mount;
use super::{abi, owned};
use crate::platform::machine::Platform;
use crate::platform::sockets::SocketError;

/// How long a holder that waits for at most a second at a time may be silent. This is far longer than a busy machine
/// keeps it from running: a live instance that is taken for dead would use the system together with another one.
const SILENCE: Duration = Duration::from_secs(10);
/// The same in a slow call. Longer than the resolver takes to look up a name.
const SILENCE_IN_A_SLOW_CALL: Duration = Duration::from_secs(120);
/// The most that counts as silence between two looks.
const LONGEST_STEP: Duration = Duration::from_secs(1);
const YIELDS_BETWEEN_TRIES: u32 = 64;

/// A right of stdin (`fd_advise`). The first instance removes it if it cannot open a counter.
const FIRST: u64 = 1 << 7;
const STDIN: i32 = 0;
const STREAMS: [i32; 3] = [STDIN, 1, 2];
/// The rights of the counter's descriptor, which no other descriptor has: `fd_seek` and `fd_tell`.
const SEEK_AND_TELL: u64 = 1 << 2 | 1 << 5;

/// What an instance finds when it starts.
#[derive(Clone, Copy)]
struct Entered {
    first: bool,
    counter: Option<Counter>,
}

thread_local! {
    static ENTERED: Cell<Entered> = const { Cell::new(Entered { first: false, counter: None }) };
}

/// True in the first instance of its system.
pub(super) fn is_first() -> bool {
    ENTERED.get().first
}

/// Prepares the system's lock. Call this before anything else when an instance starts. Returns true in the first
/// instance of its system: it is alone until its start is over, so it may open the counter's descriptor.
pub fn enter_system() -> bool {
    let entered = enter();
    ENTERED.set(entered);
    entered.first
}

fn enter() -> Entered {
    let later = |counter| Entered {
        first: false,
        counter,
    };
    let existing = find_counter();
    if existing.is_some() {
        return later(existing);
    }
    let Ok((base, inheriting)) = abi::rights(STDIN) else {
        return later(None);
    };
    if base & FIRST == 0 {
        return later(None);
    }
    let counter = open_counter();
    if counter.is_some() {
        // Traefik never closes a system's descriptors, and makes a new system for each router at each reload. Plugins
        // use none of these three.
        STREAMS.into_iter().for_each(abi::close);
    } else {
        // There is no lock without a counter. Removing this right tells later instances that they are not alone.
        let _ = abi::set_rights(STDIN, base & !FIRST, inheriting);
    }
    Entered { first: true, counter }
}

/// The descriptor that the first instance opened.
fn find_counter() -> Option<Counter> {
    let fd = Mount::first_free_descriptor();
    let is_counter = abi::rights(fd).is_ok_and(|(base, _)| base == SEEK_AND_TELL);
    is_counter.then_some(Counter::of(fd))
}

fn open_counter() -> Option<Counter> {
    Mount::all().into_iter().find_map(|mount| {
        let fd = abi::open_to_position(mount.fd, SEEK_AND_TELL).ok()?;
        if Counter::works_on(fd) {
            return Some(Counter::of(fd));
        }
        abi::close(fd);
        None
    })
}

/// The lock of one system.
pub(super) struct Lock {
    /// `None` if no directory is mounted, or none of them can be positioned.
    counter: Option<Counter>,
}

/// The lock while this instance holds it. Released on drop.
pub(super) struct LockGuard(());

/// What this instance saw last while it waited for the lock.
#[derive(Default)]
pub(super) struct Watched {
    seen: Option<Position>,
    /// How long the holder has been silent while this instance was awake.
    silent: Duration,
    looked: Duration,
}

impl Lock {
    /// The lock that [`enter_system`] found or made.
    pub(super) fn of_system() -> Self {
        Self {
            counter: ENTERED.get().counter,
        }
    }

    /// Takes the lock. Waits for it until the monotonic clock shows `deadline`.
    pub(super) fn take(
        &self,
        platform: &dyn Platform,
        watched: &mut Watched,
        deadline: Duration,
    ) -> Result<LockGuard, SocketError> {
        let counter = self.counter.ok_or(SocketError::NoLock)?;
        loop {
            let position = counter.position()?;
            if position.count() == 0 {
                let mine = counter.step(ONE)?;
                if mine.count() == 1 {
                    owned::set_lock(Some(Token::new(counter, mine)));
                    watched.seen = None;
                    // Only a holder opens anything under these numbers. So if something is open, its holder is gone.
                    STREAMS.into_iter().for_each(abi::close);
                    return Ok(LockGuard(()));
                }
                counter.step(-ONE)?;
            } else {
                watched.look(position, counter, platform.monotonic())?;
            }
            if platform.monotonic() >= deadline {
                return Err(SocketError::Busy);
            }
            platform.yield_repeatedly(YIELDS_BETWEEN_TRIES);
        }
    }
}

impl Watched {
    /// Takes the lock away from a holder that has been silent for too long.
    fn look(&mut self, position: Position, counter: Counter, now: Duration) -> Result<(), SocketError> {
        let state = |position: Position| (position.turn(), position.is_slow());
        let patience = if position.is_slow() {
            SILENCE_IN_A_SLOW_CALL
        } else {
            SILENCE
        };
        // If the whole process was stopped, or this request was not run for a while, most of that time does not count.
        let awake = now.saturating_sub(self.looked).min(LONGEST_STEP);
        self.looked = now;
        if self.seen.map(state) != Some(state(position)) {
            self.seen = Some(position);
            self.silent = Duration::ZERO;
            return Ok(());
        }
        self.silent = self.silent.saturating_add(awake);
        if self.silent >= patience {
            self.seen = None;
            // Other instances may come to the same conclusion. The later ones find another turn here.
            if state(counter.position()?) == state(position) {
                counter.reset_after(position)?;
            }
        }
        Ok(())
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if let Some(token) = owned::set_lock(None) {
            token.release();
        }
    }
}

/// Gives a sign of life, which is due every few seconds.
///
/// # Errors
/// Other instances took this one for dead: it no longer holds the lock, and its descriptors may belong to another one.
pub(super) fn beat() -> Result<(), SocketError> {
    let Some(token) = owned::lock() else { return Ok(()) };
    owned::set_lock(Some(token.beat()?));
    Ok(())
}

/// Makes a call that may take longer than the pause between two signs of life.
pub(super) fn slowly<T>(call: impl FnOnce() -> T) -> T {
    let token = owned::lock();
    token.inspect(Token::begin_slow_call);
    let outcome = call();
    token.inspect(Token::end_slow_call);
    outcome
}
