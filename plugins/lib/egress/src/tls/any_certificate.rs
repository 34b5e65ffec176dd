//! The certificate verifier for `tls.insecureSkipVerify`.

use std::sync::Arc;

use rustls::Error;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::server_verifier::{Judge, ServerVerifier};

/// A verifier that accepts every certificate. It still checks the handshake, so the server holds the key of the
/// certificate that it shows.
pub(super) fn accept_any_certificate(provider: &CryptoProvider) -> Arc<dyn ServerCertVerifier> {
    Arc::new(ServerVerifier {
        algorithms: provider.signature_verification_algorithms,
        judge: AcceptAny,
    })
}

#[derive(Debug)]
struct AcceptAny;

impl Judge for AcceptAny {
    fn judge(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: UnixTime,
    ) -> Result<(), Error> {
        Ok(())
    }
}
