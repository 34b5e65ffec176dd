//! Remembers verified tokens, so that repeated calls with the same token need only one signature check.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use claims::{ClaimValues, Validity};
use credentials::{TokenDigest, TokenHasher};
use jose::KeySet;
use middleware::{Host, UnixTime};

use crate::access::Satisfied;

/// A bounded cache of verified tokens.
///
/// It holds digests, never tokens. It never holds refusals, so forged tokens cannot evict valid ones.
///
/// There are two generations. When the younger one is full, it replaces the older one. Tokens that were used again move
/// to the younger generation; the others are dropped. This keeps roughly the most recently used tokens without a list
/// to maintain.
#[derive(Debug)]
pub(crate) struct VerifiedTokens {
    hasher: TokenHasher,
    /// The key set that verified the tokens, by index of the source. When the keys change, the tokens are forgotten.
    keys: Vec<Option<Rc<KeySet>>>,
    younger: Generation,
    older: Generation,
}

/// The result of verifying a token.
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    /// The index of the source whose keys verified the token.
    pub(crate) source: usize,
    pub(crate) validity: Validity,
    pub(crate) accepted: Accepted,
}

/// What requests need to know about a valid token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// The values of the headers for the backend.
    pub(crate) values: ClaimValues,
    /// The rules of `authorize` that the token satisfies.
    pub(crate) satisfied: Satisfied,
}

impl VerifiedTokens {
    /// Remembers nothing yet. Takes a key from `host`.
    pub(crate) fn new(host: &dyn Host) -> Self {
        Self {
            hasher: TokenHasher::new(host),
            keys: Vec::new(),
            younger: Generation::default(),
            older: Generation::default(),
        }
    }

    /// The digest of `token`.
    pub(crate) fn digest(&self, token: &[u8]) -> TokenDigest {
        self.hasher.digest(token)
    }

    /// Returns what is known about a token that was used a short time ago. The caller must check that the keys of its
    /// source are still [those that verified it](Self::were_verified_with), and that it is still valid.
    pub(crate) fn recent(&self, token: TokenDigest) -> Option<&Verified> {
        self.younger.tokens.get(&token)
    }

    /// Whether the tokens of `source` were verified with this very key set.
    pub(crate) fn were_verified_with(&self, source: usize, keys: &Rc<KeySet>) -> bool {
        let known = self.keys.get(source).and_then(Option::as_ref);
        known.is_some_and(|known| Rc::ptr_eq(known, keys))
    }

    /// Returns the source whose keys verified the token earlier. The token may have expired since, and the keys may
    /// have changed.
    pub(crate) fn source_of(&self, token: TokenDigest) -> Option<usize> {
        let found = self.recent(token).or_else(|| self.older.tokens.get(&token));
        found.map(|verified| verified.source)
    }

    /// Returns what is known about a token, if it was verified with `keys` and is valid at `now`.
    pub(crate) fn accept(
        &mut self,
        token: TokenDigest,
        source: usize,
        keys: &Rc<KeySet>,
        now: UnixTime,
    ) -> Option<Accepted> {
        self.forget_other_keys(source, keys);
        if let Some(verified) = self.older.remove(token) {
            self.insert(token, verified);
        }
        let verified = self.recent(token)?;
        verified.validity.contains(now).then(|| verified.accepted.clone())
    }

    /// Remembers a token that was verified with `keys`.
    pub(crate) fn remember(&mut self, token: TokenDigest, keys: &Rc<KeySet>, verified: Verified) {
        self.forget_other_keys(verified.source, keys);
        self.insert(token, verified);
    }

    fn insert(&mut self, token: TokenDigest, verified: Verified) {
        if self.younger.is_full() {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(token, verified);
    }

    fn forget_other_keys(&mut self, source: usize, keys: &Rc<KeySet>) {
        if self.were_verified_with(source, keys) {
            return;
        }
        if self.keys.len() <= source {
            self.keys.resize(source + 1, None);
        }
        let Some(known) = self.keys.get_mut(source) else {
            return;
        };
        if known.as_ref() != Some(keys) {
            self.younger.forget(source);
            self.older.forget(source);
        }
        *known = Some(Rc::clone(keys));
    }
}

#[derive(Debug, Default)]
struct Generation {
    tokens: HashMap<TokenDigest, Verified, BuildHasherDefault<Digested>>,
    /// The total size of all values, in bytes.
    size: usize,
}

impl Generation {
    fn is_full(&self) -> bool {
        self.tokens.len() >= TOKENS || self.size >= SIZE
    }

    fn insert(&mut self, token: TokenDigest, verified: Verified) {
        self.remove(token);
        self.size += verified.accepted.values.size();
        self.tokens.insert(token, verified);
    }

    fn remove(&mut self, token: TokenDigest) -> Option<Verified> {
        let removed = self.tokens.remove(&token)?;
        self.size -= removed.accepted.values.size();
        Some(removed)
    }

    fn forget(&mut self, source: usize) {
        self.tokens.retain(|_, verified| verified.source != source);
        self.size = self
            .tokens
            .values()
            .map(|verified| verified.accepted.values.size())
            .sum();
    }
}

/// Half of the digest is the hash of a digest: it is random, and nobody outside can choose it.
#[derive(Default)]
struct Digested(u64);

impl Hasher for Digested {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, half: u64) {
        self.0 = half;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The number of tokens in a generation. The memory grows with the tokens that are in use: 60 bytes for each, and there
/// is one instance per concurrent request.
const TOKENS: usize = 3584; // seven eighths of a power of two, which is how far a table is filled
/// The total size of values at which a generation is full.
const SIZE: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use claims::{ClaimHeaders, Policy};
    use jose::{Acceptance, Algorithm, Claims, Token};
    use std::time::Duration;
    use test_doubles::TestHost;

