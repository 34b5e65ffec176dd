//! The `clientConfig` block that every plugin with a network shares, named as in Traefik Hub.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use middleware::pem::{self, PrivateKeyForm};
use middleware::{ConfigError, Host, SecretRef, config::lenient};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;

use crate::connection::{accept_any_certificate, accept_given_certificates};

/// How to talk to the identity provider.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ClientConfig {
    /// Seconds from name lookup to the last byte of the answer, all attempts together. 1 to 60, default 5.
    #[serde(deserialize_with = "lenient::integer")]
    pub timeout_seconds: u64,
    /// How often a failed attempt is repeated while time is left. 0 to 10, default 3.
    #[serde(deserialize_with = "lenient::integer")]
    pub max_retries: u64,
    /// How many requests of a Traefik process may wait for an answer at a time; further ones are refused with 503
    /// at once. 0 to 100,000, default 1024. Not an option of Traefik Hub's.
    #[serde(deserialize_with = "lenient::integer")]
    pub max_waiting_requests: u64,
    /// Trust and client certificate.
    #[serde(deserialize_with = "lenient::block")]
    pub tls: TlsOptions,
}

/// TLS options of the connection to the identity provider. PEM text, or `env:NAME`, or `file:/path`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TlsOptions {
    /// Certificates to trust beside the public ones.
    pub ca: Option<SecretRef>,
    /// Client certificate chain, leaf first.
    pub cert: Option<SecretRef>,
    /// Private key of the client certificate.
    pub key: Option<SecretRef>,
    /// Accept any server certificate. Whoever can answer in the provider's place then owns the gateway.
    #[serde(deserialize_with = "lenient::boolean")]
    pub insecure_skip_verify: bool,
}

#[cfg(test)]
mod tests;

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            timeout_seconds: 5,
            max_retries: 3,
            max_waiting_requests: 1024,
            tls: TlsOptions::default(),
        }
    }
}

impl ClientConfig {
    /// The time all attempts together may take.
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the option below `clientConfig`.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if !(1..=60).contains(&self.timeout_seconds) {
            return Err(ConfigError::new(
                "clientConfig.timeoutSeconds",
                "must be from 1 to 60",
            ));
        }
        if self.max_retries > 10 {
            return Err(ConfigError::new(
                "clientConfig.maxRetries",
                "must be from 0 to 10",
            ));
        }
        Ok(())
    }
}

impl TlsOptions {
    /// Which servers these options trust, as text. It is not a secret, and part of the identity of what is shared: a value
    /// from a server that one router trusts must not serve a router that does not trust this server. The certificates count
    /// and not where they are read from: two machines may keep the same ones in different places.
    pub fn trust(&self, host: &dyn Host) -> String {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
        use ring::digest;

        if self.insecure_skip_verify {
            return "anybody".to_owned();
        }
        let Some((field, ca)) = self.authority("", host) else {
            return "public authorities".to_owned();
        };
        let given = match certificates(&ca, &field, host) {
            Ok(mut given) => {
                given.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
                given.dedup();
                let mut context = digest::Context::new(&digest::SHA256);
                for certificate in &given {
                    context.update(digest::digest(&digest::SHA256, certificate).as_ref());
                }
                BASE64.encode(context.finish())
            }
            // The configuration cannot be used like this; whoever needs the certificates says why.
            Err(_) => ca.expose().to_owned(),
        };
        format!("public authorities and {given}")
    }

    /// Which certificates to trust beside the public ones, and by which name to call them. What the plugin's own option
    /// does not say, Traefik's environment may: Go takes its authorities from the same variable.
    fn authority(&self, block: &str, host: &dyn Host) -> Option<(Cow<'static, str>, SecretRef)> {
        const VARIABLE: &str = "SSL_CERT_FILE";
        if let Some(ca) = given(self.ca.as_ref()) {
            return Some((format!("{block}.ca").into(), ca.clone()));
        }
        let file = host.env(VARIABLE).filter(|file| !file.is_empty())?;
        Some((VARIABLE.into(), SecretRef::new(format!("file:{file}"))))
    }

