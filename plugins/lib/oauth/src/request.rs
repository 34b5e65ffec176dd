//! Token requests.

use std::fmt;

use form_urlencoded::Serializer;
use http::{HeaderValue, Request, Uri, header};
use middleware::Secret;

use crate::{ClientAuthentication, ClientCredentials};

/// A request to a token endpoint (RFC 6749 section 3.2).
#[derive(Clone)]
pub struct TokenRequest {
    client: ClientCredentials,
    authentication: ClientAuthentication,
    parameters: Vec<(String, String)>,
}

impl TokenRequest {
    /// A client credentials grant (RFC 6749 section 4.4).
    pub fn client_credentials(client: ClientCredentials, authentication: ClientAuthentication) -> Self {
        let grant = ("grant_type".to_owned(), "client_credentials".to_owned());
        Self {
            client,
            authentication,
            parameters: vec![grant],
        }
    }

    /// A refresh (RFC 6749 section 6), less the parameter `refresh_token`. It asks for the scopes that were granted.
    pub fn refresh(client: ClientCredentials, authentication: ClientAuthentication) -> Self {
        let grant = ("grant_type".to_owned(), "refresh_token".to_owned());
        Self {
            client,
            authentication,
            parameters: vec![grant],
        }
    }

    /// A device's question whether its user has decided (RFC 8628 section 3.4).
    pub fn device_code(
        client: ClientCredentials,
        authentication: ClientAuthentication,
        device_code: &Secret,
    ) -> Self {
        let grant = (
            "grant_type".to_owned(),
            "urn:ietf:params:oauth:grant-type:device_code".to_owned(),
        );
        Self {
            client,
            authentication,
            parameters: vec![grant, ("device_code".to_owned(), device_code.expose().to_owned())],
        }
    }

    /// Adds `scope`, the given scopes separated by spaces. Adds nothing for an empty list.
    #[must_use]
    pub fn scopes(self, scopes: &[String]) -> Self {
        if scopes.is_empty() {
            self
        } else {
            self.parameter("scope", scopes.join(" "))
        }
    }

    /// Adds a body parameter.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// The HTTP request for `endpoint`.
    ///
    /// # Errors
    /// When the parts do not make a request, which no value of theirs leads to.
    pub fn to_http(&self, endpoint: &Uri) -> http::Result<Request<Vec<u8>>> {
        let mut body = Serializer::new(String::new());
        body.extend_pairs(&self.parameters);
        let mut request = Request::post(endpoint.clone())
            .header(
                header::CONTENT_TYPE,
                "application/x-www-form-urlencoded;charset=UTF-8",
            )
            .header(header::ACCEPT, "application/json");
        match self.authentication {
            ClientAuthentication::Basic => {
                let mut credentials = HeaderValue::try_from(self.client.basic())?;
                credentials.set_sensitive(true);
                request = request.header(header::AUTHORIZATION, credentials);
            }
            ClientAuthentication::Post => {
                body.append_pair("client_id", &self.client.client_id);
                body.append_pair("client_secret", self.client.client_secret.expose());
            }
            ClientAuthentication::Public => {
                body.append_pair("client_id", &self.client.client_id);
            }
        }
        request.body(body.finish().into_bytes())
    }
}

/// A parameter may be a secret of the provider's own invention, so only names are shown.
impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("TokenRequest")
            .field("client", &self.client)
            .field("authentication", &self.authentication)
            .field("parameters", &names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_request(authentication: ClientAuthentication) -> TokenRequest {
        let client = ClientCredentials {
            client_id: "app".to_owned(),
            client_secret: Secret::new("s&cret"),
        };
        TokenRequest::client_credentials(client, authentication)
            .scopes(&[
                "https://oic:443urn:opc:resource:consumer::all".to_owned(),
                "b".to_owned(),
            ])
            .parameter("audience", "oic")
    }

    fn request(authentication: ClientAuthentication) -> Request<Vec<u8>> {
        token_request(authentication)
            .to_http(&Uri::from_static("https://idcs/oauth2/v1/token"))
            .unwrap()
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let request = token_request(ClientAuthentication::Basic).parameter("pin", "hunter2");
        let uri = Uri::from_static("https://idcs/oauth2/v1/token");
        let shown = format!("{request:?} {:?}", request.to_http(&uri).unwrap().headers());
        for secret in ["hunter2", "s&cret", "Basic "] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn basic_authentication_keeps_the_secret_out_of_the_body() {
        let request = request(ClientAuthentication::Basic);
        assert_eq!(request.method(), "POST");
        assert_eq!(
            std::str::from_utf8(request.body()).unwrap(),
            "grant_type=client_credentials&scope=https%3A%2F%2Foic%3A443urn%3Aopc%3Aresource%3Aconsumer%3A%3Aall+b&audience=oic"
        );
        assert!(
            request.headers()[header::AUTHORIZATION]
                .to_str()
                .unwrap()
                .starts_with("Basic ")
        );
    }

    #[test]
    fn post_authentication_sends_no_header() {
        let request = request(ClientAuthentication::Post);
        let body = std::str::from_utf8(request.body()).unwrap();
        assert!(body.ends_with("&client_id=app&client_secret=s%26cret"), "{body}");
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
    }

    #[test]
    fn a_public_client_only_says_who_it_is() {
        let client = ClientCredentials {
            client_id: "app".to_owned(),
            client_secret: Secret::new(""),
        };
        let request = TokenRequest::refresh(client, ClientAuthentication::Public)
            .parameter("refresh_token", "r&1")
            .to_http(&Uri::from_static("https://idcs/oauth2/v1/token"))
            .unwrap();
        assert_eq!(
            std::str::from_utf8(request.body()).unwrap(),
            "grant_type=refresh_token&refresh_token=r%261&client_id=app"
        );
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
    }
}
