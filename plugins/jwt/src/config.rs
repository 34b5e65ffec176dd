//! The plugin's options.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use egress::{ClientConfig, Url};
use jose::{Acceptance, Algorithm, ClaimHeaders, Expression, KeySet, KeyType, Policy, same_issuer};
use middleware::config::{self, ConfigError, lenient};
use middleware::{Host, SecretRef};
use serde::Deserialize;
use serde::de::Deserializer;

use crate::TokenField;

/// Options that were checked and may be used.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where keys come from.
    pub keys: KeyOptions,
    /// What a token must be.
    pub rules: Rules,
}

/// What a token must be, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Which tokens are looked at: `maxTokenBytes`, `algorithms`.
    pub accept: Acceptance,
    /// What their claims must say.
    pub policy: Policy,
    /// `tokenKey`: where else a token may stand.
    pub token_field: Option<TokenField>,
    /// Whether the backend sees the Authorization header, and the token in the query.
    pub forward_authorization: bool,
    /// `forwardHeaders`, `usernameClaim`, `usernameHeader`.
    pub claim_headers: ClaimHeaders,
}

/// Where keys come from.
#[derive(Debug, Clone)]
pub enum KeyOptions {
    /// Keys given by the configuration: `jwksFile`, `publicKey` or `signingSecret`.
    Static(Rc<KeySet>),
    /// Keys published at `jwksUrl` or by `trustedIssuers`.
    Remote(Box<RemoteKeyOptions>),
}

/// How to fetch and keep published keys.
#[derive(Debug, Clone)]
pub struct RemoteKeyOptions {
    /// Where they are published; at least one place.
    pub urls: Vec<KeyUrl>,
    /// `clientConfig`.
    pub client: ClientConfig,
    /// `maxStaleSeconds`: how long keys may still be used after they should have been renewed.
    pub max_stale: Duration,
    /// `refetchIntervalSeconds`: least time between two fetches that tokens with unknown keys cause.
    pub refetch_interval: Duration,
    /// `stateDirectory`: where instances share keys. The first mount if absent.
    pub state_directory: Option<String>,
}

/// Where an issuer publishes its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUrl {
    /// Whose tokens they are for; `None` for those of any issuer that is not named elsewhere.
    pub issuer: Option<String>,
    /// The option it comes from.
    pub option: String,
    /// The URL.
    pub url: Url,
}

impl Options {
    /// What the option block may hold.
    #[cfg(feature = "schema")]
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(RawOptions)
    }

    /// Reads and checks the option block.
    ///
    /// # Errors
    /// [`ConfigError`] names the option and the cure.
    pub fn parse(json: &[u8], host: &dyn Host) -> Result<Self, ConfigError> {
        config::parse::<RawOptions>(json)?.check(host)
    }
}

