//! Protects the provider against guessed secrets.

use std::cell::Cell;
use std::rc::Rc;

use egress::WireError;
use http::{Response, StatusCode};
use serde_json::Value;
use shared_state::{Budget, FetchError};

/// Counts the requests to the provider for one caller.
pub(super) struct Guard {
    budget: Rc<Budget>,
    client: String,
    /// Whether the caller's secret is known to be right.
    proven: Cell<bool>,
}

impl Guard {
    pub(super) fn new(budget: Rc<Budget>, client: String) -> Self {
        Self {
            budget,
            client,
            proven: Cell::new(false),
        }
    }

    /// Sends a token request with `send`, unless there have been too many.
    pub(super) fn exchange(
        &self,
        send: impl FnOnce() -> Result<Response<Vec<u8>>, WireError>,
    ) -> Result<Response<Vec<u8>>, FetchError> {
        let charge = match self.proven.get() {
            true => None,
            false => Some(self.budget.take(&self.client)?),
        };
        let outcome = send();
        let denied = outcome.as_ref().is_ok_and(is_denial);
        if denied {
            self.proven.set(false);
        } else if let Some(charge) = charge {
            self.budget.forgive(&charge);
        }
        match outcome? {
            response if denied => Err(FetchError::Denied {
                detail: format!("status {}", response.status().as_u16()),
            }),
            response => Ok(response),
        }
    }

    /// Records that the caller's secret is right: it fetched a token, or decrypted a stored one.
    pub(super) fn prove(&self) {
        self.proven.set(true);
    }
}

/// Returns whether the provider refuses the client's ID or secret (RFC 6749 §5.2). The gateway chooses the scopes and
/// the grant type, so a refusal of those is not the caller's fault.
fn is_denial(response: &Response<Vec<u8>>) -> bool {
    let body = middleware::published::without_mark(response.body());
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    match body.get("error").and_then(Value::as_str) {
        Some(code) => code == "invalid_client" && !response.status().is_server_error(),
        None => response.status() == StatusCode::UNAUTHORIZED,
    }
}
