//! Who the client is and how it proves it (RFC 6749 section 2.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use middleware::Secret;

/// A client.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// Client identifier.
    pub client_id: String,
    /// Client secret; empty for a public client.
    pub client_secret: Secret,
}

/// How the client authenticates at the token endpoint, by the names of RFC 7591 section 2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// `client_secret_basic`: HTTP Basic, both parts form-encoded first (RFC 6749 section 2.3.1).
    #[default]
    Basic,
    /// `client_secret_post`: in the request body.
    Post,
    /// `none`: a public client, which only says who it is (RFC 6749 section 2.1).
    Public,
}

impl ClientAuthentication {
    /// Finds a method by its registered name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "client_secret_basic" => Some(Self::Basic),
            "client_secret_post" => Some(Self::Post),
            _ => None,
        }
    }
}

impl ClientCredentials {
    /// The value of the `Authorization` header for [`ClientAuthentication::Basic`].
    pub(crate) fn basic(&self) -> String {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!(
            "{}:{}",
            encode(&self.client_id),
            encode(self.client_secret.expose())
        );
        format!("Basic {}", STANDARD.encode(pair))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded_first() {
        for (id, secret, expected) in [
            ("app", "secret", "app:secret"),
            ("a:b", "p@ss word%", "a%3Ab:p%40ss+word%25"),
            ("é", "ü/+", "%C3%A9:%C3%BC%2F%2B"),
        ] {
            let client = ClientCredentials {
                client_id: id.to_owned(),
                client_secret: Secret::new(secret),
            };
            let header = client.basic();
            let decoded = STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap();
            assert_eq!(String::from_utf8(decoded).unwrap(), expected);
        }
    }
}
