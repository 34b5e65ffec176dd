//! `oAuthClientCredentials`: replaces the request's credentials by a token of the gateway's own, or, where the gateway
//! has no client of its own, by one fetched with the client id and secret that the caller brings ([`callers`]).
//!
//! The token comes from the identity provider's token endpoint by the client credentials grant (RFC 6749
//! section 4.4). It is fetched once for all instances, routers and Traefik processes that share a state
//! directory, kept there encrypted, and renewed before it expires. With a `store` also for all machines that use it.
//! Or it is a user's, by a refresh token (RFC 6749 section 6) that somebody has put into the state directory or the store:
//! [`OAuthClientCredentials::put_refresh_token`].
//!
//! Rules:
//!
//! 1. With a usable token `Authorization` is replaced by it, whatever the caller sent.
//! 2. Without one the request is refused: 503 when the provider does not answer, 502 when it refuses the
//!    gateway's own credentials. Its status never reaches the caller as if the caller were at fault.
//! 3. The request is never passed on without the gateway's token.
//! 4. When the backend's answer carries a `WWW-Authenticate` challenge it did not accept the token: the token is
//!    dropped for everybody and the next request brings a new one; not more often than every ten seconds, for a
//!    backend that accepts none. The answer itself passes unchanged. (The status would say the same, but reading it
//!    makes Traefik hold back the whole answer.)
#![forbid(unsafe_code)]

mod caller_options;
mod callers;
mod config;
mod token;
mod token_rules;
mod user_grant;

use std::rc::Rc;
use std::time::Duration;

use egress::{HttpClient, Platform};
use middleware::{
    ConfigError, Decision, Edits, Event, Middleware, Problem, Reason, RequestHead, ResponseHead, Secret,
};
use oauth::AccessToken;
use shared_state::{PlaceError, Shared, Store};

use callers::Callers;
pub use config::Options;
use token::Token;
use token_rules::TokenRules;

/// The middleware.
pub struct OAuthClientCredentials {
    tokens: Tokens,
    rules: TokenRules,
    platform: Rc<dyn Platform>,
    /// The token that went with the request in hand.
    sent: Option<Rc<AccessToken>>,
}

/// Whose tokens.
enum Tokens {
    /// The gateway's own.
    Own(Box<Shared<Token>>),
    /// The callers', who bring client ids and secrets.
    Callers(Box<Callers>),
}

impl OAuthClientCredentials {
    /// Finds out whether a user's refresh token could be kept. False where the options ask for the client's own token, which
    /// needs none.
    ///
    /// # Errors
    /// Why the state directory or the store fails.
    pub fn can_keep_refresh_token(&self) -> Result<bool, PlaceError> {
        match &self.tokens {
            Tokens::Own(token) => match token.resource().user() {
                Some(user) => user.check().map(|()| true),
                None => Ok(false),
            },
            Tokens::Callers(_) => Ok(false),
        }
    }

    /// Keeps the refresh token of a user who has just logged in, in the place of an earlier one, and drops the access
    /// token that came of that. False where the options ask for the client's own token, which needs none.
    ///
    /// # Errors
    /// Why the state directory or the store failed.
    pub fn put_refresh_token(&mut self, refresh_token: &Secret) -> Result<bool, PlaceError> {
        let Tokens::Own(token) = &mut self.tokens else {
            return Ok(false);
        };
        match token.resource().user() {
            Some(user) => user.put(refresh_token)?,
            None => return Ok(false),
        }
        token.forget()?;
        Ok(true)
    }
}

/// How often a token is dropped because the backend refused it.
const DISCARD_EVERY: Duration = Duration::from_secs(10);

impl Middleware for OAuthClientCredentials {
    const NAME: &'static str = "oAuthClientCredentials";
    type Services = Rc<dyn Platform>;

    fn new(config: &[u8], platform: Rc<dyn Platform>) -> Result<Self, ConfigError> {
        let options: Options = middleware::config::parse(config)?;
        let client = Rc::new(HttpClient::new(Rc::clone(&platform), &options.client_config)?);
        let store = match &options.store {
            Some(config) => Some(Rc::new(Store::new(config, Rc::clone(&platform))?)),
            None => None,
        };
        let own = match Callers::are_meant(&options) {
            true => None,
            false => Some(Token::new(&options, store.as_ref(), Rc::clone(&platform))?),
        };
        let rules = TokenRules::new(&options)?;
        platform.use_directory(options.state_directory.as_deref())?;
        let tokens = match own {
            Some(token) => {
                let mut token = Shared::new(token, Rc::clone(&platform), client);
                if let Some(store) = store {
                    token = token
                        .with_store(store)
                        .map_err(|error| ConfigError::new("store", error.to_string()))?;
                }
                Tokens::Own(Box::new(token))
            }
            None => {
                let callers = Callers::new(&options, Rc::clone(&platform), client, store)?;
                Tokens::Callers(Box::new(callers))
            }
        };
        Ok(Self {
            tokens,
            rules,
            platform,
            sent: None,
        })
    }

    fn prepare(&mut self) {
        if let Tokens::Own(token) = &mut self.tokens {
            token.prefetch();
        }
    }

    fn take_over(&mut self, before: Self) {
        match (&mut self.tokens, before.tokens) {
            (Tokens::Own(token), Tokens::Own(before)) => {
                token.resource_mut().take_over(before.resource());
            }
            (Tokens::Callers(callers), Tokens::Callers(before)) => callers.take_over(*before),
            _ => {}
        }
    }

    fn on_request(&mut self, request: &dyn RequestHead) -> Decision {
        let now = self.platform.now();
        let token = match &mut self.tokens {
            Tokens::Own(token) => token.get(now).map_err(Problem::from),
            Tokens::Callers(callers) => callers.get(request, now),
        };
        let token = match token {
            Ok(token) => token,
            Err(problem) => return problem.into(),
        };
        match self.rules.judge(&token) {
            Ok(values) => {
                let mut edits =
                    Edits::none().set_header("Authorization", format!("Bearer {}", token.expose()));
                edits.append(self.rules.headers.edits(request, &values));
                self.sent = Some(token);
                Decision::Forward(edits)
            }
            Err((rejection, is_news)) => {
                if is_news {
                    let event = Event::warn("token.not_acceptable").field("reason", rejection.code());
                    self.platform.log(&event);
                }
                Problem::new(Reason::Forbidden).into()
            }
        }
    }

    fn on_response(&mut self, response: &dyn ResponseHead) {
        if let Some(sent) = self.sent.take()
            && !response.header("WWW-Authenticate").is_empty()
        {
            match &mut self.tokens {
                Tokens::Own(token) => {
                    token.discard(&sent, DISCARD_EVERY);
                }
                Tokens::Callers(callers) => callers.discard(&sent, DISCARD_EVERY),
            }
        }
    }
}

#[cfg(test)]
mod tests;
