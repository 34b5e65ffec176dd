//! Tokens on behalf of callers that bring a client's id and secret: Traefik Hub's application level.
//!
//! Such a caller sends `Authorization: Basic` and knows nothing of tokens and scopes. The gateway puts the scope in,
//! fetches a token with the caller's credentials, keeps it for the next request, and sends the request on with it. Whether
//! the credentials are right, only the identity provider knows; so
//!
//! 1. a token is kept under a key from the very secret that fetched it, and found by nobody else,
//! 2. wrong credentials are remembered for a while, and so are the callers' attempts ([`Budget`]): whoever guesses is told
//!    429 before the provider notices,
//! 3. whoever has shown the right secret is not counted when the token is renewed: somebody who guesses at the same
//!    client cannot lock him out.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use credentials::{Basic, NoBasic};
use egress::{HttpClient, Platform, WireError};
use http::{Response, StatusCode};
use middleware::{ConfigError, Event, Problem, Reason, RequestHead, Secret, SecretRef, UnixTime};
use oauth::{AccessToken, Client, ClientAuthentication};
use serde_json::Value;
use shared_state::{Budget, CallerKey, Cause, Failure, FetchError, SharedMany, Store};

use crate::Options;
use crate::token::{Demand, Peppers, Token};

/// The tokens of all callers.
pub(crate) struct Callers {
    tokens: SharedMany<Token>,
    demand: Demand,
    /// How callers' clients prove themselves, by their secrets.
    authentication: fn(Secret) -> ClientAuthentication,
    scopes: BTreeMap<String, Vec<String>>,
    peppers: Peppers,
    budget: Rc<Budget>,
    platform: Rc<dyn Platform>,
    /// Makes keys of this instance's memory.
    instance: [u8; 32],
    /// Whose token went with the request in hand.
    last: CallerKey,
}

/// How many callers' tokens one instance holds. The others it finds in the state directory.
const HELD: usize = 16;

impl Callers {
    /// Whether the options ask for it: there is no client of the gateway's own.
    pub(crate) fn are_meant(options: &Options) -> bool {
        let is_users = options.grant.as_deref() == Some("refreshToken");
        let mut own = [&options.client_id, &options.client_secret].into_iter();
        !is_users && own.all(|option| option.as_ref().is_none_or(SecretRef::is_empty))
    }

    pub(crate) fn new(
        options: &Options,
        platform: Rc<dyn Platform>,
        client: Rc<HttpClient>,
        store: Option<Rc<Store>>,
    ) -> Result<Self, ConfigError> {
        let demand = Demand::new(options, &platform)?;
        let method = options.token_endpoint_auth_method.as_deref();
        let authentication = ClientAuthentication::by_secret(method).ok_or_else(|| {
            ConfigError::new(
                "tokenEndpointAuthMethod",
                "must be client_secret_basic or client_secret_post for clients that callers bring",
            )
        })?;
        if options.client_assertion.is_given() {
            return Err(ConfigError::new(
                "clientAssertion",
                "is about the gateway's own client: leave it out, or give clientID",
            ));
        }
        let mut scopes = BTreeMap::new();
        for (client, list) in &options.scopes_by_client {
            let field = format!("scopesByClient.{client}");
            if list.0.is_empty() {
                return Err(ConfigError::new(field, "is empty: list at least one scope"));
            }
            scopes.insert(client.clone(), crate::token::scopes(&field, &list.0, &*platform)?);
        }
        let pepper = match options.store.as_ref().and_then(|store| store.secret.as_ref()) {
            Some(secret) => Some(secret.resolve("store.secret", &*platform)?),
            None => None,
        };
        let limits = options.limits.check()?;
        let budget = Budget::new(Rc::clone(&platform), &[&demand.url.to_string()], limits);
        let mut instance = [0; 32];
        platform.fill_random(&mut instance);
        let tokens = SharedMany::new(Rc::clone(&platform), client, HELD);
        Ok(Self {
            tokens: match store {
                Some(store) => tokens.with_store(store),
                None => tokens,
            },
            demand,
            authentication,
            scopes,
            peppers: Peppers {
                now: pepper,
                before: None,
            },
            budget: Rc::new(budget),
            platform,
            instance,
            last: CallerKey::default(),
        })
    }

    /// Files of the configuration have changed.
    pub(crate) fn take_over(&mut self, before: Self) {
        if before.peppers.now != self.peppers.now {
            self.peppers.before = Some(before.peppers.now);
        }
    }

    /// The token for the caller of `request`.
    ///
    /// # Errors
    /// What to answer him.
    pub(crate) fn get(
        &mut self,
        request: &dyn RequestHead,
        now: UnixTime,
    ) -> Result<Rc<AccessToken>, Problem> {
        self.find(request, now).map_err(|refusal| {
            if let Some(code) = refusal.code() {
                self.platform
                    .log(&Event::debug("caller.refused").field("reason", code));
            }
            refusal.problem()
        })
    }

    /// Drops the token `seen` of the request in hand: the backend does not accept it.
    pub(crate) fn discard(&mut self, seen: &Rc<AccessToken>, interval: Duration) {
        self.tokens.discard(&self.last, seen, interval);
    }

