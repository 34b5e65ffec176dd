//! The part of a token request that is the same for every client.

use std::rc::Rc;

use egress::{Platform, Url};
use middleware::config::{given_text, required_text, texts};
use middleware::{ConfigError, Host};
use oauth::{Client, TokenRequest, endpoint_parameters};

use crate::config::Options;

/// The token endpoint, the scopes, and further parameters.
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
        let url = Url::parse(&required_text("url", options.url.as_ref(), host)?)
            .map_err(|error| ConfigError::new("url", error.to_string()))?;
        url.warn_if_plain(
            "url",
            "the client secret and the token travel in clear: use https outside of tests",
            host,
        );
        let scopes = texts("scopes", &options.scopes, host)?;
        let mut parameters = Vec::new();
        let audience = given_text("audience", options.audience.as_ref(), host)?;
        parameters.extend(audience.map(|audience| ("audience".to_owned(), audience)));
        let reserved = ["audience", "refresh_token"];
        parameters.extend(endpoint_parameters(&options.endpoint_params, &reserved, host)?);
        Ok(Self {
            url,
            scopes,
            parameters,
            trust: options.client_config.tls.trust(host),
        })
    }

    /// Returns everything that distinguishes two tokens, so that they get different names and keys. This includes the
    /// TLS settings: a router must not use a token that another router got from a server that it does not trust itself.
    pub(crate) fn identity(&self, client_id: &str, scopes: &[String]) -> Vec<String> {
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

    /// Builds a client credentials request.
    pub(crate) fn client_credentials(&self, client: Client, scopes: &[String]) -> TokenRequest {
        self.completed(TokenRequest::client_credentials(client).scopes(scopes))
    }

    /// Builds a refresh token request. The refresh token itself is added later.
    pub(crate) fn refresh(&self, client: Client) -> TokenRequest {
        self.completed(TokenRequest::refresh(client))
    }

    fn completed(&self, request: TokenRequest) -> TokenRequest {
        let parameters = self.parameters.iter();
        parameters.fold(request, |request, (name, value)| request.parameter(name, value))
    }
}
