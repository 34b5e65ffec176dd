//! The state of one OIC instance.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use http::StatusCode;
use serde_json::json;

use super::callers::BasicUser;
use super::in_flight::InFlight;
use super::records::Records;
use super::streams::Streams;
use super::switches::Switches;
use super::tokens::Tokens;
use crate::clock::Clock;
use crate::faults::Answer;
use crate::idcs::IdcsHandle;

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
    /// The paths of `fail-first-with-401` that have already failed once.
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

    /// Returns whether this is the first request for this path of `fail-first-with-401`.
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

    /// Returns a refusal in the form that the switches select.
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

    pub(super) fn is_active(&self, id: &str) -> bool {
        self.integrations
            .as_ref()
            .is_none_or(|active| active.contains(id))
    }
}
