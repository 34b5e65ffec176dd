//! `GET /admin/v1/SigningCert/jwk`.

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::domain::Domain;
use super::errors::scim_error;
use super::request::header;
use super::scopes::MY_SCOPES;
use crate::faults::Answer;
use crate::verification;

pub(super) fn answer(domain: &Domain, headers: &HeaderMap) -> Answer {
    let (public, cache_control) = {
        let switches = domain.switches();
        (switches.jwks_public, switches.jwks_cache_header.clone())
    };
    if !public && !may_read(domain, headers) {
        return unauthorized();
    }
    Answer::json(StatusCode::OK, &document(domain)).with_optional("cache-control", cache_control.as_deref())
}

/// Builds the document with the current key. If the switch is on, another key comes before it.
pub(super) fn document(domain: &Domain) -> Value {
    let two_keys = domain.switches().jwks_two_keys_same_kid;
    let keys = domain.keys();
    let neighbour = two_keys.then(|| keys.neighbour().idcs_jwk());
    let keys: Vec<Value> = neighbour.into_iter().chain([keys.current.idcs_jwk()]).collect();
    json!({"keys": keys})
}

/// Returns whether the request has a valid token for the domain's own API.
pub(super) fn may_read(domain: &Domain, headers: &HeaderMap) -> bool {
    let token = header(headers, "authorization").and_then(|value| value.strip_prefix("Bearer "));
    let keys = domain.keys().ever_used();
    token
        .and_then(|token| verification::verify(&keys, token, domain.clock.now()).ok())
        .is_some_and(|claims| {
            let scope = claims.get("scope").and_then(Value::as_str).unwrap_or_default();
            scope.split(' ').any(|name| name == MY_SCOPES)
        })
}

pub(super) fn unauthorized() -> Answer {
    let detail = "You are not authorized to perform this operation.";
    scim_error(StatusCode::UNAUTHORIZED, "error.common.notauthorized", detail)
        .with("www-authenticate", r#"Bearer error="invalid_token""#)
}
