//! The format of IDCS's access tokens for clients and users.

use serde_json::{Map, Value, json};

use super::applications::Application;
use super::domain::Domain;
use super::scopes::Grantable;
use super::switches::AudienceShape;
use crate::hex;
use crate::keys::SigningKey;

/// The claims or the header of a token: a JSON object.
pub(super) type Members = Map<String, Value>;

/// Returns the claims of a client's access token. `exp` is rounded up to whole seconds, so a token never expires before
/// its `expires_in` has passed.
pub(super) fn claims(
    domain: &Domain,
    application: &Application,
    granted: &Grantable,
    lifetime: i64,
) -> Members {
    let now = domain.clock.now_millis();
    let claims = json!({
        "iss": domain.issuer(),
        "sub": application.client_id,
        "sub_type": "client",
        "sub_mappingattr": "userName",
        "client_id": application.client_id,
        "client_guid": hex::stable(&application.client_id),
        "client_name": application.name,
        "client_tenantname": domain.tenant,
        "tenant": domain.tenant,
        "tenant_iss": format!("https://{}:443", domain.host()),
        "user.tenant.name": domain.tenant,
        "tok_type": "AT",
        "aud": audience(domain, &granted.audience),
        "scope": granted.scope,
        "iat": now.div_euclid(1000),
        "exp": (now + 999).div_euclid(1000) + lifetime,
        "jti": hex::random(),
    });
    let mut claims = match claims {
        Value::Object(claims) => claims,
        _ => Members::new(),
    };
    if let Some(Value::Object(of_user)) = granted.user.as_deref().map(|user| user_claims(domain, user)) {
        claims.extend(of_user);
    }
    claims
}

/// Returns the claims in which a user's access token differs from a client's.
fn user_claims(domain: &Domain, user: &str) -> Value {
    let display_name = user.split('@').next().unwrap_or_default().replace('.', " ");
    json!({
        "sub": user,
        "sub_type": "user",
        "user_id": hex::stable(user),
        "user_displayname": display_name,
        "user_tenantname": domain.tenant,
        "user_lang": "en",
        "user_locale": "en",
        "user_tz": "America/Chicago",
        "userAppRoles": ["Authenticated", "ServiceInvoker"],
        "amr": ["USERNAME_PASSWORD"],
        "idp_name": "UserNamePassword",
        "idp_guid": "UserNamePassword",
        "idp_type": "LOCAL",
        "sid": hex::random(),
    })
}

/// Returns the header of a token that `key` signs. It has thumbprints and no `typ`.
pub(super) fn header(key: &SigningKey) -> Members {
    let mut header = Members::new();
    header.insert("x5t#S256".to_owned(), json!(key.x5t_s256()));
    header.insert("x5t".to_owned(), json!(key.x5t()));
    header.insert("kid".to_owned(), json!(key.kid()));
    header.insert("alg".to_owned(), json!(key.algorithm().name()));
    header
}

/// Adds a claim that extends a token of `length` bytes to at least `size` bytes.
pub(super) fn pad(claims: &mut Members, length: usize, size: usize) {
    if let Some(missing) = size.checked_sub(length) {
        // Four base64url characters encode three bytes.
        claims.insert("padding".to_owned(), json!("x".repeat(missing * 3 / 4 + 1)));
    }
}

/// Returns the claim `aud` in the form that the switch selects.
pub(super) fn audience(domain: &Domain, audience: &[String]) -> Value {
    match (domain.switches().aud_as_string_or_array, audience) {
        (AudienceShape::Natural, [only]) => json!(only),
        (AudienceShape::Text, [first, ..]) => json!(first),
        _ => json!(audience),
    }
}
