//! The state of one identity domain, shared by its endpoints and its handles.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, OnceLock};

use super::applications::{Application, Resource};
use super::key_ring::KeyRing;
use super::records::Records;
use super::switches::{Endpoint, IssuerMode, Switches};
use super::token_states::TokenStates;
use super::user_grants::UserGrants;
use crate::clock::Clock;
use crate::entra::EntraHandle;
use crate::hex;

pub(super) struct Domain {
    pub(super) tenant: String,
    pub(super) clock: Clock,
    pub(super) resources: Vec<Resource>,
    /// Providers whose tokens can be exchanged.
    pub(super) trusted: Vec<EntraHandle>,
    users: Mutex<HashSet<String>>,
    applications: Mutex<Vec<Application>>,
    keys: Mutex<KeyRing>,
    token_states: Mutex<TokenStates>,
    records: Mutex<Records>,
    user_grants: Mutex<UserGrants>,
    switches: Mutex<Switches>,
    assertions: Mutex<HashSet<String>>,
    url: OnceLock<String>,
}

impl Domain {
    pub(super) fn new(
        number: usize,
        applications: Vec<Application>,
        resources: Vec<Resource>,
        switches: Switches,
    ) -> Self {
        Self {
            tenant: format!("idcs-{}", hex::stable(&format!("tenant {number}"))),
            clock: Clock::default(),
            resources,
            trusted: Vec::new(),
            users: Mutex::default(),
            applications: Mutex::new(applications),
            keys: Mutex::new(KeyRing::of_tenant(number)),
            token_states: Mutex::default(),
            records: Mutex::default(),
            user_grants: Mutex::default(),
            switches: Mutex::new(switches),
            assertions: Mutex::default(),
            url: OnceLock::new(),
        }
    }

    pub(super) fn host(&self) -> String {
        format!("{}.identity.oraclecloud.com", self.tenant)
    }

    pub(super) fn issuer(&self) -> String {
        match self.switches().issuer_mode {
            IssuerMode::SharedSlash => "https://identity.oraclecloud.com/".to_owned(),
            IssuerMode::SharedNoSlash => "https://identity.oraclecloud.com".to_owned(),
            IssuerMode::Domain => format!("https://{}:443", self.host()),
        }
    }

    /// Returns the audiences of a token for the domain's own API.
    pub(super) fn own_audience(&self) -> Vec<String> {
        let (tenant, host) = (&self.tenant, self.host());
        vec![
            format!("urn:opc:lbaas:logicalguid={tenant}"),
            format!("https://{host}"),
            format!("https://{host}:443"),
            format!("https://{tenant}.eu-frankfurt-idcs-1.secure.identity.oraclecloud.com"),
        ]
    }

    /// Returns the mock's URL as its documents contain it.
    pub(super) fn url(&self) -> &str {
        self.url.get().map(String::as_str).unwrap_or_default()
    }

    pub(super) fn set_url(&self, url: String) {
        // This is set only once, as soon as the port is known.
        let _ = self.url.set(url);
    }

    pub(super) fn application(&self, client_id: &str) -> Option<Application> {
        lock(&self.applications)
            .iter()
            .find(|application| application.client_id == client_id)
            .cloned()
    }

    pub(super) fn register(&self, application: Application) {
        let mut applications = lock(&self.applications);
        applications.retain(|known| known.client_id != application.client_id);
        applications.push(application);
    }

    pub(super) fn trusting(self, trusted: Vec<EntraHandle>) -> Self {
        Self { trusted, ..self }
    }

    pub(super) fn has_user(&self, name: &str) -> bool {
        lock(&self.users).contains(name)
    }

    pub(super) fn add_user(&self, name: &str) {
        lock(&self.users).insert(name.to_owned());
    }

    pub(super) fn remove_user(&self, name: &str) {
        lock(&self.users).remove(name);
    }

    /// Returns whether this is the first assertion with this ID.
    pub(super) fn is_new_assertion(&self, id: &str) -> bool {
        lock(&self.assertions).insert(id.to_owned())
    }

    pub(super) fn keys(&self) -> MutexGuard<'_, KeyRing> {
        lock(&self.keys)
    }

    pub(super) fn token_states(&self) -> MutexGuard<'_, TokenStates> {
        lock(&self.token_states)
    }

    pub(super) fn records(&self) -> MutexGuard<'_, Records> {
        lock(&self.records)
    }

    pub(super) fn user_grants(&self) -> MutexGuard<'_, UserGrants> {
        lock(&self.user_grants)
    }

    pub(super) fn switches(&self) -> MutexGuard<'_, Switches> {
        lock(&self.switches)
    }

    /// Counts a request. If it exceeds the rate limit of the endpoint, returns the `Retry-After` for the answer.
    pub(super) fn rate_exceeded(&self, endpoint: Endpoint) -> Option<Option<String>> {
        let limit = self.switches().at(endpoint).rate_limit.clone()?;
        let in_this_second = self.records().count_in_second(endpoint, self.clock.now());
        (in_this_second > limit.per_second).then_some(limit.retry_after)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // If a test panics in `set`, the mock must continue to work.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
