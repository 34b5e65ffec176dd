//! The middleware together with its source of keys.

use std::rc::Rc;

use egress::{HttpClient, Platform};
use middleware::{ConfigError, Decision, Edits, Host, Middleware, Problem, RequestHead, UnixTime};

use crate::remote_keys::RemoteKeys;
use crate::{
    AcceptedIssuers, Issuers, Jwt, KeyOptions, KeySource, KeyUrl, Options, RemoteKeyOptions, StaticKeys,
};

/// The middleware `jwt` with the configured source of keys.
pub struct JwtPlugin {
    jwt: Jwt<Box<dyn KeySource>>,
    issuers: AcceptedIssuers,
}

impl Middleware for JwtPlugin {
    const NAME: &'static str = "jwt";
    type Services = Rc<dyn Platform>;

    fn new(config: &[u8], platform: Rc<dyn Platform>) -> Result<Self, ConfigError> {
        let host: Rc<dyn Host> = Rc::clone(&platform) as Rc<dyn Host>;
        let options = Options::parse(config, &*host)?;
        let issuers = options.accepted_issuers();
        let keys = match options.keys {
            KeyOptions::Static(keys) => Issuers::any(Box::new(StaticKeys::new(keys)) as Box<dyn KeySource>),
            KeyOptions::Remote(remote) => remote_keys(&remote, &platform)?,
        };
        Ok(Self {
            jwt: Jwt::new(options.rules, keys, host),
            issuers,
        })
    }

    fn prepare(&mut self) {
        self.jwt.prefetch();
    }

    fn take_over(&mut self, before: Self) {
        self.jwt.take_over(before.jwt);
    }

    fn on_request(&mut self, request: &dyn RequestHead, now: UnixTime) -> Decision {
        self.jwt.decide(request, now)
    }
}

impl JwtPlugin {
    /// Returns the issuers whose tokens are accepted.
    pub const fn accepted_issuers(&self) -> &AcceptedIssuers {
        &self.issuers
    }

    /// Decides about a request, for a middleware that uses the token. See [`Jwt::admit`].
    ///
    /// # Errors
    /// The answer to a request that is refused.
    pub fn admit<T>(
        &mut self,
        request: &dyn RequestHead,
        now: UnixTime,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<(Edits, T), Problem> {
        self.jwt.admit(request, now, take)
    }

    /// The present time after a decision at `now`. See [`Jwt::time_after`].
    pub fn time_after(&self, now: UnixTime) -> UnixTime {
        self.jwt.time_after(now)
    }
}

fn remote_keys(
    options: &RemoteKeyOptions,
    platform: &Rc<dyn Platform>,
) -> Result<Issuers<Box<dyn KeySource>>, ConfigError> {
    let client = Rc::new(HttpClient::new(Rc::clone(platform), &options.client)?);
    let source = |place: &KeyUrl| -> Result<(Option<String>, Box<dyn KeySource>), ConfigError> {
        let keys = RemoteKeys::new(options, place, Rc::clone(&client), Rc::clone(platform))?;
        Ok((place.issuer.clone(), Box::new(keys)))
    };
    options
        .urls
        .iter()
        .map(source)
        .collect::<Result<_, _>>()
        .map(Issuers::new)
}
