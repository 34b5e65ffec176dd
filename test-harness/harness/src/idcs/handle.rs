//! The handle to a running mock, for tests.

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

/// A running mock IDCS. It stops when it is dropped. It dereferences to [`IdcsHandle`], which has all other methods.
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
        // The initial switches may already contain a fault of the listener. Apply it.
        handle.set(|_| {});
        Self {
            handle,
            _server: server,
        }
    }

    /// Returns a handle that can be cloned and sent to other threads.
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

/// The switches and records of a mock IDCS. Clones refer to the same mock.
#[derive(Clone)]
pub struct IdcsHandle {
    domain: Arc<Domain>,
    control: Control,
    scheme: &'static str,
}

impl IdcsHandle {
    /// Returns `scheme://127.0.0.1:port` without a trailing slash.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address())
    }

    /// Returns the URL of the token endpoint.
    pub fn token_url(&self) -> String {
        self.url() + paths::TOKEN
    }

    /// Returns the URL of the introspection endpoint.
    pub fn introspect_url(&self) -> String {
        self.url() + paths::INTROSPECT
    }

    /// Returns the URL of the device authorization endpoint.
    pub fn device_url(&self) -> String {
        self.url() + paths::DEVICE
    }

    /// Returns the URL of the page where users approve devices.
    pub fn device_page_url(&self) -> String {
        self.url() + paths::DEVICE_PAGE
    }

    /// Returns the URL of the JWKS.
    pub fn jwks_url(&self) -> String {
        self.url() + paths::JWKS
    }

    /// Returns the address that the mock listens on.
    pub fn address(&self) -> SocketAddr {
        self.control.address()
    }

    /// Returns the host name of the domain on the internet, `idcs-<hex>.identity.oraclecloud.com`. The mock's
    /// certificate is valid for it.
    pub fn host(&self) -> String {
        self.domain.host()
    }

    /// Returns the name of the tenant, `idcs-<hex>`.
    pub fn tenant(&self) -> &str {
        &self.domain.tenant
    }

    /// Returns the current `iss` of its tokens.
    pub fn issuer(&self) -> String {
        self.domain.issuer()
    }

    /// Returns the mock's clock. Move its offset to issue tokens in the past or the future.
    pub fn clock(&self) -> &Clock {
        &self.domain.clock
    }

    /// Changes switches. They apply from the next request.
    pub fn set(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.domain.switches());
        let availability = self.domain.switches().availability();
        self.control.set_availability(availability);
    }

    /// Makes the whole server fail like this until [`Self::up`].
    pub fn down(&self, fault: Fault) {
        self.set(|switches| switches.down = Some(fault));
    }

    /// Makes one endpoint fail like this until [`Self::up`]. [`Fault::HangInHandshake`] and [`Fault::UntrustedCertificate`]
    /// happen before the path is known, so they need [`Self::down`].
    pub fn down_at(&self, endpoint: Endpoint, fault: Fault) {
        self.set(|switches| switches.at(endpoint).fault = Some(fault));
    }

    /// Makes one endpoint fail like this for its next `times` requests.
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

    /// Signs with a new key under the same key ID, as IDCS does. The old key leaves the JWKS at once.
    pub fn rotate_now(&self) {
        let kid = self.signing_key().kid().to_owned();
        self.rotate_now_new_kid(&kid);
    }

    /// Signs with a new key under this key ID. The old key leaves the JWKS at once.
    pub fn rotate_now_new_kid(&self, kid: &str) {
        self.domain.keys().rotate(kid);
    }

    /// Returns the key that signs now.
    pub fn signing_key(&self) -> SigningKey {
        self.domain.keys().current.clone()
    }

    /// Returns the key that signs now, and all earlier ones.
    pub fn keys_ever_used(&self) -> Vec<SigningKey> {
        self.domain.keys().ever_used()
    }

    /// Returns the JWKS document as it is served now.
    pub fn jwks(&self) -> Value {
        jwks::document(&self.domain)
    }

    /// Prepares a client's access token, which is minted without a request. It is valid unless the test changes it.
    pub fn client_token(&self) -> ClientToken {
        ClientToken::new(&self.domain)
    }

    /// Issues an opaque access token. Introspection answers with the members of `said` while the token is active.
    pub fn opaque_token(&self, said: &Value) -> String {
        let said = said.as_object().cloned().unwrap_or_default();
        self.domain.token_states().issue(said)
    }

    /// Revokes an access token, opaque or not. From now on introspection reports it as inactive.
    pub fn revoke(&self, token: &str) {
        self.domain.token_states().revoke(token);
    }

    /// Lets `user` enter this code and allow the request. Returns false if no such code is waiting.
    pub fn approve_device(&self, user_code: &str, user: &str) -> bool {
        let now = self.domain.clock.now_millis();
        self.domain.user_grants().decide(user_code, Some(user), now)
    }

    /// Lets a user enter this code and deny the request. Returns false if no such code is waiting.
    pub fn deny_device(&self, user_code: &str) -> bool {
        let now = self.domain.clock.now_millis();
        self.domain.user_grants().decide(user_code, None, now)
    }

    /// Revokes all grants of all users. Their refresh tokens become invalid.
    pub fn revoke_user_grants(&self) {
        self.domain.user_grants().revoke_all();
    }

    /// Returns the number of refresh tokens that are invalid because their grant was revoked or a token was used twice.
    pub fn revoked_refresh_tokens(&self) -> usize {
        self.domain.user_grants().revoked()
    }

    /// Registers an application. It replaces an application with the same ID.
    pub fn register(&self, application: Application) {
        self.domain.register(application);
    }

    /// Adds a user with this name.
    pub fn add_user(&self, name: &str) {
        self.domain.add_user(name);
    }

    /// Removes the user with this name. The user's tokens stay valid.
    pub fn remove_user(&self, name: &str) {
        self.domain.remove_user(name);
    }

    /// Returns the number of requests that reached the token endpoint.
    pub fn token_calls(&self) -> usize {
        self.domain.records().calls(Endpoint::Token)
    }

    /// Returns the number of requests that reached the introspection endpoint.
    pub fn introspect_calls(&self) -> usize {
        self.domain.records().calls(Endpoint::Introspect)
    }

    /// Returns the number of requests that reached the JWKS.
    pub fn jwks_calls(&self) -> usize {
        self.domain.records().calls(Endpoint::Jwks)
    }

    /// Returns the number of connections accepted since the start. Refused ones are not counted.
    pub fn connections(&self) -> usize {
        self.control.connections()
    }

    /// Delays the answers of the JWKS and the token endpoint.
    pub fn answer_after(&self, latency: Duration) {
        self.set(|switches| {
            switches.at(Endpoint::Jwks).latency = latency;
            switches.at(Endpoint::Token).latency = latency;
        });
    }

    /// Returns every request that reached the mock, without secrets.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.domain.records().requests.clone()
    }

    /// Returns every token that the token endpoint issued.
    pub fn tokens_issued(&self) -> Vec<IssuedToken> {
        self.domain.records().issued.clone()
    }

    /// Clears requests, calls and issued tokens, so that a test counts from here.
    pub fn forget_records(&self) {
        self.domain.records().forget();
    }
}
