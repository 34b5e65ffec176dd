//! `oAuthTokenExchange`: exchanges the caller's token for a token of the same user at another identity provider.
//!
//! The caller brings a token of the company's identity provider, such as Microsoft Entra ID. The backend, OIC, expects
//! a token of OCI IAM. The gateway exchanges one for the other in one of two ways:
//!
//! * `jwtBearer` (RFC 7523 section 2.1): the gateway vouches for the user with an assertion that it signs itself. It
//!   does so only after it has verified the caller's token. The rules of `jwt` are part of this plugin's options, so a
//!   missing middleware cannot disable them.
//! * `rfc8693`: the gateway sends the caller's token to the token endpoint, which checks it again. The rules of `jwt`
//!   keep strangers from causing such requests.
//!
//! The new token is stored, sealed, for the user or for the caller's token. It is shared like the token of
//! `oAuthClientCredentials`; with a `store`, also between machines. It is used only for requests whose own token is
//! valid at that time.
#![forbid(unsafe_code)]

mod config;
mod group_secret;
mod method;
mod name_pattern;
mod provider;
mod subject;
mod user_assertion;
mod user_claims;
mod user_token;
mod users;

use std::rc::Rc;
use std::time::Duration;

use credentials::challenge;
use egress::{HttpClient, Platform};
use jwt_plugin::JwtPlugin;
use middleware::{
    ConfigError, Decision, Edits, Event, Middleware, Problem, Reason, RequestHead, ResponseHead, UnixTime,
};
use oauth::AccessToken;
use serde_json::Value;
use shared_state::{CallerKey, Cause, Failure, SharedMany, Store};

pub use config::{JwtBearerOptions, Options, Rfc8693Options, UsersOptions};
use provider::Provider;
use user_token::UserToken;

/// The middleware.
pub struct OAuthTokenExchange {
    /// Verifies the callers' tokens.
    jwt: JwtPlugin,
    provider: Rc<Provider>,
    tokens: SharedMany<UserToken>,
    platform: Rc<dyn Platform>,
    /// The token that the last request was forwarded with, and its key.
    sent: Option<(CallerKey, Rc<AccessToken>)>,
}

/// The maximum number of users' tokens that one instance holds in memory. It finds the others in the state directory.
const MOST_HELD: usize = 64;
/// How often a user's token may be dropped because the backend refused it: once per interval.
const DISCARD_EVERY: Duration = Duration::from_secs(10);

impl Middleware for OAuthTokenExchange {
    const NAME: &'static str = "oAuthTokenExchange";
    /// Creates a platform for each part, since the parts may have different state directories.
    type Services = fn() -> Rc<dyn Platform>;

    fn new(config: &[u8], platform: Self::Services) -> Result<Self, ConfigError> {
        let options: Options = middleware::config::parse(config)?;
        let jwt = proof(options.jwt.as_ref(), platform)?;
        let platform = platform();
        let client = Rc::new(HttpClient::new(Rc::clone(&platform), &options.client_config)?);
        let provider = Provider::new(&options, jwt.accepted_issuers(), Rc::clone(&platform))?;
        let mut tokens = SharedMany::new(Rc::clone(&platform), client, MOST_HELD);
        if let Some(config) = &options.store {
            tokens = tokens.with_store(Rc::new(Store::new(config, Rc::clone(&platform))?));
        }
        platform.use_directory(options.state_directory.as_deref())?;
        Ok(Self {
            jwt,
            provider: Rc::new(provider),
            tokens,
            platform,
            sent: None,
        })
    }

    fn prepare(&mut self) {
        self.jwt.prepare();
    }

    fn take_over(&mut self, before: Self) {
        self.jwt.take_over(before.jwt);
        // No request has used this middleware yet, so it holds the only reference to the provider.
        if let Some(provider) = Rc::get_mut(&mut self.provider) {
            provider.take_over(&before.provider);
        }
    }

    fn on_request(&mut self, request: &dyn RequestHead, now: UnixTime) -> Decision {
        self.exchange(request, now)
            .unwrap_or_else(|problem| problem.into())
    }

    fn on_response(&mut self, response: &dyn ResponseHead) {
        if let Some((key, sent)) = self.sent.take()
            && response.has_header("WWW-Authenticate")
        {
            self.tokens.discard(&key, &sent, DISCARD_EVERY);
        }
    }
}

impl OAuthTokenExchange {
    fn exchange(&mut self, request: &dyn RequestHead, now: UnixTime) -> Result<Decision, Problem> {
        let provider = &self.provider;
        let (mut edits, subject) = self.jwt.admit(request, now, |token| provider.subject(token))?;
        let subject = subject.map_err(|no_user| {
            self.platform
                .log(&Event::info("exchange.no_user").field("reason", no_user.code()));
            Problem::new(Reason::Forbidden)
        })?;
        let now = self.jwt.time_after(now);
        // The rules of `jwt` may tolerate clock differences, but the token endpoint does not.
        if subject.has_expired(now) {
            return Err(challenge::invalid_token());
        }
        let key = provider.key_of(&subject);
        let token = self
            .tokens
            .get(&key, now, || UserToken::new(provider, subject, &key))
            .map_err(answer)?;
        edits.append(Edits::none().set_header("Authorization", token.authorization()));
        self.sent = Some((key, token));
        Ok(Decision::Forward(edits))
    }
}

/// Builds the part that verifies callers' tokens, from the block `jwt`.
fn proof(
    block: Option<&Value>,
    platform: impl FnOnce() -> Rc<dyn Platform>,
) -> Result<JwtPlugin, ConfigError> {
    // Traefik's file provider turns an empty block into an empty string.
    let is_given = |block: &&Value| block.as_str().is_none_or(|text| !text.is_empty());
    let block = block.filter(is_given).ok_or_else(|| {
        ConfigError::new(
            JwtPlugin::NAME,
            "is required: the options of the plugin jwt, by which callers' tokens are proven before they are exchanged",
        )
    })?;
    JwtPlugin::new(block.to_string().as_bytes(), platform()).map_err(|error| error.within(JwtPlugin::NAME))
}

/// Builds the answer. If the provider denies the request, the caller's token is at fault.
fn answer(unavailable: Failure) -> Problem {
    match unavailable.cause() {
        Cause::Denied => challenge::invalid_token(),
        _ => unavailable.into(),
    }
}

#[cfg(test)]
mod tests;
