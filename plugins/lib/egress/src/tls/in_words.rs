//! TLS errors in plain words, with the cure if there is one.
//!
//! The library's own texts are for programmers: they name its types and count seconds since 1970. The texts here are
//! for operators.

use rustls::{AlertDescription, CertificateError, Error, OtherError};

/// How many names of a certificate to show at most.
const MOST_NAMES: usize = 5;

/// Describes `error`. The text contains no debug output.
pub(crate) fn in_words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => format!("the server's certificate {}", certificate(error)),
        Error::InvalidCertRevocationList(_) => "the list of revoked certificates cannot be used".to_owned(),
        Error::NoCertificatesPresented => "the server shows no certificate".to_owned(),
        Error::AlertReceived(alert) => format!("the server says: {}", words_of_alert(*alert)),
        Error::PeerIncompatible(_) => {
            "the server and the gateway have no TLS version or algorithm in common; the gateway \
             speaks TLS 1.2 and 1.3"
                .to_owned()
        }
        Error::NoApplicationProtocol => "the server does not speak HTTP/1.1 over TLS".to_owned(),
        Error::InvalidMessage(_) | Error::PeerSentOversizedRecord => {
            "the server sent something that is not TLS; check the port".to_owned()
        }
        Error::PeerMisbehaved(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => "the server breaks the rules of TLS".to_owned(),
        Error::DecryptError => "what the server sent cannot be decrypted".to_owned(),
        Error::UnsupportedNameType => "the host can have no certificate".to_owned(),
        _ => "TLS failed inside the gateway".to_owned(),
    }
}

/// Describes what is wrong with the server's certificate. Continues a sentence that begins with "the server's
/// certificate".
fn certificate(error: &CertificateError) -> String {
    use CertificateError as Wrong;
    match error {
        Wrong::Expired => "has expired".to_owned(),
        Wrong::ExpiredContext { not_after, time } => format!(
            "expired at {}; the gateway's clock says {}",
            date(not_after.as_secs()),
            date(time.as_secs())
        ),
        Wrong::NotValidYet => "is not valid yet; check the clocks".to_owned(),
        Wrong::NotValidYetContext { not_before, time } => format!(
            "is not valid before {}; the gateway's clock says {}",
            date(not_before.as_secs()),
            date(time.as_secs())
        ),
        Wrong::UnknownIssuer => {
            "is of an authority that is not trusted; give the authority's certificate as tls.ca".to_owned()
        }
        Wrong::NotValidForName => "is not for this host name".to_owned(),
        Wrong::NotValidForNameContext { presented, .. } => {
            format!("is not for this host name but for {}", names(presented))
        }
        Wrong::BadSignature => "does not fit its signature, or the server does not have its key".to_owned(),
        Wrong::Revoked => "was revoked".to_owned(),
        Wrong::UnknownRevocationStatus
        | Wrong::ExpiredRevocationList
        | Wrong::ExpiredRevocationListContext { .. } => {
            "may have been revoked; that cannot be found out".to_owned()
        }
        Wrong::InvalidPurpose | Wrong::InvalidPurposeContext { .. } => {
            "is not meant for servers (its extended key usage lacks serverAuth)".to_owned()
        }
        Wrong::UnhandledCriticalExtension => "has a critical extension that is not supported".to_owned(),
        Wrong::UnsupportedSignatureAlgorithmContext { .. }
        | Wrong::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed by an algorithm that is not supported".to_owned()
        }
        Wrong::InvalidOcspResponse => "comes with a wrong OCSP response".to_owned(),
        Wrong::BadEncoding => "cannot be read".to_owned(),
        Wrong::Other(OtherError(error)) => match error.downcast_ref() {
            Some(error) => path(error).to_owned(),
            None => "is not acceptable".to_owned(),
        },
        // A variant that the library keeps for older programs, or a new one.
        _ => "is not acceptable".to_owned(),
    }
}

