//! Public keys in PEM (RFC 7468): `PUBLIC KEY`, `RSA PUBLIC KEY`, and the key inside a `CERTIFICATE`.

use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Decode as _, Reader as _, SliceReader};
use middleware::pem;
use spki::SubjectPublicKeyInfoRef;

use crate::jwk;
use crate::key::Material;
use crate::key_set_error::KeySetError;
use crate::rsa::RsaPublicKey;
use crate::unusable_key::UnusableKey;

/// Reads the one public key in `text`. With several blocks, it would be unclear which one is meant.
pub(crate) fn read(text: &str) -> Result<Material, KeySetError> {
    let blocks = match pem::blocks(text) {
        Ok(blocks) => blocks,
        Err(pem::PemError::Encrypted) => return Err(KeySetError::Unusable(UnusableKey::PrivateKey)),
        Err(error) => return Err(error.into()),
    };
    if blocks.iter().any(|block| block.label.ends_with("PRIVATE KEY")) {
        return Err(KeySetError::Unusable(UnusableKey::PrivateKey));
    }
    let [block] = blocks.as_slice() else {
        return Err(KeySetError::SeveralPemBlocks);
    };
    let key = match block.label.as_str() {
        "PUBLIC KEY" => SubjectPublicKeyInfoRef::from_der(&block.der)
            .map_err(|_| UnusableKey::Undecodable)
            .and_then(|info| from_spki(&info)),
        "RSA PUBLIC KEY" => from_pkcs1(&block.der),
        "CERTIFICATE" | "X509 CERTIFICATE" => from_certificate(&block.der),
        _ => return Err(KeySetError::UnknownPem),
    };
    key.map_err(KeySetError::Unusable)
}

/// RFC 5280 §4.1.2.7; parameters per RFC 3279 §2.3.1, RFC 5480 §2.1.1 and RFC 8410 §3.
fn from_spki(info: &SubjectPublicKeyInfoRef<'_>) -> Result<Material, UnusableKey> {
    let bits = info
        .subject_public_key
        .as_bytes()
        .ok_or(UnusableKey::Undecodable)?;
    let curve = || {
        info.algorithm
            .parameters_oid()
            .map_err(|_| UnusableKey::Undecodable)
    };
    match info.algorithm.oid {
        RSA_ENCRYPTION => from_pkcs1(bits),
        EC_PUBLIC_KEY => match curve()? {
            PRIME256V1 => jwk::p256_point(bits),
            SECP384R1 => jwk::p384_point(bits),
            _ => Err(UnusableKey::UnsupportedType),
        },
        ED25519 => bits
            .try_into()
            .map(Material::Ed25519)
            .map_err(|_| UnusableKey::Undecodable),
        _ => Err(UnusableKey::UnsupportedType),
    }
}

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const PRIME256V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// RFC 8017 §A.1.1: `SEQUENCE { modulus, publicExponent }`.
fn from_pkcs1(der: &[u8]) -> Result<Material, UnusableKey> {
    let numbers = || -> der::Result<(UintRef<'_>, UintRef<'_>)> {
        let mut reader = SliceReader::new(der)?;
        let numbers = reader.sequence(|key| Ok::<_, der::Error>((key.decode()?, key.decode()?)))?;
        reader.finish()?;
        Ok(numbers)
    };
    let (modulus, exponent) = numbers().map_err(|_| UnusableKey::Undecodable)?;
    RsaPublicKey::new(modulus.as_bytes(), exponent.as_bytes())
        .map(Material::Rsa)
        .ok_or(UnusableKey::UnsoundSize)
}

