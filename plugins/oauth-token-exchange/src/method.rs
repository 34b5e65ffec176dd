//! How a token is exchanged: the option `method` and the block that belongs to it.

use std::rc::Rc;

use jwt_plugin::AcceptedIssuers;
use middleware::config::given_text;
use middleware::{ConfigError, Host, Secret};
use oauth::Client;

use crate::config::{JwtBearerOptions, Options, Rfc8693Options};
use crate::user_assertion::UserAssertion;
use crate::users::Users;

/// The method, with its options.
pub(crate) enum Method {
    JwtBearer {
        users: Users,
        assertion: Rc<UserAssertion>,
    },
    Rfc8693 {
        subject_token_type: Rc<str>,
    },
}

/// The token type of RFC 8693 section 3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

impl Method {
    pub(crate) fn new(
        options: &Options,
        accepted: &AcceptedIssuers,
        client: &Client,
        host: &dyn Host,
    ) -> Result<Self, ConfigError> {
        // An ignored block would mislead its author, so it is refused.
        let only_for = |block: &str, is_given: bool| match is_given {
            true => Err(ConfigError::new(block, "has no effect with this method")),
            false => Ok(()),
        };
        match options.method.as_deref() {
            Some("jwtBearer") => {
                only_for("rfc8693", options.rfc8693.is_given())?;
                Ok(Self::JwtBearer {
                    users: Users::new(&options.jwt_bearer, accepted)?,
                    assertion: Rc::new(UserAssertion::new(options, client, host)?),
                })
            }
            Some("rfc8693") => {
                only_for("jwtBearer", options.jwt_bearer.is_given())?;
                let kind = given(options.rfc8693.subject_token_type.as_deref());
                Ok(Self::Rfc8693 {
                    subject_token_type: kind.unwrap_or(ACCESS_TOKEN).into(),
                })
            }
            _ => Err(ConfigError::new("method", "must be jwtBearer or rfc8693")),
        }
    }

    /// Returns all secrets that are needed to obtain tokens by this method: the client's secret and the key that signs
    /// assertions.
    pub(crate) fn secret(&self, client: &Secret) -> Secret {
        match self {
            Self::Rfc8693 { .. } => client.clone(),
            Self::JwtBearer { assertion, .. } => {
                let both = [client.expose(), assertion.secret().expose()];
                Secret::new(both.join("\n"))
            }
        }
    }

    /// Returns the options that distinguish the tokens of two methods.
    pub(crate) fn identity(&self) -> Vec<String> {
        match self {
            Self::Rfc8693 { subject_token_type } => {
                vec!["rfc8693".to_owned(), subject_token_type.as_ref().to_owned()]
            }
            Self::JwtBearer { assertion, .. } => {
                let mut identity = vec!["jwtBearer".to_owned()];
                identity.extend(assertion.identity());
                identity
            }
        }
    }
}

impl JwtBearerOptions {
    fn is_given(&self) -> bool {
        !self.subject_claim.is_empty()
            || !self.users.is_empty()
            || self.assertion.is_given()
            || self.issuer.is_some()
            || !self.claims.is_empty()
    }
}

impl Rfc8693Options {
    fn is_given(&self) -> bool {
        let texts = [&self.subject_token_type, &self.requested_token_type];
        texts.into_iter().any(|text| given(text.as_deref()).is_some())
            || self.audience.is_some()
            || self.resource.is_some()
    }

    pub(crate) fn parameters(&self, host: &dyn Host) -> Result<Vec<(String, String)>, ConfigError> {
        let mut parameters = Vec::new();
        if let Some(wanted) = given(self.requested_token_type.as_deref()) {
            parameters.push(("requested_token_type".to_owned(), wanted.to_owned()));
        }
        for (name, value) in [("audience", &self.audience), ("resource", &self.resource)] {
            let value = given_text(&format!("rfc8693.{name}"), value.as_ref(), host)?;
            parameters.extend(value.map(|value| (name.to_owned(), value)));
        }
        Ok(parameters)
    }
}

/// Treats the empty string as missing.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// Parameters that have their own options, or that the methods set.
pub(crate) const RESERVED: [&str; 7] = [
    "assertion",
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "audience",
    "resource",
    "actor_token",
];