    /// Finds out whether the authority that is given can be used. Much cheaper than [`TlsOptions::build`], which most
    /// instances never need: it does not touch the public authorities.
    ///
    /// # Errors
    /// See [`TlsOptions::build`].
    pub(crate) fn check_authority(&self, block: &str, host: &dyn Host) -> Result<(), ConfigError> {
        match self.authority(block, host) {
            Some((field, ca)) => add_roots(&mut RootCertStore::empty(), &field, &ca, host).map(drop),
            None => Ok(()),
        }
    }

    /// Whether there is a client certificate or its key. Whether they fit, only the whole tells.
    pub(crate) fn has_identity(&self) -> bool {
        given(self.cert.as_ref()).is_some() || given(self.key.as_ref()).is_some()
    }

    /// Builds the TLS client configuration.
    ///
    /// # Errors
    /// Names the option below `block`, for example `clientConfig.tls`.
    pub(crate) fn build(&self, block: &str, host: &dyn Host) -> Result<rustls::ClientConfig, ConfigError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|_| ConfigError::new(block, "cannot be used with this build"))?;
        let builder = if self.insecure_skip_verify {
            builder
                .dangerous()
                .with_custom_certificate_verifier(accept_any_certificate(&provider))
        } else {
            let (roots, given) = self.roots(block, host)?;
            let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|_| ConfigError::new(block, "cannot be used with this build"))?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(accept_given_certificates(usual, given))
        };
        match self.identity(block, host)? {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|_| {
                ConfigError::new(
                    format!("{block}.key"),
                    format!("does not fit {block}.cert, or is of an unknown kind"),
                )
            }),
            None => Ok(builder.with_no_client_auth()),
        }
    }

    /// Whom to trust, and the certificates among them that are given in the options.
    #[allow(clippy::type_complexity)] // the store, as rustls takes it, and what goes with it
    fn roots(
        &self,
        block: &str,
        host: &dyn Host,
    ) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), ConfigError> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let given = match self.authority(block, host) {
            Some((field, ca)) => add_roots(&mut roots, &field, &ca, host)?,
            None => Vec::new(),
        };
        Ok((roots, given))
    }

    #[allow(clippy::type_complexity)] // chain and key, as rustls takes them
    fn identity(
        &self,
        block: &str,
        host: &dyn Host,
    ) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, ConfigError> {
        let (cert_field, key_field) = (format!("{block}.cert"), format!("{block}.key"));
        match (given(self.cert.as_ref()), given(self.key.as_ref())) {
            (None, None) => Ok(None),
            (Some(cert), Some(key)) => {
                let chain = certificates(cert, &cert_field, host)?;
                let pem = key.resolve_document(&key_field, host)?;
                let (form, der) = pem::private_key(pem.expose())
                    .map_err(|error| ConfigError::new(key_field, error.to_string()))?;
                let key = match form {
                    PrivateKeyForm::Pkcs8 => PrivateKeyDer::Pkcs8(der.into()),
                    PrivateKeyForm::Pkcs1 => PrivateKeyDer::Pkcs1(der.into()),
                    PrivateKeyForm::Sec1 => PrivateKeyDer::Sec1(der.into()),
                };
                Ok(Some((chain, key)))
            }
            (Some(_), None) => Err(ConfigError::new(
                key_field,
                format!("is required together with {cert_field}"),
            )),
            (None, Some(_)) => Err(ConfigError::new(
                cert_field,
                format!("is required together with {key_field}"),
            )),
        }
    }
}

/// The empty string counts as not given.
pub fn given(reference: Option<&SecretRef>) -> Option<&SecretRef> {
    reference.filter(|reference| !reference.is_empty())
}

/// Adds the certificates of `ca` to `roots`, and gives them.
fn add_roots(
    roots: &mut RootCertStore,
    field: &str,
    ca: &SecretRef,
    host: &dyn Host,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let certificates = certificates(ca, field, host)?;
    for certificate in &certificates {
        roots
            .add(certificate.clone())
            .map_err(|_| ConfigError::new(field, "holds a certificate that cannot be a trust anchor"))?;
    }
    Ok(certificates)
}

fn certificates(
    reference: &SecretRef,
    field: &str,
    host: &dyn Host,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let pem = reference.resolve_document(field, host)?;
    let chain =
        pem::certificates(pem.expose()).map_err(|error| ConfigError::new(field, error.to_string()))?;
    Ok(chain.into_iter().map(CertificateDer::from).collect())
}
