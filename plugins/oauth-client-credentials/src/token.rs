//! An access token as a shared resource, whoever it belongs to.

use std::rc::Rc;

use egress::{Platform, Url};
use middleware::UnixTime;
use oauth::{AccessToken, TokenResponse};
use shared_state::{Exchange, FetchError, Fetched, Former, Resource, Seal, StateName};

/// One client's or user's token for one set of scopes.
pub(crate) struct Token {
    url: Url,
    place: Place,
    grant: Box<dyn Grant>,
    platform: Rc<dyn Platform>,
}

/// Where a token is kept, and how it is sealed.
pub(crate) struct Place {
    name: StateName,
    seal: Rc<Seal>,
    /// Where the token was kept before a secret of the configuration changed.
    former: Option<Former>,
}

/// How a token is obtained: the part that differs between the modes.
pub(crate) trait Grant {
    /// A fingerprint of everything that the client proves itself with, if the place does not depend on all of it.
    fn proof(&self) -> Option<&str> {
        None
    }

    /// A token was fetched by this grant, or opened with its secret.
    fn holds(&self) {}

    /// Requests a token at `url`.
    ///
    /// # Errors
    /// [`FetchError`] says whose fault it is.
    fn request(&self, url: &Url, send: &mut Exchange<'_>, now: UnixTime) -> Result<Granted, FetchError>;
}

/// What the token endpoint gave.
pub(crate) struct Granted {
    pub(crate) token: AccessToken,
    /// When to renew the token, if that is sooner than its lifetime asks for.
    pub(crate) renew_at: Option<UnixTime>,
}

impl From<TokenResponse> for Granted {
    fn from(response: TokenResponse) -> Self {
        Self {
            token: response.access_token,
            renew_at: None,
        }
    }
}

impl Place {
    pub(crate) fn new(name: StateName, seal: Seal) -> Self {
        Self {
            name,
            seal: Rc::new(seal),
            former: None,
        }
    }

    /// A token that lies at `before` may be used here, if the two differ by a secret alone.
    pub(crate) fn succeed(&mut self, before: &Self) {
        let former = Former::new(before.name.clone(), Rc::clone(&before.seal));
        self.former = former.of(&self.name, &self.seal);
    }
}

impl Token {
    pub(crate) fn new(url: Url, place: Place, grant: Box<dyn Grant>, platform: Rc<dyn Platform>) -> Self {
        Self {
            url,
            place,
            grant,
            platform,
        }
    }

    /// Takes over what lies at the place of `before`.
    pub(crate) fn take_over(&mut self, before: &Self) {
        self.place.succeed(&before.place);
    }
}

impl Resource for Token {
    type Value = AccessToken;

    fn name(&self) -> &StateName {
        &self.place.name
    }

    fn kind(&self) -> &'static str {
        "token"
    }

    fn url(&self) -> &Url {
        &self.url
    }

    fn seal(&self) -> &Seal {
        &self.place.seal
    }

    fn former(&self) -> Option<&Former> {
        self.place.former.as_ref()
    }

    fn proof(&self) -> Option<&str> {
        self.grant.proof()
    }

    fn encode(&self, token: &AccessToken) -> Vec<u8> {
        token.to_bytes()
    }

    fn decode(&self, bytes: &[u8]) -> Option<AccessToken> {
        let token = AccessToken::from_bytes(bytes)?;
        self.grant.holds();
        Some(token)
    }

    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<AccessToken>, FetchError> {
        let granted = self.grant.request(&self.url, send, now)?;
        self.grant.holds();
        let mut lifetime = granted.token.lifetime(now, &*self.platform);
        if let Some(renew_at) = granted.renew_at {
            lifetime.refresh_at = lifetime.refresh_at.min(renew_at);
        }
        Ok(Fetched {
            value: granted.token,
            lifetime,
        })
    }
}