/// Describes the errors of the certificate library for which the TLS library has no variant.
fn path(error: &webpki::Error) -> &'static str {
    use webpki::Error as Wrong;
    match error {
        Wrong::CaUsedAsEndEntity => {
            "is an authority's (CA:TRUE), which is accepted only if the very same certificate is given as tls.ca"
        }
        Wrong::EndEntityUsedAsCa => "was issued by a certificate that is not an authority's (CA:FALSE)",
        Wrong::PathLenConstraintViolated => "has more authorities above it than one of them allows",
        Wrong::NameConstraintViolation | Wrong::MalformedNameConstraint => {
            "has a name that one of its authorities must not issue"
        }
        Wrong::UnsupportedCertVersion => "is not an X.509 version 3 certificate",
        Wrong::UnsupportedCriticalExtension => "has a critical extension that is not supported",
        Wrong::CertDistrusted => "has a key that nobody trusts any more",
        Wrong::MaximumSignatureChecksExceeded
        | Wrong::MaximumPathBuildCallsExceeded
        | Wrong::MaximumPathDepthExceeded
        | Wrong::MaximumNameConstraintComparisonsExceeded => "comes with a chain that is too long",
        Wrong::ExtensionValueInvalid
        | Wrong::MalformedExtensions
        | Wrong::MalformedDnsIdentifier
        | Wrong::InvalidSerialNumber
        | Wrong::EmptyEkuExtension
        | Wrong::InvalidNetworkMaskConstraint
        | Wrong::SignatureAlgorithmMismatch => "is malformed",
        _ => "is not acceptable",
    }
}

/// Lists the names in a certificate, which the library gives as `DnsName("a.example")`.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| -> String {
        let inner = name.split_once('(').map_or(name.as_str(), |(_, inner)| inner);
        let inner = inner.trim_end_matches(')').trim_matches('"');
        inner.chars().filter(|c| !c.is_control()).take(100).collect()
    };
    let shown: Vec<String> = presented.iter().take(MOST_NAMES).map(bare).collect();
    match presented.len() {
        0 => "none at all: it has no subjectAltName, and the common name does not count".to_owned(),
        count if count > MOST_NAMES => format!("{} and {} more", shown.join(", "), count - MOST_NAMES),
        _ => shown.join(", "),
    }
}

fn words_of_alert(alert: AlertDescription) -> String {
    use AlertDescription as Alert;
    let words = match alert {
        Alert::HandshakeFailure | Alert::InsufficientSecurity => {
            "no algorithms in common, or a client certificate is missing (tls.cert, tls.key)"
        }
        Alert::CertificateRequired | Alert::NoCertificate => {
            "a client certificate is missing (tls.cert, tls.key)"
        }
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied => "the client certificate (tls.cert) is not accepted",
        Alert::ProtocolVersion => "no TLS version in common; the gateway speaks TLS 1.2 and 1.3",
        Alert::UnrecognisedName => "the server does not know this host name",
        Alert::NoApplicationProtocol => "the server does not speak HTTP/1.1 over TLS",
        Alert::InternalError => "internal error",
        Alert::UserCanceled | Alert::CloseNotify => "the handshake was cancelled",
        other => return format!("TLS alert {}", u8::from(other)),
    };
    words.to_owned()
}

