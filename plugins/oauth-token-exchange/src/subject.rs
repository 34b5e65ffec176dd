//! Whom a token is asked for.

use std::borrow::Cow;
use std::rc::Rc;

use jose::Claims;
use middleware::{Secret, UnixTime};

use crate::user_assertion::UserAssertion;
use crate::users::User;

/// Whom a token is asked for, as the token endpoint is told.
#[derive(Clone)]
pub(crate) enum Subject {
    /// A user, whom the gateway vouches for.
    User {
        user: User,
        assertion: Rc<UserAssertion>,
    },
    /// Whoever this token is about.
    Token {
        token: Secret,
        kind: Rc<str>,
        /// When the token expires, where it says so. What is got for it must not outlive it.
        expires_at: Option<UnixTime>,
    },
}

impl Subject {
    /// The bearer of a token that was proven. `kind` is an identifier of RFC 8693 section 3.
    pub(crate) fn of_token(token: &[u8], kind: &Rc<str>) -> Option<Self> {
        let claims = Claims::of_trusted(token);
        let expires_at = claims.and_then(|claims| claims.get("exp")?.as_u64());
        Some(Self::Token {
            token: Secret::new(std::str::from_utf8(token).ok()?),
            kind: Rc::clone(kind),
            expires_at: expires_at.map(UnixTime::from_secs),
        })
    }

    /// What makes this subject different from others. A user is his name and who vouches for it: `jane` of two issuers is
    /// two subjects. A name has no control characters, so no two users are written alike.
    pub(crate) fn to_bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::User { user, .. } => format!("{}\0{}", user.name, user.issuer).into_bytes().into(),
            Self::Token { token, .. } => token.expose().as_bytes().into(),
        }
    }

    /// Whether nothing can be got for it any more.
    pub(crate) fn has_expired(&self, now: UnixTime) -> bool {
        matches!(self, Self::Token { expires_at: Some(end), .. } if *end <= now)
    }
}
