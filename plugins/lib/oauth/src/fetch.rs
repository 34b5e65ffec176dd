//! Tokens as shared resources: how a request is sent, whose fault a failure is, how long a token is kept.

use egress::Url;
use http::Response;
use middleware::{Host, UnixTime};
use shared_state::{Exchange, FetchError, Lifetime, send_fresh};

use crate::access_token::AccessToken;
use crate::request::{RequestError, TokenRequest};
use crate::response::TokenError;

/// A refusal is the gateway's own trouble. A plugin that sends something of the caller's must look at
/// [`TokenError::InvalidGrant`] and [`TokenError::InvalidRequest`] first.
impl From<TokenError> for FetchError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused(detail)
            | TokenError::InvalidGrant(detail)
            | TokenError::InvalidRequest(detail) => Self::Refused { detail },
            TokenError::Unavailable { detail, retry_after } => Self::Unavailable { detail, retry_after },
        }
    }
}

impl From<RequestError> for FetchError {
    fn from(error: RequestError) -> Self {
        Self::Refused {
            detail: format!("the request cannot be built: {error}"),
        }
    }
}

impl TokenRequest {
    /// Sends the request to the token endpoint `url`. A request that had to be repeated and was then refused is built and
    /// sent once more, since its assertion may be used up.
    ///
    /// # Errors
    /// The request cannot be built, or the exchange fails.
    pub fn send(
        &self,
        url: &Url,
        send: &mut Exchange<'_>,
        now: UnixTime,
        host: &dyn Host,
    ) -> Result<Response<Vec<u8>>, FetchError> {
        send_fresh(send, || Ok(self.to_http(url.uri(), now, host)?))
    }
}

impl AccessToken {
    /// How long to keep a token that was requested at `asked_at`. Chance spreads the time of its renewal.
    pub fn lifetime(&self, asked_at: UnixTime, host: &dyn Host) -> Lifetime {
        let mut jitter = [0];
        host.fill_random(&mut jitter);
        let [jitter] = jitter;
        Lifetime {
            refresh_at: self.refresh_at(asked_at, jitter),
            usable_until: self.usable_until(asked_at),
        }
    }
}
