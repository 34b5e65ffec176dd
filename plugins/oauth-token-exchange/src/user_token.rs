//! The token of one caller as a shared resource.

use std::rc::Rc;

use egress::Url;
use middleware::UnixTime;
use oauth::AccessToken;
use shared_state::{CallerKey, Exchange, FetchError, Fetched, Former, Resource, Seal, StateName, send_fresh};

use crate::provider::Provider;
use crate::subject::Subject;

/// The token of one subject.
pub(crate) struct UserToken {
    provider: Rc<Provider>,
    subject: Subject,
    name: StateName,
    seal: Rc<Seal>,
    former: Option<Former>,
}

impl UserToken {
    /// Creates the token of `subject` under `key`. `None` does not occur in practice: see [`Provider::place`].
    pub(crate) fn new(provider: &Rc<Provider>, subject: Subject, key: &CallerKey) -> Option<Self> {
        let (name, seal) = provider.place(key)?;
        Some(Self {
            // The provider has checked that only the secret differs. The seals cannot show this, since each depends on
            // its secret.
            former: provider.former_place(&subject),
            provider: Rc::clone(provider),
            subject,
            name,
            seal,
        })
    }
}

impl Resource for UserToken {
    type Value = AccessToken;

    fn name(&self) -> &StateName {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "user-token"
    }

    fn url(&self) -> &Url {
        &self.provider.url
    }

    fn seal(&self) -> &Seal {
        &self.seal
    }

    fn former(&self) -> Option<&Former> {
        self.former.as_ref()
    }

    fn encode(&self, token: &AccessToken) -> Vec<u8> {
        token.to_bytes()
    }

    fn decode(&self, bytes: &[u8]) -> Option<AccessToken> {
        AccessToken::from_bytes(bytes)
    }

    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<AccessToken>, FetchError> {
        let response = send_fresh(send, || self.provider.request(&self.subject, now))?;
        self.provider.read(&response, &self.subject, now)
    }
}
