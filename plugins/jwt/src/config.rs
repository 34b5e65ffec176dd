//! The plugin's options.

mod access;
mod jwks_auth;
mod keys;

use std::collections::BTreeMap;
use std::time::Duration;

use claims::{ClaimHeaders, ClaimRequirement, Expression, Policy, check_scopes};
use egress::ClientConfig;
use jose::{Acceptance, Algorithm, KeyType};
use middleware::config::{self, ConfigError, empty_list, in_range, lenient, not_empty, values};
use middleware::{Event, Host, SecretRef, is_token};
use serde::Deserialize;

use crate::{AcceptedIssuers, Access, TokenField, TokenHeader};

use access::RawRule;
use jwks_auth::RawJwksAuth;
pub use keys::{KeyOptions, KeyUrl, RemoteKeyOptions};

/// Checked options, ready for use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the keys come from.
    pub keys: KeyOptions,
    /// What a token must satisfy.
    pub rules: Rules,
}

/// What a token must satisfy, and what the backend receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// `maxTokenBytes` and `algorithms`: limits that apply before a token is verified.
    pub accept: Acceptance,
    /// The requirements on the claims.
    pub policy: Policy,
    /// `authorize`: which tokens may be used for which requests.
    pub access: Option<Access>,
    /// `tokenHeader` and `tokenAuthScheme`: the header that holds the token.
    pub token_header: TokenHeader,
    /// `tokenKey`: the query or form field that may hold the token instead.
    pub token_field: Option<TokenField>,
    /// `forwardAuthorization`: whether the backend receives the token, in its header or in the query.
    pub forward_authorization: bool,
    /// `forwardHeaders`, `usernameClaim`, and `usernameHeader`.
    pub claim_headers: ClaimHeaders,
}

impl Options {
    /// Returns the JSON schema of the option block.
    #[cfg(feature = "schema")]
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(RawOptions)
    }

    /// Parses and checks the option block.
    ///
    /// # Errors
    /// [`ConfigError`] names the option and says how to fix it.
    pub fn parse(json: &[u8], host: &dyn Host) -> Result<Self, ConfigError> {
        let options = config::parse::<RawOptions>(json)?.check(host)?;
        options.warn_of_names_without_issuer(host);
        Ok(options)
    }

    /// Returns the issuers whose tokens may pass.
    pub fn accepted_issuers(&self) -> AcceptedIssuers {
        let listed = &self.rules.policy.issuers;
        match &self.keys {
            KeyOptions::Static(_) => AcceptedIssuers::new([None], listed),
            KeyOptions::Remote(remote) => {
                AcceptedIssuers::new(remote.urls.iter().map(|url| url.issuer.as_deref()), listed)
            }
        }
    }

    /// Warns if tokens of several issuers are accepted and the backend receives user names without their issuer. The
    /// same name may then mean different users.
    fn warn_of_names_without_issuer(&self, host: &dyn Host) {
        const ISSUER: &str = "iss";
        let headers = &self.rules.claim_headers;
        let claims = self.rules.policy.claims.as_ref();
        let is_told = headers.is_empty()
            || headers.mentions(ISSUER)
            || claims.is_some_and(|claims| claims.mentions(ISSUER));
        let several_sources = matches!(&self.keys, KeyOptions::Remote(remote) if remote.urls.len() > 1);
        let issuers = self.accepted_issuers();
        let are_several = issuers.are_several() || (several_sources && issuers == AcceptedIssuers::Any);
        if are_several && !is_told {
            host.log(
                &Event::warn("configuration.ambiguous")
                    .field("option", "forwardHeaders or usernameClaim")
                    .field(
                        "problem",
                        "tokens of several issuers pass, and the backend is told names without their issuer: add a header \
                         of the claim iss, or write into claims which issuer may say what",
                    ),
            );
        }
    }
}

