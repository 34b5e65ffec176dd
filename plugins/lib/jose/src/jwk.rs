//! One JSON Web Key, read and written. RFC 7517 §4, RFC 7518 §6, RFC 8037 §2.
//!
//! Keys come from a source that the operator has configured, so they are read as tolerantly as in the big JOSE
//! libraries, as long as it stays clear which key is meant and what it is for. A member that is `null` or empty counts
//! as absent. Numbers may be padded, have leading zeros or be in standard base64. Unknown members are ignored.

mod members;
mod write;

use middleware::work;

use crate::algorithm::Algorithm;
use crate::elliptic_curve::P384PublicKey;
use crate::json::{Members, Value};
use crate::key::{Key, Material};
use crate::key_set_error::SHORTEST_SECRET;
use crate::rsa::RsaPublicKey;
use crate::unusable_key::UnusableKey;
use members::{is_given, number, text, thumbprint};
use write::UNCOMPRESSED;
pub(crate) use write::write;

/// What checking a point on a curve takes, in steps of [`work`]: up to half a millisecond.
const WORK_PER_POINT: usize = 50_000;

/// Where a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A URL or a shared file: secrets do not belong there.
    Published,
    /// The gateway's own configuration.
    Configuration,
}

/// Reads one member of `keys`.
pub(crate) fn read(jwk: &Members, origin: Origin) -> Result<Key, UnusableKey> {
    check_purpose(jwk)?;
    let algorithm = algorithm(jwk)?;
    let material = match text(jwk, "kty")?.ok_or(UnusableKey::Missing("kty"))? {
        "oct" if origin == Origin::Published => return Err(UnusableKey::PublishedSecret),
        "oct" => secret(jwk)?,
        _ if PRIVATE.iter().any(|name| is_given(jwk, name)) => return Err(UnusableKey::PrivateKey),
        "RSA" => rsa(jwk)?,
        "EC" => elliptic_curve(jwk)?,
        "OKP" => ed25519(jwk)?,
        _ => return Err(UnusableKey::UnsupportedType),
    };
    if algorithm.is_some_and(|algorithm| algorithm.key_type() != material.key_type()) {
        return Err(UnusableKey::Contradictory);
    }
    Ok(Key {
        key_id: text(jwk, "kid")?.map(str::to_owned),
        thumbprint: thumbprint(jwk),
        algorithm,
        material,
    })
}

/// The members of the private half (RFC 7518 §6.2.2 and §6.3.2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// RFC 7517 §4.2 and §4.3. IDCS publishes its signing key with `key_ops` `["encrypt", "sign"]`, the operations of the
/// private half, and without `verify`. So either of the two signature operations is enough.
fn check_purpose(jwk: &Members) -> Result<(), UnusableKey> {
    if text(jwk, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(UnusableKey::NotForSignatures);
    }
    let signs = |operation: &Value| *operation == "verify" || *operation == "sign";
    let is_meant = match jwk.get("key_ops") {
        None | Some(Value::Null) => true,
        Some(Value::Array(operations)) => operations.is_empty() || operations.iter().any(signs),
        Some(operation @ Value::String(text)) => text.is_empty() || signs(operation),
        Some(_) => return Err(UnusableKey::Malformed("key_ops")),
    };
    match is_meant {
        true => Ok(()),
        false => Err(UnusableKey::NotForSignatures),
    }
}

fn algorithm(jwk: &Members) -> Result<Option<Algorithm>, UnusableKey> {
    let Some(name) = text(jwk, "alg")? else {
        return Ok(None);
    };
    match Algorithm::from_name(name) {
        Some(algorithm) => Ok(Some(algorithm)),
        None if encrypts(name) => Err(UnusableKey::NotForSignatures),
        None => Err(UnusableKey::UnsupportedAlgorithm),
    }
}

/// Whether an algorithm is one of JWE (RFC 7518 §4.1).
fn encrypts(algorithm: &str) -> bool {
    algorithm == "RSA1_5"
        || algorithm == "dir"
        || algorithm.starts_with("RSA-OAEP")
        || algorithm.starts_with("ECDH-ES")
        || algorithm.ends_with("KW")
}

fn rsa(jwk: &Members) -> Result<Material, UnusableKey> {
    RsaPublicKey::new(&number(jwk, "n")?, &number(jwk, "e")?)
        .map(Material::Rsa)
        .ok_or(UnusableKey::UnsoundSize)
}

fn elliptic_curve(jwk: &Members) -> Result<Material, UnusableKey> {
    let curve = text(jwk, "crv")?.ok_or(UnusableKey::Missing("crv"))?;
    // RFC 7518 §6.2.1.2: coordinates have the full length of the field, leading zeros included. Some issuers write them
    // as numbers nevertheless: without those zeros, or with an extra one that keeps a number positive.
    let coordinate = |name: &'static str, bytes: usize| {
        let number = number(jwk, name)?;
        let digits = number.iter().position(|&byte| byte != 0).unwrap_or(number.len());
        let number = number.get(digits..).unwrap_or_default();
        let zeros = bytes
            .checked_sub(number.len())
            .ok_or(UnusableKey::Malformed(name))?;
        Ok([&vec![0; zeros], number].concat())
    };
    let point = |bytes: usize| {
        Ok([
            vec![UNCOMPRESSED],
            coordinate("x", bytes)?,
            coordinate("y", bytes)?,
        ]
        .concat())
    };
    work(WORK_PER_POINT);
    match curve {
        "P-256" => p256_point(&point(32)?),
        "P-384" => p384_point(&point(48)?),
        _ => Err(UnusableKey::UnsupportedType),
    }
}

/// Reads a point of P-256 in SEC 1 form.
pub(crate) fn p256_point(sec1: &[u8]) -> Result<Material, UnusableKey> {
    p256_verify::PublicKey::from_sec1(sec1)
        .map(|key| Material::P256(Box::new(key)))
        .map_err(|_| UnusableKey::NotOnCurve)
}

/// Reads a point of P-384 in SEC 1 form.
pub(crate) fn p384_point(sec1: &[u8]) -> Result<Material, UnusableKey> {
    P384PublicKey::from_sec1(sec1)
        .map(|key| Material::P384(Box::new(key)))
        .ok_or(UnusableKey::NotOnCurve)
}

fn ed25519(jwk: &Members) -> Result<Material, UnusableKey> {
    match text(jwk, "crv")? {
        // Not a number but a string of bytes (RFC 8037 §2): nothing may be added or left out.
        Some("Ed25519") => number(jwk, "x")?
            .try_into()
            .map(Material::Ed25519)
            .map_err(|_| UnusableKey::Malformed("x")),
        Some(_) => Err(UnusableKey::UnsupportedType),
        None => Err(UnusableKey::Missing("crv")),
    }
}

fn secret(jwk: &Members) -> Result<Material, UnusableKey> {
    let secret = number(jwk, "k")?;
    if secret.len() < SHORTEST_SECRET {
        return Err(UnusableKey::UnsoundSize);
    }
    Ok(Material::Symmetric(secret))
}

#[cfg(test)]
mod tests;
