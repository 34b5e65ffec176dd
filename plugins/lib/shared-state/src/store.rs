//! A store that several machines share: Redis, or what speaks its protocol.
//!
//! It is asked only where the identity provider would be asked otherwise, by whoever holds the lease of the state
//! directory. It may be slow, wrong or gone at any time: then there is no store, and that is all. It is trusted with
//! nothing. Values are sealed ([`Slot`]); who owns the store can remove them, and put back old ones until they expire, but
//! neither read nor make one.
//!
//! * `config`: the option block.
//! * `resp`: the protocol's bytes. `session`: what is said over one connection.
//! * `servers`: which server to talk to: endpoints, sentinels, clusters.
//! * `slot`: names and seals. `health`: what to do about a store that fails.

mod config;
mod health;
mod resp;
#[cfg(test)]
pub(crate) mod scripted;
mod servers;
mod session;
mod slot;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use middleware::{ConfigError, Event, Secret};

pub use self::config::{RedisConfig, SentinelConfig, StoreConfig};
use self::health::{Health, NextVisit};
pub use self::servers::Endpoint;
use self::servers::{Servers, Visit};
pub use self::session::{Change, RemoteLease, Session};
pub use self::slot::{Content, Kept, Slot};
use crate::state::{Seal, StateName};
use egress::platform::nonce;
use egress::platform::{Platform, SocketError};
use egress::wire::{Protocol, Step, WireError};

/// How long the store may take to answer, connecting included. Not less than the second that a wait takes in Traefik, see
/// [`SLICE`](egress::platform::SLICE).
pub(crate) const BUDGET: Duration = Duration::from_secs(1);

/// The store, as one plugin instance sees it.
pub struct Store {
    platform: Rc<dyn Platform>,
    servers: Servers,
    prefix: String,
    secret: Secret,
    health: RefCell<Health>,
}

/// Why the store could not be used. The text is for the log; it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No server was reached, or it broke off or did not answer in time.
    #[error("{0}")]
    Connection(WireError),
    /// The server answered the TLS handshake in another protocol.
    #[error("TLS: the server does not speak TLS on this port; it answers in {0}")]
    NoTls(Protocol),
    /// The server closed the connection before its answer was complete.
    #[error("the connection closed before the answer was complete")]
    Closed,
    /// The host name cannot have a certificate.
    #[error("the host is no DNS name")]
    HostName,
    /// Whoever answered does not speak Redis's protocol, or at too great a length.
    #[error("the answer is none of Redis's, or too long")]
    Garbage,
    /// Whoever answered speaks another protocol.
    #[error("it is not Redis that answers there; it answers in {0}")]
    NoRedis(Protocol),
    /// The server closed the connection at the first command.
    #[error("the server closed the connection without an answer")]
    NoAnswer,
    /// The server does not let this user run a command that is needed.
    #[error("the server does not permit {command}: {error}")]
    NoRight {
        /// The command.
        command: &'static str,
        /// What the server said.
        error: String,
    },
    /// The server answered with an error.
    #[error("the server refused {command}: {error}")]
    Refused {
        /// The command.
        command: &'static str,
        /// What the server said; of what it says to `AUTH` the first word only.
        error: String,
    },
    /// The server sends us to another one.
    #[error("the server sends us on to {to}; for a cluster set store.redis.cluster")]
    Elsewhere {
        /// The other one.
        to: Endpoint,
        /// True when that one must be told that we were sent (`ASKING`).
        asking: bool,
    },
    /// The sentinels know no server of that name.
    #[error("the sentinel knows no masterSet of this name")]
    NoMaster,
    /// A certificate or key in the options cannot be read any more.
    #[error("{0}")]
    Options(ConfigError),
    /// It failed a moment ago and is left alone for another.
    #[error("the store failed a moment ago")]
    Resting,
    /// Something else of this router uses the network; no fault of the store's.
    #[error("{0}")]
    Busy(SocketError),
    /// Sealing failed inside the cryptographic library.
    #[error("a value cannot be sealed")]
    Seal,
}

impl From<WireError> for StoreError {
    /// The texts of some errors of the wire are about HTTP, so the store has its own.
    fn from(error: WireError) -> Self {
        match error {
            WireError::NoTls(protocol) => Self::NoTls(protocol),
            WireError::Closed => Self::Closed,
            WireError::HostName => Self::HostName,
            error => Self::Connection(error),
        }
    }
}