    fn keys(secret: u8) -> Rc<KeySet> {
        Rc::new(KeySet::from_secret(&[secret; 32]).unwrap())
    }

    fn digest(number: usize) -> TokenDigest {
        thread_local! {
            static HASHER: TokenHasher = TokenHasher::new(&TestHost::new());
        }
        HASHER.with(|hasher| hasher.digest(&number.to_be_bytes()))
    }

    fn nothing() -> VerifiedTokens {
        VerifiedTokens::new(&TestHost::new())
    }

    const NOW: UnixTime = UnixTime::from_secs(1_000);

    /// A token of the first source, without values.
    fn verified() -> Verified {
        Verified {
            source: 0,
            validity: validity(),
            accepted: Accepted::default(),
        }
    }

    /// A validity that ends at second 2000.
    fn validity() -> Validity {
        let policy = Policy {
            issuers: Vec::new(),
            audiences: Vec::new(),
            verify_claims: Vec::new(),
            required_scopes: Vec::new(),
            leeway: Duration::ZERO,
            require_exp: true,
            tenant: None,
            claims: None,
        };
        policy.judge(&claims(r#"{"exp":2000}"#), NOW).unwrap()
    }

    /// Claims as parsed from a token.
    fn claims(json: &str) -> Claims {
        let accept = Acceptance {
            max_bytes: 10_000,
            algorithms: vec![Algorithm::Hs256],
        };
        let [header, claims] = [r#"{"alg":"HS256"}"#, json].map(|part| URL_SAFE_NO_PAD.encode(part));
        let token = format!("{header}.{claims}.AAAA");
        Token::parse(token.as_bytes(), &accept)
            .unwrap()
            .unverified_claims()
            .clone()
    }

    #[test]
    fn a_remembered_token_is_accepted_until_it_expires() {
        let mut tokens = nothing();
        let keys = keys(1);
        assert_eq!(tokens.source_of(digest(1)), None);
        assert_eq!(tokens.accept(digest(1), 0, &keys, NOW), None);
        tokens.remember(digest(1), &keys, verified());
        assert_eq!(tokens.source_of(digest(1)), Some(0));
        assert!(
            tokens
                .accept(digest(1), 0, &keys, UnixTime::from_secs(1_999))
                .is_some()
        );
        assert!(
            tokens
                .accept(digest(1), 0, &keys, UnixTime::from_secs(2_000))
                .is_none()
        );
        assert!(tokens.accept(digest(2), 0, &keys, NOW).is_none());
    }

    #[test]
    fn other_keys_forget_every_token_and_equal_keys_keep_them() {
        let mut tokens = nothing();
        tokens.remember(digest(1), &keys(1), verified());
        let mut accepts = |secret| tokens.accept(digest(1), 0, &keys(secret), NOW).is_some();
        assert!(accepts(1), "the same keys, parsed again");
        assert!(!accepts(2));
        assert!(!accepts(1), "the first keys do not bring the token back");
    }

    #[test]
    fn keys_of_one_issuer_say_nothing_about_the_tokens_of_another() {
        let mut tokens = nothing();
        tokens.remember(digest(1), &keys(1), verified());
        tokens.remember(
            digest(2),
            &keys(2),
            Verified {
                source: 1,
                ..verified()
            },
        );
        assert_eq!(
            (tokens.source_of(digest(1)), tokens.source_of(digest(2))),
            (Some(0), Some(1))
        );
        assert!(
            tokens.accept(digest(2), 1, &keys(3), NOW).is_none(),
            "its keys have changed"
        );
        assert!(tokens.accept(digest(1), 0, &keys(1), NOW).is_some());
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_what_is_used() {
        let mut tokens = nothing();
        let keys = keys(1);
        for number in 0..4 * TOKENS {
            tokens.remember(digest(number), &keys, verified());
            assert!(
                tokens.accept(digest(0), 0, &keys, NOW).is_some(),
                "after {number}"
            );
            assert!(tokens.younger.tokens.len() + tokens.older.tokens.len() <= 2 * TOKENS);
        }
        assert!(tokens.source_of(digest(4 * TOKENS - 1)).is_some());
        assert!(tokens.source_of(digest(2 * TOKENS)).is_none());
    }

    #[test]
    fn large_values_fill_it_sooner() {
        let mut tokens = nothing();
        let headers = ClaimHeaders::new(&[("X-Sub".to_owned(), "sub".to_owned())].into(), "", "").unwrap();
        let keys = keys(1);
        for number in 0..1_000 {
            let token = format!("{{\"sub\":\"{}\"}}", "x".repeat(2000));
            let values = headers.values(&claims(&token)).unwrap();
            let accepted = Accepted {
                values,
                ..Accepted::default()
            };
            tokens.remember(
                digest(number),
                &keys,
                Verified {
                    accepted,
                    ..verified()
                },
            );
            assert!(tokens.younger.size <= SIZE + 2100 && tokens.older.size <= SIZE + 2100);
        }
        assert!((64..=140).contains(&(tokens.younger.tokens.len() + tokens.older.tokens.len())));
    }
}
