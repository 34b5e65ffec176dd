//! The options. They have the same names as in Traefik Hub where Hub has them.

use std::collections::BTreeMap;

use egress::ClientConfig;
use middleware::{ConfigError, SecretRef, config::lenient};
use oauth::{AssertionOptions, ClientOptions};
use serde::Deserialize;
use shared_state::StoreConfig;

use crate::caller_options::{CallerLimits, ScopeList};

/// The option block `oAuthClientCredentials`.
///
/// Every text may be given literally, as `env:NAME` or as `file:/path`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Options {
    /// Token endpoint (required).
    pub url: Option<SecretRef>,
    /// Client identifier. Hub's documents also spell it `clientId`. Without it and `clientSecret` callers bring theirs.
    #[serde(rename = "clientID", alias = "clientId")]
    pub client_id: Option<SecretRef>,
    /// Client secret (required together with `clientID` by the methods that are named after it, but for a public client
    /// with `grant: refreshToken`).
    pub client_secret: Option<SecretRef>,
    /// Whose token it is: the client's own, by `clientCredentials` (default), or a user's, by the `refreshToken` that
    /// `oic-gateway login` has put into the state directory.
    pub grant: Option<String>,
    /// The key that encrypts the refresh token in the state directory: at least 32 characters. Required with
    /// `grant: refreshToken`.
    pub refresh_token_key: Option<SecretRef>,
    /// Scopes to ask for. OCI IAM requires at least one.
    #[serde(deserialize_with = "lenient::strings")]
    pub scopes: Vec<String>,
    /// Scopes of single clients, where callers bring the client: client id to scopes, instead of `scopes`.
    pub scopes_by_client: BTreeMap<String, ScopeList>,
    /// Limits for calls to the token endpoint if callers bring the client.
    pub limits: CallerLimits,
    /// The `audience` parameter, for providers that want one.
    pub audience: Option<SecretRef>,
    /// Further parameters of the token request.
    pub endpoint_params: BTreeMap<String, SecretRef>,
    /// How the client authenticates: `client_secret_basic` (default), `client_secret_post`, `client_secret_jwt`,
    /// `private_key_jwt` (RFC 7591) or `tls_client_auth` (RFC 8705).
    pub token_endpoint_auth_method: Option<String>,
    /// How to sign the assertions of `private_key_jwt` and `client_secret_jwt`.
    pub client_assertion: AssertionOptions,
    /// An expression that must be true of the fetched token's claims.
    pub claims: String,
    /// Claims of the fetched token to pass to the backend: header name to claim.
    pub forward_headers: BTreeMap<String, String>,
    /// The claim of the fetched token that names the user.
    pub username_claim: String,
    /// The header for that name. Default: `X-Forwarded-User`.
    pub username_header: Option<String>,
    /// The store in which several Traefiks share the token.
    pub store: Option<StoreConfig>,
    /// How to talk to the token endpoint.
    pub client_config: ClientConfig,
    /// Guest path of the state directory. Default: the first writable mount.
    pub state_directory: Option<String>,
}

impl Options {
    /// Returns the options for the gateway's own client.
    pub(crate) fn client(&self) -> ClientOptions<'_> {
        ClientOptions {
            id: self.client_id.as_ref(),
            secret: self.client_secret.as_ref(),
            method: self.token_endpoint_auth_method.as_deref(),
            assertion: &self.client_assertion,
            tls_key: self.client_config.tls.key.as_ref(),
        }
    }

    /// Refuses options for callers' clients if the gateway has its own client.
    pub(crate) fn check_without_callers(&self) -> Result<(), ConfigError> {
        for (field, is_given) in [
            ("scopesByClient", !self.scopes_by_client.is_empty()),
            ("limits", self.limits != CallerLimits::default()),
        ] {
            if is_given {
                return Err(ConfigError::new(
                    field,
                    "is about clients that callers bring: leave it out, or clientID and clientSecret",
                ));
            }
        }
        Ok(())
    }
}
