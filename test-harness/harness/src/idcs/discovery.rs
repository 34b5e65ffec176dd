//! `GET /.well-known/openid-configuration` and `/.well-known/idcs-configuration`.

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::domain::Domain;
use super::{jwks, paths};
use crate::faults::Answer;

pub(super) fn answer(domain: &Domain, path: &str, headers: &HeaderMap) -> Answer {
    if !domain.switches().discovery_public && !jwks::may_read(domain, headers) {
        return jwks::unauthorized();
    }
    let flat = flat(domain);
    let document = match path {
        paths::IDCS_CONFIGURATION => wrapped(domain, flat),
        _ => flat,
    };
    Answer::json(StatusCode::OK, &document)
}

/// Builds the OpenID Connect document with the peculiarities of IDCS: the issuer differs from the address of the
/// document, the introspection endpoint has a non-standard name, and PKCE is not mentioned.
fn flat(domain: &Domain) -> Value {
    let url = domain.url();
    json!({
        "issuer": domain.issuer(),
        "authorization_endpoint": format!("{url}/oauth2/v1/authorize"),
        "token_endpoint": format!("{url}{}", paths::TOKEN),
        "userinfo_endpoint": format!("{url}/oauth2/v1/userinfo"),
        "revocation_endpoint": format!("{url}/oauth2/v1/revoke"),
        "introspect_endpoint": format!("{url}/oauth2/v1/introspect"),
        "end_session_endpoint": format!("{url}/oauth2/v1/userlogout"),
        "jwks_uri": format!("{url}{}", paths::JWKS),
        "scopes_supported": [
            "openid", "profile", "offline_access", "email", "address", "phone", "groups", "get_groups", "approles",
            "get_approles",
        ],
        "response_types_supported": ["code", "token", "id_token", "code id_token", "code token", "id_token token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_jwt"],
    })
}

fn wrapped(domain: &Domain, flat: Value) -> Value {
    let url = domain.url();
    json!({
        "openid-configuration": flat,
        "secure_authorization_endpoint": format!("{url}/oauth2/v1/authorize"),
        "secure_token_endpoint": format!("{url}{}", paths::TOKEN),
        "secure_userinfo_endpoint": format!("{url}/oauth2/v1/userinfo"),
        "secure_jwks_uri": format!("{url}{}", paths::JWKS),
    })
}