/// The block as it is written. Field names are the option names in camel case.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RawOptions {
    /// URL of the issuer's JWK Set, or a path that is joined to the issuers in `issuers`.
    jwks_url: String,
    /// More issuers, each with its own keys.
    trusted_issuers: Vec<TrustedIssuer>,
    /// How to get a token for the key set at `jwksUrl` if it is not public.
    jwks_auth: RawJwksAuth,
    /// A JWK Set or a JWK in place, or the absolute path of one.
    jwks_file: Option<SecretRef>,
    /// A public key in PEM.
    public_key: Option<SecretRef>,
    /// A secret for HS256, HS384 and HS512.
    signing_secret: Option<SecretRef>,
    /// `signingSecret` is written in base64.
    #[serde(deserialize_with = "lenient::boolean")]
    signing_secret_base64_encoded: bool,
    /// Accepted values of `iss`.
    #[serde(deserialize_with = "lenient::given_strings")]
    issuers: Option<Vec<String>>,
    /// Accepted audiences; one of them must be in `aud`.
    #[serde(deserialize_with = "lenient::given_strings")]
    audiences: Option<Vec<String>>,
    /// Required values of claims, as in OCI API Gateway.
    verify_claims: Option<Vec<VerifyClaim>>,
    /// Scopes that must all be in `scope` or `scp`.
    #[serde(deserialize_with = "lenient::given_strings")]
    required_scopes: Option<Vec<String>>,
    /// How far clocks may differ, 0 to 3600.
    #[serde(deserialize_with = "lenient::integer")]
    leeway_seconds: u64,
    /// Accepted signature algorithms. Default: all that the keys support.
    #[serde(deserialize_with = "lenient::given_strings")]
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
    /// Which token may be used for which request; the first rule that fits decides.
    authorize: Option<Vec<RawRule>>,
    /// The answer to requests that `authorize` does not permit: 401, 403 (default) or 404.
    #[serde(deserialize_with = "lenient::integer")]
    on_deny: u64,
    /// The header that holds the token; `Authorization` if not given.
    token_header: String,
    /// The authentication scheme before the token; `Bearer` if not given. Empty: the header holds the bare token.
    token_auth_scheme: Option<String>,
    /// The field of the query or of a form that may hold the token.
    token_key: String,
    /// Leave the client's token in the request.
    #[serde(deserialize_with = "lenient::boolean")]
    forward_authorization: bool,
    /// Claims to pass to the backend: header name to claim.
    forward_headers: BTreeMap<String, String>,
    /// The claim that names the user.
    username_claim: String,
    /// The header for that name.
    username_header: String,
    /// How to reach the key sets.
    client_config: ClientConfig,
    /// How much longer keys are used while the issuer does not answer, 0 to 604800.
    #[serde(deserialize_with = "lenient::integer")]
    max_stale_seconds: u64,
    /// The least time in seconds between two fetches of keys that tokens trigger, 1 to 86400. Without it, 3 seconds, and up
    /// to 30 while fetches fail.
    #[serde(deserialize_with = "lenient::given_integer")]
    refetch_interval_seconds: Option<u64>,
    /// The mount that is the state directory. Default: the first writable one.
    state_directory: Option<String>,
}

/// An entry of `trustedIssuers`.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TrustedIssuer {
    /// The issuer. One entry may omit it and then applies to all other issuers.
    #[serde(default)]
    issuer: Option<String>,
    /// URL of its JWK Set.
    jwks_url: String,
    /// How to get a token for it if it is not public.
    #[serde(default)]
    jwks_auth: RawJwksAuth,
}

/// An entry of `verifyClaims`.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VerifyClaim {
    /// The claim's name.
    key: String,
    /// Accepted values; any if not given.
    #[serde(default, deserialize_with = "lenient::given_strings")]
    values: Option<Vec<String>>,
    /// Refuse tokens without the claim.
    #[serde(default = "yes", deserialize_with = "lenient::boolean")]
    is_required: bool,
}

