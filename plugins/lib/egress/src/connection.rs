//! A connection to a server by its name: name lookup, one address after the other, TLS, within a deadline.

mod any_certificate;
mod encrypted;
mod given_certificate;
mod patience;
mod protocol;
#[cfg(test)]
mod tests;
mod tls;
mod tls_error;

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;

pub(crate) use self::any_certificate::accept_any_certificate;
use self::encrypted::Encrypted;
pub(crate) use self::given_certificate::accept_given_certificates;
use self::patience::Patience;
pub use self::protocol::Protocol;
pub use self::tls::Tls;
use crate::platform::{Platform, SocketError, Sockets};

/// Whom to connect to.
pub struct Peer<'p> {
    /// Host name or address, without brackets.
    pub host: &'p str,
    /// TCP port.
    pub port: u16,
    /// With TLS, how.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

/// Bytes both ways; every wait ends at the connection's deadline.
pub trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

/// Why there is no connection, or none any more. The text is for the log; it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// The sockets, or the way to the server, failed.
    #[error("{step}: {source}")]
    Socket {
        /// What was being done.
        step: &'static str,
        /// Why it failed.
        source: SocketError,
    },
    /// The TLS handshake or the encrypted stream failed.
    #[error("TLS: {0}")]
    Tls(String),
    /// The peer answered the TLS handshake in another protocol.
    #[error("TLS: the server does not speak TLS on this port; it answers in {0}")]
    NoTls(Protocol),
    /// The peer closed the connection before the TLS handshake was over.
    #[error("TLS: the server closed the connection in the handshake; check that it speaks TLS on this port")]
    ClosedInHandshake,
    /// The peer closed it within an answer.
    #[error("the connection closed before the answer was complete")]
    Closed,
    /// The host can have no certificate.
    #[error("the host is no DNS name")]
    Name,
}

/// The step in which a server that takes connections says nothing at all.
pub const HANDSHAKE: &str = "TLS handshake without any answer; check that the server speaks TLS on this port";

impl ConnectionError {
    /// Converts an I/O error from a [`Wire`].
    pub fn of_io(step: &'static str, error: &std::io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(explained) = inner.and_then(|inner| inner.downcast_ref::<Self>()) {
            return explained.clone();
        }
        if let Some(source) = inner.and_then(|inner| inner.downcast_ref::<SocketError>()) {
            let source = *source;
            return Self::Socket { step, source };
        }
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Tls(error.to_string()),
        }
    }
}

/// Connects to `peer` and lets `talk` use the connection, which closes afterwards. `deadline` (monotonic) is for all of it;
/// `talk` may put it off. `pulse` is called at least once a second while waiting.
///
/// # Errors
/// [`ConnectionError`].
pub fn connected<T>(
    sockets: &mut dyn Sockets,
    platform: &dyn Platform,
    peer: &Peer<'_>,
    deadline: &Cell<Duration>,
    pulse: &dyn Fn(),
    mut talk: impl FnMut(&mut dyn Wire) -> T,
) -> Result<T, ConnectionError> {
    let mut outcome = None;
    let mut talk = |wire: &mut dyn Wire| outcome = Some(talk(wire));
    by_any_address(sockets, platform, peer, deadline, pulse, &mut talk)?;
    outcome.ok_or(ConnectionError::Closed)
}

fn by_any_address(
    sockets: &mut dyn Sockets,
    platform: &dyn Platform,
    peer: &Peer<'_>,
    deadline: &Cell<Duration>,
    pulse: &dyn Fn(),
    talk: &mut dyn FnMut(&mut dyn Wire),
) -> Result<(), ConnectionError> {
    let failed = |step| move |source| ConnectionError::Socket { step, source };
    pulse();
    let addresses = sockets
        .resolve(peer.host, peer.port)
        .map_err(failed("name lookup"))?;
    let mut last = failed("name lookup")(SocketError::NotFound);
    for (index, address) in addresses.iter().enumerate() {
        pulse();
        let limit = share(platform.monotonic(), deadline.get(), addresses.len() - index);
        match by(sockets, platform, *address, limit, peer, deadline, pulse, talk) {
            Err(
                error @ ConnectionError::Socket {
                    step: "connecting", ..
                },
            ) => last = error,
            outcome => return outcome,
        }
    }
    Err(last)
}

/// Until when one of the `remaining` addresses may be tried: each gets its share of the time, at least the one second a
/// poll takes.
fn share(now: Duration, deadline: Duration, remaining: usize) -> Duration {
    let remaining = u32::try_from(remaining).unwrap_or(1).max(1);
    let share = deadline.saturating_sub(now) / remaining;
    now.saturating_add(share.max(Duration::from_secs(1)))
        .min(deadline)
}

#[allow(clippy::too_many_arguments)] // one connection needs them all, and they have nothing in common
fn by(
    sockets: &mut dyn Sockets,
    platform: &dyn Platform,
    address: SocketAddr,
    connect_deadline: Duration,
    peer: &Peer<'_>,
    deadline: &Cell<Duration>,
    pulse: &dyn Fn(),
    talk: &mut dyn FnMut(&mut dyn Wire),
) -> Result<(), ConnectionError> {
    let stream = sockets
        .connect(address, connect_deadline, &mut || pulse())
        .map_err(|source| ConnectionError::Socket {
            step: "connecting",
            source,
        })?;
    trap::point("during-io");
    let mut patience = Patience::new(stream, platform, deadline, pulse);
    if let Some(tls) = &peer.tls {
        let name = ServerName::try_from(peer.host.to_owned()).map_err(|_| ConnectionError::Name)?;
        let mut session = rustls::ClientConnection::new(Arc::clone(tls), name)
            .map_err(|error| ConnectionError::Tls(tls_error::in_words(&error)))?;
        talk(&mut Encrypted::new(&mut session, &mut patience));
    } else {
        talk(&mut patience);
    }
    Ok(())
}
