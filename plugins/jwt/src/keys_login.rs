//! The gateway's own token for protected key sets: `jwksAuth`.
//!
//! IDCS does not publish its key set unless an administrator allows public access. Any token for the domain's own API
//! gives access to it. The gateway requests such a token whenever it fetches the keys, every 15 minutes, and does not
//! keep it.

use egress::Url;
use middleware::{Host, UnixTime};
use oauth::{AccessToken, Client, TokenRequest, TokenResponse};
use shared_state::{Exchange, FetchError};

/// How to get a token for a key set: the client credentials grant (RFC 6749 §4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysLogin {
    /// The option that these settings come from.
    pub option: String,
    /// The token endpoint.
    pub url: Url,
    /// The gateway's client identifier and credentials.
    pub client: Client,
    /// The scopes to request.
    pub scopes: Vec<String>,
}

impl KeysLogin {
    /// Requests a token. Errors begin with the option's name, since there may be several logins.
    ///
    /// # Errors
    /// [`FetchError::Refused`] if the provider refuses the client.
    pub(crate) fn token(
        &self,
        send: &mut Exchange<'_>,
        now: UnixTime,
        host: &dyn Host,
    ) -> Result<AccessToken, FetchError> {
        let request = TokenRequest::client_credentials(self.client.clone()).scopes(&self.scopes);
        let response = request.send(&self.url, send, now, host);
        let answer = response.and_then(|response| Ok(TokenResponse::read(&response, now)?));
        answer
            .map(|answer| answer.access_token)
            .map_err(|error| self.named(error))
    }

    fn named(&self, error: FetchError) -> FetchError {
        let named = |detail| format!("{}: {detail}", self.option);
        match error {
            FetchError::Refused { detail } => FetchError::Refused {
                detail: named(detail),
            },
            FetchError::Unavailable { detail, retry_after } => FetchError::Unavailable {
                detail: named(detail),
                retry_after,
            },
            other => other,
        }
    }
}
