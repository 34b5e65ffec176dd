//! What a test holds of a running mock.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::applications::Application;
use super::client_token::ClientToken;
use super::domain::Domain;
use super::records::{IssuedToken, RecordedRequest};
use super::switches::{Endpoint, Switches};
use super::{jwks, paths};
use crate::clock::Clock;
use crate::faults::Fault;
use crate::keys::SigningKey;
use crate::server::{Control, Server};

/// A running mock IDCS; dropping it stops it. Everything else is on [`IdcsHandle`], to which it dereferences.
pub struct Idcs {
    handle: IdcsHandle,
    _server: Server,
}

impl Idcs {
    pub(super) fn new(domain: Arc<Domain>, server: Server, scheme: &'static str) -> Self {
        let control = server.control().clone();
        let handle = IdcsHandle {
            domain,
            control,
            scheme,
        };
        // The first switches may already hold a fault of the listener.
        handle.set(|_| {});
        Self {
            handle,
            _server: server,
        }
    }

    /// A handle that can be cloned and sent to other threads.
    pub fn handle(&self) -> IdcsHandle {
        self.handle.clone()
    }
}

impl Deref for Idcs {
    type Target = IdcsHandle;

    fn deref(&self) -> &IdcsHandle {
        &self.handle
    }
}

/// The switches and records of a mock IDCS; clones mean the same one.
#[derive(Clone)]
pub struct IdcsHandle {
    domain: Arc<Domain>,
    control: Control,
    scheme: &'static str,
}

