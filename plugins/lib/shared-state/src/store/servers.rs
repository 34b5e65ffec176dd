//! Which server to talk to: endpoints in order, sentinels that know the master, and clusters that redirect.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use middleware::Host;

use super::conversation::{Conversation, Credentials, Greeting};
use super::endpoint::Endpoint;
use super::error::StoreError;
use super::session::{Session, Talk};
use super::time_limit::TIME_LIMIT;
use egress::connection::{self, Peer};
use egress::platform::{Platform, Sockets, is_over};
use egress::tls::Tls;

/// The configured servers.
pub(super) struct Servers {
    /// At least one server or, with [`Servers::sentinel`], at least one sentinel.
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) credentials: Credentials,
    pub(super) database: u64,
    pub(super) is_cluster: bool,
    pub(super) tls: Option<Tls>,
    pub(super) sentinel: Option<Sentinel>,
    /// The server that served this instance last. In a cluster, and behind sentinels, it is not in the list of
    /// endpoints.
    pub(super) last: RefCell<Option<Endpoint>>,
}

/// How to ask sentinels.
pub(super) struct Sentinel {
    pub(super) master_set: String,
    pub(super) credentials: Credentials,
}

/// What to do with a conversation, until its deadline.
type Use<'u> = dyn FnMut(Conversation<'_>) -> Result<(), StoreError> + 'u;

/// One visit to the store, by the holder of the right to use sockets.
pub(super) struct Visit<'v> {
    platform: &'v dyn Platform,
    sockets: &'v mut dyn Sockets,
    tls: Option<Arc<rustls::ClientConfig>>,
    pulse: &'v dyn Fn(),
    deadline: Cell<Duration>,
    is_untried: bool,
}

impl Servers {
    /// The TLS configuration, or `None` without TLS. Call this before taking the right to use sockets.
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
        let deadline = Cell::new(platform.monotonic().saturating_add(TIME_LIMIT));
        Self {
            platform,
            sockets,
            tls,
            pulse,
            deadline,
            is_untried,
        }
    }

    /// Talks to the server that served last. If that fails, talks to the endpoints in turn, beginning with number
    /// `first`, while there is time. Returns the outcome, and the endpoint to begin with the next time: the one that
    /// served, or the one for which no time was left.
    pub(super) fn run(
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
            // The first one is tried even without time, because it may fail at once.
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

    /// Talks to one server and, if it redirects within a cluster, to the other one.
    fn at(&mut self, servers: &Servers, endpoint: &Endpoint, talk: &mut Talk<'_>) -> Result<(), StoreError> {
        let mut to = endpoint.clone();
        let mut asking = false;
        let mut may_follow = servers.is_cluster;
        let is_untried = self.is_untried;
        loop {
            let greeting = Greeting {
                credentials: &servers.credentials,
                database: servers.database,
                asking,
            };
            let outcome = self.connected(&to, greeting, &mut |conversation| {
                talk(&mut Session::new(conversation, is_untried))
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
                    // A key that is being moved will soon be on another server.
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
        let greeting = Greeting {
            credentials: &sentinel.credentials,
            database: 0,
            asking: false,
        };
        self.connected(endpoint, greeting, &mut |conversation| {
            let mut session = Session::new(conversation, false);
            master = Some(session.master(&sentinel.master_set)?);
            Ok(())
        })?;
        master.ok_or(StoreError::NoMaster)
    }

    fn connected(
        &mut self,
        endpoint: &Endpoint,
        greeting: Greeting<'_>,
        talk: &mut Use<'_>,
    ) -> Result<(), StoreError> {
        let peer = Peer {
            host: &endpoint.host,
            port: endpoint.port,
            tls: self.tls.clone(),
        };
        let (platform, deadline) = (self.platform, &self.deadline);
        connection::connected(self.sockets, platform, &peer, deadline, self.pulse, |wire| {
            talk(Conversation::new(platform, wire, deadline, greeting))
        })?
    }
}