/// The block as it is written. Field names are the option names in camel case.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RawOptions {
    /// URL of the issuer's JWK Set, or a path that is joined to the issuers in `issuers`.
    jwks_url: String,
    /// Issuers with keys of their own.
    trusted_issuers: Vec<TrustedIssuer>,
    /// A JWK Set in place, or the absolute path of one.
    jwks_file: Option<SecretRef>,
    /// A public key in PEM.
    public_key: Option<SecretRef>,
    /// A secret for HS256, HS384 and HS512.
    signing_secret: Option<SecretRef>,
    /// `signingSecret` is written in base64.
    #[serde(deserialize_with = "lenient::boolean")]
    signing_secret_base64_encoded: bool,
    /// Accepted values of `iss`.
    #[serde(deserialize_with = "given_strings")]
    issuers: Option<Vec<String>>,
    /// Accepted audiences; one of them must be in `aud`.
    #[serde(deserialize_with = "given_strings")]
    audiences: Option<Vec<String>>,
    /// Scopes that must all be in `scope` or `scp`.
    #[serde(deserialize_with = "given_strings")]
    required_scopes: Option<Vec<String>>,
    /// How far clocks may differ, 0 to 3600.
    #[serde(deserialize_with = "lenient::integer")]
    leeway_seconds: u64,
    /// Accepted signature algorithms; all that the keys serve if not given.
    #[serde(deserialize_with = "given_strings")]
    algorithms: Option<Vec<String>>,
    /// Refuse a token that never expires.
    #[serde(deserialize_with = "lenient::boolean")]
    require_exp: bool,
    /// Refuse longer tokens, 1 to 1048576.
    #[serde(deserialize_with = "lenient::integer")]
    max_token_bytes: u64,
    /// The IDCS tenant (idcs-…) that tokens must come from.
    tenant: Option<String>,
    /// An expression that must be true of the claims.
    claims: String,
    /// The field of the query or of a form that may hold the token.
    token_key: String,
    /// Leave the client's token in the request.
    #[serde(deserialize_with = "lenient::boolean")]
    forward_authorization: bool,
    /// Claims that the backend is told: header to claim.
    #[serde(deserialize_with = "lenient::block")]
    forward_headers: BTreeMap<String, String>,
    /// The claim that names the user.
    username_claim: String,
    /// The header it becomes.
    username_header: String,
    /// How to reach the key sets.
    #[serde(deserialize_with = "lenient::block")]
    client_config: ClientConfig,
    /// How much longer keys are used while the issuer does not answer, 0 to 604800.
    #[serde(deserialize_with = "lenient::integer")]
    max_stale_seconds: u64,
    /// How often a token with an unknown key may have the keys fetched anew, 1 to 86400.
    #[serde(deserialize_with = "lenient::integer")]
    refetch_interval_seconds: u64,
    /// Which of the plugin's mounts is the state directory; the first writable one if not given.
    state_directory: Option<String>,
}

/// An entry of `trustedIssuers`.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TrustedIssuer {
    /// Whose tokens; one entry may leave it out, for all others.
    #[serde(default)]
    issuer: String,
    /// URL of its JWK Set.
    jwks_url: String,
}

impl Default for RawOptions {
    fn default() -> Self {
        Self {
            jwks_url: String::new(),
            trusted_issuers: Vec::new(),
            jwks_file: None,
            public_key: None,
            signing_secret: None,
            signing_secret_base64_encoded: false,
            issuers: None,
            audiences: None,
            required_scopes: None,
            leeway_seconds: 60,
            algorithms: None,
            require_exp: true,
            max_token_bytes: 16 * 1024,
            tenant: None,
            claims: String::new(),
            token_key: String::new(),
            forward_authorization: false,
            forward_headers: BTreeMap::new(),
            username_claim: String::new(),
            username_header: "X-Forwarded-User".to_owned(),
            client_config: ClientConfig::default(),
            max_stale_seconds: 3600,
            refetch_interval_seconds: 30,
            state_directory: None,
        }
    }
}

impl RawOptions {
    fn check(self, host: &dyn Host) -> Result<Options, ConfigError> {
        let keys = self.keys(host)?;
        let algorithms = algorithms(self.algorithms.as_deref(), &keys)?;
        let max_bytes = usize::try_from(in_range("maxTokenBytes", self.max_token_bytes, 1, 1024 * 1024)?)
            .unwrap_or(usize::MAX);
        let policy = Policy {
            issuers: values("issuers", self.issuers)?,
            audiences: values("audiences", self.audiences)?,
            required_scopes: scopes(self.required_scopes)?,
            leeway: Duration::from_secs(in_range("leewaySeconds", self.leeway_seconds, 0, 3600)?),
            require_exp: self.require_exp,
            tenant: self
                .tenant
                .map(|tenant| not_empty("tenant", tenant))
                .transpose()?,
            claims: Expression::option("claims", &self.claims)?,
        };
        let claim_headers =
            ClaimHeaders::new(&self.forward_headers, &self.username_claim, &self.username_header)?;
        Ok(Options {
            keys,
            rules: Rules {
                accept: Acceptance {
                    max_bytes,
                    algorithms,
                },
                policy,
                token_field: (!self.token_key.is_empty()).then(|| TokenField::new(self.token_key)),
                forward_authorization: self.forward_authorization,
                claim_headers,
            },
        })
    }