impl StoreError {
    /// What an operator can do about it, where that is known.
    fn cure(&self) -> Option<&'static str> {
        match self {
            Self::NoRight { .. } => Some(
                "let the store's user run get, mget, set, del and eval on keys that begin with store.keyPrefix: ACL SETUSER \
                 <user> ~<keyPrefix>* +get +mget +set +del +eval",
            ),
            Self::NoTls(_)
            | Self::Connection(
                WireError::ClosedInHandshake
                | WireError::Socket {
                    step: Step::Handshake,
                    ..
                },
            ) => Some(
                "leave out store.redis.tls where the server speaks without TLS, or give the port on which it speaks TLS",
            ),
            Self::NoRedis(Protocol::Tls) => Some("add store.redis.tls: the server speaks TLS on this port"),
            Self::NoRedis(_) => Some("give Redis's own host and port in store.redis.endpoints"),
            Self::NoAnswer => {
                Some("add store.redis.tls if the server speaks TLS on this port; otherwise check the port")
            }
            _ => None,
        }
    }
}

impl Store {
    /// The store that the block `store` describes. Nothing is connected yet.
    ///
    /// # Errors
    /// [`ConfigError`] names the option.
    pub fn new(config: &StoreConfig, platform: Rc<dyn Platform>) -> Result<Self, ConfigError> {
        let (secret, servers) = config.resolve(&*platform)?;
        let health = RefCell::new(Health::of(&servers, config.prefix()));
        Ok(Self {
            platform,
            servers,
            prefix: config.prefix().to_owned(),
            secret,
            health,
        })
    }

    /// The place of something of the resource `name` that `seal` protects in the state directory. `role` tells the several
    /// things of one resource apart, and is empty for the first.
    ///
    /// # Errors
    /// [`StoreError::Seal`].
    pub fn slot(&self, name: &StateName, seal: &Seal, role: &str) -> Result<Slot, StoreError> {
        let seal = seal
            .for_store(&self.secret, name, role)
            .map_err(|_| StoreError::Seal)?;
        Ok(Slot::new(&self.prefix, name, role, seal, &self.secret))
    }

    /// A lease to be taken by [`Session::take`]: the right to be the one, among all machines, that changes `slot`. It ends
    /// after `ttl`, or when given back by [`Change::GiveBack`]: choose a time that what is done under it cannot outlast.
    pub fn lease(&self, slot: &Slot, ttl: Duration) -> RemoteLease {
        RemoteLease::new(slot, nonce(&*self.platform), ttl)
    }

    /// Connects and lets `talk` use the connection. The right to use sockets is waited for until `patience` has passed;
    /// then all takes at most [`BUDGET`] and what `talk` adds to it. `talk` may be called again, from the start, when a
    /// server turns out to be the wrong one. `pulse` is called at least once a second.
    ///
    /// A store that fails is left alone for a moment, by all instances; the log says so once.
    ///
    /// # Errors
    /// [`StoreError`]; the caller goes on without the store.
    pub fn session<T>(
        &self,
        patience: Duration,
        pulse: &dyn Fn(),
        mut talk: impl FnMut(&mut Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut outcome = None;
        self.visit(patience, pulse, &mut |session| {
            outcome = Some(talk(session)?);
            Ok(())
        })?;
        outcome.ok_or(StoreError::Garbage)
    }

    fn visit(
        &self,
        patience: Duration,
        pulse: &dyn Fn(),
        talk: &mut dyn FnMut(&mut Session<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let visit = self.health.borrow().next_visit(&*self.platform);
        let NextVisit { first, is_untried } = visit.ok_or(StoreError::Resting)?;
        let tls = self.servers.tls(&*self.platform)?;
        let until = self.platform.monotonic().saturating_add(patience);
        let mut sockets = self.platform.sockets(until).map_err(StoreError::Busy)?;
        let (outcome, first) = Visit::new(&*self.platform, &mut *sockets, tls, pulse, is_untried).pay(
            &self.servers,
            first,
            talk,
        );
        drop(sockets);
        let mut health = self.health.borrow_mut();
        health.note(&*self.platform, first, outcome.as_ref().err());
        outcome
    }

    /// Says that something lies in the store that nobody with this configuration has put there.
    pub(crate) fn complain_of_foreign(&self, kind: &'static str, slot: &Slot) {
        self.platform.log(
            &Event::warn("store.foreign")
                .field("kind", kind)
                .field("key", slot.key())
                .field(
                    "cure",
                    "give all that share the store the same store.secret, or another store.keyPrefix; if they have it, somebody \
                     changed the value",
                ),
        );
    }
}
