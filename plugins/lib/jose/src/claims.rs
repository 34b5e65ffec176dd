//! The claims of a token, unproven and proven.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use middleware::{UnixTime, published};

use crate::json::{Members, Number, Value};
use crate::rejection::Rejection;
use crate::strict_json::{self, JsonError};

/// The claims set of a token (RFC 7519 §4). It may not be proven.
#[derive(Clone, Default, PartialEq)]
pub struct Claims(Members);

/// Claims whose signature verified. Only [`Token::verify`](crate::Token::verify) makes them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VerifiedClaims<'a>(&'a Claims);

impl Claims {
    /// Reads the JSON object of a token's payload.
    ///
    /// # Errors
    /// [`Rejection`] if it is not an object, has a duplicate member, or is too deep or too large.
    pub fn parse(json: &[u8]) -> Result<Self, Rejection> {
        strict_json::object(json, MAX_DEPTH)
            .map(Self)
            .map_err(|error| match error {
                JsonError::DuplicateMember => Rejection::DuplicateMember,
                JsonError::TooDeep => Rejection::NestedTooDeeply,
                JsonError::TooManyValues => Rejection::TooLong,
                JsonError::Malformed | JsonError::NotAnObject => Rejection::MalformedClaims,
            })
    }

    /// The claims of a token that needs no proof: one that the issuer itself sent over TLS, or one whose signature was
    /// verified before. `None` if it is not a JWT. Never use this for any other token that a caller brings.
    pub fn of_trusted(token: &[u8]) -> Option<Self> {
        let mut parts = token.split(|&byte| byte == b'.');
        let (_, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
            return None;
        };
        Self::parse(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    /// Reads the issuer's own answer about a token (RFC 7662 §2.2): an object like a token's claims. Never use this for
    /// anything that a caller brings.
    ///
    /// The source is trusted, so reading is tolerant: a member that is `null` counts as absent, and a time may be a
    /// number in quotes.
    ///
    /// # Errors
    /// As for a token's claims: not an object, a duplicate member, or nesting that is too deep.
    pub fn of_answer(json: &[u8]) -> Result<Self, Rejection> {
        let Self(mut members) = Self::parse(published::without_mark(json))?;
        members.retain(|_, member| *member != Value::Null);
        for name in TIMES {
            if let Some(member) = members.get_mut(name)
                && let Some(number) = member.as_str().and_then(number_in_quotes)
            {
                *member = Value::Number(number);
            }
        }
        Ok(Self(members))
    }

    /// The time in the claim `name`: a *NumericDate* (RFC 7519 §2). `None` if there is no such claim.
    ///
    /// # Errors
    /// [`Rejection::InvalidTime`] if it is not a number, or not between 1970 and 9999.
    pub fn time(&self, name: &str) -> Result<Option<UnixTime>, Rejection> {
        let Some(claim) = self.get(name) else {
            return Ok(None);
        };
        let seconds = match claim {
            Value::Number(number) => number.as_f64(),
            _ => None,
        };
        let time = seconds.and_then(UnixTime::from_numeric_date);
        time.map(Some).ok_or(Rejection::InvalidTime)
    }

    /// The claim `name`. Names are taken literally: IDCS has a claim `user.tenant.name` with real dots.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// Claims may be personal data, so only their names are shown.
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

/// The members of an answer that are times.
const TIMES: [&str; 3] = ["exp", "nbf", "iat"];

fn number_in_quotes(text: &str) -> Option<Number> {
    let text = text.trim();
    serde_json::from_str::<f64>(text).ok()?;
    Some(Number::new(text))
}

/// The deepest nesting of claims. IDCS stays below 4. The rest is room for custom claims.
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
    fn a_token_that_is_not_a_jwt_has_no_claims() {
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
    fn every_time_is_read_by_one_rule() {
        let claims = Claims::parse(
            br#"{"a":1700000000,"b":1700000000.5,"c":17e8,"d":-1,"e":"1700000000","f":null,"g":1e300,"h":253402300800,
                 "i":0}"#,
        )
        .unwrap();
        for (name, expected) in [
            ("a", Ok(Some(1_700_000_000_000))),
            ("b", Ok(Some(1_700_000_000_500))),
            ("c", Ok(Some(1_700_000_000_000))),
            ("d", Err(Rejection::InvalidTime)),
            ("e", Err(Rejection::InvalidTime)),
            ("f", Err(Rejection::InvalidTime)),
            ("g", Err(Rejection::InvalidTime)),
            ("h", Err(Rejection::InvalidTime)),
            ("i", Ok(Some(0))),
            ("missing", Ok(None)),
        ] {
            let read = claims.time(name);
            assert_eq!(read.map(|time| time.map(UnixTime::as_millis)), expected, "{name}");
        }
    }

    #[test]
    fn an_answer_is_read_more_tolerantly_than_a_token() {
        let json = b"\xef\xbb\xbf{\"active\":true,\"exp\":\" 1999999999 \",\"nbf\":null,\"iat\":\"soon\",\"tok_type\":null}";
        let answer = Claims::of_answer(json).unwrap();
        assert_eq!(answer.time("exp"), Ok(Some(UnixTime::from_secs(1_999_999_999))));
        assert_eq!(answer.time("nbf"), Ok(None));
        assert_eq!(answer.time("iat"), Err(Rejection::InvalidTime));
        assert_eq!(answer.get("tok_type"), None);
        // A caller's token is read strictly.
        assert!(Claims::parse(json).is_err());
        let token = Claims::parse(br#"{"exp":"1999999999","nbf":null}"#).unwrap();
        assert_eq!(token.time("exp"), Err(Rejection::InvalidTime));
        assert_eq!(token.time("nbf"), Err(Rejection::InvalidTime));
        assert_eq!(
            Claims::of_answer(br#"{"active":true,"active":true}"#),
            Err(Rejection::DuplicateMember)
        );
    }

    #[test]
    fn debug_output_shows_names_only() {
        let claims = Claims::parse(br#"{"sub":"jane@example.com"}"#).unwrap();
        assert_eq!(format!("{claims:?}"), r#"{"sub"}"#);
    }
}
