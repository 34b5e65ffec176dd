//! The options. They have the same names as in Traefik Hub's early `oAuthTokenExchange` where those are known.

use std::collections::BTreeMap;

use egress::ClientConfig;
use middleware::{SecretRef, config::lenient};
use oauth::AssertionOptions;
use serde::Deserialize;
use serde_json::Value;
use shared_state::StoreConfig;

/// The option block `oAuthTokenExchange`.
///
/// Every text may be given literally, as `env:NAME` or as `file:/path`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Options {
    /// `jwtBearer` (RFC 7523 section 2.1) or `rfc8693` (required).
    pub method: Option<String>,
    /// Which tokens of callers are exchanged: the options of `jwt` (required).
    pub jwt: Option<Value>,
    /// Token endpoint (required).
    pub url: Option<SecretRef>,
    /// Client identifier (required).
    #[serde(rename = "clientID", alias = "clientId")]
    pub client_id: Option<SecretRef>,
    /// Client secret (required by the methods that are named after it).
    pub client_secret: Option<SecretRef>,
    /// How the client authenticates: `client_secret_basic` (default), `client_secret_post`, `client_secret_jwt`,
    /// `private_key_jwt` (RFC 7591) or `tls_client_auth` (RFC 8705).
    pub token_endpoint_auth_method: Option<String>,
    /// How to sign the assertions of `private_key_jwt` and `client_secret_jwt`.
    pub client_assertion: AssertionOptions,
    /// Scopes to ask for. OCI IAM requires at least one.
    #[serde(deserialize_with = "lenient::strings")]
    pub scopes: Vec<String>,
    /// What `method: jwtBearer` needs.
    pub jwt_bearer: JwtBearerOptions,
    /// What `method: rfc8693` needs.
    pub rfc8693: Rfc8693Options,
    /// Further parameters of the token request.
    pub endpoint_params: BTreeMap<String, SecretRef>,
    /// How to talk to the token endpoint.
    pub client_config: ClientConfig,
    /// Guest path of the state directory. Default: the first writable mount.
    pub state_directory: Option<String>,
    /// The store in which several machines share users' tokens.
    pub store: Option<StoreConfig>,
}

/// The block `jwtBearer`: the assertion in which the gateway vouches for the user.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JwtBearerOptions {
    /// Claims of the caller's token that can name the user; the first one present is used (required, here or in
    /// each entry of `users`).
    #[serde(deserialize_with = "lenient::strings")]
    pub subject_claim: Vec<String>,
    /// Which issuers may name which users (required where the block `jwt` accepts tokens of several).
    pub users: Vec<UsersOptions>,
    /// How to sign the assertion. Default: `clientAssertion`.
    pub assertion: AssertionOptions,
    /// The claim `iss`. Default: `clientID`.
    pub issuer: Option<SecretRef>,
    /// Further claims of the assertion.
    pub claims: BTreeMap<String, Value>,
}

/// An entry of `users`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UsersOptions {
    /// The issuers (`iss`) that name the same users (required).
    #[serde(deserialize_with = "lenient::strings")]
    pub issuers: Vec<String>,
    /// The claims that may name the user; those of the block `jwtBearer` if not given.
    #[serde(deserialize_with = "lenient::strings")]
    pub subject_claim: Vec<String>,
    /// The users whom these issuers may name, each with at most one `*`; all if there is one entry only.
    #[serde(deserialize_with = "lenient::strings")]
    pub names: Vec<String>,
}

/// The block `rfc8693`: parameters of RFC 8693 section 2.1.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rfc8693Options {
    /// `subject_token_type`; `urn:ietf:params:oauth:token-type:access_token` if not given.
    pub subject_token_type: Option<String>,
    /// `requested_token_type`
    pub requested_token_type: Option<String>,
    /// `audience`
    pub audience: Option<SecretRef>,
    /// `resource`
    pub resource: Option<SecretRef>,
}
