//! `oAuthClientCredentials`: replaces the credentials of a request with an access token from the identity provider.
//!
//! The options decide whose token it is:
//!
//! * the gateway's own, by the client credentials grant (RFC 6749 section 4.4);
//! * the caller's, if the gateway has no client of its own: callers bring a client ID and secret;
//! * a user's, by a refresh token (RFC 6749 section 6) that a login has put into the state directory or the store:
//!   [`OAuthClientCredentials::put_refresh_token`].
//!
//! The token is fetched once for all instances, routers, and Traefik processes that share a state directory. With a
//! `store`, all machines that use it share the token too. The token is stored encrypted, and renewed before it expires.
//!
//! Rules:
//!
//! 1. A usable token replaces `Authorization`, whatever the caller sent.
//! 2. Without a usable token the request is refused: with 503 if the provider does not answer, with 502 if it refuses
//!    the gateway's own credentials. The provider's status is never passed on, since the caller is not at fault.
//! 3. A request is never forwarded without a token.
//! 4. If the backend's answer has a `WWW-Authenticate` challenge, the backend did not accept the token. The token is
//!    then dropped for all instances, and the next request fetches a new one. This happens at most every ten seconds,
//!    since a backend may accept no token at all. The answer itself passes unchanged. (The status would say the same,
//!    but reading it makes Traefik buffer the whole answer.)
#![forbid(unsafe_code)]

mod caller_options;
mod callers;
mod config;
mod demand;
mod mode;
mod own;
mod services;
mod token;
mod token_rules;
mod user;

use std::rc::Rc;
use std::time::Duration;

use egress::{HttpClient, Platform};
use jose::Rejection;
use middleware::{
    ConfigError, Decision, Edits, Event, Middleware, Problem, Reason, RequestHead, ResponseHead, Secret,
    UnixTime,
};
use oauth::AccessToken;
use shared_state::{PlaceError, Store};

pub use config::Options;
use mode::Mode;
use services::Services;
use token_rules::TokenRules;

/// The middleware.
pub struct OAuthClientCredentials {
    mode: Mode,
    rules: TokenRules,
    platform: Rc<dyn Platform>,
    /// The token that the last request was forwarded with.
    sent: Option<Rc<AccessToken>>,
}

impl OAuthClientCredentials {
    /// Checks whether a user's refresh token could be stored. Returns false if the options do not ask for a user's
    /// token.
    ///
    /// # Errors
    /// Why the state directory or the store fails.
    pub fn can_keep_refresh_token(&self) -> Result<bool, PlaceError> {
        match &self.mode {
            Mode::User(user) => user.check().map(|()| true),
            Mode::Own(_) | Mode::Callers(_) => Ok(false),
        }
    }

    /// Stores the refresh token of a user who has just logged in. It replaces an earlier one and drops the access token
    /// of the earlier login. Returns false if the options do not ask for a user's token.
    ///
    /// # Errors
    /// Why the state directory or the store failed.
    pub fn put_refresh_token(&mut self, refresh_token: &Secret) -> Result<bool, PlaceError> {
        match &mut self.mode {
            Mode::User(user) => user.put(refresh_token).map(|()| true),
            Mode::Own(_) | Mode::Callers(_) => Ok(false),
        }
    }
}

impl OAuthClientCredentials {
    #[cold]
    fn refuse(&self, rejection: Rejection, is_news: bool) -> Decision {
        if is_news {
            let event = Event::warn("token.not_acceptable").field("reason", rejection.code());
            self.platform.log(&event);
        }
        Problem::new(Reason::Forbidden).into()
    }
}

/// How often a token may be dropped because the backend refused it: once per interval.
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
        let services = Services {
            platform: Rc::clone(&platform),
            client,
            store,
        };
        let mode = Mode::new(&options, services)?;
        let rules = TokenRules::new(&options)?;
        platform.use_directory(options.state_directory.as_deref())?;
        Ok(Self {
            mode,
            rules,
            platform,
            sent: None,
        })
    }

    fn prepare(&mut self) {
        self.mode.prefetch();
    }

    fn take_over(&mut self, before: Self) {
        self.mode.take_over(before.mode);
    }

    fn on_request(&mut self, request: &dyn RequestHead, now: UnixTime) -> Decision {
        let token = match self.mode.get(request, now) {
            Ok(token) => token,
            Err(problem) => return problem.into(),
        };
        match self.rules.judge(&token) {
            Ok(values) => {
                let mut edits = Edits::none().set_header("Authorization", token.authorization());
                edits.append(self.rules.headers.edits(request, &values));
                self.sent = Some(token);
                Decision::Forward(edits)
            }
            Err((rejection, is_news)) => self.refuse(rejection, is_news),
        }
    }

    fn on_response(&mut self, response: &dyn ResponseHead) {
        if let Some(sent) = self.sent.take()
            && response.has_header("WWW-Authenticate")
        {
            self.mode.discard(&sent, DISCARD_EVERY);
        }
    }
}

#[cfg(test)]
mod tests;
