//! What a test holds of a running mock.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use super::instance::Instance;
use super::records::{RecordedRequest, SeenToken, Verdict};
use super::switches::Switches;
use crate::clock::Clock;
use crate::faults::Fault;
use crate::server::{Control, Server};

/// A running mock OIC; dropping it stops it. Everything else is on [`OicHandle`], to which it dereferences.
pub struct Oic {
    handle: OicHandle,
    _server: Server,
}

impl Oic {
    pub(super) fn new(instance: Arc<Instance>, server: Server, scheme: &'static str) -> Self {
        let control = server.control().clone();
        let handle = OicHandle {
            instance,
            control,
            scheme,
        };
        Self {
            handle,
            _server: server,
        }
    }

    /// A handle that can be cloned and sent to other threads.
    pub fn handle(&self) -> OicHandle {
        self.handle.clone()
    }
}

impl Deref for Oic {
    type Target = OicHandle;

    fn deref(&self) -> &OicHandle {
        &self.handle
    }
}

/// The switches and records of a mock OIC; clones mean the same one.
#[derive(Clone)]
pub struct OicHandle {
    instance: Arc<Instance>,
    control: Control,
    scheme: &'static str,
}

impl OicHandle {
    /// `scheme://127.0.0.1:port` without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.control.address()
    }

    /// The instance's name on the internet: its certificate holds for it, and requests may have it as `Host`.
    pub fn host(&self) -> &str {
        &self.instance.host
    }

    /// Its clock, which tells whether a token has expired; there is no leeway.
    pub fn clock(&self) -> &Clock {
        &self.instance.clock
    }

    /// Changes switches; the next request sees them.
    pub fn set(&self, change: impl FnOnce(&mut Switches)) {
        self.instance.change_switches(change);
        let availability = self
            .instance
            .switches()
            .down
            .as_ref()
            .map(Fault::availability)
            .unwrap_or_default();
        self.control.set_availability(availability);
    }

    /// Fails so until [`Self::up`].
    pub fn down(&self, fault: Fault) {
        self.set(|switches| switches.down = Some(fault));
    }

    /// Ends the fault.
    pub fn up(&self) {
        self.set(|switches| switches.down = None);
    }

    /// Answers 401 to every token seen so far, as if their client had been deactivated; later ones are welcome.
    pub fn revoke_seen_tokens(&self) {
        self.instance.tokens_mut().revoke_all();
    }

    /// Requests that reached it.
    pub fn requests_count(&self) -> usize {
        self.instance.records().count
    }

    /// The last request that reached it.
    pub fn last_request(&self) -> Option<RecordedRequest> {
        self.instance.records().last()
    }

    /// The last requests that reached it, oldest first, at most 1024.
    pub fn last_requests(&self) -> Vec<RecordedRequest> {
        self.instance.records().all()
    }

    /// The distinct bearer tokens that reached it, in the order of their first coming.
    pub fn tokens_seen(&self) -> Vec<SeenToken> {
        self.instance.tokens().seen()
    }

    /// How many requests came with an expired token of this domain.
    pub fn expired_tokens_seen(&self) -> usize {
        self.instance.tokens().refusals(Verdict::Expired)
    }

    /// How many requests came with a token that this domain never signed, or that is for somebody else.
    pub fn foreign_tokens_seen(&self) -> usize {
        let tokens = self.instance.tokens();
        tokens.refusals(Verdict::Foreign) + tokens.refusals(Verdict::WrongAudience)
    }

    /// Requests that have arrived and whose answer has neither ended nor been given up; a WebSocket counts until it
    /// is closed.
    pub fn in_flight(&self) -> usize {
        self.instance.in_flight.count()
    }

    /// Bytes of request bodies that `upload` has read so far, those of bodies still coming included.
    pub fn bytes_received(&self) -> u64 {
        self.instance.streams.received()
    }

    /// Sends `event` to everybody who listens to `events`; returns how many these are.
    pub fn announce(&self, event: &str) -> usize {
        self.instance.streams.announce(event)
    }

    /// Ends every answer of `events`.
    pub fn end_events(&self) {
        self.instance.streams.end();
    }

    /// Connections accepted since the start.
    pub fn connections(&self) -> usize {
        self.control.connections()
    }

    /// Forgets requests and tokens, so that a test counts from here.
    pub fn forget_records(&self) {
        self.instance.forget();
    }
}
