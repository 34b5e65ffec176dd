//! The configuration of `jwksAuth`.

use egress::Url;
use middleware::config::{given, lenient, required_text, values};
use middleware::{ConfigError, Host, SecretRef};
use oauth::{AssertionOptions, ClientOptions};
use serde::Deserialize;

use crate::KeysLogin;

/// How to get a token that opens the key set.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawJwksAuth {
    /// Token endpoint.
    url: Option<SecretRef>,
    /// Client identifier.
    #[serde(rename = "clientID", alias = "clientId")]
    client_id: Option<SecretRef>,
    /// Client secret.
    client_secret: Option<SecretRef>,
    /// Scopes to ask for; the domain's own API if not given.
    #[serde(deserialize_with = "lenient::given_strings")]
    scopes: Option<Vec<String>>,
    /// How the client authenticates: `client_secret_basic` (default), `client_secret_post`, `client_secret_jwt` or
    /// `private_key_jwt`.
    token_endpoint_auth_method: Option<String>,
    /// How to sign the assertions of `private_key_jwt` and `client_secret_jwt`.
    client_assertion: AssertionOptions,
}

/// The scope that IDCS grants to every client. It gives access to the key set.
const MY_SCOPES: &str = "urn:opc:idm:__myscopes__";

impl RawJwksAuth {
    /// Returns whether any of the options is set.
    pub(super) fn is_given(&self) -> bool {
        let texts = [&self.url, &self.client_id, &self.client_secret];
        texts.into_iter().any(|text| given(text.as_ref()).is_some())
            || self.scopes.is_some()
            || self.token_endpoint_auth_method.is_some()
            || self.client_assertion.is_given()
    }

    /// Reads the block named `option`. Returns `None` if it is empty.
    pub(super) fn check(&self, option: &str, host: &dyn Host) -> Result<Option<KeysLogin>, ConfigError> {
        if !self.is_given() {
            return Ok(None);
        }
        let field = |name: &str| format!("{option}.{name}");
        let url = Url::parse(&required_text(&field("url"), self.url.as_ref(), host)?)
            .map_err(|error| ConfigError::new(field("url"), error.to_string()))?;
        let method = self.token_endpoint_auth_method.as_deref();
        if method == Some("tls_client_auth") {
            return Err(ConfigError::new(
                field("tokenEndpointAuthMethod"),
                "cannot be tls_client_auth here: use private_key_jwt",
            ));
        }
        let client = ClientOptions {
            id: self.client_id.as_ref(),
            secret: self.client_secret.as_ref(),
            method,
            assertion: &self.client_assertion,
            tls_key: None,
        };
        let client = client.client(host).map_err(|error| error.within(option))?;
        let scopes = match &self.scopes {
            None => vec![MY_SCOPES.to_owned()],
            given => values(&field("scopes"), given.clone())?,
        };
        Ok(Some(KeysLogin {
            option: option.to_owned(),
            url,
            client,
            scopes,
        }))
    }
}
