//! The last step of the device flow (RFC 8628 section 3.4). It issues an access token for the user, and a refresh token
//! if the scope contains `offline_access`.

use crate::idcs::applications::Application;
use crate::idcs::domain::Domain;
use crate::idcs::errors::OAuthError;
use crate::idcs::request::Form;
use crate::idcs::scopes::{self, Grantable};

pub(super) fn grant(
    domain: &Domain,
    application: &Application,
    form: &Form,
) -> Result<Grantable, OAuthError> {
    let code = form
        .get("device_code")
        .ok_or_else(|| OAuthError::new("invalid_request", "Required parameter missing: device_code"))?;
    let now = domain.clock.now_millis();
    let allowed = domain.user_grants().poll(code, &application.client_id, now)?;
    let granted = scopes::resolve_for_user(domain, application, &allowed)?;
    let offline = allowed
        .scope
        .split_whitespace()
        .any(|scope| scope == "offline_access");
    let expires_at = now + i64::from(domain.switches().refresh_ttl) * 1000;
    let refresh_token = offline.then(|| domain.user_grants().first_refresh_token(allowed, expires_at));
    Ok(Grantable {
        refresh_token,
        ..granted
    })
}
