//! Writing a JSON Web Key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Map;

use crate::key::{Key, Material};

/// Writes the members that [`read`](super::read) needs. `None` for a secret, because this form is for places that
/// others can read.
pub(crate) fn write(key: &Key) -> Option<Map<String, serde_json::Value>> {
    let (kty, numbers) = match &key.material {
        Material::Rsa(rsa) => (
            "RSA",
            vec![("n", encode(rsa.modulus())), ("e", encode(rsa.exponent()))],
        ),
        Material::Ed25519(x) => ("OKP", vec![("crv", "Ed25519".to_owned()), ("x", encode(x))]),
        Material::P256(point) => ("EC", coordinates("P-256", point.coordinates())?),
        Material::P384(point) => (
            "EC",
            coordinates("P-384", point.to_sec1().strip_prefix(&[UNCOMPRESSED])?)?,
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
    // Inserting one by one needs no sorting, which would be compiled for this type alone.
    let mut jwk = Map::new();
    for (name, value) in members {
        jwk.insert(name.to_owned(), value.into());
    }
    Some(jwk)
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn coordinates(curve: &str, both: &[u8]) -> Option<Vec<(&'static str, String)>> {
    let (x, y) = both.split_at_checked(both.len() / 2)?;
    Some(vec![
        ("crv", curve.to_owned()),
        ("x", encode(x)),
        ("y", encode(y)),
    ])
}

/// SEC 1 §2.3.3: the tag of a point given by both coordinates.
pub(super) const UNCOMPRESSED: u8 = 4;
