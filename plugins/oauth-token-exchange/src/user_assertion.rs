//! The assertion with which the gateway vouches for a user (RFC 7523 section 2.1): the option block `jwtBearer`.

use std::rc::Rc;

use middleware::config::given_text;
use middleware::{ConfigError, Host, Secret, UnixTime};
use oauth::{AssertionClaims, AssertionSigner, Client, ClientAuthentication, SigningError};
use serde_json::{Map, Value};

use crate::config::Options;

/// The parts that all assertions about users share.
pub(crate) struct UserAssertion {
    signer: Rc<AssertionSigner>,
    issuer: String,
    audience: String,
    more: Map<String, Value>,
}

/// The audience of assertions about users, as OCI IAM documents it.
const IDENTITY_DOMAINS: &str = "https://identity.oraclecloud.com/";

impl UserAssertion {
    /// Reads the option block.
    ///
    /// # Errors
    /// [`ConfigError`] names the option.
    pub(crate) fn new(options: &Options, client: &Client, host: &dyn Host) -> Result<Self, ConfigError> {
        let block = &options.jwt_bearer;
        let signer = match &client.authentication {
            // A client that authenticates with a key does not need a second one.
            ClientAuthentication::Assertion(signer) if signer.is_public() && !block.assertion.is_given() => {
                Rc::clone(signer)
            }
            _ => Rc::new(block.assertion.signer("jwtBearer.assertion", host)?),
        };
        let issuer = given_text("jwtBearer.issuer", block.issuer.as_ref(), host)?;
        if let Some(name) = block.claims.keys().find(|name| ASSERTED.contains(&name.as_str())) {
            return Err(ConfigError::new(
                format!("jwtBearer.claims.{name}"),
                "is set by the plugin",
            ));
        }
        Ok(Self {
            audience: signer.audience().unwrap_or(IDENTITY_DOMAINS).to_owned(),
            signer,
            issuer: issuer.unwrap_or_else(|| client.id.clone()),
            more: block.claims.clone().into_iter().collect(),
        })
    }

    /// Creates an assertion about `user`.
    ///
    /// # Errors
    /// [`SigningError`], which does not occur in practice.
    pub(crate) fn about(&self, user: &str, now: UnixTime, host: &dyn Host) -> Result<Secret, SigningError> {
        let claims = AssertionClaims {
            issuer: &self.issuer,
            subject: user,
            audience: &self.audience,
            more: Some(&self.more),
        };
        self.signer.sign(claims, now, host)
    }

    /// Returns the text of the key.
    pub(crate) fn secret(&self) -> &Secret {
        self.signer.secret()
    }

    /// Returns the parts that distinguish the tokens of two configurations.
    pub(crate) fn identity(&self) -> [String; 3] {
        let more = Value::Object(self.more.clone()).to_string();
        [self.issuer.clone(), self.audience.clone(), more]
    }
}

/// Claims that every assertion has.
const ASSERTED: [&str; 6] = ["iss", "sub", "aud", "iat", "exp", "jti"];
