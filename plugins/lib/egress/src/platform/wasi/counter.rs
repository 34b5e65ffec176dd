//! An atomic counter that lives in the WASI system itself: the position of a descriptor that nobody reads from.
//!
//! One call moves the position by an amount and returns the new position. The kernel carries it out atomically. The
//! counter covers exactly the instances that share the system, and ends with it. It works regardless of the state
//! directory's condition: the descriptor belongs to a mounted directory, and even a directory that is full, read-only
//! or deleted has a position that can be moved.
//!
//! The lower half of the position counts the instances that hold the lock or try to take it. The instance that moves it
//! from zero to one holds the lock. The upper half, the turn, counts releases and the holder's signs of life.

use super::abi::{self, Whence};
use crate::platform::sockets::SocketError;

/// One more instance, or one less, in the lower half.
pub(super) const ONE: i64 = 1;
/// One more turn in the upper half, one instance less in the lower half.
const RELEASE: i64 = (1 << COUNT_BITS) - ONE;
const COUNT_BITS: u32 = 16;
/// The highest bit of the lower half: the holder is in a slow call.
const SLOW: i64 = 1 << (COUNT_BITS - 1);
/// The upper half starts again from zero here, because some file systems keep positions in 31 bits.
const TURNS: u64 = 1 << 14;

/// A descriptor whose position is the counter.
#[derive(Clone, Copy)]
pub(super) struct Counter(i32);

/// What a counter shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Position(u64);

impl Position {
    /// How many instances hold the lock or try to take it.
    pub(super) const fn count(self) -> u64 {
        self.0 & (SLOW.unsigned_abs() - 1)
    }

    /// Whether the holder is in a call that may take long.
    pub(super) const fn is_slow(self) -> bool {
        self.0 & SLOW.unsigned_abs() != 0
    }

    /// Changes with each release and each sign of life.
    pub(super) const fn turn(self) -> u64 {
        self.0 >> COUNT_BITS
    }
}

impl Counter {
    /// The counter on `fd`. Its position must have passed [`Counter::works_on`] when the descriptor was opened.
    pub(super) const fn of(fd: i32) -> Self {
        Self(fd)
    }

    /// Whether the position of the directory `fd` can be moved like that of a file. This depends on the file system.
    pub(super) fn works_on(fd: i32) -> bool {
        let from_here = |by| abi::seek(fd, by, Whence::Current);
        abi::seek(fd, 0, Whence::Start) == Ok(0)
            && from_here(RELEASE) == Ok(RELEASE.unsigned_abs())
            && from_here(1) == Ok(RELEASE.unsigned_abs() + 1)
            && abi::seek(fd, 0, Whence::Start) == Ok(0)
    }

    /// What the counter shows now.
    pub(super) fn position(self) -> Result<Position, SocketError> {
        self.step(0)
    }

    /// Moves the counter, and returns what it shows then.
    pub(super) fn step(self, by: i64) -> Result<Position, SocketError> {
        abi::seek(self.0, by, Whence::Current)
            .map(Position)
            .map_err(|_| SocketError::NoLock)
    }

    /// Releases the lock on behalf of a holder that is gone. Sets the count to zero and begins the turn after
    /// `position`.
    pub(super) fn reset_after(self, position: Position) -> Result<(), SocketError> {
        let next = (position.turn() + 1) % TURNS;
        abi::seek(self.0, (next << COUNT_BITS).cast_signed(), Whence::Start)
            .map(drop)
            .map_err(|_| SocketError::NoLock)
    }
}

/// Proof that this instance took the lock, and what it needs to release it.
#[derive(Clone, Copy)]
pub(super) struct Token {
    counter: Counter,
    turn: u64,
}

impl Token {
    /// The token of the instance that moved `counter` to `position`.
    pub(super) const fn new(counter: Counter, position: Position) -> Self {
        Self {
            counter,
            turn: position.turn(),
        }
    }

    /// Returns false if other instances have taken this one for dead.
    pub(super) fn is_valid(&self) -> bool {
        self.counter.position().is_ok_and(|now| now.turn() == self.turn)
    }

    /// Releases the lock, unless it was taken away.
    pub(super) fn release(self) {
        if let Ok(now) = self.counter.position()
            && now.turn() == self.turn
        {
            let slow = if now.is_slow() { SLOW } else { 0 };
            let _ = self.counter.step(self.to_next_turn() - ONE - slow);
        }
    }

    /// Gives a sign of life, and returns the token for the new turn.
    pub(super) fn beat(self) -> Result<Self, SocketError> {
        if !self.is_valid() {
            return Err(SocketError::Busy);
        }
        let position = self.counter.step(self.to_next_turn())?;
        Ok(Self::new(self.counter, position))
    }

    /// Marks the beginning of a slow call.
    pub(super) fn begin_slow_call(&self) {
        self.mark(SLOW);
    }

    /// Marks the end of a slow call.
    pub(super) fn end_slow_call(&self) {
        self.mark(-SLOW);
    }

    fn mark(&self, by: i64) {
        if self.is_valid() {
            let _ = self.counter.step(by);
        }
    }

    const fn to_next_turn(self) -> i64 {
        let back_to_start = if self.turn + 1 == TURNS { TURNS } else { 0 };
        (1 << COUNT_BITS) - (back_to_start << COUNT_BITS).cast_signed()
    }
}
