//! The OAuth 2.0 device flow (RFC 8628): a user allows the gateway, once, to call on the user's behalf. The plugin's
//! own code stores the refresh token, in the state directory or in the store.
//!
//! This module sends the two requests of the flow and decides how long to wait between them. `commands::login` handles
//! the terminal.

mod answer;
mod polling;

use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use egress::platform::Native;
use egress::{ClientConfig, HttpClient, Platform, TlsOptions, Url};
use http::header::{ACCEPT, CONTENT_TYPE};
use middleware::{ConfigError, Event, Middleware as _, Secret, SecretRef};
use oauth::{Client, ClientAuthentication, TokenRequest};
use oauth_client_credentials_plugin::OAuthClientCredentials;
use serde_json::{Value, json};
use shared_state::PlaceError;

pub use self::answer::DeviceCode;
use self::answer::Outcome;
pub use self::polling::Ended;
use self::polling::poll;

/// What the user allows, and where the login is stored. The values are those of the middleware's options.
#[derive(Clone, Debug)]
pub struct Request {
    /// The token endpoint.
    pub url: String,
    /// The device authorization endpoint. The default is `device` beside the token endpoint.
    pub device_url: Option<String>,
    /// The client ID.
    pub client_id: String,
    /// The client secret, or a reference to it. `None` for a public client.
    pub client_secret: Option<SecretRef>,
    /// The scopes. `offline_access` is always added.
    pub scopes: Vec<String>,
    /// `refreshTokenKey`: `env:NAME` or `file:/path`.
    pub key: SecretRef,
    /// A private certificate authority for the provider's certificate: `file:/path`, or PEM.
    pub ca: Option<SecretRef>,
    /// Where the login is stored.
    pub place: Place,
}

/// Where a login is stored.
#[derive(Clone, Debug)]
pub enum Place {
    /// In the plugin's state directory.
    Directory(PathBuf),
    /// In the Redis that the block `store` of the plugin's options names.
    Store(Value),
}

impl Place {
    fn cannot_be_used(&self, error: PlaceError) -> LoginError {
        let place = match self {
            Self::Directory(_) => "the state directory".to_owned(),
            Self::Store(_) => self.to_string(),
        };
        LoginError::Place { place, error }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Store(_) => f.write_str("the store"),
        }
    }
}

/// Why the user is not logged in. Contains no secret.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// An argument is wrong.
    #[error("{0}")]
    Option(#[from] ConfigError),
    /// The directory does not exist.
    #[error(
        "the state directory cannot be used: {0} is not a directory; create it first, accessible to Traefik's user alone"
    )]
    NoDirectory(String),
    /// The login cannot be stored in its place.
    #[error("{place} cannot be used: {error}")]
    Place {
        /// The place.
        place: String,
        /// Why it cannot be used.
        error: PlaceError,
    },
    /// No temporary directory could be created.
    #[error("a temporary directory cannot be created: {0}")]
    Temporary(#[from] std::io::Error),
    /// The provider did not start the flow.
    #[error("{url} does not start the device flow: {detail}")]
    NotStarted {
        /// The device authorization endpoint.
        url: String,
        /// What the provider answered.
        detail: String,
    },
    /// The flow ended without tokens.
    #[error("{0}")]
    Ended(#[from] Ended),
    /// The provider sent no refresh token, so there is nothing to store.
    #[error(
        "the provider sent an access token but no refresh token: allow the grant Refresh Token for the application (OCI IAM: \
         the application's OAuth configuration), and offline access for the resource"
    )]
    NoRefreshToken,
}

/// A login that is ready to begin. All checks that do not need the user have been made.
pub struct Login {
    request: Request,
    platform: Rc<dyn Platform>,
    client: HttpClient,
    token_url: Url,
    device_url: Url,
    secret: Option<Secret>,
    plugin: OAuthClientCredentials,
    /// The plugin's state directory, if the login is stored elsewhere.
    _work: Option<tempfile::TempDir>,
}

/// The maximum time for one request, in seconds.
const TIMEOUT: u64 = 20;

