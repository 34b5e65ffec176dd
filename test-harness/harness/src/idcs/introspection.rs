//! `POST /oauth2/v1/introspect` (RFC 7662), the opaque tokens it knows, and what was revoked.

use std::collections::{HashMap, HashSet};

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::access_token::{Members, random_hex};
use super::client_authentication::authenticate;
use super::domain::Domain;
use super::errors::OAuthError;
use super::token_endpoint::{read_form, text};
use crate::faults::Answer;
use crate::verification;

/// Tokens whose state is known here alone.
#[derive(Default)]
pub(super) struct TokenStates {
    /// What is said of opaque tokens.
    opaque: HashMap<String, Members>,
    revoked: HashSet<String>,
}

impl TokenStates {
    /// A new opaque token, of which this is said while it is active. IDCS's begin like this.
    pub(super) fn issue(&mut self, said: Members) -> String {
        let token = format!("AQ{}", random_hex());
        self.opaque.insert(token.clone(), said);
        token
    }

    pub(super) fn revoke(&mut self, token: &str) {
        self.revoked.insert(token.to_owned());
    }
}

pub(super) fn answer(domain: &Domain, headers: &HeaderMap, body: &[u8]) -> Answer {
    introspect(domain, headers, body).unwrap_or_else(|error| {
        let ecid = domain.switches().emit_ecid.then(random_hex);
        error.answer(ecid.as_deref())
    })
}

fn introspect(domain: &Domain, headers: &HeaderMap, body: &[u8]) -> Result<Answer, OAuthError> {
    let form = read_form(body)?;
    let client = authenticate(domain, text(headers, "authorization"), None, &form)?;
    if !client.may_introspect {
        return Err(OAuthError::unauthorized_client());
    }
    let token = form
        .get("token")
        .ok_or_else(|| OAuthError::new("invalid_request", "Required parameter missing: token"))?;
    Ok(Answer::json(StatusCode::OK, &state(domain, token)))
}

fn state(domain: &Domain, token: &str) -> Value {
    let inactive = json!({ "active": false });
    let now = domain.clock.now();
    let states = domain.token_states();
    if states.revoked.contains(token) {
        return inactive;
    }
    let said = states
        .opaque
        .get(token)
        .cloned()
        .or_else(|| verification::verify(&domain.keys().ever_used(), token, now).ok());
    match said {
        Some(mut said)
            if said
                .get("exp")
                .and_then(Value::as_i64)
                .is_none_or(|exp| now < exp) =>
        {
            said.insert("active".to_owned(), json!(true));
            said.insert("token_type".to_owned(), json!("Bearer"));
            Value::Object(said)
        }
        _ => inactive,
    }
}
