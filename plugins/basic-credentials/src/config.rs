//! The plugin's options.

use std::rc::Rc;

use credentials::Basic;
use middleware::config::{given, given_together, lenient};
use middleware::{ConfigError, Host, Secret, SecretRef, is_token};
use serde::Deserialize;

use crate::api_keys::{ApiKeys, KeyDigest, digest};

/// The option block `basicCredentials`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Options {
    /// The name of the stored user. Without it, callers bring their own name and password.
    pub username: Option<SecretRef>,
    /// The stored user's password.
    pub password: Option<SecretRef>,
    /// API keys that are accepted as the stored user.
    pub api_keys: Vec<ApiKeyOptions>,
    /// The header with the API key; `X-Api-Key` if not given.
    pub api_key_header: Option<String>,
    /// Send every request as the stored user, without checking the caller.
    #[serde(deserialize_with = "lenient::boolean")]
    pub allow_anonymous: bool,
    /// What to do with a caller's Authorization header if there is a stored user: `refuse` (default),
    /// `passThrough` or `replace`.
    pub on_caller_credentials: Option<String>,
}

/// An entry of `apiKeys`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ApiKeyOptions {
    /// The name of the key's owner.
    pub name: String,
    /// The key, at least 16 characters.
    pub key: Option<SecretRef>,
    /// The key's SHA-256 in hexadecimal digits, instead of the key.
    pub key_hash: Option<SecretRef>,
}

/// The stored user, and who may act as that user.
pub(crate) struct Stored {
    /// The value of the header `Authorization`.
    pub(crate) authorization: Rc<str>,
    /// The accepted API keys. `None` admits every caller.
    pub(crate) api_keys: Option<ApiKeys>,
    pub(crate) on_caller_credentials: OnCallerCredentials,
}

/// What to do with credentials that a caller brings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OnCallerCredentials {
    /// Refuse the request: a caller must not act as another user without knowing.
    #[default]
    Refuse,
    /// Forward them in place of the stored ones, if they are a name and a password.
    PassThrough,
    /// Replace them with the stored ones.
    Replace,
}

impl Options {
    /// Checks the block. Returns `None` if callers bring their own credentials.
    pub(crate) fn check(&self, host: &dyn Host) -> Result<Option<Stored>, ConfigError> {
        let on_caller_credentials = match self.on_caller_credentials.as_deref() {
            None | Some("") => None,
            Some("refuse") => Some(OnCallerCredentials::Refuse),
            Some("passThrough") => Some(OnCallerCredentials::PassThrough),
            Some("replace") => Some(OnCallerCredentials::Replace),
            Some(_) => {
                return Err(ConfigError::new(
                    "onCallerCredentials",
                    "must be refuse, passThrough or replace",
                ));
            }
        };
        let username = ("username", self.username.as_ref());
        let password = ("password", self.password.as_ref());
        let Some((username, password)) = given_together(username, password)? else {
            return self.check_without_user(on_caller_credentials).map(|()| None);
        };
        Ok(Some(Stored {
            authorization: credentials(username, password, host)?.header_value().into(),
            api_keys: self.api_keys(host)?,
            on_caller_credentials: on_caller_credentials.unwrap_or_default(),
        }))
    }

    /// Refuses options that need a stored user.
    fn check_without_user(&self, on_caller: Option<OnCallerCredentials>) -> Result<(), ConfigError> {
        let without = |option: &str| {
            Err(ConfigError::new(
                option,
                "is about a stored user: give username and password too, or leave it out",
            ))
        };
        if !self.api_keys.is_empty() {
            return without("apiKeys");
        }
        if self.allow_anonymous {
            return without("allowAnonymous");
        }
        if on_caller.is_some_and(|it| it != OnCallerCredentials::PassThrough) {
            return without("onCallerCredentials");
        }
        Ok(())
    }

