//! The options. They have the same names as in Traefik Hub where Hub has them.

use std::collections::BTreeMap;
use std::time::Duration;

use claims::{ClaimHeaders, Expression, Policy, check_scopes};
use egress::{ClientConfig, TlsOptions};
use middleware::config::{in_range, lenient, values};
use middleware::{ConfigError, SecretRef};
use serde::Deserialize;
use shared_state::Limits;

/// The option block `oAuthIntrospection`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Options {
    /// The introspection endpoint, and how to reach it.
    pub client_config: IntrospectionClientConfig,
    /// The gateway's client identifier at the introspection endpoint.
    #[serde(rename = "clientID", alias = "clientId")]
    pub client_id: Option<SecretRef>,
    /// Its secret.
    pub client_secret: Option<SecretRef>,
    /// Where to find the token. Default: `Authorization: Bearer`.
    pub token_source: TokenSourceOptions,
    /// Leave the token in the request.
    #[serde(deserialize_with = "lenient::boolean")]
    pub forward_authorization: bool,
    /// Members of the answer to pass to the backend: header name to member.
    pub forward_headers: BTreeMap<String, String>,
    /// An expression that must be true of the answer.
    pub claims: String,
    /// The member of the answer that names the user.
    pub username_claim: String,
    /// The header for that name. Default: `X-Forwarded-User`.
    pub username_header: Option<String>,
    /// Accepted values of `iss`.
    #[serde(deserialize_with = "lenient::given_strings")]
    pub issuers: Option<Vec<String>>,
    /// Accepted audiences; one of them must be in `aud`.
    #[serde(deserialize_with = "lenient::given_strings")]
    pub audiences: Option<Vec<String>>,
    /// Scopes that must all be in `scope`.
    #[serde(deserialize_with = "lenient::given_strings")]
    pub required_scopes: Option<Vec<String>>,
    /// How long an answer counts, and so how long a revoked token is still accepted at most. 1 to 3600, default 60.
    #[serde(deserialize_with = "lenient::integer")]
    pub max_cache_seconds: u64,
    /// Limits for calls about tokens that are not known yet.
    pub limits: IntrospectionLimits,
    /// Guest path of the state directory. Default: the first writable mount.
    pub state_directory: Option<String>,
}

/// The block `clientConfig`: Hub's, with the endpoint in it.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IntrospectionClientConfig {
    /// Introspection endpoint (required).
    pub url: Option<SecretRef>,
    /// Headers of the request to it.
    pub headers: BTreeMap<String, SecretRef>,
    /// The parameter `token_type_hint` (RFC 7662 section 2.1).
    pub token_type_hint: String,
    /// Seconds from name lookup to the last byte of the answer, all attempts together. 1 to 60, default 5.
    #[serde(deserialize_with = "lenient::integer")]
    pub timeout_seconds: u64,
    /// How often a failed attempt is repeated while time is left. 0 to 10, default 3.
    #[serde(deserialize_with = "lenient::integer")]
    pub max_retries: u64,
    /// How many requests of a Traefik process may wait for an answer at a time. 0 to 100,000, default 1024.
    #[serde(deserialize_with = "lenient::integer")]
    pub max_waiting_requests: u64,
    /// Trust and client certificate.
    pub tls: TlsOptions,
}

/// The block `tokenSource`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TokenSourceOptions {
    /// The header with the token.
    pub header: String,
    /// The scheme before the token. Default: `Bearer` in Authorization, none elsewhere. Empty: none.
    pub header_auth_scheme: Option<String>,
    /// The field of the query.
    pub query: String,
    /// The cookie.
    pub cookie: String,
}

/// The block `limits`.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IntrospectionLimits {
    /// Calls in a minute about tokens that are not known yet. 1 to 100,000, default 100.
    #[serde(deserialize_with = "lenient::integer")]
    pub calls_per_minute: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            client_config: IntrospectionClientConfig::default(),
            client_id: None,
            client_secret: None,
            token_source: TokenSourceOptions::default(),
            forward_authorization: false,
            forward_headers: BTreeMap::new(),
            claims: String::new(),
            username_claim: String::new(),
            username_header: None,
            issuers: None,
            audiences: None,
            required_scopes: None,
            max_cache_seconds: 60,
            limits: IntrospectionLimits::default(),
            state_directory: None,
        }
    }
}

impl Default for IntrospectionClientConfig {
    fn default() -> Self {
        let ClientConfig {
            timeout_seconds,
            max_retries,
            max_waiting_requests,
            tls,
            ..
        } = ClientConfig::default();
        Self {
            url: None,
            headers: BTreeMap::new(),
            token_type_hint: String::new(),
            timeout_seconds,
            max_retries,
            max_waiting_requests,
            tls,
        }
    }
}

impl Default for IntrospectionLimits {
    fn default() -> Self {
        Self {
            calls_per_minute: 100,
        }
    }
}

impl IntrospectionLimits {
    pub(crate) fn check(&self) -> Result<Limits, ConfigError> {
        Ok(Limits {
            calls: in_range("limits.callsPerMinute", self.calls_per_minute, 1, 100_000)?,
            failures: None,
        })
    }
}

impl IntrospectionClientConfig {
    /// Returns the options that all plugins with network access share.
    pub(crate) fn client(&self) -> ClientConfig {
        ClientConfig {
            timeout_seconds: self.timeout_seconds,
            max_retries: self.max_retries,
            max_waiting_requests: self.max_waiting_requests,
            tls: self.tls.clone(),
        }
    }
}

impl Options {
    pub(crate) fn max_cache(&self) -> Result<Duration, ConfigError> {
        in_range("maxCacheSeconds", self.max_cache_seconds, 1, 3600).map(Duration::from_secs)
    }

    pub(crate) fn claim_headers(&self) -> Result<ClaimHeaders, ConfigError> {
        let username_header = self.username_header.as_deref();
        let username_header = username_header.unwrap_or(ClaimHeaders::USERNAME_HEADER);
        ClaimHeaders::new(&self.forward_headers, &self.username_claim, username_header)
    }

    pub(crate) fn policy(&self) -> Result<Policy, ConfigError> {
        Ok(Policy {
            issuers: values("issuers", self.issuers.clone())?,
            audiences: values("audiences", self.audiences.clone())?,
            verify_claims: Vec::new(),
            required_scopes: scopes(self.required_scopes.clone())?,
            leeway: LEEWAY,
            require_exp: false,
            tenant: None,
            claims: Expression::option("claims", &self.claims)?,
        })
    }
}

/// How far the provider's clock may differ from this machine's.
pub(crate) const LEEWAY: Duration = Duration::from_secs(60);

fn scopes(list: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
    const FIELD: &str = "requiredScopes";
    let list = values(FIELD, list)?;
    check_scopes(FIELD, &list)?;
    Ok(list)
}
