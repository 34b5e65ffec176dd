//! A client's token as a shared resource: the gateway's own, or a caller's.

use std::rc::Rc;

use egress::{Platform, Url};
use middleware::{ConfigError, Host, Secret, SecretRef, UnixTime};
use oauth::{
    AccessToken, Client, ClientAuthentication, ClientOptions, TokenError, TokenRequest, TokenResponse,
};
use shared_state::{
    Exchange, FetchError, Fetched, Former, Lifetime, Resource, Seal, StateName, Store, send_fresh,
};

use crate::Options;
use crate::caller_options::CallerLimits;
use crate::callers::Guard;
use crate::user_grant::UserGrant;

/// One client's token for one set of scopes.
pub(crate) struct Token {
    url: Url,
    request: TokenRequest,
    /// Where it is a user's.
    user: Option<UserGrant>,
    name: StateName,
    seal: Rc<Seal>,
    /// Where it lay before a secret changed.
    former: Option<Former>,
    /// What the gateway's own client proves itself with.
    proof: Option<String>,
    platform: Rc<dyn Platform>,
    /// Where it is a caller's.
    guard: Option<Guard>,
}

/// What is asked for, whoever asks.
pub(crate) struct Demand {
    pub(crate) url: Url,
    pub(crate) scopes: Vec<String>,
    /// `audience` and `endpointParams`.
    parameters: Vec<(String, String)>,
    /// Which servers the connection to the provider trusts.
    trust: String,
}

impl Demand {
    pub(crate) fn new(options: &Options, platform: &Rc<dyn Platform>) -> Result<Self, ConfigError> {
        let host: &dyn Host = &**platform;
        let url = resolve("url", options.url.as_ref(), host)?;
        let url = Url::parse(&url).map_err(|error| ConfigError::new("url", error.to_string()))?;
        url.warn_if_plain(
            "url",
            "the client secret and the token travel in clear: use https outside of tests",
            host,
        );
        let scopes = scopes("scopes", &options.scopes, host)?;
        let mut parameters = Vec::new();
        if let Some(audience) = options.audience.as_ref().filter(|audience| !audience.is_empty()) {
            let audience = audience.resolve("audience", host)?.expose().to_owned();
            parameters.push(("audience".to_owned(), audience));
        }
        for (parameter, value) in &options.endpoint_params {
            let field = format!("endpointParams.{parameter}");
            if matches!(
                parameter.as_str(),
                "grant_type"
                    | "scope"
                    | "audience"
                    | "client_id"
                    | "client_secret"
                    | "client_assertion"
                    | "client_assertion_type"
                    | "refresh_token"
            ) {
                return Err(ConfigError::new(
                    field,
                    "has an option of its own, or is set by the plugin",
                ));
            }
            let value = value.resolve_document(&field, host)?.expose().to_owned();
            parameters.push((parameter.clone(), value));
        }
        Ok(Self {
            url,
            scopes,
            parameters,
            trust: options.client_config.tls.trust(host),
        })
    }

    /// Whatever makes two tokens different makes two names, and two keys. Trust is part of it: a token from a server that one
    /// router trusts must not serve a router that does not trust this server.
    fn identity(&self, client_id: &str, scopes: &[String]) -> Vec<String> {
        let mut identity = vec![
            self.url.to_string(),
            client_id.to_owned(),
            scopes.join(" "),
            self.trust.clone(),
        ];
        let parameters = self.parameters.iter();
        identity.extend(parameters.map(|(name, value)| format!("{name}={value}")));
        identity
    }

    fn request(&self, client: Client, scopes: &[String]) -> TokenRequest {
        self.completed(TokenRequest::client_credentials(client).scopes(scopes))
    }

    fn completed(&self, request: TokenRequest) -> TokenRequest {
        let parameters = self.parameters.iter();
        parameters.fold(request, |request, (name, value)| request.parameter(name, value))
    }

