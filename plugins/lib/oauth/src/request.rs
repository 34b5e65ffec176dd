//! Token requests.

use std::fmt;

use form_urlencoded::Serializer;
use http::{HeaderValue, Request, Uri, header};
use middleware::{Host, Secret, UnixTime};

use crate::signing_key::SigningError;
use crate::{Client, ClientAuthentication};

/// A request to a token endpoint (RFC 6749 section 3.2).
#[derive(Clone)]
pub struct TokenRequest {
    client: Client,
    parameters: Vec<(String, String)>,
}

/// Why a request cannot be built. No valid configuration causes this.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The parts do not make an HTTP request.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The client's assertion is missing.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// RFC 7523 section 2.2.
const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl TokenRequest {
    /// A client credentials grant (RFC 6749 section 4.4).
    pub fn client_credentials(client: Client) -> Self {
        Self::grant(client, "client_credentials")
    }

    /// A grant by an assertion about a user, signed by a party that the server trusts (RFC 7523 section 2.1).
    pub fn jwt_bearer(client: Client, assertion: &Secret) -> Self {
        Self::grant(client, "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .parameter("assertion", assertion.expose())
    }

    /// An exchange of one token for another (RFC 8693 section 2.1).
    pub fn token_exchange(client: Client, subject_token: &Secret, subject_token_type: &str) -> Self {
        Self::grant(client, "urn:ietf:params:oauth:grant-type:token-exchange")
            .parameter("subject_token", subject_token.expose())
            .parameter("subject_token_type", subject_token_type)
    }

    fn grant(client: Client, grant_type: &str) -> Self {
        Self {
            client,
            parameters: vec![("grant_type".to_owned(), grant_type.to_owned())],
        }
    }

    /// A refresh (RFC 6749 section 6) without the parameter `refresh_token`. It requests the scopes that were granted.
    pub fn refresh(client: Client) -> Self {
        Self::grant(client, "refresh_token")
    }

    /// A device's request for the decision of its user (RFC 8628 section 3.4).
    pub fn device_code(client: Client, device_code: &Secret) -> Self {
        Self::grant(client, "urn:ietf:params:oauth:grant-type:device_code")
            .parameter("device_code", device_code.expose())
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

    /// The HTTP request for `endpoint` at `now`. Good for one use: it may hold an assertion, which a provider takes once.
    ///
    /// # Errors
    /// [`RequestError`], which no value of the parts leads to.
    pub fn to_http(
        &self,
        endpoint: &Uri,
        now: UnixTime,
        host: &dyn Host,
    ) -> Result<Request<Vec<u8>>, RequestError> {
        let mut body = Serializer::new(String::new());
        body.extend_pairs(&self.parameters);
        let mut request = Request::post(endpoint.clone())
            .header(
                header::CONTENT_TYPE,
                "application/x-www-form-urlencoded;charset=UTF-8",
            )
            .header(header::ACCEPT, "application/json");
        let client = &self.client;
        match &client.authentication {
            ClientAuthentication::SecretBasic(secret) => {
                let mut credentials =
                    HeaderValue::try_from(client.basic(secret)).map_err(http::Error::from)?;
                credentials.set_sensitive(true);
                request = request.header(header::AUTHORIZATION, credentials);
            }
            ClientAuthentication::SecretPost(secret) => {
                body.append_pair("client_id", &client.id);
                body.append_pair("client_secret", secret.expose());
            }
            ClientAuthentication::Assertion(signer) => {
                let assertion = signer.of_client(&client.id, &endpoint.to_string(), now, host)?;
                body.append_pair("client_id", &client.id);
                body.append_pair("client_assertion_type", CLIENT_ASSERTION_TYPE);
                body.append_pair("client_assertion", assertion.expose());
            }
            ClientAuthentication::Tls { .. } | ClientAuthentication::Public => {
                body.append_pair("client_id", &client.id);
            }
        }
        Ok(request.body(body.finish().into_bytes())?)
    }
}

/// A parameter of the provider may be a secret, so only names are shown.
impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("TokenRequest")
            .field("client", &self.client)
            .field("parameters", &names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_doubles::TestHost;

    fn token_request(authentication: ClientAuthentication) -> TokenRequest {
        let client = Client {
            id: "app".to_owned(),
            authentication,
        };
        TokenRequest::client_credentials(client)
            .scopes(&[
                "https://oic:443urn:opc:resource:consumer::all".to_owned(),
                "b".to_owned(),
            ])
            .parameter("audience", "oic")
    }

    const ENDPOINT: &str = "https://idcs/oauth2/v1/token";

    fn request(authentication: ClientAuthentication) -> Request<Vec<u8>> {
        token_request(authentication)
            .to_http(
                &Uri::from_static(ENDPOINT),
                UnixTime::from_secs(1000),
                &TestHost::new(),
            )
            .unwrap()
    }

    fn secret() -> Secret {
        Secret::new("s&cret")
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let authentication = ClientAuthentication::SecretBasic(secret());
        let shown = format!(
            "{:?} {:?}",
            token_request(authentication.clone()).parameter("pin", "hunter2"),
            request(authentication).headers()
        );
        for secret in ["hunter2", "s&cret", "Basic "] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn basic_authentication_keeps_the_secret_out_of_the_body() {
        let request = request(ClientAuthentication::SecretBasic(secret()));
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
        let request = request(ClientAuthentication::SecretPost(secret()));
        let body = std::str::from_utf8(request.body()).unwrap();
        assert!(body.ends_with("&client_id=app&client_secret=s%26cret"), "{body}");
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
    }

    #[test]
    fn a_public_client_only_says_who_it_is() {
        let client = Client {
            id: "app".to_owned(),
            authentication: ClientAuthentication::Public,
        };
        let request = TokenRequest::refresh(client)
            .parameter("refresh_token", "r&1")
            .to_http(
                &Uri::from_static(ENDPOINT),
                UnixTime::from_secs(1000),
                &TestHost::new(),
            )
            .unwrap();
        assert_eq!(
            std::str::from_utf8(request.body()).unwrap(),
            "grant_type=refresh_token&refresh_token=r%261&client_id=app"
        );
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
    }

    #[test]
    fn a_client_known_by_its_connection_names_itself_and_nothing_more() {
        let request = request(ClientAuthentication::Tls { key: secret() });
        let body = std::str::from_utf8(request.body()).unwrap();
        assert!(body.ends_with("&audience=oic&client_id=app"), "{body}");
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
    }
}
