//! A stream that waits, within a deadline and with a sign of life every second.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::time::Duration;

use crate::platform::{Platform, SocketError, Stream, is_over};

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
        mut step: impl FnMut(&mut dyn Stream) -> std::result::Result<T, SocketError>,
    ) -> Result<T> {
        loop {
            // Checked before every step, so that a peer that drips one byte a second does not hold us for ever.
            if is_over(self.deadline, self.platform.monotonic()) {
                return Err(Error::new(ErrorKind::TimedOut, SocketError::TimedOut));
            }
            match step(&mut *self.stream) {
                Ok(done) => return Ok(done),
                Err(SocketError::NotYet) => (self.pulse)(),
                Err(error) => return Err(Error::new(ErrorKind::BrokenPipe, error)),
            }
        }
    }
}

impl Read for Patience<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.wait(|stream| stream.read(buffer))
    }
}

impl Write for Patience<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.wait(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}
