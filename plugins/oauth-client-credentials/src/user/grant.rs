//! A user's grant, stored as a refresh token (RFC 6749 section 6).
//!
//! Providers that rotate refresh tokens accept each one only once. A second use makes them revoke the whole grant, and
//! then someone has to log in again. Therefore:
//!
//! 1. Only one instance may use the refresh token at a time: [`SingleUse`].
//! 2. The request is sent once, and waits for its answer longer than usual, because the answer contains the next
//!    refresh token.
//! 3. Space for the next refresh token is reserved before the current one is sent. The next one is stored before the
//!    access token that came with it is used.
//! 4. A request without an answer may be repeated once it is certain that no answer will come. If the request did
//!    arrive, the grant is already lost together with the answer; if not, a repetition does no harm.
//! 5. Only `invalid_grant` ends the grant. After that, the provider is not asked again until someone has logged in.
//! 6. With a `store`, the refresh token is kept there, for all machines. While the store is unavailable, the refresh
//!    token is not used at all; the current access token is used until it expires.

use std::rc::Rc;
use std::time::Duration;

use egress::{Platform, SendOnce, Url};
use middleware::{ConfigError, Event, Secret, UnixTime};
use oauth::{Client, TokenError, TokenRequest, TokenResponse, refresh_token};
use shared_state::{Exchange, FetchError, PlaceError, Replaced, Seal, SingleUse, Use, UseError};

use crate::demand::Demand;
use crate::services::Services;
use crate::token::Granted;

/// The refresh token in the state directory or the store, and how to use it.
pub(super) struct UserGrant {
    stored: SingleUse,
    /// The name of the place in log texts.
    place: &'static str,
    /// The request without the refresh token.
    request: TokenRequest,
    /// A fingerprint of the client's credentials.
    proof: String,
    /// The maximum time until the request is sent, and from then on until it is answered.
    send_within: Duration,
    answer_within: Duration,
    /// The client, scopes, and URL of the grant, for the log.
    whose: String,
    platform: Rc<dyn Platform>,
}

/// How many times longer than usual to wait for the answer.
const PATIENCE: u32 = 3;
/// How soon to try again after the store did not accept the next refresh token.
const SOON: Duration = Duration::from_secs(2);
/// The scope that asks for a refresh token. It does not affect what the token permits.
const OFFLINE_ACCESS: &str = "offline_access";

impl UserGrant {
    pub(super) fn new(
        key: &Secret,
        client: Client,
        demand: &Demand,
        timeout: Duration,
        services: &Services,
    ) -> Result<Self, ConfigError> {
        // A list of a few scopes does not need the library's sort, which is 3 KB of code for each type.
        let mut scopes: Vec<&str> = Vec::new();
        for scope in demand.scopes.iter().flat_map(|scope| scope.split_whitespace()) {
            if scope != OFFLINE_ACCESS
                && let Err(place) = scopes.binary_search(&scope)
            {
                scopes.insert(place, scope);
            }
        }
        let (url, scopes) = (demand.url.to_string(), scopes.join(" "));
        let identity = [url.as_str(), client.id.as_str(), scopes.as_str()];
        let seal = Seal::secret(key, &identity)
            .map_err(|error| ConfigError::new("refreshTokenKey", error.to_string()))?;
        let name = seal.name("grant", &identity);
        let platform = Rc::clone(&services.platform);
        let (stored, place) = match &services.store {
            None => (SingleUse::in_directory(name, seal, platform), "state directory"),
            Some(store) => {
                let stored = SingleUse::in_store(name, seal, platform, Rc::clone(store), timeout)
                    .map_err(|error| ConfigError::new("store", error.to_string()))?;
                (stored, "store")
            }
        };
        Ok(Self {
            stored,
            place,
            whose: format!("client {} with the scopes {scopes:?} of {url}", client.id),
            proof: client.proof(),
            request: demand.refresh(client),
            send_within: timeout,
            answer_within: timeout.saturating_mul(PATIENCE),
            platform: Rc::clone(&services.platform),
        })
    }

    pub(super) fn proof(&self) -> &str {
        &self.proof
    }

    /// Checks whether a refresh token could be stored.
    pub(super) fn check(&self) -> Result<(), PlaceError> {
        self.stored.check()
    }

    /// Stores the refresh token of a new login. It replaces an existing one.
    pub(super) fn put(&self, refresh_token: &Secret) -> Result<(), PlaceError> {
        self.stored.put(refresh_token)
    }

