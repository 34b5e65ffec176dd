//! Server certificates that `tls.ca` names themselves.
//!
//! `openssl req -x509` makes a certificate that is its own authority (`CA:TRUE`). It is a valid trust anchor, but the
//! library rejects it as a server's own certificate. curl and Go accept it. Rejecting it gains nothing: the holder of
//! its key could issue any other certificate under it.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

/// A verifier like `usual` that also accepts each of the `given` certificates as a server's own.
pub(super) fn accept_given_certificates(
    usual: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
) -> Arc<dyn ServerCertVerifier> {
    Arc::new(AcceptGiven { usual, given })
}

#[derive(Debug)]
struct AcceptGiven {
    usual: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
}

impl AcceptGiven {
    /// Whether the only thing wrong with `certificate` at `now` is that it belongs to an authority.
    fn is_good_but_for_its_kind(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> bool {
        let judged_at = |time| self.usual.verify_server_cert(certificate, &[], name, &[], time);
        let is_its_kind = judged_at(now).is_err_and(|error| {
            matches!(&error, Error::InvalidCertificate(CertificateError::Other(OtherError(error)))
                if matches!(error.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)))
        });
        // The dates must be valid too. The library checks them before the kind. To prove that it does, this asks for a
        // time before all certificates, and expects the date to be the error.
        let epoch = UnixTime::since_unix_epoch(Duration::ZERO);
        let dates_come_first = judged_at(epoch).is_err_and(|error| {
            matches!(
                error,
                Error::InvalidCertificate(CertificateError::NotValidYetContext { .. })
            )
        });
        is_its_kind && dates_come_first
    }
}

impl ServerCertVerifier for AcceptGiven {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let usual = self
            .usual
            .verify_server_cert(certificate, intermediates, name, ocsp_response, now);
        if usual.is_ok()
            || !self.given.contains(certificate)
            || !self.is_good_but_for_its_kind(certificate, name, now)
        {
            return usual;
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use rustls::RootCertStore;

    use super::*;

    /// A certificate like those of `openssl req -x509`, valid in these years.
    fn own_authority(names: &[&str], years: (i32, i32)) -> CertificateDer<'static> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    fn judge(given: &CertificateDer<'static>, shown: &CertificateDer<'_>, name: &str) -> Result<(), String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(given.clone()).unwrap();
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let verifier = accept_given_certificates(usual, vec![given.clone()]);
        let name = ServerName::try_from(name.to_owned()).unwrap();
        // 2026.
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_780_000_000));
        verifier
            .verify_server_cert(shown, &[], &name, &[], now)
            .map(drop)
            .map_err(|error| crate::tls::in_words::in_words(&error))
    }

    #[test]
    fn the_given_certificate_is_accepted_for_its_names_and_dates_and_no_other_is() {
        let good = own_authority(&["idcs.example", "127.0.0.1"], (2020, 2100));
        assert_eq!(judge(&good, &good, "idcs.example"), Ok(()));
        assert_eq!(judge(&good, &good, "127.0.0.1"), Ok(()));
        fn refused(given: &CertificateDer<'static>, shown: &CertificateDer<'_>, name: &str) -> String {
            judge(given, shown, name).unwrap_err()
        }
        let said = refused(&good, &good, "other.example");
        assert!(said.ends_with("but for idcs.example, 127.0.0.1"), "{said}");
        // The same names, another key.
        let stranger = own_authority(&["idcs.example"], (2020, 2100));
        assert!(refused(&good, &stranger, "idcs.example").contains("is an authority's (CA:TRUE)"));
        for (years, expected) in [
            ((2020, 2021), "expired at 2021-01-01"),
            ((2090, 2100), "not valid before 2090-01-01"),
        ] {
            let dated = own_authority(&["idcs.example"], years);
            let said = refused(&dated, &dated, "idcs.example");
            assert!(said.contains(expected), "{said}");
        }
        let nameless = own_authority(&[], (2020, 2100));
        assert!(refused(&nameless, &nameless, "idcs.example").contains("no subjectAltName"));
    }

    #[test]
    fn one_changed_byte_makes_it_another_certificate() {
        let good = own_authority(&["idcs.example"], (2020, 2100));
        for index in 0..good.len() {
            let mut bytes = good.to_vec();
            bytes[index] ^= 1;
            assert!(
                judge(&good, &CertificateDer::from(bytes), "idcs.example").is_err(),
                "{index}"
            );
        }
    }
}
