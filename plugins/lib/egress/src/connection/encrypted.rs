//! A TLS stream. Its errors say what is wrong with the server.

use std::io::{Error, ErrorKind, Read, Result, Write};

use rustls::{ClientConnection, Stream};

use super::patience::Patience;
use crate::platform::SocketError;
use crate::tls;
use crate::wire::{Protocol, Step, WireError};

/// A TLS session over a stream.
pub(super) struct Encrypted<'e, 'p> {
    session: &'e mut ClientConnection,
    patience: &'e mut Patience<'p>,
}

impl<'e, 'p> Encrypted<'e, 'p> {
    pub(super) fn new(session: &'e mut ClientConnection, patience: &'e mut Patience<'p>) -> Self {
        Self { session, patience }
    }

    fn stream(&mut self) -> Stream<'_, ClientConnection, Patience<'p>> {
        Stream::new(self.session, self.patience)
    }

    /// Puts a [`WireError`] that names the cause into `error`, if the cause is known.
    fn explain(&self, error: Error) -> Error {
        let inner = error.get_ref();
        let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let first = self.patience.first();
        let explained = if self.session.is_handshaking() {
            let timed_out = inner.and_then(|inner| inner.downcast_ref()) == Some(&SocketError::TimedOut);
            match Protocol::of(first) {
                _ if timed_out && first.is_empty() => Some(WireError::Socket {
                    step: Step::Handshake,
                    source: SocketError::TimedOut,
                }),
                Some(other @ (Protocol::Http | Protocol::Redis)) => Some(WireError::NoTls(other)),
                _ if error.kind() == ErrorKind::UnexpectedEof => Some(WireError::ClosedInHandshake),
                _ => None,
            }
        } else {
            None
        };
        match explained.or_else(|| tls.map(|tls| WireError::Tls(tls::in_words(tls)))) {
            Some(explained) => Error::new(error.kind(), explained),
            None => error,
        }
    }
}

impl Read for Encrypted<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let outcome = self.stream().read(buffer);
        outcome.map_err(|error| self.explain(error))
    }
}

impl Write for Encrypted<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let outcome = self.stream().write(bytes);
        outcome.map_err(|error| self.explain(error))
    }

    fn flush(&mut self) -> Result<()> {
        let outcome = self.stream().flush();
        outcome.map_err(|error| self.explain(error))
    }
}
