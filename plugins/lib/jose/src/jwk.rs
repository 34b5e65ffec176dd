//! One JSON Web Key, read and written. RFC 7517 §4, RFC 7518 §6, RFC 8037 §2.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::algorithms::{P256PublicKey, P384PublicKey};
use serde_json::{Map, Value};

use crate::Algorithm;
use crate::key::{Key, Material};
use crate::rsa::RsaPublicKey;

/// Why a key of a set is left out. The other keys of the set stay usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    /// A member is missing, of a wrong type, or no base64url.
    #[error("it is malformed")]
    Malformed,
    /// `kty` or `crv` is unknown here.
    #[error("its type or curve is not supported")]
    UnsupportedType,
    /// `alg` is no signature algorithm known here.
    #[error("its alg is not supported")]
    UnsupportedAlgorithm,
    /// `use` or `key_ops` say that the key is not for signatures.
    #[error("it is not meant for signatures")]
    NotForSignatures,
    /// An RSA modulus is shorter than 2048 or longer than 8192 bits, its exponent is out of range, or a
    /// secret is shorter than 256 bits.
    #[error("its size is not acceptable")]
    UnsoundSize,
    /// The point does not lie on its curve.
    #[error("its point is not on the curve")]
    NotOnCurve,
    /// It holds the private half; whoever can read it can sign.
    #[error("it holds a private key, which must not be handed out")]
    PrivateKey,
    /// An `oct` key came from a place that publishes its keys: a secret that everybody knows.
    #[error("it is a shared secret, which must not be published")]
    PublishedSecret,
}

/// Where a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A URL or a shared file: secrets do not belong there.
    Published,
    /// The gateway's own configuration.
    Configuration,
}

/// Reads one member of `keys`.
pub(crate) fn read(jwk: &Map<String, Value>, origin: Origin) -> Result<Key, UnusableKey> {
    check_purpose(jwk)?;
    let algorithm = text(jwk, "alg")?
        .map(|name| Algorithm::from_name(name).ok_or(UnusableKey::UnsupportedAlgorithm))
        .transpose()?;
    let material = match text(jwk, "kty")?.ok_or(UnusableKey::Malformed)? {
        "oct" if origin == Origin::Published => return Err(UnusableKey::PublishedSecret),
        "oct" => secret(jwk)?,
        _ if ["d", "p", "q"].iter().any(|name| jwk.contains_key(*name)) => {
            return Err(UnusableKey::PrivateKey);
        }
        "RSA" => rsa(jwk)?,
        "EC" => elliptic_curve(jwk)?,
        "OKP" => ed25519(jwk)?,
        _ => return Err(UnusableKey::UnsupportedType),
    };
    if algorithm.is_some_and(|algorithm| algorithm.key_type() != material.key_type()) {
        return Err(UnusableKey::Malformed);
    }
    Ok(Key {
        key_id: text(jwk, "kid")?.map(str::to_owned),
        thumbprint: text(jwk, "x5t#S256")?.map(str::to_owned),
        algorithm,
        material,
    })
}

/// Writes the members [`read`] needs. `None` for a secret: this form is for places others can read.
pub(crate) fn write(key: &Key) -> Option<Map<String, Value>> {
    let (kty, numbers) = match &key.material {
        Material::Rsa(rsa) => (
            "RSA",
            vec![("n", encode(rsa.modulus())), ("e", encode(rsa.exponent()))],
        ),
        Material::Ed25519(x) => ("OKP", vec![("crv", "Ed25519".to_owned()), ("x", encode(x))]),
        Material::P256(point) => (
            "EC",
            coordinates("P-256", (**point).as_ref().to_sec1_point(false).as_bytes())?,
        ),
        Material::P384(point) => (
            "EC",
            coordinates("P-384", (**point).as_ref().to_sec1_point(false).as_bytes())?,
        ),
        Material::Symmetric(_) => return None,
    };
    let described = [
        ("kid", key.key_id.clone()),
        ("x5t#S256", key.thumbprint.clone()),
        ("alg", key.algorithm.map(|algorithm| algorithm.name().to_owned())),
    ];
    let members = std::iter::once(("kty", kty.to_owned())).chain(numbers).chain(
        described
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    Some(
        members
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
    )
}

/// RFC 7517 §4.2 and §4.3. IDCS publishes its signing key with `key_ops` `["encrypt", "sign"]`, the
/// operations of the private half, and without `verify`; so either of the two signature operations will do.
fn check_purpose(jwk: &Map<String, Value>) -> Result<(), UnusableKey> {
    if text(jwk, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(UnusableKey::NotForSignatures);
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|o| o == "verify" || o == "sign") => Ok(()),
        Some(Value::Array(_)) => Err(UnusableKey::NotForSignatures),
        Some(_) => Err(UnusableKey::Malformed),
    }
}

