//! `oAuthIntrospection`: lets a request pass only with a token that the identity provider says is active (RFC 7662).
//!
//! It is for opaque tokens, and for tokens whose revocation must take effect quickly. All instances share the
//! provider's answers for a short time ([`Options::max_cache_seconds`]), encrypted with a key derived from the token.
//!
//! Rules:
//!
//! 1. `active` must be the JSON value `true`. With `false` the request is refused with 401, and without a usable answer
//!    with 502 or 503.
//! 2. An answer is valid until the token expires, but never longer than `maxCacheSeconds`.
//! 3. `limits` bounds how often the provider is asked about unknown tokens.
//! 4. The backend does not receive the token, unless `forwardAuthorization` is set.
#![forbid(unsafe_code)]

mod answer;
mod config;
mod introspection;
mod refusal;
mod token_source;

use std::rc::Rc;

use claims::{ClaimHeaders, ClaimValues};
use credentials::TokenHasher;
use credentials::bearer::{self, NoToken};
use egress::{HttpClient, Platform};
use jose::Rejection;
use middleware::{ConfigError, Decision, Edits, Event, Middleware, RequestHead, UnixTime, work};
use shared_state::{Budget, CallerKey, SharedMany};

pub use config::Options;
use introspection::{Introspection, Question};
use refusal::Refusal;
use token_source::TokenSource;

/// The middleware.
pub struct OAuthIntrospection {
    answers: SharedMany<Introspection>,
    question: Rc<Question>,
    budget: Rc<Budget>,
    source: TokenSource,
    headers: ClaimHeaders,
    forward_authorization: bool,
    platform: Rc<dyn Platform>,
    hasher: TokenHasher,
}

/// The maximum number of answers that one instance holds in memory. It finds the others in the state directory.
const HELD: usize = 32;
/// The longest token that is introspected, in bytes.
const LONGEST: usize = 16 * 1024;

impl Middleware for OAuthIntrospection {
    const NAME: &'static str = "oAuthIntrospection";
    type Services = Rc<dyn Platform>;

    fn new(config: &[u8], platform: Rc<dyn Platform>) -> Result<Self, ConfigError> {
        let options: Options = middleware::config::parse(config)?;
        let source = TokenSource::new(&options.token_source)?;
        let headers = options.claim_headers()?;
        let question = Question::new(&options, headers.clone(), &platform)?;
        let client = Rc::new(HttpClient::new(
            Rc::clone(&platform),
            &options.client_config.client(),
        )?);
        let limits = options.limits.check()?;
        platform.use_directory(options.state_directory.as_deref())?;
        let budget = Budget::new(Rc::clone(&platform), &[&question.url().to_string()], limits);
        let hasher = TokenHasher::new(&*platform);
        Ok(Self {
            answers: SharedMany::new(Rc::clone(&platform), client, HELD),
            question: Rc::new(question),
            budget: Rc::new(budget),
            source,
            headers,
            forward_authorization: options.forward_authorization,
            platform,
            hasher,
        })
    }

    fn take_over(&mut self, before: Self) {
        // No request has used this middleware yet, so it holds the only reference to the question.
        if let Some(question) = Rc::get_mut(&mut self.question) {
            question.take_over(&before.question);
        }
    }

    fn on_request(&mut self, request: &dyn RequestHead, now: UnixTime) -> Decision {
        match self.authenticate(request, now) {
            Ok(values) => {
                let mut edits = match self.forward_authorization {
                    true => Edits::none(),
                    false => self.source.removal(request),
                };
                edits.append(self.headers.edits(request, &values));
                Decision::Forward(edits)
            }
            Err(refusal) => self.refuse(refusal),
        }
    }
}

impl OAuthIntrospection {
    fn authenticate(&mut self, request: &dyn RequestHead, now: UnixTime) -> Result<ClaimValues, Refusal> {
        let values = self.source.header_values(request);
        let token = self.source.find(&values, request).map_err(Refusal::NoToken)?;
        work(token.len() / 4);
        let key = self.hasher.digest(&token).caller_key();
        // The answer to the usual request was given a short time ago, and its token was checked then.
        match self.answers.fresh(&key, now) {
            Some(judged) => judged.values_at(now).map_err(Refusal::Rejected),
            None => self.ask(&token, &key, now),
        }
    }

    #[cold]
    fn ask(&mut self, token: &[u8], key: &CallerKey, now: UnixTime) -> Result<ClaimValues, Refusal> {
        bearer::check(token).map_err(Refusal::NoToken)?;
        if token.len() > LONGEST {
            return Err(Refusal::Rejected(Rejection::TooLong));
        }
        // `check` has ensured that the token is ASCII.
        let token = String::from_utf8(token.to_vec()).map_err(|_| Refusal::NoToken(NoToken::Malformed))?;
        let (question, budget, platform) = (&self.question, &self.budget, &self.platform);
        let judged = self.answers.get(key, now, || {
            Introspection::new(Rc::clone(question), token, Rc::clone(budget), Rc::clone(platform))
        });
        // The provider may have taken a while.
        let now = self.platform.now();
        let judged = judged.map_err(Refusal::Unavailable)?;
        judged.values_at(now).map_err(Refusal::Rejected)
    }

    #[cold]
    fn refuse(&self, refusal: Refusal) -> Decision {
        if let Some(code) = refusal.code() {
            self.platform
                .log(&Event::debug("introspection.refused").field("reason", code));
        }
        refusal.problem(self.question.required_scopes()).into()
    }
}

#[cfg(test)]
mod tests;
