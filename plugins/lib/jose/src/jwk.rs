//! One JSON Web Key, read and written. RFC 7517 §4, RFC 7518 §6, RFC 8037 §2.
//!
//! Keys come from a source that the operator has configured, so they are read as tolerantly as the big JOSE libraries read
//! them, as long as that leaves no doubt about which key is meant and what it is for: a member that is `null` or empty is
//! absent, numbers may be padded, have leading zeros or be in standard base64, and unknown members are left alone.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jwt_simple::algorithms::{P256PublicKey, P384PublicKey};
use middleware::Level;
use serde_json::Map;

use crate::Algorithm;
use crate::json::{Members, Value};
use crate::key::{Key, Material};
use crate::rsa::RsaPublicKey;

/// Why a key of a set is left out. The other keys of the set stay usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    /// It is not a JSON object.
    #[error("it is not an object")]
    NotAnObject,
    /// A member that it needs is missing.
    #[error("its {0} is missing")]
    Missing(&'static str),
    /// A member is of a wrong type or length, or is not base64url.
    #[error("its {0} is malformed")]
    Malformed(&'static str),
    /// The content of a PEM block is not what its label says.
    #[error("its content is not what its label says")]
    Undecodable,
    /// `alg` takes another kind of key than `kty` and `crv` say.
    #[error("its alg does not fit its kty or crv")]
    Contradictory,
    /// `kty` or `crv` is unknown here.
    #[error("its type or curve is not supported")]
    UnsupportedType,
    /// `alg` is not a signature algorithm known here.
    #[error("its alg is not supported")]
    UnsupportedAlgorithm,
    /// `use`, `key_ops` or `alg` say that the key is not for signatures.
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

impl UnusableKey {
    /// The member that is to blame, where it is one.
    pub const fn member(self) -> Option<&'static str> {
        match self {
            Self::Missing(member) | Self::Malformed(member) => Some(member),
            Self::UnsupportedAlgorithm | Self::Contradictory => Some("alg"),
            _ => None,
        }
    }

    /// How much it matters. Providers publish keys for encryption beside the others, and keys for algorithms that not
    /// everybody knows; neither is a fault.
    pub const fn level(self) -> Level {
        match self {
            Self::NotForSignatures => Level::Debug,
            Self::UnsupportedType | Self::UnsupportedAlgorithm => Level::Info,
            _ => Level::Warn,
        }
    }
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

/// Writes the members [`read`] needs. `None` for a secret: this form is for places others can read.
pub(crate) fn write(key: &Key) -> Option<Map<String, serde_json::Value>> {
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
    // RFC 7518 §6.2.1.2: coordinates have the full length of the field, leading zeros included. Some issuers write
    // them as numbers all the same: without those zeros, or with one that keeps a number positive.
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

/// RFC 7518 §3.2: as long as the hash; 32 bytes for the shortest, SHA-256.
pub(crate) const SHORTEST_SECRET: usize = 32;

/// `x5t#S256` only says which key to try first, so whatever else stands there is left alone.
fn thumbprint(jwk: &Members) -> Option<String> {
    let text = jwk.get("x5t#S256")?.as_str()?.trim_end_matches('=');
    (!text.is_empty()).then(|| text.to_owned())
}

fn is_given(jwk: &Members, name: &str) -> bool {
    jwk.get(name)
        .is_some_and(|member| *member != Value::Null && *member != "")
}

/// A text that is `null` or empty is absent: some issuers write every member that they know of.
fn text<'a>(jwk: &'a Members, name: &'static str) -> Result<Option<&'a str>, UnusableKey> {
    match jwk.get(name) {
        _ if !is_given(jwk, name) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        _ => Err(UnusableKey::Malformed(name)),
    }
}

/// Base64url (RFC 7515 §2), as it should be or as others write it: with padding, in the standard alphabet, in lines.
fn number(jwk: &Members, name: &'static str) -> Result<Vec<u8>, UnusableKey> {
    const FORGIVING: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let text = text(jwk, name)?.ok_or(UnusableKey::Missing(name))?;
    let characters = text.chars().filter(|character| !character.is_ascii_whitespace());
    let url_safe: String = characters
        .map(|character| match character {
            '+' => '-',
            '/' => '_',
            character => character,
        })
        .collect();
    FORGIVING
        .decode(url_safe.trim_end_matches('='))
        .map_err(|_| UnusableKey::Malformed(name))
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
    use crate::strict_json;
    use crate::test_keys;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use serde_json::{Value, json};

    fn read_value(jwk: &Value, origin: Origin) -> Result<Key, UnusableKey> {
        read(
            &strict_json::object(jwk.to_string().as_bytes(), 8).unwrap(),
            origin,
        )
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
    fn null_and_empty_members_are_absent() {
        for jwk in [
            test_keys::rsa_jwk(),
            test_keys::p256_jwk(),
            test_keys::p384_jwk(),
            test_keys::ed25519_jwk(),
        ] {
            let plain = read_value(&jwk, Origin::Published).unwrap();
            for nothing in [json!(null), json!("")] {
                let mut full = jwk.clone();
                for name in [
                    "alg", "use", "kid", "key_ops", "x5c", "x5t", "x5t#S256", "x5u", "d", "p", "q", "dp",
                    "dq", "qi", "oth", "k", "ext", "iat", "exp", "nbf",
                ] {
                    full[name] = nothing.clone();
                }
                assert_eq!(read_value(&full, Origin::Published), Ok(plain.clone()), "{full}");
            }
            for (name, odd) in [
                ("key_ops", json!([])),
                ("key_ops", json!("verify")),
                ("x5c", json!("rubbish")),
                ("x5t#S256", json!(["rubbish"])),
                ("x5t", json!(7)),
                (
                    "issuer",
                    json!("https://login.microsoftonline.com/{tenantid}/v2.0"),
                ),
            ] {
                let mut full = jwk.clone();
                full[name] = odd;
                assert_eq!(read_value(&full, Origin::Published), Ok(plain.clone()), "{full}");
            }
        }
    }

    #[test]
    fn numbers_are_read_however_others_write_them() {
        for (jwk, names) in [
            (test_keys::rsa_jwk(), &["n", "e"] as &[&str]),
            (test_keys::p256_jwk(), &["x", "y"]),
            (test_keys::p384_jwk(), &["x", "y"]),
            (test_keys::ed25519_jwk(), &["x"]),
        ] {
            let plain = read_value(&jwk, Origin::Published).unwrap();
            let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
            let lines = |text: String| {
                let lines: Vec<_> = text.as_bytes().chunks(16).collect();
                String::from_utf8(lines.join(&b"\r\n"[..])).unwrap()
            };
            let forms: [&dyn Fn(Vec<u8>) -> String; 5] = [
                &|bytes| URL_SAFE.encode(bytes),
                &|bytes| STANDARD.encode(bytes),
                &|bytes| STANDARD.encode(bytes).trim_end_matches('=').to_owned(),
                &|bytes| format!("{}=", STANDARD.encode(bytes)),
                &|bytes| lines(STANDARD.encode(bytes)),
            ];
            for form in forms {
                let mut odd = jwk.clone();
                for name in names {
                    odd[*name] = form(bytes(name)).into();
                }
                assert_eq!(read_value(&odd, Origin::Published), Ok(plain.clone()), "{odd}");
            }
            if jwk["kty"] == "OKP" {
                continue;
            }
            let mut odd = jwk.clone();
            for name in names {
                odd[*name] = URL_SAFE_NO_PAD.encode([vec![0, 0], bytes(name)].concat()).into();
            }
            assert_eq!(read_value(&odd, Origin::Published), Ok(plain), "{odd}");
        }
    }

    /// RFC 7518 §6.2.1.2 wants the full length; a point with a short coordinate comes up once in 256 keys.
    #[test]
    fn coordinates_without_their_leading_zeros_are_filled_up() {
        for (curve, x, y) in SHORT_POINTS {
            let full = json!({"kty": "EC", "crv": curve, "x": x, "y": y});
            let bytes = URL_SAFE_NO_PAD.decode(x).unwrap();
            assert_eq!(bytes[0], 0);
            let mut short = full.clone();
            short["x"] = encode(&bytes[1..]).into();
            let key = read_value(&full, Origin::Published).unwrap();
            assert_eq!(read_value(&short, Origin::Published), Ok(key), "{short}");
        }
    }

    /// Points whose first coordinate begins with a zero: 379 times the generator of P-256, 197 times that of P-384.
    const SHORT_POINTS: [(&str, &str, &str); 2] = [
        (
            "P-256",
            "AFVDiUrz0A7X10Cr29dclrBod7eH219w7qeLkKjXwAo",
            "u0yFo9jqKe-q-iRAaRLdhNWxTcMr9lbvbGvVil2UP5I",
        ),
        (
            "P-384",
            "AE0QSybuVnH3LBDJhoQdPmXSheJRYWG3uqNBsSYxueMrbw1YlthDHFHV2To3y8kO",
            "8RoeP4t7kFOO5CzADuk0puLuJVQWB9j7ZceosR4viGhTiG7vOGXskzIAufJVmfKf",
        ),
    ];

    #[test]
    fn what_is_no_fault_is_no_warning() {
        for (reason, level) in [
            (UnusableKey::NotForSignatures, Level::Debug),
            (UnusableKey::UnsupportedType, Level::Info),
            (UnusableKey::UnsupportedAlgorithm, Level::Info),
            (UnusableKey::Malformed("n"), Level::Warn),
            (UnusableKey::PrivateKey, Level::Warn),
            (UnusableKey::PublishedSecret, Level::Warn),
        ] {
            assert_eq!(reason.level(), level, "{reason}");
        }
        let encryption = [
            "RSA1_5",
            "RSA-OAEP",
            "RSA-OAEP-256",
            "ECDH-ES",
            "ECDH-ES+A256KW",
            "A128KW",
            "A256GCMKW",
            "dir",
        ];
        for alg in encryption {
            let jwk = with(&test_keys::rsa_jwk(), json!({ "alg": alg }));
            assert_eq!(
                read_value(&jwk, Origin::Published),
                Err(UnusableKey::NotForSignatures),
                "{alg}"
            );
        }
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
            (json!({}), UnusableKey::Missing("kty")),
            (json!({"kty": null}), UnusableKey::Missing("kty")),
            (json!({"kty": "DSA"}), UnusableKey::UnsupportedType),
            (json!({"kty": ["RSA"]}), UnusableKey::Malformed("kty")),
            (with(&rsa, json!({"use": "enc"})), UnusableKey::NotForSignatures),
            (with(&rsa, json!({"use": 1})), UnusableKey::Malformed("use")),
            (
                with(&rsa, json!({"key_ops": ["encrypt", "wrapKey"]})),
                UnusableKey::NotForSignatures,
            ),
            (
                with(&rsa, json!({"key_ops": [null]})),
                UnusableKey::NotForSignatures,
            ),
            (
                with(&rsa, json!({"key_ops": "encrypt"})),
                UnusableKey::NotForSignatures,
            ),
            (
                with(&rsa, json!({"key_ops": {}})),
                UnusableKey::Malformed("key_ops"),
            ),
            (
                with(&rsa, json!({"use": "enc", "n": 1, "alg": []})),
                UnusableKey::NotForSignatures,
            ),
            (
                with(&rsa, json!({"alg": "RS1"})),
                UnusableKey::UnsupportedAlgorithm,
            ),
            (
                with(&rsa, json!({"alg": ["RS256"]})),
                UnusableKey::Malformed("alg"),
            ),
            (with(&rsa, json!({"alg": "HS256"})), UnusableKey::Contradictory),
            (with(&rsa, json!({"alg": "ES256"})), UnusableKey::Contradictory),
            (with(&rsa, json!({"n": null})), UnusableKey::Missing("n")),
            (with(&rsa, json!({"e": null})), UnusableKey::Missing("e")),
            (with(&rsa, json!({"n": "a%b"})), UnusableKey::Malformed("n")),
            (with(&rsa, json!({"n": "=a"})), UnusableKey::Malformed("n")),
            (with(&rsa, json!({"n": 7})), UnusableKey::Malformed("n")),
            (with(&rsa, json!({"e": 65537})), UnusableKey::Malformed("e")),
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
            (with(&rsa, json!({"d": 7})), UnusableKey::PrivateKey),
            (with(&rsa, json!({"qi": "AQAB"})), UnusableKey::PrivateKey),
            (with(&rsa, json!({"kid": 7})), UnusableKey::Malformed("kid")),
            (with(&p256, json!({"crv": "P-521"})), UnusableKey::UnsupportedType),
            (with(&p256, json!({"crv": "P-384"})), UnusableKey::NotOnCurve),
            (with(&p256, json!({"crv": null})), UnusableKey::Missing("crv")),
            (with(&p256, json!({"y": null})), UnusableKey::Missing("y")),
            (
                with(&p256, json!({"x": encode(&[1; 33])})),
                UnusableKey::Malformed("x"),
            ),
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
            (with(&ed25519, json!({"crv": null})), UnusableKey::Missing("crv")),
            (
                with(&ed25519, json!({"x": encode(&[1; 31])})),
                UnusableKey::Malformed("x"),
            ),
            (
                with(&ed25519, json!({"x": encode(&[0; 33])})),
                UnusableKey::Malformed("x"),
            ),
            (
                with(&oct, json!({"k": encode(&[7; 31])})),
                UnusableKey::UnsoundSize,
            ),
            (with(&oct, json!({"alg": "RS256"})), UnusableKey::Contradictory),
        ] {
            assert_eq!(read_value(&jwk, Origin::Configuration), Err(expected), "{jwk}");
        }
    }
}
