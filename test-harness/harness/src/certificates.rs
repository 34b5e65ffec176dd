//! Certificates generated for one run: an authority that the tests trust, an authority that nobody trusts, and the
//! certificates that they issue.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientCertVerifierBuilder, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

/// Installs ring as the TLS provider of this process. Every part of the harness that uses TLS calls this function. Only
/// the first call has an effect.
pub fn install_crypto_provider() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        // An error means that the program has already installed a provider. That provider stays in use.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A certificate authority whose key lives only in this process.
pub struct CertificateAuthority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl CertificateAuthority {
    /// Returns the authority that the mocks use by default. There is one per process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<CertificateAuthority> = OnceLock::new();
        SHARED.get_or_init(|| Self::generate("Test harness CA"))
    }

    /// Returns a second authority, unrelated to [`Self::shared`]. Certificates that it signs must be rejected.
    pub fn unrelated() -> &'static Self {
        static UNRELATED: OnceLock<CertificateAuthority> = OnceLock::new();
        UNRELATED.get_or_init(|| Self::generate("Unrelated CA"))
    }

    /// Generates an authority with an ECDSA P-256 key.
    pub fn generate(common_name: &str) -> Self {
        let key = KeyPair::generate().expect("ring generates P-256 keys");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params
            .self_signed(&key)
            .expect("a P-256 key signs its own certificate");
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// Returns the authority's own certificate as PEM.
    pub fn ca_pem(&self) -> String {
        self.certificate.pem()
    }

    /// Returns the authority's own certificate as DER.
    pub fn ca_der(&self) -> &CertificateDer<'static> {
        self.certificate.der()
    }

    /// Writes the certificate as `ca.pem` into `dir` and returns its path.
    pub fn write_ca_pem(&self, dir: &Path) -> io::Result<PathBuf> {
        let path = dir.join("ca.pem");
        std::fs::write(&path, self.ca_pem())?;
        Ok(path)
    }

    /// Issues a server certificate for `names`, which are DNS names or IP addresses.
    pub fn issue(&self, names: &[&str]) -> ServerCertificate {
        self.issue_for(names, "Test harness server", ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// Issues a client certificate for mutual TLS.
    pub fn issue_client(&self, common_name: &str) -> ServerCertificate {
        self.issue_for(&[], common_name, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn of_clients(&self) -> ClientCertVerifierBuilder {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca_der().clone()).expect("the authority is one");
        WebPkiClientVerifier::builder(Arc::new(roots))
    }

    fn issue_for(
        &self,
        names: &[&str],
        common_name: &str,
        purpose: ExtendedKeyUsagePurpose,
    ) -> ServerCertificate {
        let key = KeyPair::generate().expect("ring generates P-256 keys");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params =
            CertificateParams::new(names).expect("the names are ASCII DNS names or IP addresses");
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority signs");
        ServerCertificate { certificate, key }
    }

    /// Certifies an existing key. IDCS publishes such a certificate in the `x5c` member of a JWK (RFC 7517 section
    /// 4.7).
    pub(crate) fn certify(&self, common_name: &str, key: &KeyPair) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params
            .signed_by(key, &self.issuer)
            .expect("the authority signs")
            .der()
            .clone()
    }
}

/// A certificate and its private key.
pub struct ServerCertificate {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl ServerCertificate {
    /// Returns the certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    /// Returns the private key as PKCS #8 PEM.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// Returns the certificate as DER.
    pub fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// Writes `<stem>.pem` and `<stem>.key` into `dir`. Returns both paths in this order.
    pub fn write(&self, dir: &Path, stem: &str) -> io::Result<(PathBuf, PathBuf)> {
        let (certificate, key) = (dir.join(format!("{stem}.pem")), dir.join(format!("{stem}.key")));
        std::fs::write(&certificate, self.certificate_pem())?;
        std::fs::write(&key, self.key_pem())?;
        Ok((certificate, key))
    }

    /// Returns the configuration of a TLS server that offers HTTP/2 and HTTP/1.1 by ALPN.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        self.server_config_for(None)
    }

    /// Like [`Self::server_config`]. If an authority is given, a client needs a certificate from that authority.
    pub fn server_config_for(&self, clients_of: Option<&CertificateAuthority>) -> Arc<ServerConfig> {
        install_crypto_provider();
        self.server_config_with(match clients_of {
            Some(authority) => authority.of_clients().build().expect("there is an authority"),
            None => WebPkiClientVerifier::no_client_auth(),
        })
    }

    /// Like [`Self::server_config`]. Clients may present a certificate from this authority, or none.
    pub fn server_config_asking(&self, authority: &CertificateAuthority) -> Arc<ServerConfig> {
        install_crypto_provider();
        let verifier = authority.of_clients().allow_unauthenticated();
        self.server_config_with(verifier.build().expect("there is an authority"))
    }

    fn server_config_with(&self, verifier: Arc<dyn ClientCertVerifier>) -> Arc<ServerConfig> {
        let chain = vec![self.certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .expect("the key belongs to the certificate");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::{ServerName, UnixTime};

    fn accepts(authority: &CertificateAuthority, certificate: &ServerCertificate, name: &str) -> bool {
        install_crypto_provider();
        let mut roots = RootCertStore::empty();
        roots.add(authority.ca_der().clone()).unwrap();
        let verifier = WebPkiServerVerifier::builder(Arc::new(roots)).build().unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier
            .verify_server_cert(certificate.certificate.der(), &[], &name, &[], UnixTime::now())
            .is_ok()
    }

    #[test]
    fn server_certificate_holds_for_its_names_only() {
        let authority = CertificateAuthority::generate("CA");
        let idcs = "idcs-0123456789abcdef0123456789abcdef.identity.oraclecloud.com";
        let certificate = authority.issue(&["localhost", "127.0.0.1", idcs]);
        for (name, expected) in [
            ("localhost", true),
            ("127.0.0.1", true),
            (idcs, true),
            ("example.com", false),
        ] {
            assert_eq!(accepts(&authority, &certificate, name), expected, "{name}");
        }
    }

    #[test]
    fn unrelated_authority_is_not_trusted() {
        let certificate = CertificateAuthority::unrelated().issue(&["localhost"]);
        assert!(accepts(
            CertificateAuthority::unrelated(),
            &certificate,
            "localhost"
        ));
        assert!(!accepts(
            CertificateAuthority::shared(),
            &certificate,
            "localhost"
        ));
    }

    #[test]
    fn files_hold_what_the_pem_methods_return() {
        let dir = tempfile::tempdir().unwrap();
        let authority = CertificateAuthority::shared();
        let server = authority.issue(&["localhost"]);
        let (certificate, key) = server.write(dir.path(), "server").unwrap();
        let ca = authority.write_ca_pem(dir.path()).unwrap();
        assert_eq!(
            std::fs::read_to_string(certificate).unwrap(),
            server.certificate_pem()
        );
        assert_eq!(std::fs::read_to_string(key).unwrap(), server.key_pem());
        assert_eq!(std::fs::read_to_string(ca).unwrap(), authority.ca_pem());
        assert!(server.key_pem().contains("PRIVATE KEY"));
    }
}
