//! Which kind of token a set of claims describes. RFC 8725 sections 2.8 and 3.12.
//!
//! An issuer signs ID tokens, refresh tokens and logout tokens with the same keys as its access tokens, and an
//! introspection endpoint also reports a refresh token as active. Therefore every plugin refuses tokens that say they
//! are of another kind.
//!
//! | claim | who writes it | access tokens say |
//! | --- | --- | --- |
//! | `tok_type` | IDCS | `AT` |
//! | `typ` | Keycloak: `Bearer`, `DPoP`; `ID`, `Refresh`, `Offline`, `Logout` and one for each kind of action token | a name of an access token |
//! | `token_use` | Amazon Cognito: `access`, `id`; Ory Hydra and Dex: `access_token`, `refresh_token` | the same |
//! | `token_type` | RFC 7662 section 2.2: `Bearer`, `DPoP`; Salesforce and others: `access_token`, `refresh_token` | the same |
//!
//! These four are allow-lists: an unknown value is refused. If none of them names an access token, the shape of the
//! claims counts:
//!
//! - `c_hash`, or `nonce` together with `at_hash`: an ID token (OpenID Connect Core sections 3.1.3.6 and 3.3.2.11).
//!   Neither `nonce` nor `at_hash` is a mark by itself: access tokens of Keycloak before version 25 and of authentik
//!   have a `nonce`, those of Dex have an `at_hash`. Dex makes its access tokens like its ID tokens, `nonce` and
//!   `at_hash` included where the client sent a `nonce`; nobody can tell the two apart, so both are refused.
//! - `events`, an object: a security event or a logout token (RFC 8417 section 2.2, OpenID Connect Back-Channel Logout
//!   section 2.4).

use jose::{Claims, Rejection, Value};

/// Refuses claims that show that they belong to another kind of token.
///
/// # Errors
/// [`Rejection::NotAccessToken`].
pub(crate) fn check(claims: &Claims) -> Result<(), Rejection> {
    if other_kind(claims).is_some() {
        return Err(Rejection::NotAccessToken);
    }
    let is_named = NAMES.iter().any(|&name| {
        let kind = claims.get(name).and_then(Value::as_str);
        kind.is_some_and(|kind| !says_nothing(kind))
    });
    let has = |name: &str| claims.get(name).is_some_and(|value| *value != Value::Null);
    let is_id_token = has("c_hash") || (has("nonce") && has("at_hash"));
    let is_event = matches!(claims.get("events"), Some(Value::Object(_)));
    if !is_named && (is_id_token || is_event) {
        return Err(Rejection::NotAccessToken);
    }
    Ok(())
}

/// Returns the claim that names another kind of token, and its value. For the log.
pub fn other_kind(claims: &Claims) -> Option<(&'static str, &Value)> {
    NAMES.into_iter().find_map(|name| {
        let kind = claims.get(name)?;
        let is_fine = kind.as_str().is_some_and(|kind| match name {
            TOK_TYPE => kind == "AT",
            _ => is_access_token(kind) || says_nothing(kind),
        });
        (!is_fine).then_some((name, kind))
    })
}

/// Claims that name the kind of a token.
const NAMES: [&str; 4] = [TOK_TYPE, "typ", "token_use", "token_type"];
const TOK_TYPE: &str = "tok_type";

/// node-oidc-provider before version 7 calls an access token of that grant `client_credentials`.
fn is_access_token(kind: &str) -> bool {
    const KNOWN: [&str; 7] = [
        "bearer",
        "dpop",
        "access_token",
        "access",
        "at",
        "at+jwt",
        "client_credentials",
    ];
    let kind = plain(kind);
    KNOWN.contains(&kind.as_str())
}

/// `JWT` is the format of the token, not its purpose.
fn says_nothing(kind: &str) -> bool {
    plain(kind) == "jwt"
}

/// Returns `kind` in lower case, without the prefixes of media types (RFC 9068 section 2.1) and token types (RFC 8693
/// section 3).
fn plain(kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    let kind = ["application/", "urn:ietf:params:oauth:token-type:"]
        .iter()
        .find_map(|prefix| kind.strip_prefix(prefix))
        .unwrap_or(&kind);
    kind.replace('-', "_")
}

#[cfg(test)]
mod tests;
