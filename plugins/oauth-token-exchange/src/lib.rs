//! `oAuthTokenExchange`: swaps the caller's token for a token of the same user at another identity provider.
//!
//! The caller brings a token of the enterprise's identity provider, such as Microsoft Entra ID. The backend, OIC, wants
//! one of OCI IAM. The gateway gets it, in one of two ways:
//!
//! * `jwtBearer` (RFC 7523 section 2.1): the gateway vouches for the user by an assertion that it signs itself. It never
//!   does so for a token that it has not proven: the rules of `jwt` are part of this plugin's own options, so that no
//!   misplaced middleware can leave them out.
//! * `rfc8693`: the caller's token itself is handed to the token endpoint, which judges it again. The rules of `jwt` keep
//!   strangers from having the gateway ask.
//!
//! What is got is kept for the user, or for the caller's token, sealed, and shared as `oAuthClientCredentials` shares the
//! gateway's own, with a `store` among machines, too. It is used only in requests whose own token is good at that time.
#![forbid(unsafe_code)]

mod config;
mod name_pattern;
mod provider;
mod subject;
mod user_assertion;
mod user_claims;
mod user_token;
mod users;

use std::rc::Rc;
use std::time::Duration;

use egress::{HttpClient, Platform};
use jwt_plugin::JwtPlugin;
use middleware::{
    ConfigError, Decision, Edits, Event, Middleware, Problem, Reason, RequestHead, ResponseHead,
};
use oauth::AccessToken;
use serde_json::Value;
use shared_state::{CallerKey, Cause, Failure, SharedMany, Store};

pub use config::{JwtBearerOptions, Options, Rfc8693Options, UsersOptions};
use provider::Provider;
use user_token::UserToken;

/// The middleware.
pub struct OAuthTokenExchange {
    /// Proves the callers' tokens.
    jwt: JwtPlugin,
    provider: Rc<Provider>,
    tokens: SharedMany<UserToken>,
    platform: Rc<dyn Platform>,
    /// Whose token, and which one, went with the request in hand.
    sent: Option<(CallerKey, Rc<AccessToken>)>,
}

/// How many users' tokens an instance holds; the state directory has the others.
const MOST_HELD: usize = 64;
/// How often a user's token is dropped because the backend refused it.
const DISCARD_EVERY: Duration = Duration::from_secs(10);

impl Middleware for OAuthTokenExchange {
    const NAME: &'static str = "oAuthTokenExchange";
    /// Makes a platform for each part: they may have different state directories.
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
        // Nobody else has it yet: no request was decided by this middleware.
        if let Some(provider) = Rc::get_mut(&mut self.provider) {
            provider.take_over(&before.provider);
        }
    }

    fn on_request(&mut self, request: &dyn RequestHead) -> Decision {
        self.exchange(request).unwrap_or_else(|problem| problem.into())
    }

    fn on_response(&mut self, response: &dyn ResponseHead) {
        if let Some((key, sent)) = self.sent.take()
            && !response.header("WWW-Authenticate").is_empty()
        {
            self.tokens.discard(&key, &sent, DISCARD_EVERY);
        }
    }
}

impl OAuthTokenExchange {
    fn exchange(&mut self, request: &dyn RequestHead) -> Result<Decision, Problem> {
        let provider = &self.provider;
        let (mut edits, subject) = self.jwt.admit(request, |token| provider.subject(token))?;
        let subject = subject.map_err(|no_user| {
            self.platform
                .log(&Event::info("exchange.no_user").field("reason", no_user.code()));
            Problem::new(Reason::Forbidden)
        })?;
        // The rules of `jwt` may allow for clocks that differ; the token endpoint would not.
        let now = self.platform.now();
        if subject.has_expired(now) {
            return Err(invalid_token());
        }
        let key = provider.key_of(&subject);
        let token = self
            .tokens
            .get(&key, now, || UserToken::new(provider, subject, &key))
            .map_err(answer)?;
        edits.append(Edits::none().set_header("Authorization", format!("Bearer {}", token.expose())));
        self.sent = Some((key, token));
        Ok(Decision::Forward(edits))
    }
}

/// The part that proves callers' tokens, from the block `jwt`.
fn proof(
    block: Option<&Value>,
    platform: impl FnOnce() -> Rc<dyn Platform>,
) -> Result<JwtPlugin, ConfigError> {
    // Traefik's file provider turns an empty block into an empty text.
    let is_given = |block: &&Value| block.as_str().is_none_or(|text| !text.is_empty());
    let block = block.filter(is_given).ok_or_else(|| {
        ConfigError::new(
            JwtPlugin::NAME,
            "is required: the options of the plugin jwt, by which callers' tokens are proven before they are exchanged",
        )
    })?;
    JwtPlugin::new(block.to_string().as_bytes(), platform()).map_err(|error| error.within(JwtPlugin::NAME))
}

/// What the provider denies, it denies the caller's token.
fn answer(unavailable: Failure) -> Problem {
    match unavailable.cause() {
        Cause::Denied => invalid_token(),
        _ => unavailable.into(),
    }
}

fn invalid_token() -> Problem {
    Problem::new(Reason::InvalidToken).challenge(r#"Bearer realm="oic-gateway", error="invalid_token""#)
}

#[cfg(test)]
mod tests;