    fn api_keys(&self, host: &dyn Host) -> Result<Option<ApiKeys>, ConfigError> {
        match (self.api_keys.is_empty(), self.allow_anonymous) {
            (true, true) => return Ok(None),
            (true, false) => {
                return Err(ConfigError::new(
                    "apiKeys",
                    "is required: without keys everybody who reaches the router acts as the stored user. If that is \
                     meant, because another middleware checks callers first, say allowAnonymous: true",
                ));
            }
            (false, true) => {
                return Err(ConfigError::new(
                    "allowAnonymous",
                    "cannot be combined with apiKeys: a caller without key would be let in",
                ));
            }
            (false, false) => {}
        }
        let header = self.api_key_header.as_deref().filter(|it| !it.is_empty());
        let header = header.unwrap_or("X-Api-Key");
        check_header(header)?;
        let mut names: Vec<&str> = Vec::new();
        let mut digests: Vec<KeyDigest> = Vec::new();
        for (index, key) in self.api_keys.iter().enumerate() {
            let entry = format!("apiKeys[{index}]");
            if key.name.trim().is_empty() {
                return Err(ConfigError::new(format!("{entry}.name"), "is required"));
            }
            if names.contains(&key.name.as_str()) {
                return Err(ConfigError::new(
                    format!("{entry}.name"),
                    "is a name that another entry has already",
                ));
            }
            let digest = key.digest(&entry, host)?;
            if digests.contains(&digest) {
                return Err(ConfigError::new(entry, "is the key of an entry before it"));
            }
            names.push(&key.name);
            digests.push(digest);
        }
        Ok(Some(ApiKeys::new(header.to_owned(), digests)))
    }
}

impl ApiKeyOptions {
    fn digest(&self, entry: &str, host: &dyn Host) -> Result<KeyDigest, ConfigError> {
        match (given(self.key.as_ref()), given(self.key_hash.as_ref())) {
            (Some(key), None) => {
                let field = format!("{entry}.key");
                let key = key.resolve(&field, host)?;
                let key = key.expose();
                if key.chars().count() < SHORTEST_KEY {
                    return Err(ConfigError::new(
                        field,
                        "is shorter than 16 characters, and could be guessed: take one from `openssl rand -hex 32`",
                    ));
                }
                if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(ConfigError::new(
                        field,
                        "must consist of visible ASCII characters, as a header can carry them",
                    ));
                }
                Ok(digest(key.as_bytes()))
            }
            (None, Some(hash)) => {
                let field = format!("{entry}.keyHash");
                let hash = hash.resolve(&field, host)?;
                read_hex(hash.expose().trim()).ok_or_else(|| {
                    ConfigError::new(
                        field,
                        "must be a SHA-256 in 64 hexadecimal digits: printf %s KEY | sha256sum",
                    )
                })
            }
            (None, None) => Err(ConfigError::new(entry, "needs key or keyHash")),
            (Some(_), Some(_)) => Err(ConfigError::new(entry, "has both key and keyHash: give one")),
        }
    }
}

fn credentials(username: &SecretRef, password: &SecretRef, host: &dyn Host) -> Result<Basic, ConfigError> {
    let username = username.resolve("username", host)?.expose().to_owned();
    let password = password.resolve("password", host)?;
    Basic::new(&*username, Secret::new("")).map_err(|error| ConfigError::new("username", error))?;
    Basic::new(username, password).map_err(|error| ConfigError::new("password", error))
}

/// Checks that a header may hold the key: its name must be a token (RFC 9110 §5.6.2), and the header must not have
/// another meaning.
fn check_header(name: &str) -> Result<(), ConfigError> {
    const FIELD: &str = "apiKeyHeader";
    if !is_token(name) {
        return Err(ConfigError::new(FIELD, "is not a header name"));
    }
    if RESERVED
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(name))
    {
        return Err(ConfigError::new(
            FIELD,
            "is a header with a meaning of its own: choose another, such as X-Api-Key",
        ));
    }
    Ok(())
}

fn read_hex(text: &str) -> Option<KeyDigest> {
    let mut digest = KeyDigest::default();
    let digits = text.as_bytes();
    if digits.len() != 2 * digest.len() {
        return None;
    }
    let (pairs, _) = digits.as_chunks::<2>();
    for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
        let digit = |digit: &u8| char::from(*digit).to_digit(16);
        *byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
    }
    Some(digest)
}

const SHORTEST_KEY: usize = 16;

const RESERVED: [&str; 8] = [
    "Authorization",
    "Connection",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Host",
    "Transfer-Encoding",
    "Upgrade",
];