    /// Reads the one source of keys. The empty string counts as absent, as in Traefik Hub.
    fn keys(&self, host: &dyn Host) -> Result<KeyOptions, ConfigError> {
        let is_given = |reference: &Option<SecretRef>| reference.as_ref().is_some_and(|it| !it.is_empty());
        let sources = [
            ("jwksUrl", !self.jwks_url.is_empty()),
            ("trustedIssuers", !self.trusted_issuers.is_empty()),
            ("jwksFile", is_given(&self.jwks_file)),
            ("publicKey", is_given(&self.public_key)),
            ("signingSecret", is_given(&self.signing_secret)),
        ];
        if self.signing_secret_base64_encoded && !is_given(&self.signing_secret) {
            return Err(ConfigError::new(
                "signingSecretBase64Encoded",
                "says how signingSecret is written, but there is no signingSecret",
            ));
        }
        let given: Vec<&str> = sources
            .iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| *name)
            .collect();
        match (
            given.as_slice(),
            &self.jwks_file,
            &self.public_key,
            &self.signing_secret,
        ) {
            (["jwksUrl"], ..) => self.remote(self.published()?),
            (["trustedIssuers"], ..) => self.remote(self.trusted()?),
            (["jwksFile"], Some(jwks), ..) => jwks_file(jwks, host),
            (["publicKey"], _, Some(pem), _) => public_key(pem, host),
            (["signingSecret"], .., Some(secret)) => self.secret(secret, host),
            ([.., last], ..) => Err(ConfigError::new(
                *last,
                format!(
                    "cannot be combined: {} are given; keep exactly one of them",
                    given.join(" and ")
                ),
            )),
            ([], ..) => Err(ConfigError::new(
                "jwksUrl",
                "is required: give exactly one source of keys, that is one of jwksUrl, trustedIssuers, jwksFile, \
                 publicKey and signingSecret",
            )),
        }
    }

    /// `jwksUrl`: a URL, or a path that is joined to the issuer's. Tokens name their issuer themselves, so without a list
    /// of those that may be asked anybody could be his own.
    fn published(&self) -> Result<Vec<KeyUrl>, ConfigError> {
        const FIELD: &str = "jwksUrl";
        let path = &self.jwks_url;
        if !path.starts_with('/') {
            return Ok(vec![KeyUrl::parse(None, FIELD, path)?]);
        }
        let issuers = self.issuers.as_deref().unwrap_or_default();
        if issuers.is_empty() {
            return Err(ConfigError::new(
                FIELD,
                "is a path, which is joined to the token's issuer: list in issuers which ones are trusted, or any \
                 caller could name a server of his own",
            ));
        }
        let url = |issuer: &String| KeyUrl::parse(Some(issuer), FIELD, path);
        issuers.iter().map(url).collect()
    }

    fn trusted(&self) -> Result<Vec<KeyUrl>, ConfigError> {
        const FIELD: &str = "trustedIssuers";
        const MOST: usize = 100;
        let mut urls: Vec<KeyUrl> = Vec::new();
        if self.trusted_issuers.len() > MOST {
            return Err(ConfigError::new(FIELD, format!("has more than {MOST} entries")));
        }
        for (index, entry) in self.trusted_issuers.iter().enumerate() {
            let issuer = Some(entry.issuer.as_str()).filter(|issuer| !issuer.is_empty());
            let same = |other: &KeyUrl| match (&other.issuer, issuer) {
                (Some(other), Some(issuer)) => same_issuer(other, issuer),
                (None, None) => true,
                _ => false,
            };
            if urls.iter().any(same) {
                let problem = match issuer {
                    Some(_) => "is there twice",
                    None => "is missing in more than one entry: only one can serve all other issuers",
                };
                return Err(ConfigError::new(format!("{FIELD}[{index}].issuer"), problem));
            }
            urls.push(KeyUrl::parse(
                issuer,
                &format!("{FIELD}[{index}].jwksUrl"),
                &entry.jwks_url,
            )?);
        }
        Ok(urls)
    }

    fn remote(&self, urls: Vec<KeyUrl>) -> Result<KeyOptions, ConfigError> {
        const WEEK: u64 = 7 * 24 * 3600;
        const DAY: u64 = 24 * 3600;
        let state_directory = self.state_directory.clone().filter(|path| !path.is_empty());
        if state_directory
            .as_ref()
            .is_some_and(|path| !path.starts_with('/'))
        {
            return Err(ConfigError::new(
                "stateDirectory",
                "must be an absolute path inside of one of the mounts",
            ));
        }
        let max_stale = in_range("maxStaleSeconds", self.max_stale_seconds, 0, WEEK)?;
        let refetch_interval = in_range("refetchIntervalSeconds", self.refetch_interval_seconds, 1, DAY)?;
        Ok(KeyOptions::Remote(Box::new(RemoteKeyOptions {
            urls,
            client: self.client_config.clone(),
            max_stale: Duration::from_secs(max_stale),
            refetch_interval: Duration::from_secs(refetch_interval),
            state_directory,
        })))
    }

    fn secret(&self, reference: &SecretRef, host: &dyn Host) -> Result<KeyOptions, ConfigError> {
        const FIELD: &str = "signingSecret";
        let secret = reference.resolve(FIELD, host)?;
        let bytes = if self.signing_secret_base64_encoded {
            from_base64(secret.expose().trim()).ok_or_else(|| {
                ConfigError::new(FIELD, "is no base64, which signingSecretBase64Encoded says it is")
            })?
        } else {
            secret.expose().as_bytes().to_vec()
        };
        static_keys(FIELD, KeySet::from_secret(&bytes))
    }
}