/// RFC 5280 §4.1. Only the key is used. The operator has chosen this certificate, so its dates and its issuer do not
/// matter.
fn from_certificate(der: &[u8]) -> Result<Material, UnusableKey> {
    let info = || -> der::Result<SubjectPublicKeyInfoRef<'_>> {
        let tbs: AnyRef<'_> = AnyRef::from_der(der)?.sequence(|certificate| {
            let tbs = certificate.decode()?;
            let _algorithm: AnyRef<'_> = certificate.decode()?;
            let _signature: AnyRef<'_> = certificate.decode()?;
            Ok::<_, der::Error>(tbs)
        })?;
        let mut tbs = SliceReader::new(tbs.value())?;
        // version [0], serialNumber, signature, issuer, validity, subject; version is left out by v1.
        let first: AnyRef<'_> = tbs.decode()?;
        let before_key = if der::Tagged::tag(&first).is_context_specific() {
            5
        } else {
            4
        };
        for _ in 0..before_key {
            let _: AnyRef<'_> = tbs.decode()?;
        }
        tbs.decode()
    };
    from_spki(&info().map_err(|_| UnusableKey::Undecodable)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strict_json;
    use crate::test_keys;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use middleware::pem::PemError;

    /// Writes a PEM block.
    fn block(label: &str, der: &[u8]) -> String {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            STANDARD.encode(der)
        )
    }

    #[test]
    fn every_kind_of_public_key_is_read() {
        for (pem, jwk) in [
            (test_keys::rsa_pem(), test_keys::rsa_jwk()),
            (test_keys::p256_pem(), test_keys::p256_jwk()),
            (test_keys::p384_pem(), test_keys::p384_jwk()),
            (test_keys::ed25519_pem(), test_keys::ed25519_jwk()),
        ] {
            let members = strict_json::object(jwk.to_string().as_bytes(), 4).unwrap();
            let expected = jwk::read(&members, jwk::Origin::Published).unwrap();
            for line_break in ["\n", " ", "", "\r\n", r"\n", "\n  "] {
                let pem = format!("Subject: CN=issuer\n{}", pem.replace('\n', line_break));
                assert!(read(&pem).unwrap() == expected.material, "{pem}");
            }
        }
    }

    #[test]
    fn the_older_rsa_form_is_read() {
        let pem = block("RSA PUBLIC KEY", &test_keys::rsa_pkcs1());
        assert!(read(&pem).unwrap() == read(&test_keys::rsa_pem()).unwrap());
    }

    #[test]
    fn the_key_of_a_certificate_is_read() {
        let (certificate, spki) = test_keys::certificate();
        assert!(
            read(&block("CERTIFICATE", &certificate)).unwrap() == read(&block("PUBLIC KEY", &spki)).unwrap()
        );
    }

    #[test]
    fn anything_else_says_what_it_is() {
        let pem = test_keys::ed25519_pem();
        let private = KeySetError::Unusable(UnusableKey::PrivateKey);
        let undecodable = KeySetError::Unusable(UnusableKey::Undecodable);
        for (text, expected) in [
            (String::new(), PemError::NoBlock.into()),
            ("{}".to_owned(), PemError::NoBlock.into()),
            (
                "-----BEGIN PUBLIC KEY-----".to_owned(),
                PemError::Unterminated.into(),
            ),
            (
                pem.replace("END PUBLIC", "END RSA PUBLIC"),
                PemError::Unterminated.into(),
            ),
            (pem.replace("MC", "M%"), PemError::Damaged.into()),
            (STANDARD.encode(test_keys::certificate().1), PemError::Bare.into()),
            (format!("{pem}{pem}"), KeySetError::SeveralPemBlocks),
            (format!("{pem}{}", block("PRIVATE KEY", b"x")), private.clone()),
            (block("CERTIFICATE REQUEST", b"x"), KeySetError::UnknownPem),
            (block("PRIVATE KEY", b"x"), private.clone()),
            (block("ENCRYPTED PRIVATE KEY", b"x"), private.clone()),
            (block("EC PRIVATE KEY", b"x"), private),
            (block("PUBLIC KEY", b"x"), undecodable.clone()),
            (block("CERTIFICATE", b"x"), undecodable),
            (
                block("RSA PUBLIC KEY", &[0x30, 6, 2, 1, 35, 2, 1, 3]),
                KeySetError::Unusable(UnusableKey::UnsoundSize),
            ),
        ] {
            assert_eq!(read(&text).err(), Some(expected), "{text}");
        }
    }
}
