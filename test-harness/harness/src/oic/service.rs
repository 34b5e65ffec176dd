//! The way of a request: recorded, delayed, spoilt by a fault, checked in OIC's order, and run.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use http::request::Parts;
use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::authorization::{BasicUser, Caller, Tokens, authorize};
use super::in_flight::InFlight;
use super::integrations;
use super::path::IntegrationPath;
use super::records::Records;
use super::streams::Streams;
use super::switches::Switches;
use crate::clock::Clock;
use crate::faults::Answer;
use crate::idcs::IdcsHandle;
use crate::server::{Body, BrokenOff, Service};

/// SHA-256 of a token in hex: how records and echoes name a token without showing it.
pub fn token_hash(token: &str) -> String {
    hex(digest(&SHA256, token.as_bytes()).as_ref())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The state of one instance, shared by its connections and its handles.
pub(super) struct Instance {
    pub(super) idcs: IdcsHandle,
    pub(super) host: String,
    pub(super) audience: String,
    pub(super) clock: Clock,
    pub(super) invokers: HashSet<String>,
    pub(super) users: Vec<BasicUser>,
    pub(super) in_flight: InFlight,
    pub(super) streams: Streams,
    integrations: Option<HashSet<String>>,
    /// Paths of `fail-first-with-401` that have failed once.
    failed_once: Mutex<HashSet<String>>,
    records: Mutex<Records>,
    switches: RwLock<Arc<Switches>>,
    tokens: RwLock<Tokens>,
    tokens_numbered: AtomicUsize,
}

impl Instance {
    pub(super) fn new(idcs: IdcsHandle, host: String, audience: String) -> Self {
        Self {
            idcs,
            host,
            audience,
            clock: Clock::default(),
            invokers: HashSet::new(),
            users: Vec::new(),
            in_flight: InFlight::default(),
            streams: Streams::default(),
            integrations: None,
            failed_once: Mutex::default(),
            records: Mutex::default(),
            switches: RwLock::default(),
            tokens: RwLock::default(),
            tokens_numbered: AtomicUsize::new(0),
        }
    }

    pub(super) fn with_access(self, invokers: HashSet<String>, users: Vec<BasicUser>) -> Self {
        Self {
            invokers,
            users,
            ..self
        }
    }

    pub(super) fn with_integrations(self, integrations: Option<HashSet<String>>) -> Self {
        Self { integrations, ..self }
    }

    pub(super) fn switches(&self) -> Arc<Switches> {
        Arc::clone(&self.switches.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn change_switches(&self, change: impl FnOnce(&mut Switches)) {
        change(Arc::make_mut(
            &mut self.switches.write().unwrap_or_else(PoisonError::into_inner),
        ));
    }

    pub(super) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tokens(&self) -> RwLockReadGuard<'_, Tokens> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tokens_mut(&self) -> RwLockWriteGuard<'_, Tokens> {
        self.tokens.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next_number(&self) -> usize {
        self.tokens_numbered.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether this path of `fail-first-with-401` is asked for the first time.
    pub(super) fn is_first(&self, path: &str) -> bool {
        self.failed_once
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned())
    }

    pub(super) fn forget(&self) {
        *self.records() = Records::default();
        *self.tokens_mut() = Tokens::default();
    }

    /// A refusal in the form the switches ask for.
    pub(super) fn refusal(&self, status: StatusCode) -> Answer {
        let switches = self.switches();
        let title = status.canonical_reason().unwrap_or_default();
        let answer = if switches.html_errors {
            Answer::html(status, &format!("<html><body><h1>{title}</h1></body></html>"))
        } else {
            Answer::json(status, &json!({"status": status.as_u16(), "title": title}))
        };
        match status {
            StatusCode::UNAUTHORIZED => answer.with_optional("www-authenticate", switches.challenge.header()),
            _ => answer,
        }
    }

    async fn run(&self, parts: &Parts, body: Incoming) -> Response<Body> {
        let path = parts.uri.path();
        let strict = self.switches().strict;
        let caller = if strict {
            match self.check(parts) {
                Ok(caller) => caller,
                Err(status) => return self.refusal(status).into_response(),
            }
        } else {
            Arc::default()
        };
        match IntegrationPath::parse(path).filter(|integration| self.is_active(integration.id)) {
            Some(integration) => integrations::run(self, integration, &caller, parts, body).await,
            None if strict => self.refusal(StatusCode::NOT_FOUND).into_response(),
            None => welcome(parts),
        }
    }

    /// Host first, then credentials, then role.
    fn check(&self, parts: &Parts) -> Result<Arc<Caller>, StatusCode> {
        if !self.is_own_host(parts) {
            return Err(StatusCode::NOT_FOUND);
        }
        authorize(self, parts.uri.path(), &parts.headers)
    }

    /// OIC's own name; this machine's stands in for it, because tests have no DNS.
    fn is_own_host(&self, parts: &Parts) -> bool {
        let header = parts
            .headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok());
        let authority = header.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
        let name = authority.map(|authority| authority.rsplit_once(':').map_or(authority, |(name, _)| name));
        name.is_some_and(|name| name.eq_ignore_ascii_case(&self.host) || is_loopback(name))
    }

    fn is_active(&self, id: &str) -> bool {
        self.integrations
            .as_ref()
            .is_none_or(|active| active.contains(id))
    }
}

fn is_loopback(name: &str) -> bool {
    name == "localhost"
        || name
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

impl Service for Instance {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, BrokenOff> {
        let stay = self.in_flight.enter();
        let (parts, body) = request.into_parts();
        let parts = Arc::new(parts);
        self.records().arrived(&parts);
        let switches = self.switches();
        if !switches.latency.is_zero() {
            tokio::time::sleep(switches.latency).await;
        }
        let answer = match &switches.down {
            Some(fault) => {
                fault
                    .spoil(|| Answer::json(StatusCode::OK, &json!({"message": "right"})))
                    .await?
            }
            None => self.run(&parts, body).await,
        };
        Ok(answer.map(|body| stay.until_the_end_of(body)))
    }
}

fn welcome(parts: &Parts) -> Response<Body> {
    let target = parts
        .uri
        .path_and_query()
        .map(|target| target.as_str())
        .unwrap_or_default();
    Answer::empty(StatusCode::OK)
        .with("x-seen-uri", target)
        .into_response()
}