fn rsa(jwk: &Map<String, Value>) -> Result<Material, UnusableKey> {
    RsaPublicKey::new(&number(jwk, "n")?, &number(jwk, "e")?)
        .map(Material::Rsa)
        .ok_or(UnusableKey::UnsoundSize)
}

fn elliptic_curve(jwk: &Map<String, Value>) -> Result<Material, UnusableKey> {
    let curve = text(jwk, "crv")?.ok_or(UnusableKey::Malformed)?;
    // RFC 7518 §6.2.1.2: coordinates have the full length of the field, leading zeros included.
    let point = |bytes: usize| {
        let (x, y) = (number(jwk, "x")?, number(jwk, "y")?);
        if x.len() != bytes || y.len() != bytes {
            return Err(UnusableKey::Malformed);
        }
        Ok([[UNCOMPRESSED].as_slice(), &x, &y].concat())
    };
    match curve {
        "P-256" => p256_point(&point(32)?),
        "P-384" => p384_point(&point(48)?),
        _ => Err(UnusableKey::UnsupportedType),
    }
}

/// SEC 1 §2.3.3: the tag of a point given by both coordinates.
const UNCOMPRESSED: u8 = 4;

/// Reads a point of P-256 in SEC 1 form.
pub(crate) fn p256_point(sec1: &[u8]) -> Result<Material, UnusableKey> {
    P256PublicKey::from_bytes(sec1)
        .map(|key| Material::P256(Box::new(key)))
        .map_err(|_| UnusableKey::NotOnCurve)
}

/// Reads a point of P-384 in SEC 1 form.
pub(crate) fn p384_point(sec1: &[u8]) -> Result<Material, UnusableKey> {
    P384PublicKey::from_bytes(sec1)
        .map(|key| Material::P384(Box::new(key)))
        .map_err(|_| UnusableKey::NotOnCurve)
}

fn ed25519(jwk: &Map<String, Value>) -> Result<Material, UnusableKey> {
    match text(jwk, "crv")? {
        Some("Ed25519") => number(jwk, "x")?
            .try_into()
            .map(Material::Ed25519)
            .map_err(|_| UnusableKey::Malformed),
        Some(_) => Err(UnusableKey::UnsupportedType),
        None => Err(UnusableKey::Malformed),
    }
}

fn secret(jwk: &Map<String, Value>) -> Result<Material, UnusableKey> {
    let secret = number(jwk, "k")?;
    if secret.len() < SHORTEST_SECRET {
        return Err(UnusableKey::UnsoundSize);
    }
    Ok(Material::Symmetric(secret))
}

/// RFC 7518 §3.2: as long as the hash; 32 bytes for the shortest, SHA-256.
pub(crate) const SHORTEST_SECRET: usize = 32;

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, UnusableKey> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(UnusableKey::Malformed),
    }
}

