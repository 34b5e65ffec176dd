//! The right to use a system's descriptors: one instance at a time.
//!
//! All instances of a plugin on one router share one WASI system, which is not safe for concurrent use, and nothing
//! else but that system. So the lock is a part of it: the position of a descriptor that nobody reads from. Moving
//! it by an amount is one call, which the kernel carries out atomically and which returns the new position: an atomic
//! counter. It covers exactly the instances that share the system, dies with it, and works whatever becomes of the
//! state directory: the descriptor is of a mounted directory itself, and directories that are full, read-only or even
//! deleted can still be positioned.
//!
//! The lower half of the position counts who is inside or trying to get in; whoever moved it from zero to one is
//! inside. The upper half counts how often the lock was given back, so that those who wait see it change hands. What
//! remains is an instance that trapped without a panic and was then never used again; [`ABANDONED`] is for it.

use std::cell::Cell;
use std::time::Duration;

use super::abi::{self, Whence};
use super::directory::Mount;
use super::{Platform, SocketError, Wasi, owned};

/// Longer than any holder can take: the longest configurable fetch and a slow name lookup.
const ABANDONED: Duration = Duration::from_secs(120);
const YIELDS_BETWEEN_TRIES: u32 = 64;

/// A right of stdin (`fd_advise`), whose absence says that the first instance has been here in vain.
const FIRST: u64 = 1 << 7;
const STDIN: i32 = 0;
const STREAMS: [i32; 3] = [STDIN, 1, 2];
/// The rights of the counting descriptor, and of no other: `fd_seek` and `fd_tell`.
const SEEK_AND_TELL: u64 = 1 << 2 | 1 << 5;

thread_local! {
    static IS_FIRST: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is the first instance of its system.
pub(super) fn is_first() -> bool {
    IS_FIRST.get()
}

/// Must be called first thing when an instance starts. True in the first instance of its system, which is alone
/// until its start is over, and so may open the descriptor that counts.
pub fn enter_system() -> bool {
    let first = enter();
    IS_FIRST.set(first);
    first
}

fn enter() -> bool {
    if Lock::find().counter.is_some() {
        return false;
    }
    let Ok((base, inheriting)) = abi::rights(STDIN) else {
        return false;
    };
    if base & FIRST == 0 {
        return false;
    }
    if open_counter() {
        // Traefik never closes a system's descriptors, and makes a new system for every router at each reload. Nobody
        // uses these three.
        STREAMS.into_iter().for_each(abi::close);
    } else {
        // There will be no lock; but no other instance is alone either.
        let _ = abi::set_rights(STDIN, base & !FIRST, inheriting);
    }
    true
}

fn open_counter() -> bool {
    Mount::all().into_iter().any(|mount| {
        let Ok(counter) = abi::open_to_position(mount.fd, SEEK_AND_TELL) else {
            return false;
        };
        let is_good = counts(counter);
        if !is_good {
            abi::close(counter);
        }
        is_good
    })
}

/// Whether this file system lets a directory's position be moved as a file's.
fn counts(counter: i32) -> bool {
    let from_here = |by| abi::seek(counter, by, Whence::Current);
    abi::seek(counter, 0, Whence::Start) == Ok(0)
        && from_here(GIVE_BACK) == Ok(GIVE_BACK.unsigned_abs())
        && from_here(1) == Ok(GIVE_BACK.unsigned_abs() + 1)
        && abi::seek(counter, 0, Whence::Start) == Ok(0)
}

/// The lock of one system.
pub(super) struct Lock {
    /// `None` where no directory is mounted, or none of them can be positioned.
    counter: Option<i32>,
}

/// The lock in one's hands; given back on drop.
pub(super) struct Held<'w> {
    _wasi: &'w Wasi,
}

/// What this instance saw last while it waited, and since when.
#[derive(Default)]
pub(super) struct Watched {
    seen: Option<Position>,
    since: Duration,
}

/// One more or less in the lower half.
const ONE: i64 = 1;
/// One more in the upper half, one less in the lower.
const GIVE_BACK: i64 = (1 << COUNT_BITS) - ONE;
const COUNT_BITS: u32 = 16;
/// The upper half starts anew here: some file systems keep positions in 31 bits.
const TURNS: u64 = 1 << 14;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Position(u64);

impl Position {
    const fn count(self) -> u64 {
        self.0 & ((1 << COUNT_BITS) - 1)
    }

    const fn turn(self) -> u64 {
        self.0 >> COUNT_BITS
    }
}

impl Lock {
    /// Finds the lock that the first instance made.
    pub(super) fn find() -> Self {
        let counter = Mount::first_free_descriptor();
        let is_it = abi::rights(counter).is_ok_and(|(base, _)| base == SEEK_AND_TELL);
        Self {
            counter: is_it.then_some(counter),
        }
    }

    /// Takes the lock, waiting until `deadline`.
    pub(super) fn take<'w>(
        &self,
        wasi: &'w Wasi,
        watched: &mut Watched,
        deadline: Duration,
    ) -> Result<Held<'w>, SocketError> {
        let counter = self.counter.ok_or(SocketError::NoLock)?;
        loop {
            let position = tell(counter)?;
            if position.count() == 0 {
                let mine = step(counter, ONE)?;
                if mine.count() == 1 {
                    owned::set_lock(Some(Taken {
                        counter,
                        turn: mine.turn(),
                    }));
                    watched.seen = None;
                    return Ok(Held { _wasi: wasi });
                }
                step(counter, -ONE)?;
            } else {
                watched.look(position, counter, wasi.monotonic())?;
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
    /// Sets the lock free when it did not change hands for [`ABANDONED`].
    fn look(&mut self, position: Position, counter: i32, now: Duration) -> Result<(), SocketError> {
        let same = self.seen.is_some_and(|seen| seen.turn() == position.turn());
        if !same {
            self.seen = Some(position);
            self.since = now;
        } else if now.saturating_sub(self.since) >= ABANDONED {
            self.seen = None;
            let next = (position.turn() + 1) % TURNS;
            // Others may come to the same conclusion: whoever is late finds another turn.
            if tell(counter)?.turn() == position.turn() {
                abi::seek(counter, (next << COUNT_BITS).cast_signed(), Whence::Start)
                    .map_err(|_| SocketError::NoLock)?;
            }
        }
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(taken) = owned::set_lock(None) {
            taken.give_back();
        }
    }
}

/// What it takes to give the lock back.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    counter: i32,
    turn: u64,
}

impl Taken {
    pub(super) fn give_back(self) {
        // Another turn: others took this instance for dead, and the lock is no longer its own.
        if tell(self.counter).is_ok_and(|now| now.turn() == self.turn) {
            let back_to_start = if self.turn + 1 == TURNS {
                (TURNS << COUNT_BITS).cast_signed()
            } else {
                0
            };
            let _ = step(self.counter, GIVE_BACK - back_to_start);
        }
    }
}

fn tell(counter: i32) -> Result<Position, SocketError> {
    step(counter, 0)
}

fn step(counter: i32, by: i64) -> Result<Position, SocketError> {
    abi::seek(counter, by, Whence::Current)
        .map(Position)
        .map_err(|_| SocketError::NoLock)
}
