//! Client credentials (RFC 6749 section 4.4). They give an access token for the client itself and never a refresh
//! token.

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
    if application.is_public {
        return Err(OAuthError::unauthorized_client());
    }
    scopes::resolve(domain, application, form.get("scope").map(String::as_str))
}