impl IdcsHandle {
    /// `scheme://127.0.0.1:port` without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address())
    }

    /// The token endpoint's URL.
    pub fn token_url(&self) -> String {
        self.url() + paths::TOKEN
    }

    /// The introspection endpoint's URL.
    pub fn introspect_url(&self) -> String {
        self.url() + paths::INTROSPECT
    }

    /// The device authorization endpoint's URL.
    pub fn device_url(&self) -> String {
        self.url() + paths::DEVICE
    }

    /// The URL of the page where users answer devices.
    pub fn device_page_url(&self) -> String {
        self.url() + paths::DEVICE_PAGE
    }

    /// The JWKS's URL.
    pub fn jwks_url(&self) -> String {
        self.url() + paths::JWKS
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.control.address()
    }

    /// The domain's name on the internet, `idcs-<hex>.identity.oraclecloud.com`: its certificate holds for it too.
    pub fn host(&self) -> String {
        self.domain.host()
    }

    /// The tenant's name, `idcs-<hex>`.
    pub fn tenant(&self) -> &str {
        &self.domain.tenant
    }

    /// The value its tokens have in `iss` now.
    pub fn issuer(&self) -> String {
        self.domain.issuer()
    }

    /// Its clock: move the offset to issue tokens in the past or the future.
    pub fn clock(&self) -> &Clock {
        &self.domain.clock
    }

    /// Changes switches; the next request sees them.
    pub fn set(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.domain.switches());
        let availability = self.domain.switches().availability();
        self.control.set_availability(availability);
    }

    /// The whole server fails so until [`Self::up`].
    pub fn down(&self, fault: Fault) {
        self.set(|switches| switches.down = Some(fault));
    }

    /// One endpoint fails so until [`Self::up`]. [`Fault::HangInHandshake`] and [`Fault::UntrustedCertificate`] come
    /// before any path is known: they need [`Self::down`].
    pub fn down_at(&self, endpoint: Endpoint, fault: Fault) {
        self.set(|switches| switches.at(endpoint).fault = Some(fault));
    }

    /// One endpoint fails so for its next `times` requests.
    pub fn down_for(&self, endpoint: Endpoint, times: usize, fault: Fault) {
        self.set(|switches| switches.at(endpoint).faults_to_come = vec![fault; times]);
    }

    /// Ends every fault.
    pub fn up(&self) {
        self.set(|switches| {
            switches.down = None;
            for endpoint in Endpoint::ALL {
                switches.at(endpoint).fault = None;
                switches.at(endpoint).faults_to_come.clear();
            }
        });
    }

    /// Signs with a new key under the same key id, as IDCS does; the old key leaves the JWKS at once.
    pub fn rotate_now(&self) {
        let kid = self.signing_key().kid().to_owned();
        self.rotate_now_new_kid(&kid);
    }

    /// Signs with a new key under this key id; the old key leaves the JWKS at once.
    pub fn rotate_now_new_kid(&self, kid: &str) {
        self.domain.keys().rotate(kid);
    }

    /// The key that signs now.
    pub fn signing_key(&self) -> SigningKey {
        self.domain.keys().current.clone()
    }

    /// The key that signs now, and those that did before.
    pub fn keys_ever_used(&self) -> Vec<SigningKey> {
        self.domain.keys().ever_used()
    }

    /// The JWKS document as served now.
    pub fn jwks(&self) -> Value {
        jwks::document(&self.domain)
    }

    /// A client's access token to be minted without a request: valid unless told otherwise.
    pub fn client_token(&self) -> ClientToken {
        ClientToken::new(&self.domain)
    }

    /// An opaque access token, of which the introspection endpoint says these things (an object) while it is active.
    pub fn opaque_token(&self, said: &Value) -> String {
        let said = said.as_object().cloned().unwrap_or_default();
        self.domain.token_states().issue(said)
    }

    /// Revokes an access token, opaque or not: the introspection endpoint says so from now on.
    pub fn revoke(&self, token: &str) {
        self.domain.token_states().revoke(token);
    }

    /// The user types this code in and allows what it asks for; false where no such code waits.
    pub fn approve_device(&self, user_code: &str, user: &str) -> bool {
        let now = self.domain.clock.now_millis();
        self.domain.user_grants().decide(user_code, Some(user), now)
    }

    /// The user types this code in and says no.
    pub fn deny_device(&self, user_code: &str) -> bool {
        let now = self.domain.clock.now_millis();
        self.domain.user_grants().decide(user_code, None, now)
    }

    /// The codes that wait for a user.
    pub fn waiting_devices(&self) -> Vec<String> {
        self.domain.user_grants().waiting()
    }

    /// Takes everything back that users allowed: their refresh tokens do not count any more.
    pub fn revoke_user_grants(&self) {
        self.domain.user_grants().revoke_all();
    }

    /// Refresh tokens that do not count any more because their grant was taken back, or one was used twice.
    pub fn revoked_refresh_tokens(&self) -> usize {
        self.domain.user_grants().revoked()
    }

    /// Registers one more application, or replaces the one of this id.
    pub fn register(&self, application: Application) {
        self.domain.register(application);
    }

    /// Adds a user of this name.
    pub fn add_user(&self, name: &str) {
        self.domain.add_user(name);
    }

    /// Removes the user of this name; his tokens stay good.
    pub fn remove_user(&self, name: &str) {
        self.domain.remove_user(name);
    }

    /// Requests that reached the token endpoint.
    pub fn token_calls(&self) -> usize {
        self.domain.records().calls(Endpoint::Token)
    }

    /// Requests that reached the introspection endpoint.
    pub fn introspect_calls(&self) -> usize {
        self.domain.records().calls(Endpoint::Introspect)
    }

    /// Requests that reached the JWKS.
    pub fn jwks_calls(&self) -> usize {
        self.domain.records().calls(Endpoint::Jwks)
    }

    /// Requests that reached a discovery document.
    pub fn discovery_calls(&self) -> usize {
        self.domain.records().calls(Endpoint::Discovery)
    }

    /// Connections accepted since the start; refused ones do not count.
    pub fn connections(&self) -> usize {
        self.control.connections()
    }

    /// Keys and tokens take so long from now on.
    pub fn answer_after(&self, latency: Duration) {
        self.set(|switches| {
            switches.at(Endpoint::Jwks).latency = latency;
            switches.at(Endpoint::Token).latency = latency;
        });
    }

    /// Every request that reached it, secrets left out.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.domain.records().requests.clone()
    }

    /// Every token that its token endpoint issued.
    pub fn tokens_issued(&self) -> Vec<IssuedToken> {
        self.domain.records().issued.clone()
    }

    /// Forgets requests, calls and issued tokens, so that a test counts from here.
    pub fn forget_records(&self) {
        self.domain.records().forget();
    }
}
