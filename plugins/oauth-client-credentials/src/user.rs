//! The token of a user who has logged in once (RFC 6749 section 6).

mod grant;

use std::rc::Rc;

use egress::Url;
use middleware::config::{given, required_text};
use middleware::{ConfigError, Host, Secret, UnixTime};
use oauth::{Client, ClientAuthentication};
use shared_state::{Exchange, FetchError, PlaceError, Seal, Shared};

use crate::config::Options;
use crate::demand::Demand;
use crate::services::Services;
use crate::token::{Grant, Granted, Place, Token};
use grant::UserGrant;

/// A user's token.
pub(crate) struct User {
    pub(crate) token: Shared<Token>,
    grant: Rc<UserGrant>,
}

/// The minimum length of the key, in characters.
const SHORTEST_KEY: usize = 32;

impl User {
    pub(crate) fn new(options: &Options, services: Services) -> Result<Self, ConfigError> {
        let platform = Rc::clone(&services.platform);
        let host: &dyn Host = &*platform;
        let client = client(options, host)?;
        let demand = Demand::new(options, &platform)?;
        let key = key(options, host)?;
        let mut identity = demand.identity(&client.id, &demand.scopes);
        identity.push("a user's".to_owned());
        let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
        let seal = Seal::secret(&key, &identity)
            .map_err(|error| ConfigError::new("configuration", error.to_string()))?;
        let place = Place::new(seal.name("token", &identity), seal);
        let timeout = options.client_config.timeout();
        let grant = Rc::new(UserGrant::new(&key, client, &demand, timeout, &services)?);
        let token = Token::new(demand.url, place, Box::new(Rc::clone(&grant)), platform);
        Ok(Self {
            token: services.share(token)?,
            grant,
        })
    }

    /// Checks whether a refresh token could be stored.
    pub(crate) fn check(&self) -> Result<(), PlaceError> {
        self.grant.check()
    }

    /// Stores the refresh token of a new login, and drops the access token of an earlier one.
    pub(crate) fn put(&mut self, refresh_token: &Secret) -> Result<(), PlaceError> {
        self.grant.put(refresh_token)?;
        self.token.forget()?;
        Ok(())
    }
}

impl Grant for Rc<UserGrant> {
    fn proof(&self) -> Option<&str> {
        Some(UserGrant::proof(self))
    }

    fn request(&self, url: &Url, send: &mut Exchange<'_>, now: UnixTime) -> Result<Granted, FetchError> {
        self.refresh(url, send, now)
    }
}

/// Reads the gateway's client. With a refresh token it may be a public client, which has no secret.
fn client(options: &Options, host: &dyn Host) -> Result<Client, ConfigError> {
    let client = options.client();
    let is_public = given(client.secret).is_none() && client.method.is_none() && !client.assertion.is_given();
    match is_public {
        true => Ok(Client {
            id: required_text("clientID", client.id, host)?,
            authentication: ClientAuthentication::Public,
        }),
        false => client.client(host),
    }
}

/// Reads the key that encrypts the refresh token.
fn key(options: &Options, host: &dyn Host) -> Result<Secret, ConfigError> {
    const FIELD: &str = "refreshTokenKey";
    let key = given(options.refresh_token_key.as_ref())
        .ok_or_else(|| ConfigError::new(FIELD, "is required with `grant: refreshToken`"))?
        .resolve(FIELD, host)?;
    if key.expose().chars().count() < SHORTEST_KEY {
        return Err(ConfigError::new(
            FIELD,
            format!("must have at least {SHORTEST_KEY} characters; `openssl rand -base64 32` makes one"),
        ));
    }
    Ok(key)
}

#[cfg(test)]
mod tests;
