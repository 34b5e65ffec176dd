//! The middleware, put together.

use std::rc::Rc;

use egress::Platform;
use middleware::{ConfigError, Decision, Host, Middleware, RequestHead};

use crate::remote_keys::RemoteKeys;
use crate::{Jwt, KeyOptions, KeySource, Options, StaticKeys};

/// The middleware `jwt` with the source of keys its options name.
pub struct JwtPlugin {
    jwt: Jwt<Box<dyn KeySource>>,
    host: Rc<dyn Host>,
}

impl Middleware for JwtPlugin {
    const NAME: &'static str = "jwt";
    type Services = Rc<dyn Platform>;

    fn new(config: &[u8], platform: Rc<dyn Platform>) -> Result<Self, ConfigError> {
        let host: Rc<dyn Host> = Rc::clone(&platform) as Rc<dyn Host>;
        let options = Options::parse(config, &*host)?;
        let keys: Box<dyn KeySource> = match options.keys {
            KeyOptions::Static(keys) => Box::new(StaticKeys::new(keys)),
            KeyOptions::Remote(remote) => Box::new(RemoteKeys::new(*remote, platform)?),
        };
        Ok(Self {
            jwt: Jwt::new(options.rules, keys, Rc::clone(&host)),
            host,
        })
    }

    fn prepare(&mut self) {
        self.jwt.keys().prefetch();
    }

    fn on_request(&mut self, request: &dyn RequestHead) -> Decision {
        self.jwt.decide(request, self.host.now())
    }
}
