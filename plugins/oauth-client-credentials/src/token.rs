//! The gateway's own token as a shared resource.

use std::rc::Rc;

use egress::{Exchange, FetchError, Fetched, Lifetime, Platform, Resource, Seal, StateName, Url};
use middleware::{ConfigError, Event, Host, SecretRef, UnixTime};
use oauth::{AccessToken, ClientAuthentication, ClientCredentials, TokenError, TokenRequest, TokenResponse};

use crate::Options;

/// One client's token for one set of scopes.
pub(crate) struct Token {
    url: Url,
    request: TokenRequest,
    name: StateName,
    seal: Seal,
    platform: Rc<dyn Platform>,
}

impl Token {
    pub(crate) fn new(options: &Options, platform: Rc<dyn Platform>) -> Result<Self, ConfigError> {
        let host: &dyn Host = &*platform;
        let url = resolve("url", options.url.as_ref(), host)?;
        let url = Url::parse(&url).map_err(|error| ConfigError::new("url", error.to_string()))?;
        if !url.is_https() {
            platform.log(
                &Event::warn("configuration.insecure")
                    .field("option", "url")
                    .field(
                        "problem",
                        "the client secret and the token travel in clear: use https outside of tests",
                    ),
            );
        }
        let client_id = resolve("clientID", options.client_id.as_ref(), host)?;
        let client_secret =
            required("clientSecret", options.client_secret.as_ref())?.resolve("clientSecret", host)?;
        let authentication = match options.token_endpoint_auth_method.as_deref() {
            None | Some("") => ClientAuthentication::default(),
            Some(name) => ClientAuthentication::from_name(name).ok_or_else(|| {
                ConfigError::new(
                    "tokenEndpointAuthMethod",
                    "must be client_secret_basic or client_secret_post",
                )
            })?,
        };
        let mut scopes = Vec::new();
        for (index, scope) in options.scopes.iter().enumerate() {
            scopes.push(
                SecretRef::new(scope)
                    .resolve(&format!("scopes[{index}]"), host)?
                    .expose()
                    .to_owned(),
            );
        }

        // Whatever makes two tokens different makes two names, and two keys.
        let mut identity = vec![url.to_string(), client_id.clone(), scopes.join(" ")];
        let client = ClientCredentials {
            client_id,
            client_secret: client_secret.clone(),
        };
        let mut request = TokenRequest::client_credentials(client, authentication).scopes(&scopes);
        if let Some(audience) = options.audience.as_ref().filter(|audience| !audience.is_empty()) {
            let audience = audience.resolve("audience", host)?.expose().to_owned();
            identity.push(format!("audience={audience}"));
            request = request.parameter("audience", audience);
        }
        for (parameter, value) in &options.endpoint_params {
            let field = format!("endpointParams.{parameter}");
            if matches!(
                parameter.as_str(),
                "grant_type" | "scope" | "audience" | "client_id" | "client_secret"
            ) {
                return Err(ConfigError::new(
                    field,
                    "has an option of its own, or is set by the plugin",
                ));
            }
            let value = value.resolve(&field, host)?.expose().to_owned();
            identity.push(format!("{parameter}={value}"));
            request = request.parameter(parameter, value);
        }
        let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
        let seal = Seal::secret(&client_secret, &identity)
            .map_err(|error| ConfigError::new("clientSecret", error.to_string()))?;
        let name = seal.name("token", &identity);
        Ok(Self {
            url,
            request,
            name,
            seal,
            platform,
        })
    }
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

    fn encode(&self, token: &AccessToken) -> Vec<u8> {
        let mut bytes = token.expires_at().as_millis().to_be_bytes().to_vec();
        bytes.extend_from_slice(token.expose().as_bytes());
        bytes
    }

    fn decode(&self, bytes: &[u8]) -> Option<AccessToken> {
        let (expires_at, token) = bytes.split_first_chunk::<8>()?;
        let expires_at = UnixTime::from_millis(u64::from_be_bytes(*expires_at));
        Some(AccessToken::restored(
            std::str::from_utf8(token).ok()?,
            expires_at,
        ))
    }

    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<AccessToken>, FetchError> {
        let request = self
            .request
            .to_http(self.url.uri())
            .map_err(|error| FetchError::Refused {
                detail: format!("the request cannot be built: {error}"),
            })?;
        let response = send(&request)?;
        let token = TokenResponse::read(&response, now)
            .map_err(|error| match error {
                TokenError::Refused(detail) => FetchError::Refused { detail },
                TokenError::Unavailable { detail, retry_after } => {
                    FetchError::Unavailable { detail, retry_after }
                }
            })?
            .access_token;
        let mut jitter = [0];
        self.platform.fill_random(&mut jitter);
        let [jitter] = jitter;
        let lifetime = Lifetime {
            refresh_at: token.refresh_at(now, jitter),
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
