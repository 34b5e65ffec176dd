//! `POST /oauth2/v1/introspect` (RFC 7662).

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::client_authentication::authenticate;
use super::domain::Domain;
use super::errors::OAuthError;
use super::request::{header, read_form};
use crate::faults::Answer;
use crate::hex;
use crate::verification;

pub(super) fn answer(domain: &Domain, headers: &HeaderMap, body: &[u8]) -> Answer {
    introspect(domain, headers, body).unwrap_or_else(|error| {
        let ecid = domain.switches().emit_ecid.then(hex::random);
        error.answer(ecid.as_deref())
    })
}

fn introspect(domain: &Domain, headers: &HeaderMap, body: &[u8]) -> Result<Answer, OAuthError> {
    let form = read_form(body)?;
    let client = authenticate(domain, header(headers, "authorization"), None, &form)?;
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
    if states.is_revoked(token) {
        return inactive;
    }
    let said = states
        .of_opaque(token)
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
