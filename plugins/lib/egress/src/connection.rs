//! A connection to a server by its name, within a deadline: name lookup, one address after the other, then TLS.
//!
//! * `patience`: waits for a stream until the deadline.
//! * `encrypted`: TLS over it, with errors that name the cause.

mod encrypted;
mod patience;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;

use self::encrypted::Encrypted;
use self::patience::Patience;
use crate::platform::{Platform, SocketError, Sockets};
use crate::tls;
use crate::wire::{Step, WireError};

/// The server to connect to.
pub struct Peer<'p> {
    /// Host name or address, without brackets.
    pub host: &'p str,
    /// TCP port.
    pub port: u16,
    /// The TLS configuration, or `None` for a connection without TLS.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

/// An open connection. Every wait ends at its deadline.
pub trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

/// Connects to `peer`, calls `talk` with the connection, closes the connection and returns what `talk` did.
///
/// All of it must be done when the monotonic clock shows `deadline`, which `talk` may put off. `pulse` is called at
/// least once a second during waits.
///
/// # Errors
/// [`WireError`] if there is no connection. `talk` has not been called then.
pub fn connected<T>(
    sockets: &mut dyn Sockets,
    platform: &dyn Platform,
    peer: &Peer<'_>,
    deadline: &Cell<Duration>,
    pulse: &dyn Fn(),
    mut talk: impl FnMut(&mut dyn Wire) -> T,
) -> Result<T, WireError> {
    let mut outcome = None;
    let mut talk = |wire: &mut dyn Wire| outcome = Some(talk(wire));
    by_any_address(sockets, platform, peer, deadline, pulse, &mut talk)?;
    outcome.ok_or(WireError::Closed)
}

fn by_any_address(
    sockets: &mut dyn Sockets,
    platform: &dyn Platform,
    peer: &Peer<'_>,
    deadline: &Cell<Duration>,
    pulse: &dyn Fn(),
    talk: &mut dyn FnMut(&mut dyn Wire),
) -> Result<(), WireError> {
    let failed = |source| WireError::Socket {
        step: Step::LookUp,
        source,
    };
    pulse();
    let addresses = sockets.resolve(peer.host, peer.port).map_err(failed)?;
    let mut last = failed(SocketError::NotFound);
    for (index, address) in addresses.iter().enumerate() {
        pulse();
        let limit = share(platform.monotonic(), deadline.get(), addresses.len() - index);
        match by(sockets, platform, *address, limit, peer, deadline, pulse, talk) {
            Err(
                error @ WireError::Socket {
                    step: Step::Connect, ..
                },
            ) => last = error,
            outcome => return outcome,
        }
    }
    Err(last)
}

/// The time until which to try one of `remaining` addresses. Each of them gets an equal share of the time that is left,
/// but at least the second that a poll takes.
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
) -> Result<(), WireError> {
    let stream = sockets
        .connect(address, connect_deadline, &mut || pulse())
        .map_err(|source| WireError::Socket {
            step: Step::Connect,
            source,
        })?;
    trap::point("during-io");
    let mut patience = Patience::new(stream, platform, deadline, pulse);
    if let Some(tls) = &peer.tls {
        let name = ServerName::try_from(peer.host.to_owned()).map_err(|_| WireError::HostName)?;
        let mut session = rustls::ClientConnection::new(Arc::clone(tls), name)
            .map_err(|error| WireError::Tls(tls::in_words(&error)))?;
        talk(&mut Encrypted::new(&mut session, &mut patience));
    } else {
        talk(&mut patience);
    }
    Ok(())
}
