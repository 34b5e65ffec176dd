//! The claims of a token, unproven and proven.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::Rejection;
use crate::strict_json::{self, JsonError};

/// The claims set of a token (RFC 7519 §4). Says nothing about whether they are true.
#[derive(Clone, Default, PartialEq)]
pub struct Claims(Map<String, Value>);

/// Claims whose signature verified. Only [`Token::verify`](crate::Token::verify) makes them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VerifiedClaims<'a>(&'a Claims);

impl Claims {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Rejection> {
        strict_json::object(json, MAX_DEPTH)
            .map(Self)
            .map_err(|error| match error {
                JsonError::DuplicateMember => Rejection::DuplicateMember,
                JsonError::TooDeep => Rejection::NestedTooDeeply,
                JsonError::TooManyValues => Rejection::TooLong,
                JsonError::Malformed | JsonError::NotAnObject => Rejection::MalformedClaims,
            })
    }

    /// The claims of a token that came from its issuer itself, over a connection that proves who that is, so that its
    /// signature adds nothing; or of one whose signature was proven before. `None` if it is no JWT. Never for any other
    /// token that a caller brings.
    pub fn of_trusted(token: &[u8]) -> Option<Self> {
        let mut parts = token.split(|&byte| byte == b'.');
        let (_, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
            return None;
        };
        Self::parse(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    /// What the issuer itself says of a token when it is asked (RFC 7662 §2.2): an object like a token's claims. Never for
    /// what a caller brings.
    ///
    /// # Errors
    /// As for a token's claims: a member that stands there twice, nesting that is too deep, no object.
    pub fn of_answer(json: &[u8]) -> Result<Self, Rejection> {
        Self::parse(json)
    }

    /// The claim `name`. Names are taken literally: IDCS has a claim `user.tenant.name` with real dots.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// Claims are about people, so only their names are shown.
impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<'a> VerifiedClaims<'a> {
    pub(crate) fn new(claims: &'a Claims) -> Self {
        Self(claims)
    }
}

impl std::ops::Deref for VerifiedClaims<'_> {
    type Target = Claims;
    fn deref(&self) -> &Claims {
        self.0
    }
}

/// Deepest nesting of claims. IDCS stays below 4; this leaves room for custom claims.
const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_a_strict_object() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(32), "]".repeat(32));
        for (json, expected) in [
            ("[]", Rejection::MalformedClaims),
            ("", Rejection::MalformedClaims),
            (r#"{"exp":1,"exp":2}"#, Rejection::DuplicateMember),
            (r#"{"a":{"b":1,"b":1}}"#, Rejection::DuplicateMember),
            (&deep, Rejection::NestedTooDeeply),
        ] {
            assert_eq!(Claims::parse(json.as_bytes()), Err(expected), "{json}");
        }
        let claims = Claims::parse(br#"{"user.tenant.name":"t"}"#).unwrap();
        assert_eq!(claims.get("user.tenant.name").unwrap(), "t");
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        for (token, known) in [
            ("e30.eyJhIjoxfQ.c2ln", true),
            ("e30.eyJhIjoxfQ.", true),
            ("e30.eyJhIjoxfQ", false),
            ("e30.eyJhIjoxfQ.c2ln.c2ln", false),
            ("e30.MQ.c2ln", false),
            ("e30.!.c2ln", false),
            ("opaque", false),
            ("", false),
        ] {
            let claims = Claims::of_trusted(token.as_bytes());
            assert_eq!(
                claims.is_some_and(|claims| claims.get("a").is_some()),
                known,
                "{token}"
            );
        }
    }

    #[test]
    fn debug_output_shows_names_only() {
        let claims = Claims::parse(br#"{"sub":"jane@example.com"}"#).unwrap();
        assert_eq!(format!("{claims:?}"), r#"{"sub"}"#);
    }
}
