//! The client and its authentication (RFC 6749 section 2.3).

use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use middleware::Secret;
use ring::hmac;

use crate::AssertionSigner;

/// A client of the authorization server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Client identifier.
    pub id: String,
    /// How it authenticates.
    pub authentication: ClientAuthentication,
}

/// How a client authenticates at the token endpoint, by the names of RFC 7591 section 2 and RFC 8705 section 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// `client_secret_basic`: HTTP Basic, both parts form-encoded first (RFC 6749 section 2.3.1).
    SecretBasic(Secret),
    /// `client_secret_post`: in the request body.
    SecretPost(Secret),
    /// `none`: a public client, which only sends its identifier (RFC 6749 section 2.1).
    Public,
    /// `client_secret_jwt` and `private_key_jwt`: a signed assertion, a new one for each request (RFC 7523 section 2.2).
    Assertion(Rc<AssertionSigner>),
    /// `tls_client_auth`: the connection's client certificate. The request only names the client.
    Tls {
        /// The certificate's private key in PEM. Not used here: crate `egress` makes the connection.
        key: Secret,
    },
}

impl ClientAuthentication {
    /// The method of this name, or the default one. `None` unless the method sends the plain secret.
    pub fn by_secret(method: Option<&str>) -> Option<fn(Secret) -> Self> {
        match method {
            None | Some("" | "client_secret_basic") => Some(Self::SecretBasic),
            Some("client_secret_post") => Some(Self::SecretPost),
            Some(_) => None,
        }
    }

    /// The name of the method. Two clients that differ in it alone must not share tokens.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SecretBasic(_) => "client_secret_basic",
            Self::SecretPost(_) => "client_secret_post",
            Self::Public => "none",
            Self::Assertion(_) => "jwt",
            Self::Tls { .. } => "tls_client_auth",
        }
    }
}

impl Client {
    /// What only this client knows: its secret or its private key. Other secrets are derived from it. `None` for a public
    /// client.
    pub fn secret(&self) -> Option<&Secret> {
        match &self.authentication {
            ClientAuthentication::SecretBasic(secret) | ClientAuthentication::SecretPost(secret) => {
                Some(secret)
            }
            ClientAuthentication::Assertion(signer) => Some(signer.secret()),
            ClientAuthentication::Tls { key } => Some(key),
            ClientAuthentication::Public => None,
        }
    }

    /// A fingerprint of everything that the client authenticates with. It tells two secrets apart, and reveals nothing else
    /// but whether a guess is right.
    pub fn proof(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"oic-gateway proof v1");
        let mut context = hmac::Context::with_key(&key);
        let secret = self.secret().map_or("", Secret::expose);
        let named = match &self.authentication {
            ClientAuthentication::Assertion(signer) => signer.names(),
            _ => String::new(),
        };
        for part in [self.authentication.kind(), &self.id, secret, &named] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        let tag = context.sign();
        let (proof, _) = tag.as_ref().split_at(12);
        URL_SAFE_NO_PAD.encode(proof)
    }

    /// The value of the `Authorization` header for [`ClientAuthentication::SecretBasic`].
    pub(crate) fn basic(&self, secret: &Secret) -> String {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(&self.id), encode(secret.expose()));
        format!("Basic {}", STANDARD.encode(pair))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_tells_clients_apart_and_shows_nothing() {
        let client = |id: &str, authentication| Client {
            id: id.to_owned(),
            authentication,
        };
        let secret = |text: &str| ClientAuthentication::SecretBasic(Secret::new(text));
        let proof = client("app", secret("old")).proof();
        assert_eq!(proof, client("app", secret("old")).proof());
        for other in [
            client("app", secret("new")),
            client("ap", secret("pold")),
            client("app", ClientAuthentication::SecretPost(Secret::new("old"))),
            client("app", ClientAuthentication::Public),
        ] {
            assert_ne!(proof, other.proof(), "{other:?}");
        }
    }

    #[test]
    fn basic_credentials_are_form_encoded_first() {
        for (id, secret, expected) in [
            ("app", "secret", "app:secret"),
            ("a:b", "p@ss word%", "a%3Ab:p%40ss+word%25"),
            ("é", "ü/+", "%C3%A9:%C3%BC%2F%2B"),
        ] {
            let secret = Secret::new(secret);
            let client = Client {
                id: id.to_owned(),
                authentication: ClientAuthentication::SecretBasic(secret.clone()),
            };
            let header = client.basic(&secret);
            let decoded = STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap();
            assert_eq!(String::from_utf8(decoded).unwrap(), expected);
        }
    }
}
