//! What a user once allowed by the device flow, kept as a refresh token (RFC 6749 section 6).
//!
//! Where the provider rotates refresh tokens each is good for one use, and a second use of one makes the provider withdraw
//! the whole grant. Then a person has to log in again. So what happens when is decided here with care:
//!
//! 1. Nobody else may be using the refresh token: [`SingleUse`].
//! 2. The request is sent once, and its answer waited for longer than usual: it holds the next refresh token.
//! 3. There is room for the next refresh token before the present one is sent, and it is written down before the access
//!    token that came with it is used.
//! 4. A request without an answer may be repeated once it is certain that none will come. If it did arrive, the answer and
//!    the grant were lost with it already; if not, nothing has happened.
//! 5. Only `invalid_grant` ends the grant. Then the provider is not asked again until somebody has logged in.
//! 6. With a `store` the refresh token is there, for all machines. Then without the store it is not used at all: the access
//!    token in hand serves to its end.

use std::rc::Rc;
use std::time::Duration;

use egress::{Platform, SendOnce, Url};
use middleware::{ConfigError, Event, Host, Secret, UnixTime};
use oauth::{TokenError, TokenRequest, TokenResponse, refresh_token};
use shared_state::{Exchange, FetchError, PlaceError, Replaced, Seal, SingleUse, Store, Use, UseError};

use crate::Options;
use crate::token::gateways_trouble;

/// The refresh token in the state directory or the store, and how to use it.
pub(crate) struct UserGrant {
    stored: SingleUse,
    /// Where that is, for people.
    place: &'static str,
    /// How long a call may take until it is sent, and from then on until it is answered.
    send_within: Duration,
    answer_within: Duration,
    /// For whom and what it was given.
    whose: String,
    platform: Rc<dyn Platform>,
}

/// How much longer than usual the answer is waited for.
const PATIENCE: u32 = 3;
/// When to come back to a store that did not take the next refresh token.
const SOON: Duration = Duration::from_secs(2);
/// The shortest key, in characters.
const SHORTEST_KEY: usize = 32;
/// Asked for to get a refresh token; says nothing about what the token is good for.
const OFFLINE_ACCESS: &str = "offline_access";

impl UserGrant {
    /// The grant that `options` ask for: `None` for the client's own token.
    pub(crate) fn new(
        options: &Options,
        url: &Url,
        client_id: &str,
        scopes: &[String],
        store: Option<&Rc<Store>>,
        platform: &Rc<dyn Platform>,
    ) -> Result<Option<(Self, Secret)>, ConfigError> {
        const KEY: &str = "refreshTokenKey";
        let key = options.refresh_token_key.as_ref().filter(|key| !key.is_empty());
        match options.grant.as_deref() {
            None | Some("" | "clientCredentials") => {
                return match key {
                    None => Ok(None),
                    Some(_) => Err(ConfigError::new(KEY, "is of use with `grant: refreshToken` only")),
                };
            }
            Some("refreshToken") => {}
            Some(_) => {
                return Err(ConfigError::new(
                    "grant",
                    "must be clientCredentials or refreshToken",
                ));
            }
        }
        let host: &dyn Host = &**platform;
        let key = key
            .ok_or_else(|| ConfigError::new(KEY, "is required with `grant: refreshToken`"))?
            .resolve(KEY, host)?;
        if key.expose().chars().count() < SHORTEST_KEY {
            return Err(ConfigError::new(
                KEY,
                format!("must have at least {SHORTEST_KEY} characters; `openssl rand -base64 32` makes one"),
            ));
        }
        let mut scopes: Vec<&str> = scopes.iter().flat_map(|scope| scope.split_whitespace()).collect();
        scopes.retain(|scope| *scope != OFFLINE_ACCESS);
        scopes.sort_unstable();
        scopes.dedup();
        let (url, scopes) = (url.to_string(), scopes.join(" "));
        let identity = [url.as_str(), client_id, scopes.as_str()];
        let seal = Seal::secret(&key, &identity).map_err(|error| ConfigError::new(KEY, error.to_string()))?;
        let name = seal.name("grant", &identity);
        let timeout = options.client_config.timeout();
        let (machine, place) = (
            Rc::clone(platform),
            if store.is_some() {
                "store"
            } else {
                "state directory"
            },
        );
        let grant = Self {
            stored: match store {
                None => SingleUse::in_directory(name, seal, machine),
                Some(store) => SingleUse::in_store(name, seal, machine, Rc::clone(store), timeout)
                    .map_err(|error| ConfigError::new("store", error.to_string()))?,
            },
            place,
            send_within: timeout,
            answer_within: timeout.saturating_mul(PATIENCE),
            whose: format!("client {client_id} with the scopes {scopes:?} of {url}"),
            platform: Rc::clone(platform),
        };
        Ok(Some((grant, key)))
    }

    /// Finds out whether a refresh token could be kept.
    pub(crate) fn check(&self) -> Result<(), PlaceError> {
        self.stored.check()
    }

    /// Puts the refresh token of a new login in the place of whatever is there.
    pub(crate) fn put(&self, refresh_token: &Secret) -> Result<(), PlaceError> {
        self.stored.put(refresh_token)
    }

    /// Uses the refresh token for an access token, and keeps the next refresh token. Tells when the access token should be
    /// renewed, if that is sooner than its lifetime asks for.
    ///
    /// # Errors
    /// [`FetchError`]; a lost grant is one of its kinds.
    pub(crate) fn refresh(
        &self,
        request: &TokenRequest,
        url: &Url,
        send: &mut Exchange<'_>,
        now: UnixTime,
    ) -> Result<(TokenResponse, Option<UnixTime>), FetchError> {
        let span = self.send_within.saturating_add(self.answer_within);
        let using = self.stored.begin(span).map_err(|error| self.explain(error))?;
        let mut request = match request
            .clone()
            .parameter("refresh_token", using.secret().expose())
            .to_http(url.uri(), now, &*self.platform)
        {
            Ok(request) => request,
            Err(error) => {
                using.give_back();
                let detail = format!("the request cannot be built: {error}");
                return Err(FetchError::Refused { detail });
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
        Ok((outcome.map_err(gateways_trouble)?, renew_at))
    }

    /// Writes the next refresh token down.
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

    /// The provider will never again take the refresh token.
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
        detail: "somebody has logged in anew meanwhile".to_owned(),
        retry_after: None,
    }
}

#[cfg(test)]
mod tests;
