//! The `tls` block, and the configuration for rustls that it describes.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use middleware::config::{given, lenient};
use middleware::pem::{self, PrivateKeyForm};
use middleware::{ConfigError, Host, SecretRef};
use ring::digest;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;

use crate::tls::any_certificate::accept_any_certificate;
use crate::tls::client_key::ClientKeys;
use crate::tls::given_certificate::accept_given_certificates;

/// TLS options of the connection to the identity provider. PEM text, or `env:NAME`, or `file:/path`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TlsOptions {
    /// Certificates to trust in addition to the public ones.
    pub ca: Option<SecretRef>,
    /// Client certificate chain, leaf first.
    pub cert: Option<SecretRef>,
    /// Private key of the client certificate.
    pub key: Option<SecretRef>,
    /// Accept any server certificate. Anyone who can answer in the provider's place then controls the gateway.
    #[serde(deserialize_with = "lenient::boolean")]
    pub insecure_skip_verify: bool,
}

impl TlsOptions {
    /// Describes which servers these options trust. The text is not a secret. It is part of the identity of shared
    /// values: a value from a server that one router trusts must not serve a router that does not trust this server.
    /// The text depends on the certificates and not on where they are read from: two machines may keep the same ones in
    /// different places.
    pub fn trust(&self, host: &dyn Host) -> String {
        if self.insecure_skip_verify {
            return "anybody".to_owned();
        }
        let Some((field, ca)) = self.authority("", host) else {
            return "public authorities".to_owned();
        };
        let given = match certificates(&ca, &field, host) {
            Ok(given) => {
                // A list of a few certificates does not need the library's sort, which is 3 KB of code for each type.
                let mut sorted: Vec<&[u8]> = Vec::new();
                for certificate in &given {
                    if let Err(place) = sorted.binary_search(&certificate.as_ref()) {
                        sorted.insert(place, certificate);
                    }
                }
                let mut context = digest::Context::new(&digest::SHA256);
                for certificate in sorted {
                    context.update(digest::digest(&digest::SHA256, certificate).as_ref());
                }
                BASE64.encode(context.finish())
            }
            // The configuration cannot be used. The code that needs the certificates reports why.
            Err(_) => ca.expose().to_owned(),
        };
        format!("public authorities and {given}")
    }

    /// The certificates to trust in addition to the public ones, and the name of the setting they come from. Without
    /// the plugin's own option, they come from Traefik's environment: Go reads its authorities from the same variable.
    fn authority(&self, block: &str, host: &dyn Host) -> Option<(Cow<'static, str>, SecretRef)> {
        const VARIABLE: &str = "SSL_CERT_FILE";
        if let Some(ca) = given(self.ca.as_ref()) {
            return Some((format!("{block}.ca").into(), ca.clone()));
        }
        let file = host.env(VARIABLE).filter(|file| !file.is_empty())?;
        Some((VARIABLE.into(), SecretRef::new(format!("file:{file}"))))
    }

    /// Checks whether the given authority can be used. This is much cheaper than [`TlsOptions::build`], which most
    /// instances never need, because it does not read the public authorities.
    ///
    /// # Errors
    /// As [`TlsOptions::build`].
    pub(super) fn check_authority(&self, block: &str, host: &dyn Host) -> Result<(), ConfigError> {
        match self.authority(block, host) {
            Some((field, ca)) => add_roots(&mut RootCertStore::empty(), &field, &ca, host).map(drop),
            None => Ok(()),
        }
    }

    /// Whether there is a client certificate or a key. Only [`TlsOptions::build`] checks whether they belong together.
    pub(super) fn has_identity(&self) -> bool {
        given(self.cert.as_ref()).is_some() || given(self.key.as_ref()).is_some()
    }

    /// Builds the TLS client configuration.
    ///
    /// # Errors
    /// [`ConfigError`] names the option below `block`, for example `clientConfig.tls`.
    pub(super) fn build(&self, block: &str, host: &dyn Host) -> Result<rustls::ClientConfig, ConfigError> {
        let provider = Arc::new(CryptoProvider {
            key_provider: &ClientKeys,
            ..rustls::crypto::ring::default_provider()
        });
        let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|_| ConfigError::new(block, "cannot be used with this build"))?;
        let builder = if self.insecure_skip_verify {
            builder
                .dangerous()
                .with_custom_certificate_verifier(accept_any_certificate(&provider))
        } else {
            let (roots, given) = self.roots(block, host)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(accept_given_certificates(&provider, roots, given))
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

    /// All trusted authorities, and separately those that the options give.
    #[allow(clippy::type_complexity)] // the two lists, in the types of rustls
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

    /// The client certificate chain and its key.
    #[allow(clippy::type_complexity)] // chain and key, in the types of rustls
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

/// Adds the certificates of `ca` to `roots`, and returns them.
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