impl Default for RawOptions {
    fn default() -> Self {
        Self {
            jwks_url: String::new(),
            trusted_issuers: Vec::new(),
            jwks_auth: RawJwksAuth::default(),
            jwks_file: None,
            public_key: None,
            signing_secret: None,
            signing_secret_base64_encoded: false,
            issuers: None,
            audiences: None,
            verify_claims: None,
            required_scopes: None,
            leeway_seconds: 60,
            algorithms: None,
            require_exp: true,
            max_token_bytes: 16 * 1024,
            tenant: None,
            claims: String::new(),
            authorize: None,
            on_deny: 0,
            token_header: String::new(),
            token_auth_scheme: None,
            token_key: String::new(),
            forward_authorization: false,
            forward_headers: BTreeMap::new(),
            username_claim: String::new(),
            username_header: ClaimHeaders::USERNAME_HEADER.to_owned(),
            client_config: ClientConfig::default(),
            max_stale_seconds: 3600,
            refetch_interval_seconds: None,
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
            verify_claims: requirements(self.verify_claims)?,
            required_scopes: scopes("requiredScopes", self.required_scopes)?,
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
                access: access::table(self.authorize, self.on_deny)?,
                token_header: token_header(&self.token_header, self.token_auth_scheme.as_deref())?,
                token_field: (!self.token_key.is_empty()).then(|| TokenField::new(self.token_key)),
                forward_authorization: self.forward_authorization,
                claim_headers,
            },
        })
    }
}

/// Returns the configured algorithms, or all that the keys can serve.
///
/// An algorithm that no key can serve is an error: the operator would rely on a protection, or expect a token to pass,
/// in vain.
fn algorithms(listed: Option<&[String]>, keys: &KeyOptions) -> Result<Vec<Algorithm>, ConfigError> {
    const FIELD: &str = "algorithms";
    let served = |algorithm: Algorithm| match keys {
        KeyOptions::Static(keys) => keys.serves(algorithm),
        // Published keys are not secret, so an HMAC with one proves nothing.
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
                    format!("is not a known algorithm; known are {}", names(&Algorithm::ALL)),
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

fn scopes(field: &str, list: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
    let list = values(field, list)?;
    check_scopes(field, &list)?;
    Ok(list)
}

fn requirements(list: Option<Vec<VerifyClaim>>) -> Result<Vec<ClaimRequirement>, ConfigError> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    if list.is_empty() {
        return Err(empty_list("verifyClaims"));
    }
    let check = |(place, entry): (usize, VerifyClaim)| {
        let field = |name: &str| format!("verifyClaims[{place}].{name}");
        // OCI treats an empty list like a missing one.
        let values = match entry.values.unwrap_or_default() {
            given if given.is_empty() && !entry.is_required => {
                return Err(ConfigError::new(
                    field("values"),
                    "is empty, and isRequired is false, so that nothing is asked: give values, or isRequired: true",
                ));
            }
            given => values(&field("values"), Some(given).filter(|given| !given.is_empty()))?,
        };
        Ok(ClaimRequirement {
            name: not_empty(&field("key"), entry.key)?,
            values,
            is_required: entry.is_required,
        })
    };
    list.into_iter().enumerate().map(check).collect()
}

/// Reads `tokenHeader` and `tokenAuthScheme`. An empty name counts as missing; an empty scheme means no scheme.
fn token_header(name: &str, scheme: Option<&str>) -> Result<TokenHeader, ConfigError> {
    let default = TokenHeader::default();
    let checked = |field: &str, given: &str| match given {
        given if is_token(given) => Ok(given.to_owned()),
        _ => Err(ConfigError::new(
            field,
            "is not a name: letters, digits and - without spaces",
        )),
    };
    Ok(TokenHeader {
        name: match name.trim() {
            "" => default.name,
            name => checked("tokenHeader", name)?.into(),
        },
        scheme: match scheme.map(str::trim) {
            None => default.scheme,
            Some("") => String::new(),
            Some(scheme) => checked("tokenAuthScheme", scheme)?,
        },
    })
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests;