impl KeyUrl {
    /// Reads a URL, or a path to be joined to the issuer's.
    fn parse(issuer: Option<&str>, option: &str, url: &str) -> Result<Self, ConfigError> {
        let joined = match (url.starts_with('/'), issuer) {
            (true, Some(issuer)) => format!("{}{url}", issuer.trim_end_matches('/')),
            _ => url.to_owned(),
        };
        let url = Url::parse(&joined).map_err(|error| match joined == url {
            true => ConfigError::new(option, error.to_string()),
            false => ConfigError::new(
                option,
                format!(
                    "is a path, and joined to the issuer {} it {error}",
                    issuer.unwrap_or_default()
                ),
            ),
        })?;
        Ok(Self {
            issuer: issuer.map(str::to_owned),
            option: option.to_owned(),
            url,
        })
    }
}

/// A JWK Set in place, or where to find it: an absolute path, `file:/path` or `env:NAME`.
fn jwks_file(reference: &SecretRef, host: &dyn Host) -> Result<KeyOptions, ConfigError> {
    const FIELD: &str = "jwksFile";
    let value = reference.resolve(FIELD, host)?;
    let value = value.expose().trim();
    let document = if value.starts_with('{') {
        value.as_bytes().to_vec()
    } else if value.starts_with('/') {
        host.read_file(value)
            .map_err(|error| ConfigError::new(FIELD, format!("names a file: {error}")))?
    } else {
        return Err(ConfigError::new(
            FIELD,
            "must be a JWK Set ({\"keys\": […]}) or the absolute path of one",
        ));
    };
    static_keys(FIELD, KeySet::from_configured_jwks(&document))
}

