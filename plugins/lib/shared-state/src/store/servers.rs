//! Which server to talk to: endpoints in order, sentinels that know the master, clusters that send us on.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use middleware::Host;

use super::session::{Credentials, Session};
use super::{BUDGET, StoreError};
use egress::connection::{self, Peer, Wire};
use egress::platform::{Platform, Sockets, is_over};
use egress::tls::Tls;

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address, without brackets.
    host: String,
    port: u16,
}

/// All that is known of the servers.
pub(super) struct Servers {
    /// At least one: servers, or sentinels.
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) credentials: Credentials,
    pub(super) database: u64,
    pub(super) is_cluster: bool,
    pub(super) tls: Option<Tls>,
    pub(super) sentinel: Option<Sentinel>,
    /// Where this instance was served last. In a cluster, and behind sentinels, that is no endpoint of the list.
    pub(super) last: RefCell<Option<Endpoint>>,
}

/// How the endpoints, being sentinels, are asked.
pub(super) struct Sentinel {
    pub(super) master_set: String,
    pub(super) credentials: Credentials,
}

/// What is to be said to whatever server turns out to be the right one.
type Talk<'t> = dyn FnMut(&mut Session<'_>) -> Result<(), StoreError> + 't;

/// What is done with a connection, by its deadline.
type Use<'u> = dyn FnMut(&dyn Platform, &mut dyn Wire, &Cell<Duration>) -> Result<(), StoreError> + 'u;

/// One visit at the store, with the sockets in hand.
pub(super) struct Visit<'v> {
    platform: &'v dyn Platform,
    sockets: &'v mut dyn Sockets,
    tls: Option<Arc<rustls::ClientConfig>>,
    pulse: &'v dyn Fn(),
    deadline: Cell<Duration>,
    is_untried: bool,
}

impl Endpoint {
    /// `host:port`, with an IPv6 address in brackets.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::parse_lenient(text).filter(|endpoint| !endpoint.host.is_empty())
    }

    /// As servers write it: an IPv6 address has no brackets, and no host means the same host.
    pub(super) fn parse_lenient(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        Some(Self {
            host: host.to_owned(),
            port: port.parse().ok().filter(|port| *port != 0)?,
        })
    }

    pub(super) fn of_bytes(host: &[u8], port: &[u8]) -> Option<Self> {
        let (host, port) = (std::str::from_utf8(host).ok()?, std::str::from_utf8(port).ok()?);
        Self::parse(&format!("{host}:{port}"))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Servers {
    /// How TLS is spoken, where it is. To be asked for before the sockets are taken.
    pub(super) fn tls(&self, host: &dyn Host) -> Result<Option<Arc<rustls::ClientConfig>>, StoreError> {
        self.tls
            .as_ref()
            .map(|tls| tls.config(host))
            .transpose()
            .map_err(StoreError::Options)
    }
}

impl<'v> Visit<'v> {
    pub(super) fn new(
        platform: &'v dyn Platform,
        sockets: &'v mut dyn Sockets,
        tls: Option<Arc<rustls::ClientConfig>>,
        pulse: &'v dyn Fn(),
        is_untried: bool,
    ) -> Self {
        let deadline = Cell::new(platform.monotonic().saturating_add(BUDGET));
        Self {
            platform,
            sockets,
            tls,
            pulse,
            deadline,
            is_untried,
        }
    }

    /// Talks to the server that served last, or else to the endpoints in turn, beginning with number `first`, while there
    /// is time. Gives the outcome, and with which endpoint to begin the next time: the one that served, or the one that
    /// there was no time for.
    pub(super) fn pay(
        mut self,
        servers: &Servers,
        first: usize,
        talk: &mut Talk<'_>,
    ) -> (Result<(), StoreError>, usize) {
        let last = servers.last.take();
        let mut outcome = Err(StoreError::Garbage);
        if let Some(last) = &last {
            outcome = self.at(servers, last, talk);
            if outcome.is_ok() {
                return (outcome, first);
            }
        }
        let count = servers.endpoints.len();
        for step in 0..count {
            let index = (first + step) % count;
            let endpoint = servers
                .endpoints
                .get(index)
                .filter(|it| Some(*it) != last.as_ref());
            let Some(endpoint) = endpoint else { continue };
            // The first is tried even so: it may refuse at once.
            if (step > 0 || last.is_some()) && is_over(self.deadline.get(), self.platform.monotonic()) {
                return (outcome, index);
            }
            outcome = match &servers.sentinel {
                Some(sentinel) => self
                    .ask(endpoint, sentinel)
                    .and_then(|master| self.at(servers, &master, talk)),
                None => self.at(servers, endpoint, talk),
            };
            if outcome.is_ok() {
                return (outcome, index);
            }
        }
        (outcome, if count > 1 { (first + 1) % count } else { 0 })
    }

    /// Talks to one server and, where that belongs to a cluster, to the one it sends us to.
    fn at(&mut self, servers: &Servers, endpoint: &Endpoint, talk: &mut Talk<'_>) -> Result<(), StoreError> {
        let mut to = endpoint.clone();
        let mut asking = false;
        let mut may_follow = servers.is_cluster;
        let is_untried = self.is_untried;
        loop {
            let outcome = self.connected(&to, &mut |platform, wire, deadline| {
                let (credentials, database) = (&servers.credentials, servers.database);
                talk(&mut Session::new(
                    platform,
                    wire,
                    deadline,
                    credentials,
                    database,
                    asking,
                    is_untried,
                ))
            });
            match outcome {
                Err(StoreError::Elsewhere {
                    to: other,
                    asking: ask,
                }) if may_follow => {
                    may_follow = false;
                    asking = ask;
                    to.port = other.port;
                    if !other.host.is_empty() {
                        to.host = other.host;
                    }
                }
                Ok(()) => {
                    // What was asked for on the move will live elsewhere.
                    servers.last.replace((!asking).then_some(to));
                    return Ok(());
                }
                other => return other,
            }
        }
    }

    /// Asks a sentinel for the master.
    fn ask(&mut self, endpoint: &Endpoint, sentinel: &Sentinel) -> Result<Endpoint, StoreError> {
        let mut master = None;
        self.connected(endpoint, &mut |platform, wire, deadline| {
            let mut session = Session::new(platform, wire, deadline, &sentinel.credentials, 0, false, false);
            master = Some(session.master(&sentinel.master_set)?);
            Ok(())
        })?;
        master.ok_or(StoreError::NoMaster)
    }

    fn connected(&mut self, endpoint: &Endpoint, talk: &mut Use<'_>) -> Result<(), StoreError> {
        let peer = Peer {
            host: &endpoint.host,
            port: endpoint.port,
            tls: self.tls.clone(),
        };
        let (platform, deadline) = (self.platform, &self.deadline);
        connection::connected(self.sockets, platform, &peer, deadline, self.pulse, |wire| {
            talk(platform, wire, deadline)
        })?
    }
}