    /// Uses the refresh token to get an access token, and stores the next refresh token.
    ///
    /// # Errors
    /// [`FetchError`], for example [`FetchError::GrantLost`].
    pub(super) fn refresh(
        &self,
        url: &Url,
        send: &mut Exchange<'_>,
        now: UnixTime,
    ) -> Result<Granted, FetchError> {
        let span = self.send_within.saturating_add(self.answer_within);
        let using = self.stored.begin(span).map_err(|error| self.explain(error))?;
        let mut request = match self
            .request
            .clone()
            .parameter("refresh_token", using.secret().expose())
            .to_http(url.uri(), now, &*self.platform)
        {
            Ok(request) => request,
            Err(error) => {
                using.give_back();
                return Err(error.into());
            }
        };
        request.extensions_mut().insert(SendOnce {
            not_after: using.until().minus(self.answer_within),
            answer_within: self.answer_within,
        });
        let response = match send(&request) {
            Ok(response) => response,
            Err(error) => {
                using.give_back();
                return Err(error.into());
            }
        };
        let outcome = TokenResponse::read(&response, now);
        let renew_at = match refresh_token(&response) {
            Some(next) if next != *using.secret() => self.keep(using, &next)?,
            _ => match &outcome {
                Err(TokenError::InvalidGrant(detail)) => return Err(self.end(using, detail)),
                _ => {
                    using.give_back();
                    None
                }
            },
        };
        Ok(Granted {
            token: outcome?.access_token,
            renew_at,
        })
    }

    /// Stores the next refresh token. Returns when to try again, if it could only be stored temporarily.
    fn keep(&self, using: Use<'_>, next: &Secret) -> Result<Option<UnixTime>, FetchError> {
        match using.replace(next) {
            Ok(Replaced::Done) => Ok(None),
            Ok(Replaced::ForNow) => {
                self.platform
                    .log(&Event::warn("grant.not_in_store").field("of", &self.whose).field(
                        "kept",
                        "in this machine's state directory until the store is back",
                    ));
                Ok(Some(self.platform.now().plus(SOON)))
            }
            Ok(Replaced::Unwanted) => Err(superseded()),
            Err(error) => {
                self.platform.log(
                    &Event::error("grant.not_stored")
                        .field("error", &error)
                        .field("of", &self.whose)
                        .field(
                            "cure",
                            format_args!("mend the {}, then run oic-gateway login again", self.place),
                        ),
                );
                let detail = format!(
                    "the next refresh token could not be written down ({error}), so the grant is lost"
                );
                Err(FetchError::GrantLost { detail })
            }
        }
    }

    /// Ends the grant: the provider will never accept the refresh token again.
    fn end(&self, using: Use<'_>, detail: &str) -> FetchError {
        if using.lose() == Ok(false) {
            return superseded();
        }
        self.platform.log(
            &Event::error("grant.lost")
                .field("error", detail)
                .field("cure", "run oic-gateway login again")
                .field("of", &self.whose),
        );
        FetchError::GrantLost {
            detail: format!("the user's grant is lost ({detail}): run oic-gateway login again"),
        }
    }

    fn explain(&self, error: UseError) -> FetchError {
        match error {
            UseError::Missing => FetchError::GrantLost {
                detail: format!(
                    "no refresh token is kept for {}: run oic-gateway login with the same url, client id, scopes and key, \
                     into the {}",
                    self.whose, self.place
                ),
            },
            UseError::Lost => FetchError::GrantLost {
                detail: format!("the grant of {} is lost: run oic-gateway login again", self.whose),
            },
            UseError::Busy { left } => FetchError::Unavailable {
                detail: format!("the refresh token {error}"),
                retry_after: Some(left.min(Duration::from_secs(1))),
            },
            UseError::NoRoom(error) => FetchError::Unavailable {
                detail: format!(
                    "the refresh token is not used, since there is no room for the next one: {error}; make room for 100 KB \
                     in the {}",
                    self.place
                ),
                retry_after: None,
            },
            UseError::Place(_) => FetchError::Unavailable {
                detail: format!("the refresh token cannot be used safely: {error}"),
                retry_after: None,
            },
        }
    }
}

fn superseded() -> FetchError {
    FetchError::Unavailable {
        detail: "somebody has logged in again in the meantime".to_owned(),
        retry_after: None,
    }
}
