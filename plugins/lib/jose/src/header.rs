//! The protected header of a token, and all checks of it that need no key.

use crate::algorithm::Algorithm;
use crate::json::{Members, Value};
use crate::rejection::Rejection;
use crate::strict_json::{self, JsonError};

/// The members of a JOSE header that matter for choosing a key (RFC 7515 §4.1). Nothing here is proven yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`, at most 256 bytes.
    pub key_id: Option<String>,
    /// `x5t#S256`: SHA-256 of the signer's certificate, in base64url.
    pub thumbprint: Option<String>,
}

impl Header {
    /// Reads the header of a token. `allowed` is the allow-list of algorithms.
    pub(crate) fn parse(json: &[u8], allowed: &[Algorithm]) -> Result<Self, Rejection> {
        let members = strict_json::object(json, MAX_DEPTH).map_err(|error| match error {
            JsonError::DuplicateMember => Rejection::DuplicateMember,
            JsonError::TooDeep => Rejection::NestedTooDeeply,
            JsonError::TooManyValues => Rejection::TooLong,
            JsonError::Malformed | JsonError::NotAnObject => Rejection::MalformedHeader,
        })?;
        let has = |name: &str| members.contains_key(name);
        if has("crit") || has("b64") {
            return Err(Rejection::UnsupportedExtension);
        }
        // `x5c` and `x5t` are ignored: they are common, IDCS sends `x5t`, and keys are not looked up by them.
        if has("jwk") || has("jku") || has("x5u") {
            return Err(Rejection::EmbeddedKey);
        }
        check_types(string(&members, "typ")?, string(&members, "cty")?)?;
        let name = string(&members, "alg")?.ok_or(Rejection::MalformedHeader)?;
        let algorithm = Algorithm::from_name(name).ok_or(Rejection::UnknownAlgorithm)?;
        if !allowed.contains(&algorithm) {
            return Err(Rejection::AlgorithmNotAllowed);
        }
        let key_id = string(&members, "kid")?;
        if key_id.is_some_and(|key_id| key_id.len() > MAX_KEY_ID) {
            return Err(Rejection::MalformedHeader);
        }
        Ok(Self {
            algorithm,
            key_id: key_id.map(str::to_owned),
            thumbprint: string(&members, "x5t#S256")?.map(str::to_owned),
        })
    }
}

/// Refuses nested tokens and tokens that say they were made for something else (`logout+jwt`, `dpop+jwt`, …). Any other
/// `typ` passes: most issuers send `JWT`, IDCS sends none, and RFC 9068 asks for `at+jwt`.
fn check_types(typ: Option<&str>, cty: Option<&str>) -> Result<(), Rejection> {
    if let Some(cty) = cty
        && strip_application(&cty.to_ascii_lowercase()) == "jwt"
    {
        return Err(Rejection::WrongType);
    }
    if let Some(typ) = typ {
        let typ = typ.to_ascii_lowercase();
        if typ.ends_with("+jwt") && strip_application(&typ) != "at+jwt" {
            return Err(Rejection::WrongType);
        }
    }
    Ok(())
}

/// RFC 7515 §4.1.9: the prefix may be left out.
fn strip_application(media_type: &str) -> &str {
    media_type.strip_prefix("application/").unwrap_or(media_type)
}

fn string<'a>(members: &'a Members, name: &str) -> Result<Option<&'a str>, Rejection> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(Rejection::MalformedHeader),
    }
}

/// The longest `kid` in bytes. Longer ones only fill logs.
const MAX_KEY_ID: usize = 256;
/// The deepest nesting of a header.
const MAX_DEPTH: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Header, Rejection> {
        Header::parse(json.as_bytes(), &[Algorithm::Rs256, Algorithm::EdDsa])
    }

    #[test]
    fn the_header_of_an_idcs_token_is_read() {
        let header = parse(r#"{"x5t#S256":"abc","x5t":"def","kid":"SIGNING_KEY","alg":"RS256"}"#).unwrap();
        assert_eq!(
            header,
            Header {
                algorithm: Algorithm::Rs256,
                key_id: Some("SIGNING_KEY".to_owned()),
                thumbprint: Some("abc".to_owned()),
            }
        );
    }

    #[test]
    fn harmless_headers_pass() {
        for json in [
            r#"{"alg":"EdDSA"}"#,
            r#"{"alg":"RS256","typ":"JWT"}"#,
            r#"{"alg":"RS256","typ":"at+jwt"}"#,
            r#"{"alg":"RS256","typ":"application/at+jwt"}"#,
            r#"{"alg":"RS256","x5c":["AAAA"],"cty":"text/plain"}"#,
            r#"{"alg":"RS256","nonce":{"any":["thing"]}}"#,
        ] {
            assert!(parse(json).is_ok(), "{json}");
        }
    }

    #[test]
    fn hostile_headers_are_refused() {
        let long_kid = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(257));
        let deep = format!(r#"{{"alg":"RS256","x":{}{}}}"#, "[".repeat(9), "]".repeat(9));
        for (json, expected) in [
            (r"{}", Rejection::MalformedHeader),
            ("[]", Rejection::MalformedHeader),
            ("RS256", Rejection::MalformedHeader),
            (r#"{"alg":"none"}"#, Rejection::UnknownAlgorithm),
            (r#"{"alg":"nOnE"}"#, Rejection::UnknownAlgorithm),
            (r#"{"alg":"rs256"}"#, Rejection::UnknownAlgorithm),
            (r#"{"alg":"HS256"}"#, Rejection::AlgorithmNotAllowed),
            (r#"{"alg":["RS256"]}"#, Rejection::MalformedHeader),
            (r#"{"alg":null}"#, Rejection::MalformedHeader),
            (r#"{"alg":"RS256","alg":"HS256"}"#, Rejection::DuplicateMember),
            (
                r#"{"alg":"RS256","crit":["exp"]}"#,
                Rejection::UnsupportedExtension,
            ),
            (r#"{"alg":"RS256","crit":[]}"#, Rejection::UnsupportedExtension),
            (r#"{"alg":"RS256","b64":false}"#, Rejection::UnsupportedExtension),
            (r#"{"alg":"RS256","b64":true}"#, Rejection::UnsupportedExtension),
            (r#"{"alg":"RS256","jwk":{"kty":"RSA"}}"#, Rejection::EmbeddedKey),
            (
                r#"{"alg":"RS256","jku":"https://evil.example"}"#,
                Rejection::EmbeddedKey,
            ),
            (
                r#"{"alg":"RS256","x5u":"https://evil.example"}"#,
                Rejection::EmbeddedKey,
            ),
            (r#"{"alg":"RS256","cty":"JWT"}"#, Rejection::WrongType),
            (r#"{"alg":"RS256","cty":"application/jwt"}"#, Rejection::WrongType),
            (r#"{"alg":"RS256","typ":"logout+jwt"}"#, Rejection::WrongType),
            (
                r#"{"alg":"RS256","typ":"application/dpop+JWT"}"#,
                Rejection::WrongType,
            ),
            (r#"{"alg":"RS256","typ":1}"#, Rejection::MalformedHeader),
            (r#"{"alg":"RS256","kid":1}"#, Rejection::MalformedHeader),
            (&long_kid, Rejection::MalformedHeader),
            (r#"{"alg":"RS256","x5t#S256":[]}"#, Rejection::MalformedHeader),
            (&deep, Rejection::NestedTooDeeply),
        ] {
            assert_eq!(parse(json), Err(expected), "{json}");
        }
    }
}
