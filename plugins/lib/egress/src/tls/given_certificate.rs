//! Server certificates that `tls.ca` names themselves.
//!
//! `openssl req -x509` makes a certificate that is its own authority (`CA:TRUE`). It is a valid trust anchor, but the
//! library rejects it as a server's own certificate. curl and Go accept it. Rejecting it gains nothing: the holder of
//! its key could issue any other certificate under it.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, OtherError, RootCertStore};

use super::server_verifier::{Judge, ServerVerifier};

/// A verifier that trusts `roots` as rustls's own one does, and also accepts each of the `given` certificates as a
/// server's own.
///
/// It makes the calls of rustls's `WebPkiServerVerifier`, except those for certificate revocation lists. There are
/// none here, and the code that reads them would be part of every module.
pub(super) fn accept_given_certificates(
    provider: &CryptoProvider,
    roots: RootCertStore,
    given: Vec<CertificateDer<'static>>,
) -> Arc<dyn ServerCertVerifier> {
    let algorithms = provider.signature_verification_algorithms;
    let judge = AcceptGiven {
        algorithms,
        roots,
        given,
    };
    Arc::new(ServerVerifier { algorithms, judge })
}

#[derive(Debug)]
struct AcceptGiven {
    algorithms: WebPkiSupportedAlgorithms,
    roots: RootCertStore,
    given: Vec<CertificateDer<'static>>,
}

impl AcceptGiven {
    /// Whether a trusted authority vouches for the certificate, at this time and for this name.
    fn usual(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let certificate = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        verify_server_name(&certificate, name)
    }

    /// Whether the only thing wrong with `certificate` at `now` is that it belongs to an authority.
    fn is_good_but_for_its_kind(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> bool {
        let judged_at = |time| self.usual(certificate, &[], name, time);
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

impl Judge for AcceptGiven {
    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let usual = self.usual(certificate, intermediates, name, now);
        if usual.is_ok()
            || !self.given.contains(certificate)
            || !self.is_good_but_for_its_kind(certificate, name, now)
        {
            return usual;
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

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
        let provider = rustls::crypto::ring::default_provider();
        let mut roots = RootCertStore::empty();
        roots.add(given.clone()).unwrap();
        let verifier = accept_given_certificates(&provider, roots, vec![given.clone()]);
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
