//! Members of a JSON Web Key, read as tolerantly as the big JOSE libraries read them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::json::{Members, Value};
use crate::unusable_key::UnusableKey;

/// Reads `x5t#S256`. It only says which key to try first, so a malformed value is ignored.
pub(super) fn thumbprint(jwk: &Members) -> Option<String> {
    let text = jwk.get("x5t#S256")?.as_str()?.trim_end_matches('=');
    (!text.is_empty()).then(|| text.to_owned())
}

pub(super) fn is_given(jwk: &Members, name: &str) -> bool {
    jwk.get(name)
        .is_some_and(|member| *member != Value::Null && *member != "")
}

/// Reads a text. `null` and the empty text count as absent, because some issuers write every member that they know of.
pub(super) fn text<'a>(jwk: &'a Members, name: &'static str) -> Result<Option<&'a str>, UnusableKey> {
    match jwk.get(name) {
        _ if !is_given(jwk, name) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        _ => Err(UnusableKey::Malformed(name)),
    }
}

/// Reads base64url (RFC 7515 §2). Also accepts what some issuers write: padding, the standard alphabet, line breaks.
pub(super) fn number(jwk: &Members, name: &'static str) -> Result<Vec<u8>, UnusableKey> {
    const FORGIVING: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let text = text(jwk, name)?.ok_or(UnusableKey::Missing(name))?;
    let url_safe = match text.bytes().any(|byte| b"+/ \t\n\x0c\r".contains(&byte)) {
        true => Cow::Owned(url_safe(text)),
        // Most issuers, and the copy in the state directory, which each new instance reads.
        false => Cow::Borrowed(text),
    };
    FORGIVING
        .decode(url_safe.trim_end_matches('='))
        .map_err(|_| UnusableKey::Malformed(name))
}

/// Translates the standard alphabet and drops white space.
fn url_safe(text: &str) -> String {
    let characters = text.chars().filter(|character| !character.is_ascii_whitespace());
    characters
        .map(|character| match character {
            '+' => '-',
            '/' => '_',
            character => character,
        })
        .collect()
}
