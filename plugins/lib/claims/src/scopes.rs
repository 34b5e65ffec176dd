//! The scopes that a token grants, and the scopes that options require.

use jose::{Claims, Rejection, Value};
use middleware::{ConfigError, work};

/// The scopes in `scope` and `scp`. RFC 8693 §4.2 defines `scope` as one string. Entra ID uses `scp`, others send
/// lists.
///
/// # Errors
/// [`Rejection::MalformedClaims`] if one of them is neither text nor a list.
pub fn granted_scopes(claims: &Claims) -> Result<Vec<&str>, Rejection> {
    let mut granted = Vec::new();
    for name in ["scope", "scp"] {
        match claims.get(name) {
            None => {}
            Some(Value::String(scopes)) => {
                work(2 * scopes.len());
                granted.extend(scopes.split(' '));
            }
            Some(Value::Array(scopes)) => granted.extend(scopes.iter().filter_map(Value::as_str)),
            Some(_) => return Err(Rejection::MalformedClaims),
        }
    }
    Ok(granted)
}

/// Checks the scopes in the option `field`. They are quoted in challenges, so each must be a scope-token (RFC 6749
/// §3.3).
///
/// # Errors
/// Names the entry that is not a scope.
pub fn check_scopes(field: &str, scopes: &[String]) -> Result<(), ConfigError> {
    let is_scope = |scope: &String| {
        scope
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    };
    match scopes.iter().position(|scope| !is_scope(scope)) {
        Some(index) => Err(ConfigError::new(
            format!("{field}[{index}]"),
            "is not a scope: one scope per entry, without spaces, quotes and backslashes (RFC 6749 section 3.3)",
        )),
        None => Ok(()),
    }
}