    fn find(&mut self, request: &dyn RequestHead, now: UnixTime) -> Result<Rc<AccessToken>, Refusal> {
        let caller = Basic::read(&request.header("Authorization"))?;
        if caller.password.expose().is_empty() {
            return Err(Refusal::Credentials("no_secret"));
        }
        let scopes = match self.scopes.get(&caller.name) {
            Some(scopes) => scopes,
            // With a list of clients that has no place for others, others have no business here.
            None if self.demand.scopes.is_empty() && !self.scopes.is_empty() => {
                return Err(Refusal::Credentials("client_not_listed"));
            }
            None => &self.demand.scopes,
        };
        let key = self.key(&caller);
        let (demand, platform, authentication) = (&self.demand, &self.platform, self.authentication);
        let (budget, peppers) = (&self.budget, &self.peppers);
        let token = self.tokens.get(&key, now, || {
            let guard = Guard {
                budget: Rc::clone(budget),
                client: caller.name.clone(),
                proven: Cell::new(false),
            };
            let client = Client {
                id: caller.name,
                authentication: authentication(caller.password),
            };
            demand.token_of_caller(client, scopes, peppers, guard, Rc::clone(platform))
        })?;
        self.last = key;
        Ok(token)
    }

    fn key(&self, caller: &Basic) -> CallerKey {
        // A name has no colon.
        let pair = format!("{}:{}", caller.name, caller.password.expose());
        *blake3::keyed_hash(&self.instance, pair.as_bytes()).as_bytes()
    }
}

/// Why a caller gets no token.
enum Refusal {
    NoBasic(NoBasic),
    /// Refused without asking the provider; a stable code for the log.
    Credentials(&'static str),
    Unavailable(Failure),
}

impl From<NoBasic> for Refusal {
    fn from(no_basic: NoBasic) -> Self {
        Self::NoBasic(no_basic)
    }
}

impl From<Failure> for Refusal {
    fn from(unavailable: Failure) -> Self {
        Self::Unavailable(unavailable)
    }
}

impl Refusal {
    /// A stable code for the log, or `None` if crate `shared-state` logs the failure.
    fn code(&self) -> Option<&'static str> {
        match self {
            Self::NoBasic(NoBasic::Missing) => Some("missing_credentials"),
            Self::NoBasic(NoBasic::OtherScheme) => Some("other_scheme"),
            Self::NoBasic(NoBasic::Malformed) => Some("malformed_authorization"),
            Self::Credentials(code) => Some(code),
            Self::Unavailable(unavailable) => match unavailable.cause() {
                Cause::Denied => Some("denied"),
                Cause::Limited => Some("limited"),
                _ => None,
            },
        }
    }

    fn problem(self) -> Problem {
        const CHALLENGE: &str = r#"Basic realm="oic-gateway", charset="UTF-8""#;
        match self {
            Self::NoBasic(NoBasic::Missing | NoBasic::OtherScheme) => {
                Problem::new(Reason::MissingCredentials).challenge(CHALLENGE)
            }
            Self::NoBasic(NoBasic::Malformed) => Problem::new(Reason::InvalidRequest),
            Self::Credentials(_) => Problem::new(Reason::InvalidCredentials).challenge(CHALLENGE),
            Self::Unavailable(unavailable) if unavailable.cause() == Cause::Denied => {
                Problem::new(Reason::InvalidCredentials).challenge(CHALLENGE)
            }
            Self::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

/// Stands between one caller's token and the provider.
pub(crate) struct Guard {
    budget: Rc<Budget>,
    client: String,
    /// Whether the caller's secret has fetched a token: then it is right.
    proven: Cell<bool>,
}

impl Guard {
    /// Sends a token request by `send`, if that is not too much.
    pub(crate) fn exchange(
        &self,
        send: impl FnOnce() -> Result<Response<Vec<u8>>, WireError>,
    ) -> Result<Response<Vec<u8>>, FetchError> {
        let charge = match self.proven.get() {
            true => None,
            false => Some(self.budget.take(&self.client)?),
        };
        let outcome = send();
        let denied = outcome.as_ref().is_ok_and(is_denial);
        if denied {
            self.proven.set(false);
        } else if let Some(charge) = charge {
            self.budget.forgive(&charge);
        }
        match outcome? {
            response if denied => Err(FetchError::Denied {
                detail: format!("status {}", response.status().as_u16()),
            }),
            response => Ok(response),
        }
    }

    /// The caller has a token: one was fetched, or could be opened with his secret.
    pub(crate) fn prove(&self) {
        self.proven.set(true);
    }
}

/// Whether the provider refuses id or secret (RFC 6749 §5.2). What it says of scopes and grants is not the caller's
/// doing: those are the gateway's.
fn is_denial(response: &Response<Vec<u8>>) -> bool {
    let body = middleware::published::without_mark(response.body());
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    match body.get("error").and_then(Value::as_str) {
        Some(code) => code == "invalid_client" && !response.status().is_server_error(),
        None => response.status() == StatusCode::UNAUTHORIZED,
    }
}

#[cfg(test)]
mod tests;
