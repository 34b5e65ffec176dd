//! The subject of a token request.

use std::borrow::Cow;
use std::rc::Rc;

use jose::Claims;
use middleware::{Secret, UnixTime};

use crate::user_assertion::UserAssertion;
use crate::users::User;

/// The subject of a token request.
#[derive(Clone)]
pub(crate) enum Subject {
    /// A user, for whom the gateway vouches.
    User {
        user: User,
        assertion: Rc<UserAssertion>,
    },
    /// The subject of this token.
    Token {
        token: Secret,
        kind: Rc<str>,
        /// The expiry of the token, if it has one. The new token must not be used for longer.
        expires_at: Option<UnixTime>,
    },
}

impl Subject {
    /// Creates the subject of a verified token. `kind` is an identifier of RFC 8693 section 3.
    pub(crate) fn of_token(token: &[u8], kind: &Rc<str>) -> Option<Self> {
        let claims = Claims::of_trusted(token);
        let expires_at = claims.and_then(|claims| claims.time("exp").ok()?);
        Some(Self::Token {
            token: Secret::new(std::str::from_utf8(token).ok()?),
            kind: Rc::clone(kind),
            expires_at,
        })
    }

    /// Returns bytes that identify this subject. A user is identified by name and issuer: `jane` of two issuers is two
    /// subjects. A name has no control characters, so the bytes are unambiguous.
    pub(crate) fn to_bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::User { user, .. } => format!("{}\0{}", user.name, user.issuer).into_bytes().into(),
            Self::Token { token, .. } => token.expose().as_bytes().into(),
        }
    }

    /// Returns whether the subject's token has expired and cannot be exchanged.
    pub(crate) fn has_expired(&self, now: UnixTime) -> bool {
        matches!(self, Self::Token { expires_at: Some(end), .. } if *end <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::unsigned;

    #[test]
    fn a_token_expires_when_it_says_to_the_millisecond() {
        for (claims, expected) in [
            (r#"{"exp":1700000000}"#, Some(1_700_000_000_000)),
            (r#"{"exp":1700000003.5}"#, Some(1_700_000_003_500)),
            (r#"{"exp":1.7e9}"#, Some(1_700_000_000_000)),
            (r#"{"exp":"1700000000"}"#, None),
            (r#"{"exp":1700000000000}"#, None),
            ("{}", None),
        ] {
            let kind: Rc<str> = "kind".into();
            let Some(Subject::Token { expires_at, .. }) =
                Subject::of_token(unsigned(claims).as_bytes(), &kind)
            else {
                panic!("{claims}");
            };
            assert_eq!(expires_at.map(UnixTime::as_millis), expected, "{claims}");
        }
    }
}
