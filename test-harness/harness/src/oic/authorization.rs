//! Authorization of callers: bearer tokens of the domain, and Basic users.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};

use super::callers::{BasicUser, Caller};
use super::instance::Instance;
use super::tokens::{self, KnownToken};

/// Returns the caller if it has the role ServiceInvoker, or else the status to refuse the request with.
pub(super) fn authorize(
    instance: &Instance,
    path: &str,
    headers: &HeaderMap,
) -> Result<Arc<Caller>, StatusCode> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(StatusCode::UNAUTHORIZED);
    };
    let (scheme, credentials) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(StatusCode::UNAUTHORIZED)?;
    let caller = if scheme.eq_ignore_ascii_case("bearer") {
        bearer(instance, credentials)
    } else if scheme.eq_ignore_ascii_case("basic") {
        basic(&instance.users, credentials)
    } else {
        None
    };
    let caller = caller.ok_or(StatusCode::UNAUTHORIZED)?;
    let switches = instance.switches();
    let user_needed = switches
        .require_user_context
        .iter()
        .any(|prefix| path.starts_with(prefix.as_str()));
    if !instance.invokers.contains(&caller.sub) || (user_needed && caller.sub_type != "user") {
        return Err(StatusCode::from_u16(switches.missing_role_status).unwrap_or(StatusCode::UNAUTHORIZED));
    }
    Ok(caller)
}

fn bearer(instance: &Instance, token: &str) -> Option<Arc<Caller>> {
    let hash = tokens::hash(token);
    let known = instance.tokens().find(&hash);
    let known = known.unwrap_or_else(|| {
        // Verify the token before taking the lock, so that requests do not wait for each other.
        let keys = instance.idcs.keys_ever_used();
        let verified = KnownToken::verify(token, &keys, &instance.audience, instance.next_number());
        instance.tokens_mut().add(hash, verified)
    });
    known.accept(instance.clock.now())
}

fn basic(users: &[BasicUser], credentials: &str) -> Option<Arc<Caller>> {
    let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    let user = users
        .iter()
        .find(|user| user.name == name && user.password == password && !user.mfa)?;
    Some(Arc::new(Caller {
        sub: user.name.clone(),
        sub_type: "user".to_owned(),
    }))
}