impl Login {
    /// Checks the arguments, and that the login can be stored, before the user has to do anything.
    ///
    /// # Errors
    /// [`LoginError::Option`], [`LoginError::NoDirectory`], [`LoginError::Place`], and [`LoginError::Temporary`].
    pub fn prepare(request: Request, warn: fn(&Event)) -> Result<Self, LoginError> {
        let (directory, store, work) = match &request.place {
            Place::Directory(path) if !path.is_dir() => {
                return Err(LoginError::NoDirectory(path.display().to_string()));
            }
            Place::Directory(path) => (path.clone(), &Value::Null, None),
            Place::Store(block) => {
                let work = tempfile::tempdir()?;
                (work.path().to_owned(), block, Some(work))
            }
        };
        let platform: Rc<dyn Platform> = Rc::new(Native::new(&directory, warn));
        let ca = request.ca.as_ref().map(SecretRef::expose);
        let options = json!({
            "grant": "refreshToken",
            "url": request.url,
            "clientID": request.client_id,
            "clientSecret": request.client_secret.as_ref().map(SecretRef::expose),
            "scopes": request.scopes,
            "refreshTokenKey": request.key.expose(),
            "clientConfig": { "tls": { "ca": ca } },
            "store": store,
        });
        let plugin = OAuthClientCredentials::new(options.to_string().as_bytes(), Rc::clone(&platform))?;
        plugin
            .can_keep_refresh_token()
            .map_err(|error| request.place.cannot_be_used(error))?;

        let config = ClientConfig {
            timeout_seconds: TIMEOUT,
            // The flow sets its own pace.
            max_retries: 0,
            tls: TlsOptions {
                ca: request.ca.clone(),
                ..TlsOptions::default()
            },
            ..ClientConfig::default()
        };
        let client = HttpClient::new(Rc::clone(&platform), &config)?;
        let token_url = parse("--url", &request.url)?;
        let device_url = match &request.device_url {
            Some(url) => parse("--device-url", url)?,
            None => parse("--device-url", &beside(&request.url)?)?,
        };
        let secret = match &request.client_secret {
            Some(secret) => Some(secret.resolve("--client-secret", &*platform)?),
            None => None,
        };
        Ok(Self {
            request,
            platform,
            client,
            token_url,
            device_url,
            secret,
            plugin,
            _work: work,
        })
    }

    /// Requests a code that a person can enter (RFC 8628 section 3.1).
    ///
    /// # Errors
    /// [`LoginError::NotStarted`].
    pub fn start(&self) -> Result<DeviceCode, LoginError> {
        let failed = |detail: String| LoginError::NotStarted {
            url: self.device_url.to_string(),
            detail,
        };
        let mut scopes = vec!["offline_access".to_owned()];
        scopes.extend(
            self.request
                .scopes
                .iter()
                .filter(|it| *it != "offline_access")
                .cloned(),
        );
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "device_code")
            .append_pair("scope", &scopes.join(" "))
            .append_pair("client_id", &self.request.client_id)
            .finish();
        let request = http::Request::post(self.device_url.uri().clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded;charset=UTF-8")
            .header(ACCEPT, "application/json")
            .body(body.into_bytes())
            .map_err(|error| failed(error.to_string()))?;
        let response = self
            .client
            .send(&self.device_url, &request, self.client.timeout(), &|| {})
            .map_err(|error| failed(error.to_string()))?;
        DeviceCode::read(&response).map_err(failed)
    }

    /// Waits for the user's decision and stores the refresh token. `pause` waits for a time span and returns false to
    /// give up. Returns the user's name, if the provider sends it.
    ///
    /// # Errors
    /// [`LoginError`]. Nothing has changed in that case.
    pub fn finish(
        mut self,
        code: &DeviceCode,
        pause: &mut dyn FnMut(Duration) -> bool,
    ) -> Result<Option<String>, LoginError> {
        let request = TokenRequest::device_code(self.client_itself(), code.device_code());
        let request = request
            .to_http(self.token_url.uri(), self.platform.now(), &*self.platform)
            .map_err(|error| LoginError::NotStarted {
                url: self.token_url.to_string(),
                detail: error.to_string(),
            })?;
        let tokens = poll(
            code,
            &mut || {
                let answer = self
                    .client
                    .send(&self.token_url, &request, self.client.timeout(), &|| {});
                Outcome::of(answer)
            },
            pause,
            &|| self.platform.monotonic(),
        )?;
        let refresh_token = tokens.refresh_token.ok_or(LoginError::NoRefreshToken)?;
        self.plugin
            .put_refresh_token(&refresh_token)
            .map_err(|error| self.request.place.cannot_be_used(error))?;
        Ok(subject(tokens.access_token.expose()))
    }

    fn client_itself(&self) -> Client {
        let authentication = self.secret.clone();
        Client {
            id: self.request.client_id.clone(),
            authentication: authentication
                .map_or(ClientAuthentication::Public, ClientAuthentication::SecretBasic),
        }
    }
}

fn parse(field: &str, url: &str) -> Result<Url, ConfigError> {
    Url::parse(url).map_err(|error| ConfigError::new(field, error.to_string()))
}

/// Turns `…/oauth2/v1/token` into `…/oauth2/v1/device`.
fn beside(token_url: &str) -> Result<String, ConfigError> {
    let parent = token_url
        .strip_suffix("/token")
        .ok_or_else(|| ConfigError::new("--device-url", "is required where --url does not end in /token"))?;
    Ok(format!("{parent}/device"))
}

/// Reads the user's name from an access token that is a JWT. It is only displayed.
fn subject(access_token: &str) -> Option<String> {
    let claims = access_token.split('.').nth(1)?;
    let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let sub = claims.get("sub")?.as_str()?;
    Some(sub.chars().filter(|c| !c.is_control()).take(200).collect())
}
