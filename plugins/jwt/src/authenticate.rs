//! The order of the checks.

use std::rc::Rc;

use bytes::Bytes;
use jose::{Header, KeySet, Rejection, Token, Validity};
use middleware::{Decision, Edits, Event, Host, RequestHead, UnixTime};

use crate::answer::Refusal;
use crate::bearer;
use crate::verified_tokens::{TokenDigest, VerifiedTokens};
use crate::{KeySource, Rules};

/// The middleware, on top of any source of keys.
pub struct Jwt<K> {
    rules: Rules,
    keys: K,
    host: Rc<dyn Host>,
    verified: VerifiedTokens,
}

impl<K: KeySource> Jwt<K> {
    /// A middleware that applies `rules` with the keys of `keys`. `host` is used for the log only.
    pub fn new(rules: Rules, keys: K, host: Rc<dyn Host>) -> Self {
        Self {
            rules,
            keys,
            host,
            verified: VerifiedTokens::default(),
        }
    }

    /// The source of keys, to warm it up.
    pub fn keys(&mut self) -> &mut K {
        &mut self.keys
    }

    /// Decides about one request at `now`.
    ///
    /// Forwards it without its Authorization header, unless the rules keep it, or answers as RFC 6750 §3
    /// asks.
    pub fn decide(&mut self, request: &dyn RequestHead, now: UnixTime) -> Decision {
        match self.authenticate(&request.header("Authorization"), now) {
            Ok(()) if self.rules.forward_authorization => Decision::Forward(Edits::none()),
            Ok(()) => Decision::Forward(Edits::none().remove_header("Authorization")),
            Err(refused) => {
                self.host.log(&refused.event());
                refused.refusal.problem(&self.rules.policy.required_scopes).into()
            }
        }
    }

    fn authenticate(&mut self, authorization: &[Bytes], now: UnixTime) -> Result<(), Refused> {
        let token = bearer::candidate(authorization)?;
        if token.len() > self.rules.accept.max_bytes {
            bearer::check(token)?;
            return Err(Rejection::TooLong.into());
        }
        let digest = TokenDigest::of(token);
        if self.verified.knows(&digest) {
            let keys = self.keys.keys(now)?;
            if self.verified.accepts(&digest, &keys, now) {
                return Ok(());
            }
        }
        bearer::check(token)?;
        let token = Token::parse(token, &self.rules.accept)?;
        let (keys, validity) = self
            .authenticate_new(&token, now)
            .map_err(|refusal| Refused::of(refusal, token.header()))?;
        self.verified.remember(digest, &keys, validity);
        Ok(())
    }

    fn authenticate_new(
        &mut self,
        token: &Token<'_>,
        now: UnixTime,
    ) -> Result<(Rc<KeySet>, Validity), Refusal> {
        // Claims nobody has vouched for may refuse a token, never accept one. Looked at first, so that
        // garbage neither causes a fetch of keys nor turns into a 503 while the identity provider is away.
        match self.rules.policy.judge(token.unverified_claims(), now) {
            // What is missing is told in the answer, and only to someone with a genuine token.
            Ok(_) | Err(Rejection::InsufficientScope) => {}
            Err(rejection) => return Err(rejection.into()),
        }
        let keys = self.keys.keys(now)?;
        match self.prove(token, &keys, now) {
            Err(rejection @ (Rejection::UnknownKey | Rejection::BadSignature)) => {
                let newer = self.keys.refetch(now, &keys)?;
                if Rc::ptr_eq(&newer, &keys) || newer == keys {
                    return Err(rejection.into());
                }
                let validity = self.prove(token, &newer, now)?;
                Ok((newer, validity))
            }
            judged => Ok((keys, judged?)),
        }
    }

    fn prove(&self, token: &Token<'_>, keys: &KeySet, now: UnixTime) -> Result<Validity, Rejection> {
        let claims = token.verify(keys)?;
        self.rules.policy.judge(&claims, now)
    }
}

/// A refusal, with what the log may say about the token.
struct Refused {
    refusal: Refusal,
    header: Option<Header>,
}

impl Refused {
    fn of(refusal: Refusal, header: &Header) -> Self {
        Self {
            refusal,
            header: Some(header.clone()),
        }
    }

    /// Names the reason, the algorithm and the key. Never the token or its claims.
    fn event(&self) -> Event {
        let event = Event::debug("jwt.refused").field("reason", self.refusal.code());
        let Some(header) = &self.header else {
            return event;
        };
        let event = event.field("alg", header.algorithm);
        match &header.key_id {
            Some(key_id) => event.field("kid", key_id.chars().take(64).collect::<String>()),
            None => event,
        }
    }
}

impl<T: Into<Refusal>> From<T> for Refused {
    fn from(refusal: T) -> Self {
        Self {
            refusal: refusal.into(),
            header: None,
        }
    }
}

#[cfg(test)]
mod tests;
