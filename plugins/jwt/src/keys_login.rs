//! A token of the gateway's own for key sets that are not public: `jwksAuth`.
//!
//! IDCS keeps its key set closed unless an administrator opens it to the world. Any token for the domain's own API opens
//! it for its bearer. Such a token is got for each fetch of keys, every quarter of an hour, and kept nowhere.

use egress::Url;
use middleware::{Host, UnixTime};
use oauth::{AccessToken, Client, TokenError, TokenRequest, TokenResponse};
use shared_state::{Exchange, FetchError, send_fresh};

/// How to get a token that opens a key set: the client credentials grant (RFC 6749 section 4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysLogin {
    /// The option it comes from.
    pub option: String,
    /// The token endpoint.
    pub url: Url,
    /// The gateway.
    pub client: Client,
    /// What to ask for.
    pub scopes: Vec<String>,
}

impl KeysLogin {
    /// Gets a token.
    ///
    /// # Errors
    /// [`FetchError::Refused`] where the provider refuses the client.
    pub(crate) fn token(
        &self,
        send: &mut Exchange<'_>,
        now: UnixTime,
        host: &dyn Host,
    ) -> Result<AccessToken, FetchError> {
        let option = &self.option;
        let refused = |detail: String| FetchError::Refused {
            detail: format!("{option}: {detail}"),
        };
        let request = TokenRequest::client_credentials(self.client.clone()).scopes(&self.scopes);
        let response = send_fresh(send, || {
            let request = request.to_http(self.url.uri(), now, host);
            request.map_err(|error| refused(format!("the request cannot be built: {error}")))
        });
        let response = response.map_err(|error| match error {
            FetchError::Unavailable { detail, retry_after } => FetchError::Unavailable {
                detail: format!("{option}: {detail}"),
                retry_after,
            },
            other => other,
        })?;
        let answer = TokenResponse::read(&response, now).map_err(|error| match error {
            TokenError::Refused(detail)
            | TokenError::InvalidGrant(detail)
            | TokenError::InvalidRequest(detail) => refused(detail),
            TokenError::Unavailable { detail, retry_after } => FetchError::Unavailable {
                detail: format!("{option}: {detail}"),
                retry_after,
            },
        })?;
        Ok(answer.access_token)
    }
}
