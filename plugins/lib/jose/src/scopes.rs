//! The scopes that a token grants.

use serde_json::Value;

use crate::{Claims, Rejection};

/// The scopes in `scope` and `scp`: RFC 8693 §4.2 defines `scope` as one string; Entra ID uses `scp`, others send lists.
///
/// # Errors
/// [`Rejection::MalformedClaims`] where one of them is neither text nor list.
pub fn granted_scopes(claims: &Claims) -> Result<Vec<&str>, Rejection> {
    let mut granted = Vec::new();
    for name in ["scope", "scp"] {
        match claims.get(name) {
            None => {}
            Some(Value::String(scopes)) => granted.extend(scopes.split(' ')),
            Some(Value::Array(scopes)) => granted.extend(scopes.iter().filter_map(Value::as_str)),
            Some(_) => return Err(Rejection::MalformedClaims),
        }
    }
    Ok(granted)
}
