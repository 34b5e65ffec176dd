//! Assertions about users (RFC 7523 section 2.1). The application signs an assertion about the user with a key whose
//! certificate was imported.

use serde_json::Value;

use crate::idcs::applications::Application;
use crate::idcs::assertions;
use crate::idcs::domain::Domain;
use crate::idcs::errors::OAuthError;
use crate::idcs::request::Form;
use crate::idcs::scopes::{self, Grantable};

pub(super) fn grant(
    domain: &Domain,
    application: &Application,
    form: &Form,
) -> Result<Grantable, OAuthError> {
    let refused = |why: &str| OAuthError::new("invalid_grant", why);
    let assertion = form
        .get("assertion")
        .ok_or_else(|| OAuthError::new("invalid_request", "Required parameter missing: assertion"))?;
    let claims = assertions::verify(domain, application, assertion).map_err(refused)?;
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    if !domain.has_user(subject) {
        return Err(refused("The user of the assertion is not known."));
    }
    let granted = scopes::resolve(domain, application, form.get("scope").map(String::as_str))?;
    Ok(Grantable {
        user: Some(subject.to_owned()),
        ..granted
    })
}