    /// The token of a caller's client. The peppers make the key that it is kept under depend on more than the caller's
    /// secret.
    pub(crate) fn token_of_caller(
        &self,
        client: Client,
        scopes: &[String],
        peppers: &Peppers,
        guard: Guard,
        platform: Rc<dyn Platform>,
    ) -> Option<Token> {
        let identity = self.identity(&client.id, scopes);
        let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
        let secret = client.secret()?;
        let place = |pepper: Option<&Secret>| {
            let mut secret = secret.expose().to_owned();
            if let Some(pepper) = pepper {
                // The secret has no control characters, so it is clear where it ends.
                secret.push('\0');
                secret.push_str(pepper.expose());
            }
            let seal = Seal::secret(&Secret::new(secret), &identity).ok()?;
            Some((seal.slot("caller-token", &[&self.url.to_string()]), Rc::new(seal)))
        };
        let (name, seal) = place(peppers.now.as_ref())?;
        let former = match &peppers.before {
            Some(before) => place(before.as_ref()),
            None => None,
        };
        Some(Token {
            url: self.url.clone(),
            former: former.and_then(|(former, old)| Former::new(former, old).of(&name, &seal)),
            name,
            request: self.request(client, scopes),
            user: None,
            seal,
            proof: None,
            platform,
            guard: Some(guard),
        })
    }
}

/// What the keys of callers' tokens depend on beside their secrets: `store.secret`, where there is one.
#[derive(Default)]
pub(crate) struct Peppers {
    pub(crate) now: Option<Secret>,
    /// What it was before it changed, if it did while this instance ran.
    pub(crate) before: Option<Option<Secret>>,
}

/// The scopes in the option `field`, each of which may stand elsewhere.
pub(crate) fn scopes(field: &str, list: &[String], host: &dyn Host) -> Result<Vec<String>, ConfigError> {
    list.iter()
        .enumerate()
        .map(|(index, scope)| {
            let scope = SecretRef::new(scope).resolve(&format!("{field}[{index}]"), host)?;
            Ok(scope.expose().to_owned())
        })
        .collect()
}

impl Token {
    /// The gateway's own.
    pub(crate) fn new(
        options: &Options,
        store: Option<&Rc<Store>>,
        platform: Rc<dyn Platform>,
    ) -> Result<Self, ConfigError> {
        let host: &dyn Host = &*platform;
        for (field, given) in [
            ("scopesByClient", !options.scopes_by_client.is_empty()),
            ("limits", options.limits != CallerLimits::default()),
        ] {
            if given {
                return Err(ConfigError::new(
                    field,
                    "is about clients that callers bring: leave it out, or clientID and clientSecret",
                ));
            }
        }
        let client = client(options, host)?;
        let demand = Demand::new(options, &platform)?;
        let user = UserGrant::new(options, &demand.url, &client.id, &demand.scopes, store, &platform)?;
        let mut identity = demand.identity(&client.id, &demand.scopes);
        if user.is_some() {
            identity.push("a user's".to_owned());
        }
        let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
        let proof = client.proof();
        let secret = match &user {
            Some((_, key)) => Some(key),
            None => client.secret(),
        };
        let secret = secret.ok_or_else(|| ConfigError::new("clientSecret", "is required"))?;
        let seal = Seal::secret(secret, &identity)
            .map_err(|error| ConfigError::new("configuration", error.to_string()))?;
        let request = match &user {
            None => demand.request(client, &demand.scopes),
            Some(_) => demand.completed(TokenRequest::refresh(client)),
        };
        Ok(Self {
            name: seal.name("token", &identity),
            request,
            user: user.map(|(user, _)| user),
            url: demand.url,
            seal: Rc::new(seal),
            former: None,
            proof: Some(proof),
            platform,
            guard: None,
        })
    }
}

impl Token {
    /// The user's grant that the token comes from, if it is a user's.
    pub(crate) const fn user(&self) -> Option<&UserGrant> {
        self.user.as_ref()
    }

    /// Files of the configuration have changed: `before` is the token that was configured until now.
    pub(crate) fn take_over(&mut self, before: &Self) {
        // A user who has logged in with another key may be somebody else.
        if self.user.is_none() && before.user.is_none() {
            let former = Former::new(before.name.clone(), Rc::clone(&before.seal));
            self.former = former.of(&self.name, &self.seal);
        }
    }

