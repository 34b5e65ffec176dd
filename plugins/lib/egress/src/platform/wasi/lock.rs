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
//! inside. The upper half counts how often the lock was given back, and its holder's signs of life. What remains is an
//! instance that trapped without a panic and is not used again soon: it is silent, and after a while ([`SILENCE`]) its
//! lock is taken from it. While the holder is in a call that may take long, the lock says so, and it may be silent longer.

use std::cell::Cell;
use std::time::Duration;

use super::abi::{self, Whence};
use super::directory::Mount;
use super::{Platform, SocketError, Wasi, owned};

/// How long a holder that waits a second at most may be silent. Far longer than a busy machine keeps it from running:
/// one that is taken for dead and lives would share the system with another.
const SILENCE: Duration = Duration::from_secs(10);
/// The same in a slow call: longer than the resolver looks for a name.
const SILENCE_IN_A_SLOW_CALL: Duration = Duration::from_secs(120);
/// The most that counts as silence between two looks.
const LONGEST_STEP: Duration = Duration::from_secs(1);
const YIELDS_BETWEEN_TRIES: u32 = 64;

/// A right of stdin (`fd_advise`), whose absence says that the first instance has been here in vain.
const FIRST: u64 = 1 << 7;
const STDIN: i32 = 0;
const STREAMS: [i32; 3] = [STDIN, 1, 2];
/// The rights of the counting descriptor, and of no other: `fd_seek` and `fd_tell`.
const SEEK_AND_TELL: u64 = 1 << 2 | 1 << 5;

/// What an instance learns when it starts.
#[derive(Clone, Copy)]
struct Entered {
    first: bool,
    counter: Option<i32>,
}

thread_local! {
    static ENTERED: Cell<Entered> = const { Cell::new(Entered { first: false, counter: None }) };
}

/// Whether this is the first instance of its system.
pub(super) fn is_first() -> bool {
    ENTERED.get().first
}

/// Must be called first thing when an instance starts. True in the first instance of its system, which is alone
/// until its start is over, and so may open the descriptor that counts.
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
    let made_before = find_counter();
    if made_before.is_some() {
        return later(made_before);
    }
    let Ok((base, inheriting)) = abi::rights(STDIN) else {
        return later(None);
    };
    if base & FIRST == 0 {
        return later(None);
    }
    let counter = open_counter();
    if counter.is_some() {
        // Traefik never closes a system's descriptors, and makes a new system for every router at each reload. Nobody
        // uses these three.
        STREAMS.into_iter().for_each(abi::close);
    } else {
        // There will be no lock; but no other instance is alone either.
        let _ = abi::set_rights(STDIN, base & !FIRST, inheriting);
    }
    Entered { first: true, counter }
}

/// The descriptor that the first instance opened.
fn find_counter() -> Option<i32> {
    let counter = Mount::first_free_descriptor();
    let is_it = abi::rights(counter).is_ok_and(|(base, _)| base == SEEK_AND_TELL);
    is_it.then_some(counter)
}

fn open_counter() -> Option<i32> {
    Mount::all().into_iter().find_map(|mount| {
        let counter = abi::open_to_position(mount.fd, SEEK_AND_TELL).ok()?;
        if counts(counter) {
            return Some(counter);
        }
        abi::close(counter);
        None
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
    /// How long it has been silent, as far as this instance was awake to see it.
    silent: Duration,
    looked: Duration,
}

/// One more or less in the lower half.
const ONE: i64 = 1;
/// One more in the upper half, one less in the lower.
const GIVE_BACK: i64 = (1 << COUNT_BITS) - ONE;
const COUNT_BITS: u32 = 16;
/// The highest bit of the lower half: the holder is in a slow call.
const SLOW: i64 = 1 << (COUNT_BITS - 1);
/// The upper half starts anew here: some file systems keep positions in 31 bits.
const TURNS: u64 = 1 << 14;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Position(u64);

impl Position {
    const fn count(self) -> u64 {
        self.0 & (SLOW.unsigned_abs() - 1)
    }

    const fn is_slow(self) -> bool {
        self.0 & SLOW.unsigned_abs() != 0
    }

    const fn turn(self) -> u64 {
        self.0 >> COUNT_BITS
    }
}

impl Lock {
    /// The lock that [`enter_system`] found or made.
    pub(super) fn of_system() -> Self {
        Self {
            counter: ENTERED.get().counter,
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
                    // Only the holder has anything open here: it belonged to one that is gone.
                    STREAMS.into_iter().for_each(abi::close);
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
    /// Sets the lock free when its holder was silent for too long.
    fn look(&mut self, position: Position, counter: i32, now: Duration) -> Result<(), SocketError> {
        let state = |position: Position| (position.turn(), position.is_slow());
        let patience = if position.is_slow() {
            SILENCE_IN_A_SLOW_CALL
        } else {
            SILENCE
        };
        // A process that was stopped as a whole, or a request that came back after a while, saw nothing of the time between.
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
            let next = (position.turn() + 1) % TURNS;
            // Others may come to the same conclusion: whoever is late finds another turn.
            if state(tell(counter)?) == state(position) {
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

/// A sign of life, due at least every few seconds.
///
/// # Errors
/// Others took this instance for dead: the lock, and the descriptors, are no longer its own.
pub(super) fn beat() -> Result<(), SocketError> {
    let Some(taken) = owned::lock() else { return Ok(()) };
    owned::set_lock(Some(taken.beat()?));
    Ok(())
}

/// Makes a call that may take longer than signs of life are apart.
pub(super) fn slowly<T>(call: impl FnOnce() -> T) -> T {
    let taken = owned::lock();
    taken.inspect(|taken| taken.mark(SLOW));
    let outcome = call();
    taken.inspect(|taken| taken.mark(-SLOW));
    outcome
}

/// What it takes to give the lock back.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    counter: i32,
    turn: u64,
}

impl Taken {
    /// False once others took this instance for dead.
    pub(super) fn is_ours(&self) -> bool {
        tell(self.counter).is_ok_and(|now| now.turn() == self.turn)
    }

    pub(super) fn give_back(self) {
        if let Ok(now) = tell(self.counter)
            && now.turn() == self.turn
        {
            let slow = if now.is_slow() { SLOW } else { 0 };
            let _ = step(self.counter, self.to_next_turn() - ONE - slow);
        }
    }

    fn beat(self) -> Result<Self, SocketError> {
        if !self.is_ours() {
            return Err(SocketError::Busy);
        }
        let turn = step(self.counter, self.to_next_turn())?.turn();
        Ok(Self { turn, ..self })
    }

    fn mark(&self, by: i64) {
        if self.is_ours() {
            let _ = step(self.counter, by);
        }
    }

    const fn to_next_turn(self) -> i64 {
        let back_to_start = if self.turn + 1 == TURNS { TURNS } else { 0 };
        (1 << COUNT_BITS) - (back_to_start << COUNT_BITS).cast_signed()
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
