//! `gateway`: three middlewares in one module.
//!
//! The options are the blocks of the three plugins under their own names. The order is `jwt`, then
//! `oAuthClientCredentials`, then `pathRewrite`. Each plugin sees the request as the previous one has changed it. A
//! plugin without a block is skipped.
//!
//! The three plugins do the work in their own crates. One module saves Traefik two instances and two calls for each
//! request.
#![forbid(unsafe_code)]

mod config;
mod seen;

use std::rc::Rc;

use egress::Platform;
use jwt_plugin::JwtPlugin;
use middleware::{ConfigError, Decision, Host, Middleware, RequestHead, ResponseHead, UnixTime};
use oauth_client_credentials_plugin::OAuthClientCredentials;
use path_rewrite_plugin::PathRewrite;

use config::{Blocks, build};
use seen::Seen;

/// The configured plugins.
pub struct Gateway {
    jwt: Option<JwtPlugin>,
    oauth: Option<OAuthClientCredentials>,
    rewrite: Option<PathRewrite>,
}

impl Middleware for Gateway {
    const NAME: &'static str = "gateway";
    /// Creates a platform for each block, since the blocks may have different state directories.
    type Services = fn() -> Rc<dyn Platform>;

    fn new(config: &[u8], platform: Self::Services) -> Result<Self, ConfigError> {
        let blocks = Blocks::parse(config)?;
        Ok(Self {
            jwt: build(blocks.jwt.as_ref(), platform)?,
            oauth: build(blocks.oauth_client_credentials.as_ref(), platform)?,
            rewrite: build(blocks.path_rewrite.as_ref(), || platform() as Rc<dyn Host>)?,
        })
    }

    fn prepare(&mut self) {
        if let Some(jwt) = &mut self.jwt {
            jwt.prepare();
        }
        if let Some(oauth) = &mut self.oauth {
            oauth.prepare();
        }
    }

    fn take_over(&mut self, before: Self) {
        if let (Some(jwt), Some(before)) = (&mut self.jwt, before.jwt) {
            jwt.take_over(before);
        }
        if let (Some(oauth), Some(before)) = (&mut self.oauth, before.oauth) {
            oauth.take_over(before);
        }
    }

    fn on_request(&mut self, request: &dyn RequestHead, now: UnixTime) -> Decision {
        let mut seen = Seen::new(request);
        seen.pass(self.jwt.as_mut(), now);
        let now = self.jwt.as_ref().map_or(now, |jwt| jwt.time_after(now));
        seen.pass(self.oauth.as_mut(), now);
        seen.pass(self.rewrite.as_mut(), now);
        seen.decision()
    }

    fn on_response(&mut self, response: &dyn ResponseHead) {
        if let Some(oauth) = &mut self.oauth {
            oauth.on_response(response);
        }
    }
}

#[cfg(test)]
mod tests;