/// Formats a time as RFC 3339 does, to the second.
fn date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01 in eras of 400 years (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let day = days.saturating_add(719_468);
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{InvalidMessage, PeerIncompatible, PeerMisbehaved};

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    fn other(error: webpki::Error) -> CertificateError {
        CertificateError::Other(OtherError(Arc::new(error)))
    }

    #[test]
    fn every_fault_of_a_certificate_is_said_in_words() {
        let names = |presented: &[&str]| CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("idcs.example").unwrap(),
            presented: presented.iter().map(|&name| name.to_owned()).collect(),
        };
        for (error, expected) in [
            (CertificateError::Expired, "has expired"),
            (
                CertificateError::ExpiredContext {
                    time: at(1_800_000_000),
                    not_after: at(1_700_000_000),
                },
                "expired at 2023-11-14T22:13:20Z; the gateway's clock says 2027-01-15T08:00:00Z",
            ),
            (CertificateError::NotValidYet, "is not valid yet"),
            (
                CertificateError::NotValidYetContext {
                    time: at(951_782_399),
                    not_before: at(951_782_400),
                },
                "is not valid before 2000-02-29T00:00:00Z; the gateway's clock says 2000-02-28T23:59:59Z",
            ),
            (
                CertificateError::UnknownIssuer,
                "an authority that is not trusted",
            ),
            (CertificateError::NotValidForName, "is not for this host name"),
            (
                names(&["DnsName(\"a.example\")", "IpAddress(127.0.0.1)"]),
                "is not for this host name but for a.example, 127.0.0.1",
            ),
            (names(&["DnsName(\"a\")"; 7]), "a, a, a, a, a and 2 more"),
            (names(&[]), "it has no subjectAltName"),
            (
                other(webpki::Error::CaUsedAsEndEntity),
                "is an authority's (CA:TRUE)",
            ),
            (other(webpki::Error::EndEntityUsedAsCa), "CA:FALSE"),
            (other(webpki::Error::UnsupportedCertVersion), "version 3"),
            (other(webpki::Error::CertDistrusted), "nobody trusts"),
            (other(webpki::Error::MalformedExtensions), "is malformed"),
            (other(webpki::Error::NameConstraintViolation), "must not issue"),
            (other(webpki::Error::MaximumPathDepthExceeded), "too long"),
            (other(webpki::Error::BadDer), "is not acceptable"),
            (
                CertificateError::Other(OtherError(Arc::new(std::fmt::Error))),
                "is not acceptable",
            ),
            (CertificateError::BadSignature, "does not fit its signature"),
            (CertificateError::Revoked, "was revoked"),
            (CertificateError::UnknownRevocationStatus, "may have been revoked"),
            (CertificateError::InvalidPurpose, "serverAuth"),
            (CertificateError::BadEncoding, "cannot be read"),
            (CertificateError::UnhandledCriticalExtension, "critical extension"),
            (
                CertificateError::ApplicationVerificationFailure,
                "is not acceptable",
            ),
        ] {
            let said = in_words(&Error::InvalidCertificate(error.clone()));
            assert!(said.contains(expected), "{error:?}: {said}");
            assert_plain(&said);
        }
    }

    #[test]
    fn every_other_fault_is_said_in_words() {
        for (error, expected) in [
            (Error::NoCertificatesPresented, "no certificate"),
            (
                Error::InvalidMessage(InvalidMessage::InvalidContentType),
                "not TLS",
            ),
            (
                Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
                "no TLS version",
            ),
            (
                Error::PeerMisbehaved(PeerMisbehaved::TooMuchEarlyDataReceived),
                "breaks the rules",
            ),
            (Error::DecryptError, "decrypted"),
            (
                Error::General("InternalThing { x: 1 }".to_owned()),
                "inside the gateway",
            ),
            (
                Error::Other(OtherError(Arc::new(std::fmt::Error))),
                "inside the gateway",
            ),
        ] {
            let said = in_words(&error);
            assert!(said.contains(expected), "{error:?}: {said}");
            assert_plain(&said);
        }
        for number in 0..=u8::MAX {
            assert_plain(&in_words(&Error::AlertReceived(AlertDescription::from(number))));
        }
        let said = in_words(&Error::AlertReceived(AlertDescription::CertificateRequired));
        assert!(said.contains("a client certificate is missing"), "{said}");
    }

    /// No names of types, and nothing as `Debug` writes it.
    fn assert_plain(said: &str) {
        let known = ["subjectAltName", "serverAuth"];
        for word in said
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !known.contains(word))
        {
            let letters: Vec<char> = word.chars().collect();
            let humps = letters
                .windows(2)
                .any(|pair| pair[0].is_lowercase() && pair[1].is_uppercase());
            assert!(!humps, "{said}");
        }
        assert!(!said.contains(['{', '}', '"', '_']), "{said}");
    }
}
