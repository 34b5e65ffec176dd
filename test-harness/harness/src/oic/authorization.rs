//! Who may call: bearer tokens of the domain, verified once and remembered by their hash, and Basic users.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::records::{SeenToken, Verdict};
use super::service::{Instance, hex};
use crate::verification::signed_claims;

/// Who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) sub: String,
    /// `client` or `user`.
    pub(super) sub_type: String,
}

/// A user who may use Basic authentication.
#[derive(Clone)]
pub(super) struct BasicUser {
    pub(super) name: String,
    pub(super) password: String,
    /// A user with multi-factor authentication cannot use Basic.
    pub(super) mfa: bool,
}

/// The caller with the role ServiceInvoker, or the status that refuses the request.
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
    let hash: [u8; 32] = digest(&SHA256, token.as_bytes())
        .as_ref()
        .try_into()
        .unwrap_or_default();
    let known = instance.tokens().by_hash.get(&hash).cloned();
    let known = known.unwrap_or_else(|| {
        let verified = Arc::new(KnownToken::verify(instance, token));
        Arc::clone(instance.tokens_mut().by_hash.entry(hash).or_insert(verified))
    });
    known.requests.fetch_add(1, Ordering::Relaxed);
    let verdict = known.verdict(instance.clock.now());
    if verdict == Verdict::Expired {
        known.expired.fetch_add(1, Ordering::Relaxed);
    }
    (verdict == Verdict::Accepted).then(|| Arc::clone(&known.caller))
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

/// Every distinct token that ever came.
#[derive(Default)]
pub(super) struct Tokens {
    by_hash: HashMap<[u8; 32], Arc<KnownToken>>,
}

impl Tokens {
    pub(super) fn revoke_all(&mut self) {
        for token in self.by_hash.values() {
            token.revoked.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn seen(&self) -> Vec<SeenToken> {
        let mut tokens: Vec<_> = self.by_hash.iter().collect();
        tokens.sort_by_key(|(_, token)| token.number);
        tokens.into_iter().map(|(hash, token)| token.seen(hash)).collect()
    }

    /// Requests that came with a token of this kind.
    pub(super) fn refusals(&self, verdict: Verdict) -> usize {
        let count = |token: &Arc<KnownToken>| match verdict {
            Verdict::Expired => token.expired.load(Ordering::Relaxed),
            other if token.standing == other => token.requests.load(Ordering::Relaxed),
            _ => 0,
        };
        self.by_hash.values().map(count).sum()
    }
}

struct KnownToken {
    number: usize,
    /// What does not change with time.
    standing: Verdict,
    caller: Arc<Caller>,
    exp: i64,
    requests: AtomicUsize,
    /// How many of these came when it had expired.
    expired: AtomicUsize,
    revoked: AtomicBool,
    /// What became of the last request.
    last_expired: AtomicBool,
}

impl KnownToken {
    fn verify(instance: &Instance, token: &str) -> Self {
        let keys = instance.idcs.keys_ever_used();
        let claims = signed_claims(&keys, token).and_then(Result::ok);
        let standing = match &claims {
            None => Verdict::Foreign,
            Some(claims) if claims.get("tok_type").and_then(Value::as_str) != Some("AT") => {
                Verdict::NotAnAccessToken
            }
            Some(claims) if !audiences(claims.get("aud")).contains(instance.audience.as_str()) => {
                Verdict::WrongAudience
            }
            Some(_) => Verdict::Accepted,
        };
        let claims = claims.unwrap_or_default();
        let text = |name: &str| {
            claims
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            number: instance.next_number(),
            standing,
            caller: Arc::new(Caller {
                sub: text("sub"),
                sub_type: text("sub_type"),
            }),
            exp: claims.get("exp").and_then(Value::as_i64).unwrap_or_default(),
            requests: AtomicUsize::new(0),
            expired: AtomicUsize::new(0),
            revoked: AtomicBool::new(false),
            last_expired: AtomicBool::new(false),
        }
    }

    fn verdict(&self, now: i64) -> Verdict {
        let expired = self.standing != Verdict::Foreign && now >= self.exp;
        self.last_expired.store(expired, Ordering::Relaxed);
        self.last_verdict()
    }

    fn last_verdict(&self) -> Verdict {
        if self.last_expired.load(Ordering::Relaxed) {
            Verdict::Expired
        } else if self.standing == Verdict::Accepted && self.revoked.load(Ordering::Relaxed) {
            Verdict::Revoked
        } else {
            self.standing
        }
    }

    fn seen(&self, hash: &[u8; 32]) -> SeenToken {
        SeenToken {
            hash: hex(hash),
            sub: self.caller.sub.clone(),
            exp: self.exp,
            requests: self.requests.load(Ordering::Relaxed),
            verdict: self.last_verdict(),
        }
    }
}

fn audiences(aud: Option<&Value>) -> HashSet<&str> {
    match aud {
        Some(Value::String(only)) => HashSet::from([only.as_str()]),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => HashSet::new(),
    }
}
