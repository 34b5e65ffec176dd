//! Checks requests, in a fixed order.

use std::borrow::Cow;
use std::rc::Rc;

use claims::{ClaimValues, Validity};
use credentials::TokenDigest;
use jose::{Header, KeySet, Rejection, Token};
use middleware::{Decision, Edits, Event, Host, Problem, RequestHead, UnixTime, Values, work};

use crate::access::{Denial, Satisfied};
use crate::answer::Refusal;
use crate::bearer::{self, NoToken};
use crate::verified_tokens::{Accepted, Verified, VerifiedTokens};
use crate::{Issuers, KeySource, Rules};

/// The middleware, generic over the source of keys.
pub struct Jwt<K> {
    rules: Rules,
    keys: Issuers<K>,
    host: Rc<dyn Host>,
    verified: VerifiedTokens,
    /// Whether the last request needed more than the memory of this instance.
    took_time: bool,
}

impl<K: KeySource> Jwt<K> {
    /// Creates a middleware that applies `rules` with the keys of `keys`.
    pub fn new(rules: Rules, keys: Issuers<K>, host: Rc<dyn Host>) -> Self {
        Self {
            verified: VerifiedTokens::new(&*host),
            rules,
            keys,
            host,
            took_time: false,
        }
    }

    /// The present time after a decision at `now`. Reads the clock only if the decision may have waited for keys.
    pub fn time_after(&self, now: UnixTime) -> UnixTime {
        match self.took_time {
            true => self.host.now(),
            false => now,
        }
    }

    /// Fetches keys before the first request needs them, where that makes sense.
    pub fn prefetch(&mut self) {
        self.keys.prefetch();
    }

    /// Takes over keys that `before` has fetched. Called when the configuration changes.
    pub fn take_over(&mut self, before: Self) {
        self.keys.take_over(before.keys);
    }

    /// Decides about one request at `now`.
    ///
    /// A request that passes is forwarded without the client's token, unless the rules keep it, and with the configured
    /// headers. Any other request gets an answer according to RFC 6750 §3.
    pub fn decide(&mut self, request: &dyn RequestHead, now: UnixTime) -> Decision {
        match self.admit(request, now, |_| ()) {
            Ok((edits, ())) => Decision::Forward(edits),
            Err(problem) => problem.into(),
        }
    }

