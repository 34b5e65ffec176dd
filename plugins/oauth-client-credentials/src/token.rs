//! An access token as a shared resource, for all modes.

use std::rc::Rc;

use egress::{Platform, Url};
use middleware::UnixTime;
use oauth::{AccessToken, TokenResponse};
use shared_state::{Exchange, FetchError, Fetched, Former, Resource, Seal, StateName};

/// The token of one client or user for one set of scopes.
pub(crate) struct Token {
    url: Url,
    place: Place,
    grant: Box<dyn Grant>,
    platform: Rc<dyn Platform>,
}

/// Where a token is stored, and how it is sealed.
pub(crate) struct Place {
    name: StateName,
    seal: Rc<Seal>,
    /// Where the token was stored before a secret of the configuration changed.
    former: Option<Former>,
}

/// How a token is obtained. This is the part that differs between the modes.
pub(crate) trait Grant {
    /// A fingerprint of all credentials of the client, unless the place already depends on all of them.
    fn proof(&self) -> Option<&str> {
        None
    }

    /// Called when this grant has fetched a token, or when its secret has decrypted one.
    fn holds(&self) {}

    /// Requests a token at `url`.
    ///
    /// # Errors
    /// [`FetchError`] says who is at fault.
    fn request(&self, url: &Url, send: &mut Exchange<'_>, now: UnixTime) -> Result<Granted, FetchError>;
}

/// What the token endpoint issued.
pub(crate) struct Granted {
    pub(crate) token: AccessToken,
    /// When to renew the token, if that is earlier than its lifetime requires.
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

    /// Allows use of a token stored at `before`, if the two places differ only by a secret.
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

    /// Takes over what is stored at the place of `before`.
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
