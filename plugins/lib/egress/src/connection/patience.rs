//! A stream that waits until a deadline, and gives a sign of life at least once a second.

use std::cell::Cell;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::time::Duration;

use crate::platform::{Platform, SocketError, Stream, is_over};
use crate::wire::FIRST;

/// Makes blocking I/O with a deadline of a [`Stream`], which never waits for long.
pub(super) struct Patience<'a> {
    stream: Box<dyn Stream + 'a>,
    platform: &'a dyn Platform,
    deadline: &'a Cell<Duration>,
    pulse: &'a dyn Fn(),
    first: Vec<u8>,
}

impl<'a> Patience<'a> {
    pub(super) fn new(
        stream: Box<dyn Stream + 'a>,
        platform: &'a dyn Platform,
        deadline: &'a Cell<Duration>,
        pulse: &'a dyn Fn(),
    ) -> Self {
        Self {
            stream,
            platform,
            deadline,
            pulse,
            first: Vec::new(),
        }
    }

    /// The first bytes that arrived. They show which protocol the server speaks.
    pub(super) fn first(&self) -> &[u8] {
        &self.first
    }

    fn wait<T>(
        &mut self,
        mut step: impl FnMut(&mut dyn Stream) -> std::result::Result<T, SocketError>,
        rest: fn(&mut dyn Stream) -> std::result::Result<(), SocketError>,
    ) -> Result<T> {
        let late = || Error::new(ErrorKind::TimedOut, SocketError::TimedOut);
        loop {
            // Checked before every step, so that a server that sends single bytes cannot hold the connection for ever.
            if self.platform.monotonic() >= self.deadline.get() {
                return Err(late());
            }
            match step(&mut *self.stream) {
                Ok(done) => return Ok(done),
                // Only a wait may take longer than the time that is left. Bytes that have arrived are read until the
                // deadline.
                Err(SocketError::NotYet) if is_over(self.deadline.get(), self.platform.monotonic()) => {
                    return Err(late());
                }
                Err(SocketError::NotYet) => {
                    rest(&mut *self.stream).map_err(|error| Error::new(ErrorKind::BrokenPipe, error))?;
                    (self.pulse)();
                }
                Err(error) => return Err(Error::new(ErrorKind::BrokenPipe, error)),
            }
        }
    }
}

impl Read for Patience<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.wait(|stream| stream.read(buffer), |stream| stream.wait_to_read())?;
        let missing = FIRST.saturating_sub(self.first.len()).min(count);
        self.first
            .extend_from_slice(buffer.get(..missing).unwrap_or_default());
        Ok(count)
    }
}

impl Write for Patience<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.wait(|stream| stream.write(bytes), |stream| stream.wait_to_write())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
