//! A stream that waits, within a deadline and with a sign of life every second.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::time::Duration;

use crate::platform::{Platform, SocketError, Stream, slice};

/// Turns a [`Stream`], which waits a second at most, into blocking I/O with a deadline.
pub(super) struct Patience<'a> {
    stream: Box<dyn Stream + 'a>,
    platform: &'a dyn Platform,
    deadline: Duration,
    pulse: &'a mut dyn FnMut(),
}

impl<'a> Patience<'a> {
    pub(super) fn new(
        stream: Box<dyn Stream + 'a>,
        platform: &'a dyn Platform,
        deadline: Duration,
        pulse: &'a mut dyn FnMut(),
    ) -> Self {
        Self {
            stream,
            platform,
            deadline,
            pulse,
        }
    }

    fn wait<T>(
        &mut self,
        mut step: impl FnMut(&mut dyn Stream, Duration) -> std::result::Result<T, SocketError>,
    ) -> Result<T> {
        loop {
            // Checked before every step, so that a peer that drips one byte a second does not hold us for ever.
            let left = self.deadline.saturating_sub(self.platform.monotonic());
            if left.is_zero() {
                return Err(Error::new(ErrorKind::TimedOut, SocketError::TimedOut));
            }
            match step(&mut *self.stream, slice(left)) {
                Ok(done) => return Ok(done),
                Err(SocketError::NotYet) => (self.pulse)(),
                Err(error) => return Err(Error::new(ErrorKind::BrokenPipe, error)),
            }
        }
    }
}

impl Read for Patience<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.wait(|stream, wait| stream.read(buffer, wait))
    }
}

impl Write for Patience<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.wait(|stream, wait| stream.write(bytes, wait))
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
