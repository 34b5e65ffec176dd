//! Tokens this instance has verified, so that a client that calls often pays for one signature check only.

use std::collections::BTreeMap;
use std::rc::Rc;

use jose::{KeySet, Validity};
use middleware::UnixTime;

/// A bounded memory of verified tokens. Holds digests, never tokens, and never a refusal: a forged token
/// costs its sender as much the second time, and cannot push others out.
///
/// Two generations: when the younger one is full it becomes the older one, whose tokens are dropped unless
/// they were used again. That keeps roughly the most recently used, without a list to maintain.
#[derive(Debug, Default)]
pub(crate) struct VerifiedTokens {
    /// The set the tokens were verified with. Other keys prove nothing about them.
    keys: Option<Rc<KeySet>>,
    younger: BTreeMap<TokenDigest, Validity>,
    older: BTreeMap<TokenDigest, Validity>,
}

/// BLAKE3 of a token as it was sent: in Traefik in a sixth of the time of ring's SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenDigest([u8; blake3::OUT_LEN]);

impl TokenDigest {
    pub(crate) fn of(token: &[u8]) -> Self {
        Self(*blake3::hash(token).as_bytes())
    }
}

impl VerifiedTokens {
    /// Whether the token was verified at some time. It may have expired, or its keys may be gone.
    pub(crate) fn knows(&self, token: &TokenDigest) -> bool {
        self.younger.contains_key(token) || self.older.contains_key(token)
    }

    /// Whether the token was verified with `keys` and is within its times at `now`.
    pub(crate) fn accepts(&mut self, token: &TokenDigest, keys: &Rc<KeySet>, now: UnixTime) -> bool {
        self.forget_other_keys(keys);
        let found = match self.younger.get(token) {
            Some(validity) => Some(*validity),
            None => self
                .older
                .remove(token)
                .inspect(|validity| self.insert(*token, *validity)),
        };
        found.is_some_and(|validity| validity.contains(now))
    }

    /// Remembers a token that was verified with `keys`.
    pub(crate) fn remember(&mut self, token: TokenDigest, keys: &Rc<KeySet>, validity: Validity) {
        self.forget_other_keys(keys);
        self.insert(token, validity);
    }

    fn insert(&mut self, token: TokenDigest, validity: Validity) {
        if self.younger.len() >= GENERATION {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(token, validity);
    }

    fn forget_other_keys(&mut self, keys: &Rc<KeySet>) {
        let same = self
            .keys
            .as_ref()
            .is_some_and(|known| Rc::ptr_eq(known, keys) || known == keys);
        if !same {
            self.younger.clear();
            self.older.clear();
        }
        self.keys = Some(Rc::clone(keys));
    }
}

/// Tokens in a generation. Two generations take about 25 KiB, and there is an instance per request in flight.
const GENERATION: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use jose::{Acceptance, Algorithm, Policy, Token};
    use std::time::Duration;

    fn keys(secret: u8) -> Rc<KeySet> {
        Rc::new(KeySet::from_secret(&[secret; 32]).unwrap())
    }

    fn digest(number: usize) -> TokenDigest {
        TokenDigest::of(&number.to_be_bytes())
    }

    const NOW: UnixTime = UnixTime::from_secs(1_000);

    /// Acceptable until second 2000.
    fn validity() -> Validity {
        let policy = Policy {
            issuers: Vec::new(),
            audiences: Vec::new(),
            required_scopes: Vec::new(),
            leeway: Duration::ZERO,
            require_exp: true,
            tenant: None,
        };
        let accept = Acceptance {
            max_bytes: 1000,
            algorithms: vec![Algorithm::Hs256],
        };
        // {"alg":"HS256"} and {"exp":2000}, with some signature.
        let token = Token::parse(b"eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjIwMDB9.AAAA", &accept).unwrap();
        policy.judge(token.unverified_claims(), NOW).unwrap()
    }

    #[test]
    fn a_remembered_token_is_accepted_until_it_expires() {
        let mut tokens = VerifiedTokens::default();
        let keys = keys(1);
        assert!(!tokens.knows(&digest(1)) && !tokens.accepts(&digest(1), &keys, NOW));
        tokens.remember(digest(1), &keys, validity());
        assert!(tokens.knows(&digest(1)));
        assert!(tokens.accepts(&digest(1), &keys, UnixTime::from_secs(1_999)));
        assert!(!tokens.accepts(&digest(1), &keys, UnixTime::from_secs(2_000)));
        assert!(!tokens.accepts(&digest(2), &keys, NOW));
    }

    #[test]
    fn other_keys_forget_every_token_and_equal_keys_keep_them() {
        let mut tokens = VerifiedTokens::default();
        tokens.remember(digest(1), &keys(1), validity());
        assert!(
            tokens.accepts(&digest(1), &keys(1), NOW),
            "the same keys, parsed again"
        );
        assert!(!tokens.accepts(&digest(1), &keys(2), NOW));
        assert!(
            !tokens.accepts(&digest(1), &keys(1), NOW),
            "not back by going back"
        );
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_what_is_used() {
        let mut tokens = VerifiedTokens::default();
        let keys = keys(1);
        for number in 0..10_000 {
            tokens.remember(digest(number), &keys, validity());
            assert!(tokens.accepts(&digest(0), &keys, NOW), "after {number}");
            assert!(tokens.younger.len() + tokens.older.len() <= 2 * GENERATION);
        }
        assert!(tokens.knows(&digest(9_999)));
        assert!(!tokens.knows(&digest(5_000)));
    }
}
