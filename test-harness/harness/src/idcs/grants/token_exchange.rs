//! Exchange of another provider's token (RFC 8693). The domain trusts that provider and finds its users by name.

use serde_json::Value;

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
    // RFC 8693 section 2.2.2 requires this code for invalid subject tokens too.
    let refused = |why: &str| OAuthError::new("invalid_request", why);
    let parameter = |name: &str| {
        form.get(name)
            .ok_or_else(|| refused(&format!("Required parameter missing: {name}")))
    };
    let token = parameter("subject_token")?;
    if parameter("subject_token_type")? != "urn:ietf:params:oauth:token-type:access_token" {
        return Err(refused("Unknown subject_token_type."));
    }
    let now = domain.clock.now();
    let claims = domain
        .trusted
        .iter()
        .find_map(|entra| entra.claims_of(token, now))
        .ok_or_else(|| refused("The subject token is not acceptable."))?;
    let name = ["preferred_username", "upn"]
        .into_iter()
        .find_map(|name| claims.get(name).and_then(Value::as_str))
        .filter(|name| domain.has_user(name))
        .ok_or_else(|| refused("The user of the subject token is not known."))?;
    let granted = scopes::resolve(domain, application, form.get("scope").map(String::as_str))?;
    Ok(Grantable {
        user: Some(name.to_owned()),
        ..granted
    })
}
