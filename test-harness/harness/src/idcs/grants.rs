//! The grants of the token endpoint (RFC 6749 section 4), one file for each.

mod client_credentials;
mod device_code;
mod jwt_bearer;
mod refresh_token;
mod token_exchange;

use super::applications::Application;
use super::domain::Domain;
use super::errors::OAuthError;
use super::request::Form;
use super::scopes::Grantable;

/// Runs the grant that `grant_type` names for this client.
pub(super) fn grant(
    domain: &Domain,
    application: &Application,
    form: &Form,
) -> Result<Grantable, OAuthError> {
    match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => client_credentials::grant(domain, application, form),
        Some("urn:ietf:params:oauth:grant-type:device_code") => device_code::grant(domain, application, form),
        Some("refresh_token") => refresh_token::grant(domain, application, form),
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => jwt_bearer::grant(domain, application, form),
        Some("urn:ietf:params:oauth:grant-type:token-exchange") => {
            token_exchange::grant(domain, application, form)
        }
        Some(other) => Err(OAuthError::new(
            "unsupported_grant_type",
            format!("Grant type {other} is not supported."),
        )),
        None => Err(OAuthError::new(
            "invalid_request",
            "Required parameter missing: grant_type",
        )),
    }
}