/// A public key in PEM, or where to find it: `file:/path` or `env:NAME`.
fn public_key(reference: &SecretRef, host: &dyn Host) -> Result<KeyOptions, ConfigError> {
    const FIELD: &str = "publicKey";
    let pem = reference.resolve(FIELD, host)?;
    static_keys(FIELD, KeySet::from_pem(pem.expose()))
}

fn static_keys(field: &str, keys: Result<KeySet, jose::KeySetError>) -> Result<KeyOptions, ConfigError> {
    keys.map(|keys| KeyOptions::Static(Rc::new(keys)))
        .map_err(|error| ConfigError::new(field, error.to_string()))
}

/// The allow-list, or all that the source of keys can serve. An algorithm that no key serves is a mistake
/// worth telling: the operator believes in a protection, or in a token, that cannot be.
fn algorithms(listed: Option<&[String]>, keys: &KeyOptions) -> Result<Vec<Algorithm>, ConfigError> {
    const FIELD: &str = "algorithms";
    let served = |algorithm: Algorithm| match keys {
        KeyOptions::Static(keys) => keys.serves(algorithm),
        // What is published is no secret, so nothing can be proven with it by HMAC.
        KeyOptions::Remote(_) => algorithm.key_type() != KeyType::Symmetric,
    };
    let serving: Vec<Algorithm> = Algorithm::ALL
        .into_iter()
        .filter(|&algorithm| served(algorithm))
        .collect();
    let Some(listed) = listed else {
        return Ok(serving);
    };
    let names = |algorithms: &[Algorithm]| algorithms.iter().map(|a| a.name()).collect::<Vec<_>>().join(", ");
    if listed.is_empty() {
        return Err(empty_list(FIELD));
    }
    listed
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let field = || format!("{FIELD}[{index}]");
            let algorithm = Algorithm::from_name(name).ok_or_else(|| {
                ConfigError::new(
                    field(),
                    format!("is no algorithm known here; known are {}", names(&Algorithm::ALL)),
                )
            })?;
            if served(algorithm) {
                Ok(algorithm)
            } else {
                Err(ConfigError::new(
                    field(),
                    format!(
                        "is {name}, which the given keys cannot serve; they serve {}",
                        names(&serving)
                    ),
                ))
            }
        })
        .collect()
}

/// A list that, if given, must say something: `audiences: ""` left over by a template would open the gateway.
fn values(field: &str, list: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    if list.is_empty() {
        return Err(empty_list(field));
    }
    list.into_iter()
        .enumerate()
        .map(|(index, value)| not_empty(&format!("{field}[{index}]"), value))
        .collect()
}

/// Scopes are quoted in the challenge, so each must be a scope-token (RFC 6749 §3.3).
fn scopes(list: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
    const FIELD: &str = "requiredScopes";
    let list = values(FIELD, list)?;
    let is_scope = |scope: &String| {
        scope
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    };
    match list.iter().position(|scope| !is_scope(scope)) {
        Some(index) => Err(ConfigError::new(
            format!("{FIELD}[{index}]"),
            "is no scope: one scope per entry, without spaces, quotes and backslashes (RFC 6749 section 3.3)",
        )),
        None => Ok(list),
    }
}

fn not_empty(field: &str, value: String) -> Result<String, ConfigError> {
    if value.trim().is_empty() {
        return Err(ConfigError::new(
            field,
            "is empty: give a value, or leave the option out",
        ));
    }
    Ok(value)
}

fn empty_list(field: &str) -> ConfigError {
    ConfigError::new(
        field,
        "is empty: list at least one value, or leave the option out",
    )
}

fn in_range(field: &str, value: u64, least: u64, most: u64) -> Result<u64, ConfigError> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::new(field, format!("must be from {least} to {most}")))
    }
}

fn given_strings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    lenient::strings(deserializer).map(Some)
}

/// Standard or URL-safe base64, with or without padding.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let forgiving = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, forgiving).decode(text).ok())
}

#[cfg(test)]
mod tests;
