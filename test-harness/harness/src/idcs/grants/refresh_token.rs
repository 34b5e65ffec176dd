//! Refreshing (RFC 6749 section 6), with rotation and reuse detection (RFC 9700 section 4.14.2).

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
    let token = form
        .get("refresh_token")
        .ok_or_else(|| OAuthError::new("invalid_request", "Required parameter missing: refresh_token"))?;
    let (now, rotation) = (domain.clock.now_millis(), domain.switches().refresh_rotation);
    let refreshed = domain
        .user_grants()
        .refresh(token, &application.client_id, now, rotation);
    let (allowed, refresh_token) = refreshed?;
    Ok(Grantable {
        refresh_token,
        ..scopes::resolve_for_user(domain, application, &allowed)?
    })
}