fn number(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, UnusableKey> {
    let text = text(jwk, name)?.ok_or(UnusableKey::Malformed)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| UnusableKey::Malformed)
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn coordinates(curve: &str, uncompressed: &[u8]) -> Option<Vec<(&'static str, String)>> {
    let both = uncompressed.strip_prefix(&[UNCOMPRESSED])?;
    let (x, y) = both.split_at_checked(both.len() / 2)?;
    Some(vec![
        ("crv", curve.to_owned()),
        ("x", encode(x)),
        ("y", encode(y)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_keys;
    use serde_json::json;

    fn read_value(jwk: &Value, origin: Origin) -> Result<Key, UnusableKey> {
        read(jwk.as_object().unwrap(), origin)
    }

    /// A copy of `jwk` with `changes` applied; `null` removes a member.
    fn with(jwk: &Value, changes: Value) -> Value {
        let mut copy = jwk.clone();
        let members = copy.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            members.insert(name.clone(), value.clone());
        }
        members.retain(|_, value| !value.is_null());
        copy
    }

    #[test]
    fn the_key_of_idcs_is_accepted_without_verify_among_its_operations() {
        let jwk = with(
            &test_keys::rsa_jwk(),
            json!({"kid": "SIGNING_KEY", "alg": "RS256", "x5t": "a", "x5t#S256": "b", "x5c": ["c"],
                   "key_ops": ["encrypt", "sign"]}),
        );
        let key = read_value(&jwk, Origin::Published).unwrap();
        assert_eq!(key.key_id.as_deref(), Some("SIGNING_KEY"));
        assert_eq!(key.thumbprint.as_deref(), Some("b"));
        assert_eq!(key.algorithm, Some(Algorithm::Rs256));
    }

    #[test]
    fn a_key_without_alg_serves_every_algorithm_of_its_type() {
        let key = read_value(&test_keys::rsa_jwk(), Origin::Published).unwrap();
        assert!(key.serves(Algorithm::Rs256) && key.serves(Algorithm::Ps512));
    }

    #[test]
    fn written_keys_read_the_same() {
        for jwk in [
            test_keys::rsa_jwk(),
            test_keys::p256_jwk(),
            test_keys::p384_jwk(),
            test_keys::ed25519_jwk(),
        ] {
            let key = read_value(
                &with(&jwk, json!({"kid": "k", "x5t#S256": "t"})),
                Origin::Published,
            )
            .unwrap();
            let again = Value::Object(write(&key).unwrap());
            assert_eq!(read_value(&again, Origin::Published).unwrap(), key, "{again}");
        }
    }

    #[test]
    fn secrets_are_taken_from_the_configuration_only_and_never_written() {
        let jwk = json!({"kty": "oct", "k": encode(&[7; 32])});
        assert_eq!(
            read_value(&jwk, Origin::Published),
            Err(UnusableKey::PublishedSecret)
        );
        let key = read_value(&jwk, Origin::Configuration).unwrap();
        assert!(write(&key).is_none());
    }

    #[test]
    fn unusable_keys_say_why() {
        let (rsa, p256, p384, ed25519) = (
            test_keys::rsa_jwk(),
            test_keys::p256_jwk(),
            test_keys::p384_jwk(),
            test_keys::ed25519_jwk(),
        );
        let oct = json!({"kty": "oct", "k": encode(&[7; 32])});
        for (jwk, expected) in [
            (json!({}), UnusableKey::Malformed),
            (json!({"kty": "DSA"}), UnusableKey::UnsupportedType),
            (json!({"kty": ["RSA"]}), UnusableKey::Malformed),
            (with(&rsa, json!({"use": "enc"})), UnusableKey::NotForSignatures),
            (with(&rsa, json!({"use": 1})), UnusableKey::Malformed),
            (
                with(&rsa, json!({"key_ops": ["encrypt", "wrapKey"]})),
                UnusableKey::NotForSignatures,
            ),
            (with(&rsa, json!({"key_ops": []})), UnusableKey::NotForSignatures),
            (with(&rsa, json!({"key_ops": "verify"})), UnusableKey::Malformed),
            (
                with(&rsa, json!({"alg": "RSA-OAEP"})),
                UnusableKey::UnsupportedAlgorithm,
            ),
            (with(&rsa, json!({"alg": "HS256"})), UnusableKey::Malformed),
            (with(&rsa, json!({"alg": "ES256"})), UnusableKey::Malformed),
            (with(&rsa, json!({"n": null})), UnusableKey::Malformed),
            (with(&rsa, json!({"n": "a+b="})), UnusableKey::Malformed),
            (
                with(&rsa, json!({"n": encode(&[0xff; 128])})),
                UnusableKey::UnsoundSize,
            ),
            (
                with(&rsa, json!({"n": encode(&[0xff; 1025])})),
                UnusableKey::UnsoundSize,
            ),
            (with(&rsa, json!({"e": "AQ"})), UnusableKey::UnsoundSize),
            (with(&rsa, json!({"d": "AQAB"})), UnusableKey::PrivateKey),
            (with(&rsa, json!({"kid": 7})), UnusableKey::Malformed),
            (with(&p256, json!({"crv": "P-521"})), UnusableKey::UnsupportedType),
            (with(&p256, json!({"crv": "P-384"})), UnusableKey::Malformed),
            (with(&p256, json!({"crv": null})), UnusableKey::Malformed),
            (
                with(&p256, json!({"x": encode(&[1; 32])})),
                UnusableKey::NotOnCurve,
            ),
            (
                with(&p256, json!({"x": encode(&[0; 32]), "y": encode(&[0; 32])})),
                UnusableKey::NotOnCurve,
            ),
            (
                with(&p384, json!({"y": encode(&[1; 48])})),
                UnusableKey::NotOnCurve,
            ),
            (with(&p384, json!({"d": "AQAB"})), UnusableKey::PrivateKey),
            (
                with(&ed25519, json!({"crv": "X25519"})),
                UnusableKey::UnsupportedType,
            ),
            (with(&ed25519, json!({"crv": null})), UnusableKey::Malformed),
            (
                with(&ed25519, json!({"x": encode(&[1; 31])})),
                UnusableKey::Malformed,
            ),
            (
                with(&oct, json!({"k": encode(&[7; 31])})),
                UnusableKey::UnsoundSize,
            ),
            (with(&oct, json!({"alg": "RS256"})), UnusableKey::Malformed),
        ] {
            assert_eq!(read_value(&jwk, Origin::Configuration), Err(expected), "{jwk}");
        }
    }
}
