//! The bearer tokens that reached the mock. Each is verified once and remembered by its hash.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::callers::Caller;
use super::records::{SeenToken, Verdict};
use crate::hex::hex;
use crate::keys::SigningKey;
use crate::verification::signed_claims;

/// The SHA-256 of a token.
pub(super) type Hash = [u8; 32];

/// Returns the key of a token in [`Tokens`].
pub(super) fn hash(token: &str) -> Hash {
    let digest = digest(&SHA256, token.as_bytes());
    digest.as_ref().try_into().unwrap_or_default()
}

/// All distinct tokens since the start, or since the records were cleared.
#[derive(Default)]
pub(super) struct Tokens {
    by_hash: HashMap<Hash, Arc<KnownToken>>,
}

impl Tokens {
    pub(super) fn find(&self, hash: &Hash) -> Option<Arc<KnownToken>> {
        self.by_hash.get(hash).cloned()
    }

    /// Adds a token. If another request has verified it in the meantime, that result stays.
    pub(super) fn add(&mut self, hash: Hash, token: KnownToken) -> Arc<KnownToken> {
        let known = self.by_hash.entry(hash).or_insert_with(|| Arc::new(token));
        Arc::clone(known)
    }

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

    /// Returns the number of requests whose token had this verdict.
    pub(super) fn refusals(&self, verdict: Verdict) -> usize {
        let count = |token: &Arc<KnownToken>| match verdict {
            Verdict::Expired => token.expired.load(Ordering::Relaxed),
            other if token.standing == other => token.requests.load(Ordering::Relaxed),
            _ => 0,
        };
        self.by_hash.values().map(count).sum()
    }
}

/// A token and the results of the requests with it.
pub(super) struct KnownToken {
    /// Its position in the order of first arrival.
    number: usize,
    /// The part of the verdict that does not depend on time.
    standing: Verdict,
    caller: Arc<Caller>,
    exp: i64,
    requests: AtomicUsize,
    /// How many of these requests came after the token had expired.
    expired: AtomicUsize,
    revoked: AtomicBool,
    /// Whether the token had expired at its last request.
    last_expired: AtomicBool,
}

impl KnownToken {
    /// Verifies the token with the keys of its domain, for the instance with this audience.
    pub(super) fn verify(token: &str, keys: &[SigningKey], audience: &str, number: usize) -> Self {
        let claims = signed_claims(keys, token).and_then(Result::ok);
        let standing = match &claims {
            None => Verdict::Foreign,
            Some(claims) if claims.get("tok_type").and_then(Value::as_str) != Some("AT") => {
                Verdict::NotAnAccessToken
            }
            Some(claims) if !audiences(claims.get("aud")).contains(audience) => Verdict::WrongAudience,
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
            number,
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

    /// Counts a request with this token. Returns the caller if the token is valid now.
    pub(super) fn accept(&self, now: i64) -> Option<Arc<Caller>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let expired = self.standing != Verdict::Foreign && now >= self.exp;
        self.last_expired.store(expired, Ordering::Relaxed);
        let verdict = self.last_verdict();
        if verdict == Verdict::Expired {
            self.expired.fetch_add(1, Ordering::Relaxed);
        }
        (verdict == Verdict::Accepted).then(|| Arc::clone(&self.caller))
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

    fn seen(&self, hash: &Hash) -> SeenToken {
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
