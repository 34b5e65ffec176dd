//! The handle to a running mock, for tests.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use super::instance::Instance;
use super::records::{RecordedRequest, SeenToken, Verdict};
use super::switches::Switches;
use crate::clock::Clock;
use crate::faults::Fault;
use crate::server::{Control, Server};

/// A running mock OIC. It stops when it is dropped. It dereferences to [`OicHandle`], which has all other methods.
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

    /// Returns a handle that can be cloned and sent to other threads.
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

/// The switches and records of a mock OIC. Clones refer to the same mock.
#[derive(Clone)]
pub struct OicHandle {
    instance: Arc<Instance>,
    control: Control,
    scheme: &'static str,
}

impl OicHandle {
    /// Returns `scheme://127.0.0.1:port` without a trailing slash.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address())
    }

    /// Returns the address that the mock listens on.
    pub fn address(&self) -> SocketAddr {
        self.control.address()
    }

    /// Returns the host name of the instance on the internet. The mock's certificate is valid for it, and requests may
    /// name it in `Host`.
    pub fn host(&self) -> &str {
        &self.instance.host
    }

    /// Returns the mock's clock. It decides whether a token has expired, without leeway.
    pub fn clock(&self) -> &Clock {
        &self.instance.clock
    }

    /// Changes switches. They apply from the next request.
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

    /// Makes the mock fail like this until [`Self::up`].
    pub fn down(&self, fault: Fault) {
        self.set(|switches| switches.down = Some(fault));
    }

    /// Ends the fault.
    pub fn up(&self) {
        self.set(|switches| switches.down = None);
    }

    /// Answers 401 to every token seen so far, as if its client had been deactivated. New tokens are accepted.
    pub fn revoke_seen_tokens(&self) {
        self.instance.tokens_mut().revoke_all();
    }

    /// Returns the number of requests that reached the mock.
    pub fn requests_count(&self) -> usize {
        self.instance.records().count
    }

    /// Returns the last request that reached the mock.
    pub fn last_request(&self) -> Option<RecordedRequest> {
        self.instance.records().last()
    }

    /// Returns the distinct bearer tokens that reached the mock, in the order of their first arrival.
    pub fn tokens_seen(&self) -> Vec<SeenToken> {
        self.instance.tokens().seen()
    }

    /// Returns the number of requests with an expired token of this domain.
    pub fn expired_tokens_seen(&self) -> usize {
        self.instance.tokens().refusals(Verdict::Expired)
    }

    /// Returns the number of requests with a token that this domain did not sign, or that is for another audience.
    pub fn foreign_tokens_seen(&self) -> usize {
        let tokens = self.instance.tokens();
        tokens.refusals(Verdict::Foreign) + tokens.refusals(Verdict::WrongAudience)
    }

    /// Returns the number of requests whose answer is neither complete nor abandoned. A WebSocket counts until it
    /// closes.
    pub fn in_flight(&self) -> usize {
        self.instance.in_flight.count()
    }

    /// Returns the bytes of request bodies that `upload` has read so far, including bodies that are still arriving.
    pub fn bytes_received(&self) -> u64 {
        self.instance.streams.received()
    }

    /// Sends `event` to every client that listens to `events`. Returns the number of these clients.
    pub fn announce(&self, event: &str) -> usize {
        self.instance.streams.announce(event)
    }

    /// Ends every answer of `events`.
    pub fn end_events(&self) {
        self.instance.streams.end();
    }

    /// Returns the number of connections accepted since the start.
    pub fn connections(&self) -> usize {
        self.control.connections()
    }

    /// Clears requests and tokens, so that a test counts from here.
    pub fn forget_records(&self) {
        self.instance.forget();
    }
}
