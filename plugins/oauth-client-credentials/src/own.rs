//! The token of the gateway's own client.

use std::rc::Rc;

use egress::Url;
use middleware::{ConfigError, Host, UnixTime, config::given};
use oauth::{TokenRequest, TokenResponse};
use shared_state::{Exchange, FetchError, Seal, Shared};

use crate::config::Options;
use crate::demand::Demand;
use crate::services::Services;
use crate::token::{Grant, Granted, Place, Token};

/// The token of the gateway's own client.
pub(crate) struct Own {
    pub(crate) token: Shared<Token>,
}

impl Own {
    pub(crate) fn new(options: &Options, services: Services) -> Result<Self, ConfigError> {
        let platform = Rc::clone(&services.platform);
        let host: &dyn Host = &*platform;
        let client = options.client().client(host)?;
        let demand = Demand::new(options, &platform)?;
        if given(options.refresh_token_key.as_ref()).is_some() {
            return Err(ConfigError::new(
                "refreshTokenKey",
                "is of use with `grant: refreshToken` only",
            ));
        }
        let identity = demand.identity(&client.id, &demand.scopes);
        let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
        let secret = client
            .secret()
            .ok_or_else(|| ConfigError::new("clientSecret", "is required"))?;
        let seal = Seal::secret(secret, &identity)
            .map_err(|error| ConfigError::new("configuration", error.to_string()))?;
        let place = Place::new(seal.name("token", &identity), seal);
        let grant = ClientGrant {
            proof: client.proof(),
            request: demand.client_credentials(client, &demand.scopes),
            host: Rc::clone(&platform) as Rc<dyn Host>,
        };
        let token = Token::new(demand.url, place, Box::new(grant), platform);
        Ok(Self {
            token: services.share(token)?,
        })
    }

    /// Takes over the token of `before`, which may have been fetched with another secret.
    pub(crate) fn take_over(&mut self, before: &Self) {
        self.token.resource_mut().take_over(before.token.resource());
    }
}

/// The client credentials grant of the gateway's own client.
struct ClientGrant {
    request: TokenRequest,
    /// A fingerprint of the client's secret.
    proof: String,
    host: Rc<dyn Host>,
}

impl Grant for ClientGrant {
    fn proof(&self) -> Option<&str> {
        Some(&self.proof)
    }

    fn request(&self, url: &Url, send: &mut Exchange<'_>, now: UnixTime) -> Result<Granted, FetchError> {
        let response = self.request.send(url, send, now, &*self.host)?;
        Ok(TokenResponse::read(&response, now)?.into())
    }
}