    /// Like [`Jwt::decide`], for a middleware that uses the token.
    ///
    /// Returns the changes to the request and the result of `take`. `take` runs only after the token has been verified.
    ///
    /// # Errors
    /// The answer to a request that is refused.
    pub fn admit<T>(
        &mut self,
        request: &dyn RequestHead,
        now: UnixTime,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<(Edits, T), Problem> {
        let values = request.header(&self.rules.token_header.name);
        let accepted = self
            .token(&values, request)
            .map_err(Refused::from)
            .and_then(|token| Ok((self.accept(&token, request, now)?, take(&token))));
        match accepted {
            Ok((values, taken)) => Ok((self.edits(request, &values), taken)),
            Err(refused) => Err(self.refuse(&refused)),
        }
    }

    #[cold]
    fn refuse(&self, refused: &Refused) -> Problem {
        self.host.log(&refused.event());
        let refusal = refused.0.refusal;
        let wanted = match (refusal, &self.rules.access) {
            (Refusal::Denied(denial), Some(access)) => access.wanted(denial),
            _ => self.rules.policy.required_scopes.clone(),
        };
        refusal.problem(&wanted)
    }

    fn accept(
        &mut self,
        token: &[u8],
        request: &dyn RequestHead,
        now: UnixTime,
    ) -> Result<ClaimValues, Refused> {
        let accepted = self.authenticate(token, now)?;
        self.authorize(request, accepted)
    }

    /// Checks whether the token may be used for this request.
    fn authorize(&self, request: &dyn RequestHead, accepted: Accepted) -> Result<ClaimValues, Refused> {
        if let Some(access) = &self.rules.access {
            access.judge(request, accepted.satisfied)?;
        }
        Ok(accepted.values)
    }

    fn edits(&self, request: &dyn RequestHead, values: &ClaimValues) -> Edits {
        let rules = &self.rules;
        let mut edits = Edits::none();
        if !rules.forward_authorization {
            edits = edits.remove_header(&rules.token_header.name);
            // Remove the token from both places, wherever it was found: the backend must not see a credential.
            let field = rules.token_field.as_ref();
            if let Some(uri) = field.and_then(|field| field.removed_from(request.uri())) {
                edits = edits.set_uri(uri);
            }
        }
        edits.append(rules.claim_headers.edits(request, values));
        edits
    }

    /// Extracts the token from its header, or from the configured field if the header has none.
    fn token<'r>(&self, values: &'r Values<'_>, request: &dyn RequestHead) -> Result<Cow<'r, [u8]>, NoToken> {
        match (self.rules.token_header.candidate(values), &self.rules.token_field) {
            (Err(NoToken::Missing), Some(field)) => field.find(request).map(Cow::Owned),
            (candidate, _) => candidate.map(Cow::Borrowed),
        }
    }

    fn authenticate(&mut self, token: &[u8], now: UnixTime) -> Result<Accepted, Refused> {
        if token.len() > self.rules.accept.max_bytes {
            return Err(too_long(token));
        }
        work(token.len() / 4);
        let digest = self.verified.digest(token);
        let known = self.recall(digest, now);
        self.took_time = known.is_none();
        match known {
            Some(accepted) => Ok(accepted),
            None => self.authenticate_slowly(token, digest, now),
        }
    }

    /// Returns what is known about the token of the usual request: it was used a short time ago and is valid, and the
    /// keys that verified it are fresh. Changes nothing, and calls nothing of the host.
    fn recall(&self, digest: TokenDigest, now: UnixTime) -> Option<Accepted> {
        let verified = self.verified.recent(digest)?;
        let keys = self.keys.fresh(verified.source, now)?;
        let holds =
            self.verified.were_verified_with(verified.source, keys) && verified.validity.contains(now);
        holds.then(|| verified.accepted.clone())
    }

    /// Does what [`Self::recall`] leaves out: gets keys that are due, and verifies the token.
    #[cold]
    fn authenticate_slowly(
        &mut self,
        token: &[u8],
        digest: TokenDigest,
        now: UnixTime,
    ) -> Result<Accepted, Refused> {
        if let Some(source) = self.verified.source_of(digest)
            && let Some(keys) = self.keys.at(source)
        {
            let keys = keys.keys(now)?;
            // Getting the keys may have taken a while.
            let now = self.host.now();
            if let Some(accepted) = self.verified.accept(digest, source, &keys, now) {
                return Ok(accepted);
            }
        }
        work(token.len());
        bearer::check(token)?;
        let token = Token::parse(token, &self.rules.accept)?;
        let (keys, verified) = self
            .authenticate_new(&token, now)
            .map_err(|refusal| Refused::of(refusal, token.header()))?;
        let accepted = verified.accepted.clone();
        self.verified.remember(digest, &keys, verified);
        Ok(accepted)
    }

    fn authenticate_new(
        &mut self,
        token: &Token<'_>,
        now: UnixTime,
    ) -> Result<(Rc<KeySet>, Verified), Refusal> {
        // Unverified claims may cause a refusal, but never acceptance. They are judged first so that a useless token
        // neither causes a fetch of keys nor gets a 503 while the identity provider is unreachable.
        let claims = token.unverified_claims();
        match self.rules.policy.judge(claims, now) {
            // These answers name missing rights, so only the bearer of a verified token may see them.
            Err(rejection) if !rejection.is_forbidden() => return Err(rejection.into()),
            _ => {}
        }
        let accepted = Accepted {
            values: self.rules.claim_headers.values(claims)?,
            satisfied: match &self.rules.access {
                Some(access) => access.satisfied(claims)?,
                None => Satisfied::default(),
            },
        };
        let source = self.keys.place_for(claims).ok_or(Rejection::WrongIssuer)?;
        let (keys, validity) = self.prove_by(source, token, now)?;
        let verified = Verified {
            source,
            validity,
            accepted,
        };
        Ok((keys, verified))
    }

    fn prove_by(
        &mut self,
        source: usize,
        token: &Token<'_>,
        now: UnixTime,
    ) -> Result<(Rc<KeySet>, Validity), Refusal> {
        let source = self.keys.at(source).ok_or(Rejection::WrongIssuer)?;
        let keys = source.keys(now)?;
        let now = self.host.now();
        match prove(&self.rules, token, &keys, now) {
            Err(rejection @ (Rejection::UnknownKey | Rejection::BadSignature)) => {
                let newer = source.refetch(&keys);
                if Rc::ptr_eq(&newer, &keys) || newer == keys {
                    return Err(rejection.into());
                }
                let validity = prove(&self.rules, token, &newer, self.host.now())?;
                Ok((newer, validity))
            }
            judged => Ok((keys, judged?)),
        }
    }
}

fn prove(rules: &Rules, token: &Token<'_>, keys: &KeySet, now: UnixTime) -> Result<Validity, Rejection> {
    let claims = token.verify(keys)?;
    rules.policy.judge(&claims, now)
}

#[cold]
fn too_long(token: &[u8]) -> Refused {
    match bearer::check(token) {
        Ok(()) => Rejection::TooLong.into(),
        Err(malformed) => malformed.into(),
    }
}

/// A refusal, with the parts of the token that may be logged. It is boxed, since it is rare and large.
struct Refused(Box<Details>);

struct Details {
    refusal: Refusal,
    header: Option<Header>,
}

impl Refused {
    fn of(refusal: Refusal, header: &Header) -> Self {
        Self(Box::new(Details {
            refusal,
            header: Some(header.clone()),
        }))
    }

    /// Names the reason, the algorithm, and the key ID, but never the token or its claims.
    fn event(&self) -> Event {
        let Details { refusal, header } = &*self.0;
        let mut event = Event::debug("jwt.refused").field("reason", refusal.code());
        if let Refusal::Denied(Denial::Rule { rule: Some(rule), .. }) = refusal {
            event = event.field("rule", format!("authorize[{rule}]"));
        }
        let Some(header) = header else {
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
    #[cold]
    fn from(refusal: T) -> Self {
        Self(Box::new(Details {
            refusal: refusal.into(),
            header: None,
        }))
    }
}

#[cfg(test)]
mod tests;