    fn request(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<TokenResponse, FetchError> {
        let make = || {
            let request = self.request.to_http(self.url.uri(), now, &*self.platform);
            request.map_err(|error| FetchError::Refused {
                detail: format!("the request cannot be built: {error}"),
            })
        };
        let response = match &self.guard {
            // A caller's client proves itself by its secret, which is good for any number of times.
            Some(guard) => {
                let request = make()?;
                guard.exchange(|| send(&request))?
            }
            None => send_fresh(send, make)?,
        };
        TokenResponse::read(&response, now).map_err(gateways_trouble)
    }
}

/// What the provider refuses is the gateway's request, not the caller's.
pub(crate) fn gateways_trouble(error: TokenError) -> FetchError {
    match error {
        TokenError::Refused(detail)
        | TokenError::InvalidGrant(detail)
        | TokenError::InvalidRequest(detail) => FetchError::Refused { detail },
        TokenError::Unavailable { detail, retry_after } => FetchError::Unavailable { detail, retry_after },
    }
}

/// The gateway's own client. With a user's refresh token it may be a public one, which has no secret.
fn client(options: &Options, host: &dyn Host) -> Result<Client, ConfigError> {
    let is_users = options.grant.as_deref() == Some("refreshToken");
    let has_secret = options
        .client_secret
        .as_ref()
        .is_some_and(|secret| !secret.is_empty());
    let no_method = options.token_endpoint_auth_method.is_none() && !options.client_assertion.is_given();
    if is_users && !has_secret && no_method {
        return Ok(Client {
            id: resolve("clientID", options.client_id.as_ref(), host)?,
            authentication: ClientAuthentication::Public,
        });
    }
    let client = ClientOptions {
        id: options.client_id.as_ref(),
        secret: options.client_secret.as_ref(),
        method: options.token_endpoint_auth_method.as_deref(),
        assertion: &options.client_assertion,
        tls_key: options.client_config.tls.key.as_ref(),
    };
    client.client(host)
}

impl Resource for Token {
    type Value = AccessToken;

    fn name(&self) -> &StateName {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "token"
    }

    fn url(&self) -> &Url {
        &self.url
    }

    fn seal(&self) -> &Seal {
        &self.seal
    }

    fn former(&self) -> Option<&Former> {
        self.former.as_ref()
    }

    fn proof(&self) -> Option<&str> {
        self.proof.as_deref()
    }

    fn encode(&self, token: &AccessToken) -> Vec<u8> {
        token.to_bytes()
    }

    fn decode(&self, bytes: &[u8]) -> Option<AccessToken> {
        let token = AccessToken::from_bytes(bytes)?;
        if let Some(guard) = &self.guard {
            guard.prove();
        }
        Some(token)
    }

    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<AccessToken>, FetchError> {
        let (response, renew_at) = match &self.user {
            None => (self.request(send, now)?, None),
            Some(user) => user.refresh(&self.request, &self.url, send, now)?,
        };
        let token = response.access_token;
        if let Some(guard) = &self.guard {
            guard.prove();
        }
        let mut jitter = [0];
        self.platform.fill_random(&mut jitter);
        let [jitter] = jitter;
        let lifetime = Lifetime {
            refresh_at: renew_at
                .unwrap_or(UnixTime::MAX)
                .min(token.refresh_at(now, jitter)),
            usable_until: token.usable_until(now),
        };
        Ok(Fetched {
            value: token,
            lifetime,
        })
    }
}

fn required<'o>(field: &str, option: Option<&'o SecretRef>) -> Result<&'o SecretRef, ConfigError> {
    option
        .filter(|value| !value.is_empty())
        .ok_or_else(|| ConfigError::new(field, "is required"))
}

fn resolve(field: &str, option: Option<&SecretRef>, host: &dyn Host) -> Result<String, ConfigError> {
    Ok(required(field, option)?.resolve(field, host)?.expose().to_owned())
}
