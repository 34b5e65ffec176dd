//! The options about the client, which are the same for every plugin that requests tokens.

use std::rc::Rc;

use middleware::config::{given, given_text, required};
use middleware::{ConfigError, Host, Secret, SecretRef};
use serde::Deserialize;

use crate::signing_key::{SigningKey, Thumbprints};
use crate::{AssertionSigner, Client, ClientAuthentication};

/// What signs assertions: the block `clientAssertion` for those of `private_key_jwt` and `client_secret_jwt`.
///
/// Every text may be given literally, as `env:NAME` or as `file:/path`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AssertionOptions {
    /// The private key (PEM): RSA, or P-256.
    pub key: Option<SecretRef>,
    /// The name under which the provider knows the key: the header parameter `kid`.
    pub key_id: Option<SecretRef>,
    /// The key's certificate (PEM), for providers that find it by `x5t` or `x5t#S256`.
    pub certificate: Option<SecretRef>,
    /// `RS256`, `ES256` or `HS256`. The key decides; what is given here must be the same.
    pub algorithm: Option<String>,
    /// The value of `aud`, where it is not the usual one.
    pub audience: Option<SecretRef>,
}

/// A plugin's options about its client.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions<'o> {
    /// `clientID`
    pub id: Option<&'o SecretRef>,
    /// `clientSecret`
    pub secret: Option<&'o SecretRef>,
    /// `tokenEndpointAuthMethod`
    pub method: Option<&'o str>,
    /// `clientAssertion`
    pub assertion: &'o AssertionOptions,
    /// `clientConfig.tls.key`
    pub tls_key: Option<&'o SecretRef>,
}

/// The methods' names; without one it is the first.
const METHODS: [&str; 6] = [
    "",
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
];
const ASSERTION: &str = "clientAssertion";
const SECRET: &str = "clientSecret";

impl ClientOptions<'_> {
    /// The client that the options describe.
    ///
    /// # Errors
    /// Names the option that is missing, wrong, or without effect.
    pub fn client(&self, host: &dyn Host) -> Result<Client, ConfigError> {
        let method = self.method.unwrap_or_default();
        let unknown = || {
            ConfigError::new(
                "tokenEndpointAuthMethod",
                "must be client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt or tls_client_auth",
            )
        };
        if !METHODS.contains(&method) {
            return Err(unknown());
        }
        // Report a missing option before a reference that cannot be resolved.
        let id = required("clientID", self.id)?;
        if method.is_empty() || method.starts_with("client_secret_") {
            required(SECRET, self.secret)?;
        }
        let id = id.resolve("clientID", host)?;
        let secret = || required(SECRET, self.secret)?.resolve(SECRET, host);
        if !method.ends_with("_jwt") && self.assertion.is_given() {
            return Err(ConfigError::new(
                ASSERTION,
                "is of use only where tokenEndpointAuthMethod is private_key_jwt or client_secret_jwt",
            ));
        }
        let authentication = match method {
            "" | "client_secret_basic" => ClientAuthentication::SecretBasic(secret()?),
            "client_secret_post" => ClientAuthentication::SecretPost(secret()?),
            "client_secret_jwt" => {
                ClientAuthentication::Assertion(Rc::new(self.assertion.by_secret(secret()?, host)?))
            }
            "private_key_jwt" => {
                ClientAuthentication::Assertion(Rc::new(self.assertion.signer(ASSERTION, host)?))
            }
            "tls_client_auth" => ClientAuthentication::Tls {
                key: required("clientConfig.tls.key", self.tls_key)?
                    .resolve_document("clientConfig.tls.key", host)?,
            },
            _ => return Err(unknown()),
        };
        Ok(Client {
            id: id.expose().to_owned(),
            authentication,
        })
    }
}

impl AssertionOptions {
    /// Whether any of these options is given.
    pub fn is_given(&self) -> bool {
        let texts = [&self.key, &self.key_id, &self.certificate, &self.audience];
        texts.into_iter().any(|text| given(text.as_ref()).is_some()) || self.algorithm().is_some()
    }

    /// A signer with the private key.
    ///
    /// # Errors
    /// Names the option inside `block`.
    pub fn signer(&self, block: &str, host: &dyn Host) -> Result<AssertionSigner, ConfigError> {
        let option = |name: &str| format!("{block}.{name}");
        let pem = required(&option("key"), self.key.as_ref())?.resolve_document(&option("key"), host)?;
        let key = SigningKey::of_pem(&pem).map_err(|problem| ConfigError::new(option("key"), problem))?;
        let thumbprints = match given(self.certificate.as_ref()) {
            None => None,
            Some(certificate) => {
                let option = option("certificate");
                let thumbprints = Thumbprints::of_pem(&certificate.resolve_document(&option, host)?, &key);
                Some(thumbprints.map_err(|problem| ConfigError::new(option, problem))?)
            }
        };
        Ok(self.named(block, key, pem, host)?.with_thumbprints(thumbprints))
    }

    fn by_secret(&self, secret: Secret, host: &dyn Host) -> Result<AssertionSigner, ConfigError> {
        for (option, value) in [("key", &self.key), ("certificate", &self.certificate)] {
            if given(value.as_ref()).is_some() {
                return Err(ConfigError::new(
                    format!("{ASSERTION}.{option}"),
                    "is for private_key_jwt: client_secret_jwt signs with clientSecret",
                ));
            }
        }
        self.named(ASSERTION, SigningKey::of_secret(&secret), secret, host)
    }

    fn named(
        &self,
        block: &str,
        key: SigningKey,
        secret: Secret,
        host: &dyn Host,
    ) -> Result<AssertionSigner, ConfigError> {
        let fitting = key.algorithm();
        if self.algorithm().is_some_and(|wanted| wanted != fitting) {
            return Err(ConfigError::new(
                format!("{block}.algorithm"),
                format!("does not fit the key, which signs {fitting}"),
            ));
        }
        let text = |option: &str, value: &Option<SecretRef>| {
            given_text(&format!("{block}.{option}"), value.as_ref(), host)
        };
        Ok(AssertionSigner::new(key, secret)
            .with_key_id(text("keyId", &self.key_id)?)
            .with_audience(text("audience", &self.audience)?))
    }

    fn algorithm(&self) -> Option<&str> {
        self.algorithm.as_deref().filter(|name| !name.is_empty())
    }
}
