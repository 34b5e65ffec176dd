//! Tokens for callers that bring a client ID and secret: Traefik Hub's application level.
//!
//! Such a caller sends `Authorization: Basic` and does not know about tokens and scopes. The gateway adds the scope,
//! fetches a token with the caller's credentials, keeps it for later requests, and forwards the request with it. Only
//! the identity provider knows whether the credentials are right. Therefore:
//!
//! 1. A token is stored under a key derived from the secret that fetched it, so only callers with this secret can find
//!    it.
//! 2. Wrong credentials are remembered for a while, and attempts are counted ([`Budget`]). A caller who guesses gets a
//!    429, so few guesses reach the provider.
//! 3. After a caller has shown the right secret, renewals do not count as attempts. So someone who guesses secrets for
//!    the same client cannot lock that caller out.

mod guard;
mod refusal;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use credentials::{Basic, TokenHasher};
use egress::{Platform, Url};
use middleware::config::texts;
use middleware::{ConfigError, Event, Problem, RequestHead, Secret, UnixTime};
use oauth::{AccessToken, Client, ClientAuthentication, TokenRequest, TokenResponse};
use shared_state::{Budget, CallerKey, Exchange, FetchError, Seal, SharedMany};

use crate::config::Options;
use crate::demand::Demand;
use crate::services::Services;
use crate::token::{Grant, Granted, Place, Token};
use guard::Guard;
use refusal::Refusal;

/// The tokens of all callers.
pub(crate) struct Callers {
    tokens: SharedMany<Token>,
    demand: Demand,
    /// How the callers' clients authenticate with their secrets.
    authentication: fn(Secret) -> ClientAuthentication,
    scopes: BTreeMap<String, Vec<String>>,
    peppers: Peppers,
    budget: Rc<Budget>,
    platform: Rc<dyn Platform>,
    hasher: TokenHasher,
    /// The caller whose token was used for the current request.
    last: CallerKey,
}

/// The maximum number of callers' tokens that one instance holds in memory. It finds the others in the state directory.
const HELD: usize = 16;

impl Callers {
    pub(crate) fn new(options: &Options, services: Services) -> Result<Self, ConfigError> {
        let Services {
            platform,
            client,
            store,
        } = services;
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
            scopes.insert(client.clone(), texts(&field, &list.0, &*platform)?);
        }
        let pepper = match options.store.as_ref().and_then(|store| store.secret.as_ref()) {
            Some(secret) => Some(secret.resolve("store.secret", &*platform)?),
            None => None,
        };
        let limits = options.limits.check()?;
        let budget = Budget::new(Rc::clone(&platform), &[&demand.url.to_string()], limits);
        let hasher = TokenHasher::new(&*platform);
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
            hasher,
            last: CallerKey::default(),
        })
    }

    /// Takes over from `before`, after configuration files have changed.
    pub(crate) fn take_over(&mut self, before: Self) {
        if before.peppers.now != self.peppers.now {
            self.peppers.before = Some(before.peppers.now);
        }
    }

    /// Returns the token for the caller of `request`.
    ///
    /// # Errors
    /// The answer to the caller.
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

    /// Drops the token `seen` of the current request, because the backend did not accept it.
    pub(crate) fn discard(&mut self, seen: &Rc<AccessToken>, interval: Duration) {
        self.tokens.discard(&self.last, seen, interval);
    }

    fn find(&mut self, request: &dyn RequestHead, now: UnixTime) -> Result<Rc<AccessToken>, Refusal> {
        let caller = Basic::read(&request.header("Authorization")).map_err(Refusal::NoBasic)?;
        if caller.password.expose().is_empty() {
            return Err(Refusal::Credentials("no_secret"));
        }
        let scopes = match self.scopes.get(&caller.name) {
            Some(scopes) => scopes,
            // If there is a list of clients but no default scopes, clients outside the list are refused.
            None if self.demand.scopes.is_empty() && !self.scopes.is_empty() => {
                return Err(Refusal::Credentials("client_not_listed"));
            }
            None => &self.demand.scopes,
        };
        let key = self.key(&caller);
        let token = self.tokens.get(&key, now, || {
            let guard = Guard::new(Rc::clone(&self.budget), caller.name.clone());
            let client = Client {
                id: caller.name,
                authentication: (self.authentication)(caller.password),
            };
            token_of(client, scopes, &self.demand, &self.peppers, guard, &self.platform)
        });
        let token = token.map_err(Refusal::Unavailable)?;
        self.last = key;
        Ok(token)
    }

    fn key(&self, caller: &Basic) -> CallerKey {
        // A name contains no colon, so the pair is unambiguous.
        let pair = format!("{}:{}", caller.name, caller.password.expose());
        self.hasher.digest(pair.as_bytes()).caller_key()
    }
}

/// Creates the token of a caller's client.
fn token_of(
    client: Client,
    scopes: &[String],
    demand: &Demand,
    peppers: &Peppers,
    guard: Guard,
    platform: &Rc<dyn Platform>,
) -> Option<Token> {
    let identity = demand.identity(&client.id, scopes);
    let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
    let secret = client.secret()?.clone();
    let place = |pepper: Option<&Secret>| {
        let mut secret = secret.expose().to_owned();
        if let Some(pepper) = pepper {
            // The secret has no control characters, so the separator is unambiguous.
            secret.push('\0');
            secret.push_str(pepper.expose());
        }
        let seal = Seal::secret(&Secret::new(secret), &identity).ok()?;
        Some(Place::new(
            seal.slot("caller-token", &[&demand.url.to_string()]),
            seal,
        ))
    };
    let mut now = place(peppers.now.as_ref())?;
    if let Some(before) = peppers.before.as_ref().and_then(|before| place(before.as_ref())) {
        now.succeed(&before);
    }
    let grant = CallerGrant {
        request: demand.client_credentials(client, scopes),
        guard,
        platform: Rc::clone(platform),
    };
    Some(Token::new(
        demand.url.clone(),
        now,
        Box::new(grant),
        Rc::clone(platform),
    ))
}

/// Secrets that the keys of callers' tokens depend on, in addition to the callers' own: `store.secret`, if there is
/// one.
#[derive(Default)]
struct Peppers {
    now: Option<Secret>,
    /// The previous value, if it changed while this instance was running.
    before: Option<Option<Secret>>,
}

/// The client credentials grant of a caller's client.
struct CallerGrant {
    request: TokenRequest,
    guard: Guard,
    platform: Rc<dyn Platform>,
}

impl Grant for CallerGrant {
    fn holds(&self) {
        self.guard.prove();
    }

    fn request(&self, url: &Url, send: &mut Exchange<'_>, now: UnixTime) -> Result<Granted, FetchError> {
        // The client authenticates with its secret, so the request may be sent any number of times.
        let request = self.request.to_http(url.uri(), now, &*self.platform)?;
        let response = self.guard.exchange(|| send(&request))?;
        Ok(TokenResponse::read(&response, now)?.into())
    }
}

#[cfg(test)]
mod tests;
