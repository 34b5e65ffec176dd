//! `oAuthClientCredentials`: replaces the request's credentials by a token of the gateway's own.
//!
//! The token comes from the identity provider's token endpoint by the client credentials grant (RFC 6749
//! section 4.4). It is fetched once for all instances, routers and Traefik processes that share a state
//! directory, kept there encrypted, and renewed before it expires.
//!
//! Rules:
//!
//! 1. With a usable token `Authorization` is replaced by it, whatever the caller sent.
//! 2. Without one the request is refused: 503 when the provider does not answer, 502 when it refuses the
//!    gateway's own credentials. Its status never reaches the caller as if the caller were at fault.
//! 3. The request is never passed on without the gateway's token.
#![forbid(unsafe_code)]

mod config;
mod token;

use std::rc::Rc;

use egress::{HttpClient, Platform, Shared};
use middleware::{ConfigError, Decision, Edits, Middleware, Problem, RequestHead};

pub use config::Options;
use token::Token;

/// The middleware.
pub struct OAuthClientCredentials {
    token: Shared<Token>,
}

impl Middleware for OAuthClientCredentials {
    const NAME: &'static str = "oAuthClientCredentials";
    type Services = Rc<dyn Platform>;

    fn new(config: &[u8], platform: Rc<dyn Platform>) -> Result<Self, ConfigError> {
        let options: Options = middleware::config::parse(config)?;
        let client = Rc::new(HttpClient::new(Rc::clone(&platform), &options.client_config)?);
        let token = Token::new(&options, Rc::clone(&platform))?;
        platform.use_directory(options.state_directory.as_deref())?;
        Ok(Self {
            token: Shared::new(token, platform, client),
        })
    }

    fn prepare(&mut self) {
        // A failure is logged and written down by the fetch itself; requests get their own answer.
        let _ = self.token.get();
    }

    fn on_request(&mut self, _: &dyn RequestHead) -> Decision {
        match self.token.get() {
            Ok(token) => Decision::Forward(
                Edits::none().set_header("Authorization", format!("Bearer {}", token.expose())),
            ),
            Err(unavailable) => Problem::from(unavailable).into(),
        }
    }
}

#[cfg(test)]
mod tests;
