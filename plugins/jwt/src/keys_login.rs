//! A token of the gateway's own for key sets that are not public: `jwksAuth`.
//!
//! IDCS keeps its key set closed unless an administrator opens it to the world. Any token for the domain's own API opens
//! it for its bearer. Such a token is got for each fetch of keys, every quarter of an hour, and kept nowhere.

use egress::{Exchange, FetchError, Url};
use middleware::{Secret, UnixTime};
use oauth::{AccessToken, ClientAuthentication, ClientCredentials, TokenError, TokenRequest, TokenResponse};

/// How to get a token that opens a key set: the client credentials grant (RFC 6749 section 4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysLogin {
    /// The option it comes from.
    pub option: String,
    /// The token endpoint.
    pub url: Url,
    /// Client identifier.
    pub client_id: String,
    /// Client secret.
    pub client_secret: Secret,
    /// What to ask for.
    pub scopes: Vec<String>,
    /// How the client proves itself.
    pub authentication: ClientAuthentication,
}

impl KeysLogin {
    /// Gets a token.
    ///
    /// # Errors
    /// [`FetchError::Refused`] where the provider refuses the client.
    pub(crate) fn token(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<AccessToken, FetchError> {
        let option = &self.option;
        let client = ClientCredentials {
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
        };
        let request = TokenRequest::client_credentials(client, self.authentication)
            .scopes(&self.scopes)
            .to_http(self.url.uri())
            .map_err(|error| FetchError::Refused {
                detail: format!("{option}: the request cannot be built: {error}"),
            })?;
        let response = send(&request).map_err(|error| FetchError::Unavailable {
            detail: format!("{option}: {error}"),
            retry_after: None,
        })?;
        let answer = TokenResponse::read(&response, now).map_err(|error| match error {
            TokenError::Refused(detail) | TokenError::InvalidGrant(detail) => FetchError::Refused {
                detail: format!("{option}: {detail}"),
            },
            TokenError::Unavailable { detail, retry_after } => FetchError::Unavailable {
                detail: format!("{option}: {detail}"),
                retry_after,
            },
        })?;
        Ok(answer.access_token)
    }
}
